{{ config(materialized='view', meta={
    'published_as': 'view', 'by': {'deal_key': 'deal_key'}
}) }}

{{ registry_as_of(false) }}
