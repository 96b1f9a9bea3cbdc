with

-- A choice holds no row of a deal: everyone who reads anything may make it.
readers as (

    select array_agg(distinct held.key order by held.key) as keys
    from {{ ref('user_keys') }} as readers
    cross join lateral unnest(readers.keys) as held (key)

)

select
    structures.structure,
    structures.label as structure_label,
    cast(structures.structure_order as smallint) as structure_order,
    readers.keys as reader_keys

from {{ ref('structures') }} as structures

cross join readers
