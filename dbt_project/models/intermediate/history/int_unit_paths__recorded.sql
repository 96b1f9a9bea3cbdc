{# One row per place in the tree that facts were ever credited in, and one for facts that
   are in no unit; rows are only added. #}
with

placements as (

    select * from {{ ref('dim_employee_placements') }}

),

paths as (

    select distinct on (unit_path_key)
        unit_path_key,
        org_unit_key,
        ancestor_keys,
        group_key,
        department_key
    from placements
    order by unit_path_key asc

),

listed as (

    select * from paths

    union all

    select
        {{ no_unit_path() }} as unit_path_key,
        cast(null as text) as org_unit_key,
        string_to_array('', '/') as ancestor_keys,
        cast(null as text) as group_key,
        cast(null as text) as department_key

)

select listed.*

from listed

{%- if is_incremental() %}

left join {{ this }} as recorded
    on listed.unit_path_key = recorded.unit_path_key

where recorded.unit_path_key is null
{%- endif %}
