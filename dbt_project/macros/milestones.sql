{# Ranks whose milestone a connection gives as a fact: there the fact decides, and a stage
   that somebody chose without it proves nothing. A won stage closes a deal even without
   a settlement date, so rank 90 is not among them. #}
{% macro ranks_with_facts(source_kind) -%}
    {%- set needs = {
        30: 'activities',
        40: 'deals.contract_signed_date|documents.signed_date',
        50: 'activities',
        55: 'reservations',
        60: 'deals.advance_received_date|advances.received_date',
    } -%}
    {%- set ranks = [] -%}
    {%- for rank, need in needs.items() if source_gives(source_kind, need) -%}
        {%- do ranks.append(rank) -%}
    {%- endfor -%}
    {{ return(ranks) }}
{%- endmacro %}

{# An end of the 95 % interval of Wilson of a share; from 0 to 1, null of nothing. #}
{% macro wilson(reached, entered, side) -%}
    {%- set n = 'cast(' ~ entered ~ ' as numeric)' -%}
    {%- set p = '(cast(' ~ reached ~ ' as numeric) / nullif(' ~ entered ~ ', 0))' -%}
    {%- set z = '1.959963984540054' -%}
    (
        {{ p }} + {{ z }} * {{ z }} / (2 * nullif({{ n }}, 0))
        {{ '-' if side == 'low' else '+' }} {{ z }} * sqrt(
            {{ p }} * (1 - {{ p }}) / nullif({{ n }}, 0)
            + {{ z }} * {{ z }} / nullif(4 * {{ n }} * {{ n }}, 0)
        )
    ) / (1 + {{ z }} * {{ z }} / nullif({{ n }}, 0))
{%- endmacro %}

{# A percentile of values that come with their counts, interpolated as percentile_cont
   does. Asks for columns <counts>_until (of this value and all lower ones) and
   <counts>_total. #}
{% macro counted_percentile(value, counts, fraction) -%}
    {%- set place = fraction ~ ' * (' ~ counts ~ '_total - 1)' -%}
    {%- set before = counts ~ '_until - ' ~ counts -%}
    max({{ value }}) filter (
        where {{ before }} <= floor({{ place }}) and {{ counts }}_until > floor({{ place }})
    )
    + (max({{ place }}) - floor(max({{ place }}))) * (
        max({{ value }}) filter (
            where {{ before }} <= ceil({{ place }}) and {{ counts }}_until > ceil({{ place }})
        )
        - max({{ value }}) filter (
            where {{ before }} <= floor({{ place }}) and {{ counts }}_until > floor({{ place }})
        )
    )
{%- endmacro %}
