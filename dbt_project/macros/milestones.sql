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

{# Columns <counts>_until (of this value and all lower ones) and <counts>_total. #}
{% macro running_counts(value, counts, keys) -%}
    {%- set keys = keys | join(', ') -%}
    cast(
            sum({{ counts }}) over (partition by {{ keys }} order by {{ value }}) as bigint
        ) as {{ counts }}_until,
        cast(sum({{ counts }}) over (partition by {{ keys }}) as bigint)
            as {{ counts }}_total
{%- endmacro %}

{# A percentile of values that come with their counts, interpolated as percentile_cont
   does. Asks for the columns of running_counts. Places are whole numbers, of hundredths:
   millions of rows are told by them. #}
{% macro counted_percentile(value, counts, percent) -%}
    {%- set hundredths = percent ~ ' * (' ~ counts ~ '_total - 1)' -%}
    {%- set values = [] -%}
    {%- for place in [hundredths, hundredths ~ ' + 99'] -%}
        {%- do values.append(
            'max(' ~ value ~ ') filter (where '
            ~ counts ~ '_until - ' ~ counts ~ ' <= (' ~ place ~ ') / 100 and '
            ~ counts ~ '_until > (' ~ place ~ ') / 100)'
        ) -%}
    {%- endfor -%}
    {{ values[0] }}
        + max(({{ hundredths }}) % 100) / 100.0
        * ({{ values[1] }} - {{ values[0] }})
{%- endmacro %}

{# Horizons of seeds/conversion_horizons.csv: how long a deal may take. #}
{% macro horizons() -%}
    {{ return({'none': none, 'd30': 30, 'd60': 60, 'd90': 90, 'd180': 180}) }}
{%- endmacro %}

{# Rows of a unit and a type of deal as reports read them: for the unit, its department and
   the company, for the type and for all of them. Asks for units (of reports) and a
   relation with department_key, group_key and deal_type_label. #}
{% macro for_every_scope(relation, columns) -%}
    {%- for unit_key in ["'company'", 'department_key', 'group_key'] %}
    {%- for is_every_type in [true, false] %}

    select
        units.unit_key,
        {{ text('all_deal_types') if is_every_type else 'narrow.deal_type_label' }}
            as deal_type_label,
        {{ is_every_type }} as is_every_type,
        {%- for column in columns %}
        narrow.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

    from {{ relation }} as narrow

    inner join units
        on {{ unit_key if unit_key.startswith("'") else 'narrow.' ~ unit_key }} = units.unit_key
    {%- if not is_every_type %}

    where narrow.deal_type_label is not null
    {%- endif %}
        {%- if not loop.last %}

    union all
        {%- endif %}
    {%- endfor %}
        {%- if not loop.last %}

    union all
        {%- endif %}
    {%- endfor %}
{%- endmacro %}

{# Rows of a unit for the unit, its department and the company, by the order of units. Asks
   for units (of reports) and a relation with department_order and group_order. #}
{% macro for_every_unit(relation, columns) -%}
    select
        units.unit_order,
        {%- for column in columns %}
        narrow.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ relation }} as narrow
    inner join units
        on units.unit_key = 'company'
    {%- for unit_order in ['department_order', 'group_order'] %}

    union all

    select
        {{ unit_order }} as unit_order,
        {{ columns | join(',\n        ') }}
    from {{ relation }}
    where {{ unit_order }} is not null
    {%- endfor %}
{%- endmacro %}
