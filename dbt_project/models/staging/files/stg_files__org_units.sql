with

source as (

    select * from {{ source('files', 'employees') }}

),

departments as (

    select distinct
        department as source_id,
        cast(null as text) as parent_id,
        department as name,
        cast(null as text) as head_id

    from source

    where department is not null

),

groups as (

    select distinct
        coalesce(department || ' / ' || "group", "group") as source_id,
        department as parent_id,
        "group" as name,
        cast(null as text) as head_id

    from source

    where "group" is not null

),

unioned as (

    select * from departments

    union all

    select * from groups

)

select * from unioned
