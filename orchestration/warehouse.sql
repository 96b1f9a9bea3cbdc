-- The frame of a warehouse: schemas, the function that says who reads, and the tables
-- that no model builds. Every statement can be run again.

revoke create on schema public from public;

create schema if not exists mapping authorization {loader};
create schema if not exists checks authorization {transformer};
create schema if not exists ops authorization {transformer};
create schema if not exists access authorization {transformer};
create schema if not exists quality authorization {transformer};
create schema if not exists reports authorization {transformer};
create schema if not exists decisions;

grant usage on schema mapping, decisions to {transformer};
grant usage on schema access, quality, reports to {reader};
grant usage on schema decisions to {loader};

-- Who reads. The BI service login speaks for the person it names in app.login; every
-- other login is itself, whatever it sets.
create or replace function access.reader()
returns text
language sql
stable
as $function$
    select case
        when session_user = {bi_name}
            then nullif(current_setting('app.login', true), '')
        when session_user = {data_team_name} then 'data_team'
        when starts_with(session_user, {person_prefix})
            then substr(session_user, length({person_prefix}) + 1)
    end
$function$;

alter function access.reader() owner to {transformer};
revoke all on function access.reader() from public;
grant execute on function access.reader() to {reader}, {transformer};

-- A reader leaves nothing behind and holds up nobody: no large objects, no advisory
-- locks (every pass takes one). Only a superuser may close what the server opens.
do $close$
declare
    function_name regprocedure;
begin
    if not (select rolsuper from pg_roles where rolname = current_user) then
        return;
    end if;

    for function_name in
        select oid
        from pg_proc
        where
            pronamespace = 'pg_catalog'::regnamespace
            and (
                proname ~ '^pg_(try_)?advisory_'
                or proname in ('lo_creat', 'lo_create', 'lo_from_bytea')
            )
    loop
        execute format('revoke execute on function %s from public', function_name);
        execute format(
            'grant execute on function %s to {transformer}, {loader}', function_name
        );
    end loop;
end
$close$;

-- People's decisions: written through one function, never changed afterwards.
create table if not exists decisions.batches (
    batch_id bigint generated always as identity primary key,
    kind text not null,
    author text not null,
    operator text not null,
    file_name text not null,
    decided_at timestamptz not null default now()
);

-- What the author could see: a lock keeps the numbers of this publication.
alter table decisions.batches add column if not exists seen_publication_id bigint;

create table if not exists decisions.scope_exceptions (
    batch_id bigint not null references decisions.batches,
    line integer not null,
    username text not null,
    org_unit_id text not null,
    valid_from date not null,
    valid_to date,
    reason text not null,
    primary key (batch_id, line)
);

create table if not exists decisions.deal_merges (
    batch_id bigint not null references decisions.batches,
    line integer not null,
    absorbed_deal_id text not null,
    survivor_deal_id text not null,
    reason text not null,
    primary key (batch_id, line)
);
grant select, insert on decisions.deal_merges to {loader};
grant select on decisions.deal_merges to {transformer};

create table if not exists decisions.employee_transfers (
    batch_id bigint not null references decisions.batches,
    line integer not null,
    employee_id text not null,
    org_unit_id text,
    valid_from date not null,
    reason text not null,
    primary key (batch_id, line)
);

create table if not exists decisions.plan_targets (
    batch_id bigint not null references decisions.batches,
    line integer not null,
    metric text not null,
    org_unit_id text,
    employee_id text,
    period date not null,
    value numeric(18, 2),
    reason text,
    primary key (batch_id, line)
);

create table if not exists decisions.period_locks (
    batch_id bigint not null references decisions.batches,
    line integer not null,
    action text not null check (action in ('lock', 'unlock')),
    period date not null,
    org_unit_id text,
    reason text not null,
    primary key (batch_id, line)
);

grant select, insert
on decisions.batches, decisions.scope_exceptions, decisions.employee_transfers,
decisions.plan_targets, decisions.period_locks
to {loader};
grant select
on decisions.batches, decisions.scope_exceptions, decisions.employee_transfers,
decisions.plan_targets, decisions.period_locks
to {transformer};

