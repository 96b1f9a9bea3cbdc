with

stage_limits as (

    select * from {{ source('mapping', 'stage_limits') }}

),

ranged as (

    select
        connection || ':' || pipeline || ':' || stage || ':' || cast(valid_from as text)
            as stage_limit_key,
        connection as source_system,
        pipeline,
        stage,
        cast(value as numeric(18, 4)) as limit_value,
        unit as limit_unit,
        valid_from,
        coalesce(
            lead(valid_from) over (
                partition by connection, pipeline, stage order by valid_from
            ),
            cast('9999-12-31' as date)
        ) as valid_to

    from stage_limits

)

select * from ranged
