{# One row per record of any CRM: staging of every connected system, side by side. #}
{% macro union_sources(entity) -%}
    {%- for kind in var('crm_sources') %}

select
    '{{ var(kind)["connection"] }}' as source_system,
    *
from {{ ref('stg_' ~ kind ~ '__' ~ entity) }}

        {%- if not loop.last %}

union all
        {%- endif %}
    {%- endfor %}
{%- endmacro %}
