{# Conversions are counted in two steps, each brought up to date by a unit of its own:
   steps into cells (`step_cell`), cells into cohorts of a transition (`cohort_pair_key`). #}

{# The cell that a step is summed in: month, stage, place and labels of the milestone that it
   stands at, as one number. Two cells of one number are only summed anew together. Asks a
   relation for the place and the labels. #}
{% macro step_cell(date, stage) -%}
    hashtextextended(
        cast(
            row(
                {{ month_key(date) }}, {{ stage }}, unit_path_key, deal_type_label,
                pipeline_label, channel_label
            ) as text
        ), 0
    )
{%- endmacro %}

{# A cell as the key of a unit. #}
{% macro unit_of_cell(step_cell) -%}
    cast({{ step_cell }} as text)
{%- endmacro %}

{# The steps of one transition in one cohort: a month (`day_key`) or a period's code. #}
{% macro cohort_pair_key(cohort, pair) -%}
    {{ cohort }} || '/' || {{ pair }}
{%- endmacro %}

{# Cells that change with a deal: a step stands at one of its milestones and comes through
   at another. For meta.also_changed. #}
{% macro cells_of_changed_steps() -%}
    select {{ unit_of_cell('steps.step_cell') }} as key
    from dbt_intermediate.int_milestones__credited as steps
    where
        steps.deal_key in (
            select changed.key from ops.changed_units as changed
            where changed.unit = 'stepping_deal_key'
        )
{%- endmacro %}

{# Cells with a step that has come to the age of a horizon. For meta.also_changed, which is
   asked in every pass: one of the same day need not look for them. #}
{% macro cells_of_ripened_steps() -%}
    {%- for relation, date in {
        'dbt_intermediate.int_milestones__credited': 'entered_date',
        'dbt_core.fct_lead_steps': 'event_date',
    }.items() %}
    {{ 'union ' if not loop.first }}select {{ unit_of_cell('step_cell') }} as key
    from {{ relation }}
    where
        {previous_day} < {today}
        and (
            {%- for days in horizons().values() if days is not none %}
            {{ 'or ' if not loop.first }}{{ has_come_since(date ~ ' + ' ~ days) }}
            {%- endfor %}
        )
    {%- endfor %}
{%- endmacro %}

{# Periods that hold a changed month of a transition. For meta.also_changed. #}
{% macro periods_of_changed_months() -%}
    select cohorts.cohort_pair_key as key
    from dbt_intermediate.int_cohorts__listed as cohorts
    inner join ops.changed_units as changed
        on
            {{ cohort_pair_key(day_key('cohorts.event_month'), 'cohorts.pair') }}
            = changed.key
    where
        changed.unit = 'cohort_pair_key'
        and cohorts.cohort_kind = 'period'
{%- endmacro %}
