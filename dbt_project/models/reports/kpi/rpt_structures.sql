with

-- A choice holds no row of a deal: everyone who reads anything may make it.
readers as (

    {{ keys_of_everyone() }}

)

select
    structures.structure,
    structures.label as structure_label,
    cast(structures.structure_order as smallint) as structure_order,
    readers.reader_keys

from {{ ref('structures') }} as structures

cross join readers
