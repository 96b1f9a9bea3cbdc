{{ config(enabled=is_given('bitrix24', 'activities')) }}

with

source as (

    select * from {{ source('bitrix24', 'activities') }}
    -- 3 is the timeline's copy of a task, which is read where tasks are kept.
    where type_id <> '3'

),

tasks as (

    select * from {{ source('bitrix24', 'tasks') }}

),

deletions as (

    select * from {{ source('bitrix24', 'deletions') }}
    where returned_at is null

),

codes as (

    select * from {{ ref('stg_bitrix24__codes') }}
    where entity = 'activities'

),

renamed as (

    select

        ---------- ids
        -- Text as in tasks: a condition does not reach parts of another type.
        cast(source.id as text) as source_id,
        -- Owners by type: 1 lead, 2 deal, 3 contact.
        case when source.owner_type_id = '2' then {{ source_link('source.owner_id') }} end
            as deal_source_id,
        case when source.owner_type_id = '1' then {{ source_link('source.owner_id') }} end
            as lead_source_id,
        case when source.owner_type_id = '3' then {{ source_link('source.owner_id') }} end
            as contact_id,
        {{ source_link(mapped('bitrix24', 'activities', 'responsible_id', 'responsible_id')) }}
            as responsible_id,
        {{ source_link(mapped('bitrix24', 'activities', 'author_id', 'author_id')) }}
            as author_id,
        {{ linked_id(mapped('bitrix24', 'activities', 'unit_source_id')) }}
            as unit_source_id,

        ---------- strings
        -- What the provider calls it says more than the number of the type.
        coalesce(
            provider_types.code,
            types.code,
            case source.type_id
                when '1' then 'meeting'
                when '2' then 'call'
                when '4' then 'email'
            end,
            case source.provider_id
                when 'CRM_SMS' then 'sms'
                when 'CRM_EMAIL' then 'email'
                when 'IMOPENLINES_SESSION' then 'message'
                when 'CRM_MESSAGE' then 'message'
            end,
            'task'
        ) as activity_type,
        case source.direction when '1' then 'in' when '2' then 'out' end as direction,
        coalesce(
            results.code,
            {{ filled(mapped('bitrix24', 'activities', 'result')) }}
        ) as result,

        ---------- numerics, seconds
        case
            when
                {{ source_flag('source.completed') }}
                then cast(
                    extract(
                        epoch from {{ source_time('source.end_time') }}
                        - {{ source_time('source.start_time') }}
                    ) as integer
                )
        end as duration_s,

        ---------- timestamps
        -- The portal keeps one start: of a thing to come it is the plan, and what took
        -- place overwrites it.
        coalesce(
            {{ source_time(mapped('bitrix24', 'activities', 'planned_start_at')) }},
            {{ source_time('source.start_time') }}
        ) as planned_start_at,
        -- Telephony marks its calls; one that nobody answered is a call all the same.
        case
            when
                {{ source_flag('source.completed') }}
                or source.origin_id like 'VI\_%'
                then {{ source_time('source.start_time') }}
        end as started_at,
        case
            when {{ source_flag('source.completed') }}
                then {{ source_time('source.end_time') }}
        end as ended_at,
        case
            when source.deadline not like '9999%'
                then {{ source_time('source.deadline') }}
        end as deadline_at,
        {{ source_time(mapped('bitrix24', 'activities', 'modified_at', 'last_updated')) }}
            as modified_at,
        deletions.missing_since as deleted_at,

        ---------- flags
        {{ source_flag('source.completed') }} as is_completed,
        {%- if is_mapped('bitrix24', 'activities', 'is_auto') %}
        {{ source_flag(mapped('bitrix24', 'activities', 'is_auto')) }} as is_auto
        {%- else %}
        -- Nobody is the author of what a robot does; 3 is "done automatically".
        {{ source_link('source.author_id') }} is null or source.status = '3' as is_auto
        {%- endif %}

    from source

    left join deletions
        on
            source.id = deletions.id
            and deletions.entity = 'activities'

    left join codes as provider_types
        on
            provider_types.field = 'activity_type'
            and source.provider_type_id = provider_types.source_value

    left join codes as types
        on
            types.field = 'activity_type'
            and {{ mapped('bitrix24', 'activities', 'activity_type', 'type_id') }}
            = types.source_value

    left join codes as results
        on
            results.field = 'result'
            and {{ mapped('bitrix24', 'activities', 'result') }} = results.source_value

),

renamed_tasks as (

    select

        ---------- ids
        -- Tasks count from one beside the activities.
        'task-' || tasks.id as source_id,
        task_links.deal_link as deal_source_id,
        task_links.lead_link as lead_source_id,
        task_links.contact_link as contact_id,
        {{ source_link('tasks.responsible_id') }} as responsible_id,
        {{ source_link('tasks.created_by') }} as author_id,
        cast(null as text) as unit_source_id,

        ---------- strings
        'task' as activity_type,
        cast(null as text) as direction,
        cast(null as text) as result,

        ---------- numerics, seconds
        cast(null as integer) as duration_s,

        ---------- timestamps
        {{ source_time('tasks.date_start') }} as planned_start_at,
        {{ source_time('tasks.date_start') }} as started_at,
        {{ source_time('tasks.closed_date') }} as ended_at,
        {{ source_time('tasks.deadline') }} as deadline_at,
        {{ source_time('tasks.changed_date') }} as modified_at,
        deletions.missing_since as deleted_at,

        ---------- flags
        -- 5 is done.
        tasks.status = '5' as is_completed,
        false as is_auto

    from tasks

    -- A task of several cards belongs to the first one of each kind.
    cross join lateral (
        select
            min(substr(links.link, 3)) filter (where links.link like 'D\_%') as deal_link,
            min(substr(links.link, 3)) filter (where links.link like 'L\_%') as lead_link,
            min(substr(links.link, 3)) filter (where links.link like 'C\_%')
                as contact_link

        from jsonb_array_elements_text(
            case
                when jsonb_typeof(tasks.uf_crm_task) = 'array' then tasks.uf_crm_task
                else '[]'
            end
        ) as links (link)
    ) as task_links

    left join deletions
        on
            tasks.id = deletions.id
            and deletions.entity = 'tasks'

),

unioned as (

    select * from renamed

    union all

    select * from renamed_tasks

)

select * from unioned
