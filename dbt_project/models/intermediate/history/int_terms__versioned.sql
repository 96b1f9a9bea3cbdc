{# One row per version of a term that may still be moved; rows are only ever added. #}
{{ new_versions(
    ref('int_terms__tracked'), 'term_key',
    columns=['term_type', 'deal_key', 'author_account_key'],
    moments=['term_at', 'modified_at'],
) }}
