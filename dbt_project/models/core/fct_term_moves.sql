{{ config(meta={'by': {'deal_key': 'coalesce(deal_key, move_key)'}}) }}

{# A move is known between the last load that saw the old term and the moment the record
   was last modified, as every change that no source tells by itself. #}
with

versions as (

    select
        *,
        lag(term_at) over (
            partition by term_key
            order by version_no
        ) as previous_term_at

    from {{ ref('int_terms__versioned') }}

),

accounts as (

    select * from {{ ref('dim_employee_accounts') }}

),

-- What is no term any more has a version without one: a new beginning is no move.
moved as (

    select
        versions.term_key || '|' || versions.version_no as move_key,
        versions.term_key,
        versions.term_type,
        versions.deal_key,
        {{ employee_key_of('accounts') }} as author_key,
        versions.previous_term_at as old_term_at,
        versions.term_at as new_term_at,
        {{ business_date(
            'case when versions.modified_at > versions.changed_after'
            ' then versions.modified_at else versions.recorded_from end'
        ) }} as moved_date

    from versions

    left join accounts
        on versions.author_account_key = accounts.account_key

    where versions.term_at <> versions.previous_term_at

)

select * from moved
