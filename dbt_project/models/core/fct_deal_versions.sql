{{ config(materialized='view') }}

{{ spanned_versions(ref('int_deals__versioned'), 'deal_key') }}
