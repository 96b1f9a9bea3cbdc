{# What tells who a record with a phone and an e-mail is of. #}
{% macro identities_of(records) -%}
    array_remove(
        array['phone:' || {{ records }}.phone, 'email:' || {{ records }}.email], null
    )
{%- endmacro %}

{# The client records of a request with contact_key, company_key and lead_key, as contacts
   and companies, and the parties they belong to. #}
{% macro join_clients(requests) -%}
    left join {{ whole('int_contacts__unioned') }} as contacts
        on {{ requests }}.contact_key = contacts.source_system || ':' || contacts.source_id

    left join {{ whole('int_companies__unioned') }} as companies
        on
            {{ requests }}.company_key
            = companies.source_system || ':' || companies.source_id

    {%- for kind in client_kinds() %}

    left join {{ whole('int_clients__grouped') }} as by_{{ kind }}
        on '{{ kind }}:' || {{ requests }}.{{ kind }}_key = by_{{ kind }}.client_key
    {%- endfor %}
{%- endmacro %}

{# Kinds of client records, the one that tells most first. #}
{% macro client_kinds() -%}
    {{ return(['contact', 'company', 'lead']) }}
{%- endmacro %}

{% macro party_key_of_clients() -%}
    coalesce(
        {%- for kind in client_kinds() -%}
            by_{{ kind }}.party_key{{ ', ' if not loop.last }}
        {%- endfor -%}
    )
{%- endmacro %}

{# Those of the contact, else of the company. #}
{% macro identities_of_clients() -%}
    case
            when contacts.source_id is not null then {{ identities_of('contacts') }}
            when companies.source_id is not null
                then array_remove(array['phone:' || companies.phone], null)
        end
{%- endmacro %}

{# Records whose client has changed, or belongs to another party: for meta.also_changed. #}
{% macro records_of_changed_clients(relation) -%}
    select source_system || ':' || source_id as key
    from {{ relation }}
    where
        source_system || ':' || contact_id in (
            select key from ops.changed_units where unit = 'contacts'
        )
        or source_system || ':' || company_id in (
            select key from ops.changed_units where unit = 'companies'
        )
        or 'contact:' || source_system || ':' || contact_id in (
            select key from ops.changed_units where unit = 'client_record'
        )
        or 'company:' || source_system || ':' || company_id in (
            select key from ops.changed_units where unit = 'client_record'
        )
{%- endmacro %}

{% macro leads_of_changed_clients() -%}
    {{ records_of_changed_clients('dbt_intermediate.int_leads__unioned') }}
    union
    select substr(key, 6) as key
    from ops.changed_units
    where
        unit = 'client_record'
        and starts_with(key, 'lead:')
{%- endmacro %}

{% macro deals_of_changed_clients() -%}
    {{ records_of_changed_clients('dbt_intermediate.int_deals__unioned') }}
    union
    {{ deals_of_changed_leads() }}
    union
    select source_system || ':' || source_id as key
    from dbt_intermediate.int_deals__unioned
    where
        'lead:' || source_system || ':' || lead_source_id in (
            select key from ops.changed_units where unit = 'client_record'
        )
{%- endmacro %}

{# Deals that came of changed leads: for meta.also_changed. #}
{% macro deals_of_changed_leads() -%}
    select source_system || ':' || source_id as key
    from dbt_intermediate.int_deals__unioned
    where
        source_system || ':' || lead_source_id in (
            select key from ops.changed_units where unit = 'lead_key'
        )
{%- endmacro %}

{# Parties with a changed lead or deal: for meta.also_changed. #}
{% macro parties_of_changed_requests() -%}
    select party_key as key
    from dbt_intermediate.int_lead_requests__identified
    where lead_key in (select key from ops.changed_units where unit = 'lead_key')
    union
    select party_key as key
    from dbt_intermediate.int_deal_requests__identified
    where deal_key in (select key from ops.changed_units where unit = 'deal_key')
{%- endmacro %}

{# Activities with changed deals, leads and contacts: for meta.also_changed. #}
{% macro activities_of_changed_records() -%}
    {%- for unit, link in {
        'deal_key': 'deal_source_id', 'lead_key': 'lead_source_id', 'contacts': 'contact_id'
    }.items() %}
    select source_system || ':' || source_id as key
    from dbt_intermediate.int_activities__unioned
    where
        source_system || ':' || {{ link }} in (
            select key from ops.changed_units where unit = '{{ unit }}'
        )
        {%- if not loop.last %}
    union
        {%- endif %}
    {%- endfor %}
{%- endmacro %}

{# What a meeting is about: without a deal the lead, else the client. #}
{% macro subject_key() -%}
    coalesce(deal_key, lead_key, contact_key, activity_key)
{%- endmacro %}
