with

stocks as (

    select * from {{ ref('fct_stocks') }}

),

stages as (

    select * from {{ ref('stages') }}

),

grouped as (

    select
        stocks.as_of_date,
        stocks.employee_key,
        coalesce(stocks.employee_name, {{ text('unassigned') }}) as employee_name,
        stocks.group_key,
        coalesce(stocks.group_name, {{ text('no_group') }}) as group_name,
        stocks.department_key,
        coalesce(stocks.department_name, {{ text('no_department') }}) as department_name,
        stocks.deal_type_label,
        stocks.pipeline_label,
        stocks.channel_label,
        stocks.stage_label,
        cast(stages.rank as smallint) as stage_rank,
        stocks.detail,
        stocks.ancestor_keys,
        {{ kpi_columns('rpt_kpi_stock', 'stocks') }}

    from stocks

    left join stages
        on stocks.stage = stages.stage

    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14

),

keyed as (

    select
        {{ surrogate_key([
            'employee_key', 'ancestor_keys', 'deal_type_label', 'pipeline_label',
            'channel_label', 'stage_label', 'detail',
        ]) }} as kpi_key,
        *,
        {{ money_reader_keys('employee_key', 'ancestor_keys') }} as reader_keys

    from grouped

)

select * from keyed