-- One row per pass of the main job.
create table if not exists ops.passes (
    pass_id bigint generated always as identity primary key,
    pass_time timestamptz not null,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    outcome text not null default 'running'
    check (outcome in ('running', 'published', 'unchanged', 'failed')),
    stage text not null default 'land',
    rows_landed bigint,
    error text,
    fingerprint text
);

-- What decides a number besides rows and the day, and whether all tables were written
-- anew: a pass of changes builds on a publication of the same meaning.
alter table ops.passes add column if not exists meaning text;
alter table ops.passes add column if not exists is_whole boolean not null default true;
alter table ops.passes owner to {transformer};

-- Units (deals, records of the CRM ...) that changed since the last publication; models
-- add to them while a pass runs, the publication empties them.
create table if not exists ops.changed_units (
    unit text not null,
    key text not null,
    primary key (unit, key)
);

alter table ops.changed_units owner to {transformer};

-- Says that the working tables hold what the passes have written: like them it is not
-- logged, so a crash of the server empties it together with them.
create unlogged table if not exists ops.working_tables (
    only_row boolean primary key default true check (only_row)
);

alter table ops.working_tables owner to {transformer};

-- When deleted records of a connection were last looked for.
create table if not exists ops.sweeps (
    connection text not null,
    pass_id bigint not null,
    primary key (connection, pass_id)
);

alter table ops.sweeps owner to {transformer};

-- Which connections each pass has read whole: what a version's predecessor was still
-- seen by.
create table if not exists ops.loads (
    connection text not null,
    pass_id bigint not null,
    loaded_at timestamptz not null,
    primary key (connection, pass_id)
);

alter table ops.loads owner to {transformer};

-- What landed but deserves a look, one sentence each; doctor tells the last ones.
create table if not exists ops.warnings (
    connection text not null,
    pass_id bigint not null,
    line integer not null,
    warning text not null,
    primary key (connection, pass_id, line)
);

alter table ops.warnings owner to {transformer};

-- One row per publication; readers ask it how fresh the numbers are.
create table if not exists reports.publications (
    publication_id bigint generated always as identity primary key,
    pass_id bigint not null,
    published_at timestamptz not null default now(),
    data_as_of timestamptz not null,
    rows_changed bigint not null
);

alter table reports.publications owner to {transformer};
grant select on reports.publications to {reader};
-- Decisions remember what their author could see.
grant usage on schema reports to {loader};
grant select (publication_id) on reports.publications to {loader};

-- The moment that the pass reports on; every model reads the same one.
create table if not exists ops.clock (
    only_row boolean primary key default true check (only_row),
    pass_time timestamptz not null
);

-- The day of the publication before.
alter table ops.clock add column if not exists previous_day date;
alter table ops.clock owner to {transformer};

-- The sum of what is given, null where nothing is. A mart adds up sixty measures of which
-- a group has two: sum() sets up each of them for each group, this one only what it adds.
create or replace aggregate ops.total(numeric) (
    sfunc = numeric_add,
    stype = numeric,
    combinefunc = numeric_add,
    parallel = safe
);

-- Days that somebody asked about: what was known then stays at hand.
create table if not exists ops.as_of_dates (
    as_of_date date primary key,
    pass_id bigint not null
);

alter table ops.as_of_dates owner to {transformer};

-- Results of the quality rules, one row per run, rule, record and column.
create table if not exists checks.check_results (
    run_id bigint not null,
    rule_id text not null,
    record_key text not null,
    column_name text not null
);

create table if not exists checks.check_runs (
    run_id bigint primary key,
    checked_at timestamptz not null default now()
);

-- A run that judged changed records only names them.
alter table checks.check_runs add column if not exists is_whole boolean
not null default true;

create table if not exists checks.checked_records (
    run_id bigint not null,
    record_key text not null,
    primary key (run_id, record_key)
);

alter table checks.checked_records owner to {transformer};

create table if not exists checks.rules (
    rule_id text primary key,
    title text not null,
    hint text not null,
    owner text not null,
    severity text not null,
    column_name text not null,
    cell_state text not null
);

create index if not exists check_results_run on checks.check_results (run_id, rule_id);
alter table checks.check_results owner to {transformer};
alter table checks.check_runs owner to {transformer};
alter table checks.rules owner to {transformer};
