{{ config(materialized='view', meta={'unit': 'deal_key'}) }}

{# The keys of a participant by right: of the share, and of the participation alone. #}
{%- for right_name in ['share', 'role'] %}

select
    '{{ right_name }}|' || participant_key as participant_right_key,
    participant_key,
    deal_key,
    '{{ right_name }}' as right_name,
    {{ right_name }}_keys as reader_keys

from {{ ref('int_deal_holders__keyed') }}

where cardinality({{ right_name }}_keys) > 0

{%- if not loop.last %}

union all
{%- endif %}
{%- endfor %}
