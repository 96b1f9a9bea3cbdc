{{ config(materialized='view', meta={'published_as': 'view'}) }}

{{ registry_as_of(true) }}
