with

vat_modes as (

    select * from {{ source('mapping', 'vat_modes') }}

),

ranged as (

    select
        connection || ':' || legal_entity || ':' || cast(valid_from as text)
            as vat_mode_key,
        connection as source_system,
        legal_entity,
        mode as vat_mode,
        valid_from,
        coalesce(
            lead(valid_from) over (
                partition by connection, legal_entity order by valid_from
            ),
            cast('9999-12-31' as date)
        ) as valid_to

    from vat_modes

)

select * from ranged
