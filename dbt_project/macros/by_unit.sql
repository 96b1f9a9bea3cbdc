{# A table that a pass brings up to date unit by unit, most often deal by deal. Its model is
   written as if everything were computed anew; in a pass of changes the same text is run
   for the changed units only. How it stays equal: docs/adr/0005-passes-of-changes.md.

   meta.unit: the unit whose rows are recomputed together. They depend on the same unit of
       inputs that can be asked by it, and on other inputs as a whole.
   meta.by: unit -> the SQL that names it in a row of this relation. A model of that unit
       reads the changed units only, and a row that changes makes the units that it names
       changed for everything downstream. The own unit needs no entry where a column has
       its name.
   meta.also_changed: keys of further units that change, by the state of what is upstream.
   meta.clocked: which rows say something else on another day, by their stored columns.
       In both "{previous_day}" is the day of the publication before, "{today}" the
       pass's. #}

{% macro of_days(expression) -%}
    {{ return(
        expression
        | replace('{previous_day}', previous_day()) | replace('{today}', today())
    ) }}
{%- endmacro %}

{# Units of a relation with their SQL; its own unit first. #}
{% macro units_of(node) -%}
    {%- set meta = node.config.meta or {} -%}
    {%- set units = {} -%}
    {%- if meta.get('unit') -%}
        {%- do units.update({meta['unit']: meta['unit']}) -%}
    {%- endif -%}
    {%- do units.update(meta.get('by', {})) -%}
    {{ return(units) }}
{%- endmacro %}

{# Whether this run brings an existing table up to date instead of writing it anew. #}
{% macro is_pass_of_changes() -%}
    {%- if not execute or flags.FULL_REFRESH or model.resource_type != 'model' -%}
        {{ return(false) }}
    {%- endif -%}
    {{ return(
        model.config.materialized in ['by_unit', 'incremental']
        and units_of(model) | length > 0
        and load_cached_relation(this) is not none
    ) }}
{%- endmacro %}

{# Every ref of a model: in a pass of changes the changed units of inputs that can be
   asked by the model's own unit, else the whole relation. #}
{% macro ref(name) -%}
    {%- set relation = builtins.ref(name) -%}
    {%- set unit = (model.config.meta or {}).get('unit') -%}
    {%- if not unit or not is_pass_of_changes() -%}
        {{ return(relation) }}
    {%- endif -%}
    {%- set node = graph.nodes.get('model.' ~ project_name ~ '.' ~ name) -%}
    {%- set expression = units_of(node).get(unit) if node -%}
    {{ return(
        changed_rows(relation, expression, node.config.materialized == 'view')
        if expression else relation
    ) }}
{%- endmacro %}

{# A relation as a whole in every pass: for what the rows of a unit say of other units. #}
{% macro whole(name) -%}
    {{ return(builtins.ref(name)) }}
{%- endmacro %}

{# A view is asked for an array of keys: that reaches the indexes below it, a subquery stops
   at a union. #}
{% macro changed_rows(relation, expression, is_view) -%}
    (
        select * from {{ relation }}
        where
            {%- if not is_view %}
            {{ expression }} in (select key from changed_units)
            {%- elif model.config.materialized == 'by_unit' %}
            {{ expression }} = any(changed_keys)
            {%- else %}
            {{ expression }} = any(array(select key from changed_units))
            {%- endif %}
    )
{%- endmacro %}

{# The changed units of this model, frozen for the session: one that becomes known while
   the model runs must not be deleted by one statement and missed by the next. #}
{% macro freeze_changed_units() -%}
    drop table if exists pg_temp.changed_units;
    create temporary table changed_units as
    select changed.key
    from ops.changed_units as changed
    where changed.unit = '{{ model.config.meta["unit"] }}';
    analyze pg_temp.changed_units
{%- endmacro %}

{# Make units known that rows name; downstream models bring them up to date. #}
{% macro remember_changed_units(rows, units) -%}
    insert into ops.changed_units (unit, key)
    select distinct
        named.unit,
        named.key
    from (
        {%- for unit, expression in units.items() %}
        select
            '{{ unit }}' as unit,
            cast({{ expression }} as text) as key
        from {{ rows }}
        {% if not loop.last %}union all{% endif %}
        {%- endfor %}
    ) as named
    where named.key is not null
    order by 1, 2
    on conflict do nothing
{%- endmacro %}

{% materialization by_unit, adapter='postgres' -%}
    {%- set relations = updated_by_unit() if is_pass_of_changes() else built_whole() -%}
    {{ return(relations) }}
{%- endmaterialization %}

{# What makes a model, between its hooks. One statement: the adapter's own macros, those
   that rename above all, cost a whole context each. #}
{% macro in_one_statement() -%}
    {%- set statements = caller() -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {%- call statement('main') -%}
        {{ statements }}
    {%- endcall -%}

    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
{%- endmacro %}

{# As a table, with its own indexes and one for each unit it can be asked by. #}
{% macro built_whole() -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='table') -%}
    {%- set draft = make_intermediate_relation(target) -%}

    {%- call in_one_statement() -%}
        {{ get_create_table_as_sql(False, draft, sql) }};
        {%- for expression in units_of(model).values() %}
        create index on {{ draft }} (({{ expression }}));
        {%- endfor %}
        {%- for index in model.config.get('indexes', []) %}
        {{ get_create_index_sql(draft, index) }};
        {%- endfor %}
        {%- if existing is not none %}
        drop {{ existing.type }} if exists {{ existing }} cascade;
        {%- endif %}
        alter table {{ draft }} rename to {{ adapter.quote(this.identifier) }}
    {%- endcall -%}
    {{ return({'relations': [target]}) }}
{%- endmacro %}

{# Rows of a seed, written out: dbt's own hands them over beside the statement, which then
   says nothing when it is sent again (orchestration/statements.py). #}
{% macro load_csv_rows(model, agate_table) -%}
    {%- set rows -%}
        insert into {{ this }} ({{ get_seed_column_quoted_csv(model, agate_table.column_names) }})
        values
        {%- for row in agate_table.rows %}
        (
            {%- for value in row -%}
                {%- if value is none -%}
                    null
                {%- else -%}
                    {{ dbt.string_literal(dbt.escape_single_quotes(value | string)) }}
                {%- endif -%}
                {{ ', ' if not loop.last }}
            {%- endfor -%}
        ){{ ',' if not loop.last }}
        {%- endfor %}
    {%- endset -%}
    {%- do adapter.add_query(rows) -%}
    {{ return(rows) }}
{%- endmacro %}

{# A view, put in place of the one before: in a pass of changes what reads it stays. #}
{% materialization view, adapter='postgres' -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='view') -%}

    {%- call in_one_statement() -%}
        {%- if existing is not none and (flags.FULL_REFRESH or not existing.is_view) %}
        drop {{ existing.type }} if exists {{ existing }} cascade;
        {%- endif %}
        create or replace view {{ this }} as (
            {{ sql }}
        )
    {%- endcall -%}
    {{ return({'relations': [target]}) }}
{%- endmaterialization %}

{# The table has the columns of its own text in their order: another text makes the pass
   whole. It stops where nothing has changed: planning what finds no row costs more than a
   small pass can afford. #}
{% macro updated_by_unit() -%}
    {%- set units = units_of(model) -%}
    {%- set unit = model.config.meta.get('unit') -%}
    {#- A model without a unit of its own is computed as a whole and compared. -#}
    {%- set of_changed = units[unit] ~ ' in (select key from changed_units)'
        if unit else 'true' -%}
    {%- set also_changed = model.config.meta.get('also_changed') -%}
    {%- set clocked = model.config.meta.get('clocked') -%}

    {%- call in_one_statement() -%}
        {%- if also_changed %}
        {{ remember_changed_units(
            '(' ~ of_days(also_changed) ~ ') as also', {unit: 'key'}
        ) }};
        {%- endif %}
        {%- if clocked %}
        {{ remember_changed_units(
            this ~ ' where ' ~ is_another_day() ~ ' and (' ~ of_days(clocked) ~ ')',
            {unit: units[unit]} if unit else units
        ) }};
        {%- endif %}
        {%- if unit %}
        {{ freeze_changed_units() }};
        {%- endif %}

        do $by_unit$
        {%- if unit %}
        declare
            -- A value, so that the planner sees how many they are.
            changed_keys text[] := array(select key from changed_units);
            -- Of records: what stands behind the name of their connection.
            changed_ids text[] := array(
                select substr(key, strpos(key, ':') + 1) from changed_units
            );
        {%- endif %}
        begin
            {%- if unit %}
            if changed_keys = '{}' then
                return;
            end if;
            {%- endif %}

            drop table if exists pg_temp.recomputed, pg_temp.differing;

            create temporary table recomputed as
            select * from (
                {{ sql }}
            ) as recomputed
            where {{ of_changed }};

            create temporary table differing as
            (
                select * from {{ this }} where {{ of_changed }}
                except all
                select * from recomputed
            )
            union all
            (
                select * from recomputed
                except all
                select * from {{ this }} where {{ of_changed }}
            );

            if not exists (select from differing) then
                return;
            end if;

            -- A row as one value: empty columns are equal, and a row twice stays twice.
            with compared as materialized (
                select
                    existing.ctid as place,
                    existing as whole_row
                from {{ this }} as existing
                where {{ of_changed }}
            )

            delete from {{ this }}
            where
                ctid = any(array(
                    select compared.place from compared
                    where compared.whole_row in (select differing from differing)
                ));

            insert into {{ this }}
            select * from recomputed
            where recomputed in (select differing from differing);

            {%- if units | length > (1 if unit else 0) %}

            {{ remember_changed_units('differing', units) }};
            {%- endif %}
        end
        $by_unit$
    {%- endcall -%}
    {{ return({'relations': [this.incorporate(type='table')]}) }}
{%- endmacro %}

{# The unit whose changed keys a test looks at in a pass of changes; else none. #}
{% macro tested_unit() -%}
    {%- set tested = graph.nodes.get(model.get('attached_node')) if execute -%}
    {%- if tested and not flags.FULL_REFRESH -%}
        {{ return(units_of(tested).keys() | first) }}
    {%- endif -%}
{%- endmacro %}

{# Tests of a model that is brought up to date look at its changed units. #}
{% macro get_where_subquery(relation) -%}
    {%- set unit = tested_unit() -%}
    {%- set tested = graph.nodes[model.attached_node] if unit -%}
    {%- if not unit or tested.name != relation.identifier -%}
        {{ return(dbt.default__get_where_subquery(relation)) }}
    {%- endif -%}
    {%- set filtered -%}
        (
            select * from {{ relation }}
            where
                {{ units_of(tested)[unit] }} = any(changed_keys)
                {%- if config.get('where') %}
                and ({{ config.get('where') }})
                {%- endif %}
        ) as dbt_subquery
    {%- endset -%}
    {{ return(filtered) }}
{%- endmacro %}

{# As in a model, the keys are a value, so that the planner sees how many they are. #}
{% macro get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) -%}
    {%- set unit = tested_unit() -%}
    {%- if not unit -%}
        {{ return(dbt.default__get_test_sql(main_sql, fail_calc, warn_if, error_if, limit)) }}
    {%- endif -%}
    do $tested$
    declare
        changed_keys text[] := array(
            select key from ops.changed_units where unit = '{{ unit }}'
        );
        failures bigint := 0;
    begin
        if changed_keys <> '{}' then
            select {{ fail_calc }} into failures
            from (
                {{ main_sql }}
            ) as tested;
        end if;
        perform set_config('reestr.failures', cast(failures as text), true);
    end
    $tested$;

    select
        failures,
        failures {{ warn_if }} as should_warn,
        failures {{ error_if }} as should_error
    from (
        select cast(current_setting('reestr.failures') as bigint) as failures
    ) as counted
{%- endmacro %}

{# Deals that were merged change together: for meta.also_changed. #}
{% macro merged_deals() -%}
    select together.deal_key as key
    from dbt_intermediate.int_deals__survived as changed
    inner join dbt_intermediate.int_deals__survived as together
        on changed.survivor_key = together.survivor_key
    where
        changed.deal_key in (
            select key from ops.changed_units where unit = 'deal_key'
        )
{%- endmacro %}

{# Deals that hang on changed ones: for meta.also_changed. #}
{% macro links_of_changed_deals() -%}
    select links.deal_key as key
    from dbt_intermediate.int_deals__mapped as links
    inner join ops.changed_units as changed
        on links.source_system || ':' || links.parent_deal_id = changed.key
    where changed.unit = 'deal_key'
{%- endmacro %}

{# What a scope opens for a time opens and closes with the day: for meta.clocked. #}
{% macro scopes_of_another_day() -%}
    exists (
        select from decisions.scope_exceptions as given
        where
            given.valid_from > {previous_day}
            or given.valid_to >= {previous_day}
    )
{%- endmacro %}
