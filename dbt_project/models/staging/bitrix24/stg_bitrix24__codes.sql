with

given_fields as (

    select * from {{ source('mapping', 'given_fields') }}
    where connection = '{{ var("bitrix24")["connection"] }}'

),

value_codes as (

    select * from {{ source('mapping', 'value_codes') }}
    where connection = '{{ var("bitrix24")["connection"] }}'

),

deal_options as (

    select
        'deals' as raw_table,
        lower(fields.field_name) as raw_column,
        options.item ->> 'ID' as source_value,
        btrim(options.item ->> 'VALUE') as label

    from {{ source('bitrix24', 'deal_userfields') }} as fields
    cross join lateral jsonb_array_elements(
        case when jsonb_typeof(fields.list) = 'array' then fields.list else '[]' end
    ) as options (item)

),

item_options as (

    select
        case fields.entity_type_id
            when '1' then 'leads'
            when '31' then 'invoices'
            else 'spa_' || fields.entity_type_id
        end as raw_table,
        lower(fields.upper_name) as raw_column,
        options.item ->> 'ID' as source_value,
        btrim(options.item ->> 'VALUE') as label

    from {{ source('bitrix24', 'item_userfields') }} as fields
    cross join lateral jsonb_array_elements(
        case when jsonb_typeof(fields.items) = 'array' then fields.items else '[]' end
    ) as options (item)

),

-- Which status list a field takes its values from is the portal's own convention.
status_options as (

    select
        case
            when entity_id = 'STATUS' then 'leads'
            when entity_id like 'DEAL\_STAGE%' then 'deals'
            when entity_id like 'SMART\_INVOICE\_STAGE%' then 'invoices'
            else 'spa_' || split_part(entity_id, '_', 2)
        end as raw_table,
        case when entity_id = 'STATUS' then 'status_id' else 'stage_id' end as raw_column,
        status_id as source_value,
        btrim(name) as label

    from {{ source('bitrix24', 'statuses') }}

    where
        entity_id = 'STATUS'
        or entity_id like 'DEAL\_STAGE%'
        or entity_id like 'SMART\_INVOICE\_STAGE%'
        or entity_id like 'DYNAMIC\_%\_STAGE\_%'

),

options as (

    select * from deal_options

    union all

    select * from item_options

    union all

    select * from status_options

),

optional_values as (

    select
        given_fields.entity,
        given_fields.field,
        options.source_value,
        options.label

    from given_fields

    inner join options
        on
            given_fields.raw_table = options.raw_table
            and given_fields.raw_column = options.raw_column

),

-- A field without a list holds its texts itself.
free_values as (

    select
        value_codes.entity,
        value_codes.field,
        value_codes.value as source_value,
        value_codes.value as label

    from value_codes

    where not exists (
        select 1
        from optional_values
        where
            value_codes.entity = optional_values.entity
            and value_codes.field = optional_values.field
            and value_codes.value in (
                optional_values.label, optional_values.source_value
            )
    )

),

known_values as (

    select * from optional_values

    union all

    select * from free_values

),

decoded as (

    select distinct on (known_values.entity, known_values.field, known_values.source_value)
        known_values.entity,
        known_values.field,
        known_values.source_value,
        known_values.label,
        value_codes.code

    from known_values

    left join value_codes
        on
            known_values.entity = value_codes.entity
            and known_values.field = value_codes.field
            and value_codes.value in (known_values.label, known_values.source_value)

    order by
        known_values.entity,
        known_values.field,
        known_values.source_value,
        -- What is said of the very value wins over what is said of its text.
        value_codes.value = known_values.source_value desc nulls last

)

select * from decoded
