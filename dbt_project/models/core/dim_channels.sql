with

channels as (

    select * from {{ source('mapping', 'channels') }}

),

-- Several sources of a CRM may be one channel; it has the label of its first one.
listed as (

    select distinct on (connection, code)
        connection || ':' || code as channel_key,
        connection as source_system,
        code as channel,
        label as channel_label,
        channel_group,
        is_paid

    from channels

    order by connection, code, crm_channel

)

select * from listed
