{# One row per deal, side and scope that reads it: cohort is its beginning, closed its end.
   Days run from the first contact; a deal that is not closed has been watched until its
   refusal or until today. #}
with

steps as (

    select * from {{ ref('fct_conversion_steps') }}
    where pair = 'lead_new__closed_won'

),

deals as (

    select * from {{ ref('int_deals__mapped') }}

),

staged as (

    select * from {{ ref('int_deals__staged') }}

),

measured as (

    select
        deals.deal_key,
        deals.outcome = 'won' and deals.closing_date <= {{ today() }} as is_closed,
        deals.closing_date,
        greatest(
            case
                when deals.outcome = 'lost' then least(deals.lost_date, {{ today() }})
                when deals.closing_date <= {{ today() }} then deals.closing_date
                else {{ today() }}
            end - staged.first_contact_date,
            0
        ) as watched_days

    from deals

    inner join staged
        on deals.deal_key = staged.deal_key

),

sided as (

    select
        case steps.side when 'entered' then 'cohort' else 'closed' end as side,
        case steps.side when 'entered' then steps.event_date else measured.closing_date end
            as event_date,
        steps.department_key,
        steps.group_key,
        steps.deal_type_label,
        measured.is_closed,
        measured.watched_days

    from steps

    inner join measured
        on steps.deal_key = measured.deal_key

    where
        steps.side = 'entered'
        or measured.is_closed

),

scoped as (

    {%- for key in ["'company'", 'department_key', 'group_key'] %}
        {%- for is_every_type in [true, false] %}

    select
        {{ key }} as unit_key,
        {{ text('all_deal_types') if is_every_type else 'deal_type_label' }}
            as deal_type_label,
        {{ is_every_type }} as is_every_type,
        side,
        {{ months_between('event_date', today()) }} as months_ago,
        is_closed,
        watched_days

    from sided

    where
        {{ key }} is not null
        and {{ 'true' if is_every_type else 'deal_type_label is not null' }}

            {%- if not loop.last %}

    union all
            {%- endif %}
        {%- endfor %}
        {%- if not loop.last %}

    union all
        {%- endif %}
    {%- endfor %}

)

select * from scoped
