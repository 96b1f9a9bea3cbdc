with

settings as (

    select * from {{ source('mapping', 'settings') }}

),

ranged as (

    select
        connection || ':' || setting || ':' || cast(valid_from as text) as setting_key,
        connection as source_system,
        setting,
        cast(value as numeric(18, 4)) as value,
        valid_from,
        coalesce(
            lead(valid_from) over (
                partition by connection, setting order by valid_from
            ),
            cast('9999-12-31' as date)
        ) as valid_to

    from settings

)

select * from ranged
