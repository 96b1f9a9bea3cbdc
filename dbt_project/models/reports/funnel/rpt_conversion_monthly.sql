{{ config(meta={
    'unit': 'cohort_pair_key',
    'by': {'cohort_pair_key': cohort_pair_key(day_key('event_month'), 'pair_code')},
    'clocked': is_another_month(),
}) }}

with

steps as (

    select
        summed.*,
        places.ancestor_keys,
        places.group_key,
        places.group_name,
        places.department_key,
        places.department_name

    from {{ ref('int_conversion_steps__summed') }} as summed

    left join {{ ref('dim_unit_paths') }} as places
        on summed.unit_path_key = places.unit_path_key

),

pairs as (

    select * from {{ ref('conversion_pairs') }}

),

stages as (

    select * from {{ ref('stages') }}

),

grouped as (

    select
        event_month,
        pair,
        department_key,
        coalesce(department_name, {{ text('no_department') }}) as department_name,
        group_key,
        coalesce(group_name, {{ text('no_group') }}) as group_name,
        ancestor_keys,
        deal_type_label,
        pipeline_label,
        channel_label,
        sum(entered) as entered,
        sum(reached) as reached,
        sum(decided) as decided,
        sum(arrived) as arrived

    from steps

    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10

),

keyed as (

    select
        {{ surrogate_key([
            'grouped.event_month', 'grouped.pair', 'grouped.ancestor_keys',
            'grouped.deal_type_label', 'grouped.pipeline_label', 'grouped.channel_label',
        ]) }} as conversion_key,
        grouped.event_month,
        {{ months_between('grouped.event_month', today()) }} as months_ago,
        grouped.pair as pair_code,
        pairs.pair_order,
        coalesce(pairs.label, from_stages.label || ' → ' || to_stages.label)
            as pair_label,
        grouped.department_key,
        grouped.department_name,
        grouped.group_key,
        grouped.group_name,
        grouped.deal_type_label,
        grouped.pipeline_label,
        grouped.channel_label,
        cast(grouped.entered as integer) as entered,
        cast(grouped.reached as integer) as reached,
        cast(grouped.decided as integer) as decided,
        cast(grouped.arrived as integer) as arrived,
        array['whole/company'] || coalesce(
            (
                select array_agg('whole/sales:' || units.org_unit_key)
                from unnest(grouped.ancestor_keys) as units (org_unit_key)
            ),
            '{}'
        ) as reader_keys

    from grouped

    inner join pairs
        on grouped.pair = pairs.pair

    inner join stages as from_stages
        on pairs.from_stage = from_stages.stage

    inner join stages as to_stages
        on pairs.to_stage = to_stages.stage

)

select * from keyed
