{{ config(meta={'by': {'late_key': 'late_key'}}) }}

with

deals as (

    select * from {{ ref('fct_deals') }}
    where
        outcome = 'open'
        and not is_deleted
        and not is_test

),

staged as (

    select * from {{ ref('int_deals__timed') }}
    where stage_limit_pct >= 80

),

units as (

    select * from {{ ref('int_org_units__listed') }}

),

late as (

    select
        deals.deal_key,
        deals.source_id,
        deals.deal_number,
        deals.card_url,
        deals.department_key,
        deals.group_key,
        deals.group_name,
        deals.deal_owner_name,
        deals.pipeline_label,
        deals.stage_label,
        staged.stage_entered_date,
        staged.days_in_stage,
        staged.stage_limit,
        staged.stage_limit_unit,
        staged.stage_limit_pct,
        staged.is_over_limit,
        abs(staged.time_in_stage - staged.stage_limit) as difference

    from deals

    inner join staged
        on deals.deal_key = staged.deal_key

),

scoped as (

    {%- for key in ["'company'", 'department_key', 'group_key'] %}

    select
        {{ key }} as unit_key,
        late.*

    from late

    where {{ key }} is not null

        {%- if not loop.last %}

    union all
        {%- endif %}
    {%- endfor %}

),

listed as (

    select
        {{ surrogate_key(['scoped.unit_key', 'scoped.deal_key']) }} as late_key,
        scoped.unit_key,
        units.unit_label,
        units.unit_level,
        units.unit_order,
        scoped.deal_key,
        scoped.deal_number,
        {{ card_link('scoped.card_url', 'scoped.deal_number') }} as deal_number_html,
        scoped.deal_owner_name,
        scoped.group_name,
        scoped.pipeline_label,
        scoped.stage_label,
        scoped.stage_entered_date,
        scoped.days_in_stage,
        {{ limit_text('scoped.stage_limit', 'scoped.stage_limit_unit') }} as limit_text,
        scoped.stage_limit_pct,
        scoped.is_over_limit,
        case
            when scoped.is_over_limit
                then '<span class="r-high">▲</span> ' || replace(
                    {{ text('limit_over') }}, '{value}',
                    {{ limit_text('ceil(scoped.difference)', 'scoped.stage_limit_unit') }}
                )
            else '<span class="r-medium">◆</span> ' || replace(
                {{ text('limit_near') }}, '{value}',
                {{ limit_text('ceil(scoped.difference)', 'scoped.stage_limit_unit') }}
            )
        end as limit_state_html,
        -- The furthest over its limit first; no place in a row, which others would change.
        cast(-scoped.stage_limit_pct as integer) as late_order,
        units.reader_keys

    from scoped

    inner join units
        on scoped.unit_key = units.unit_key

)

select * from listed
