{# The page that lists the records behind a number, and the filters of its address. #}

{# Measures whose records that page lists: their blocks name them as their drill. #}
{% macro opened_measures() -%}
    {{ return(
        measures_in('rpt_kpi_daily')
        | selectattr('meta.drill', 'equalto', 'rpt_metric_records')
        | selectattr('fact', 'equalto', 'fct_deal_events')
        | list
    ) }}
{%- endmacro %}

{# What one row of its fact adds to a measure; null where it adds nothing. #}
{% macro contribution_sql(measure) -%}
    {%- if measure.kind == 'count' -%}
        case when ({{ measure.expr }}) is not null then 1 end
    {%- else -%}
        {{ measure.expr }}
    {%- endif -%}
{%- endmacro %}

{# A quoted text of Rison, the notation of filters in the address of a page; inside an
   address four signs have a meaning of their own. #}
{% macro rison_text(expression) -%}
    chr(39)
    || replace(replace(replace(replace(replace(replace(
        {{ expression }}, '!', '!!'), chr(39), '!' || chr(39)),
        '%', '%25'), '&', '%26'), '#', '%23'), '+', '%2B')
    || chr(39)
{%- endmacro %}

{# One filter of the address: a value of a column. #}
{% macro address_choice(column, value) -%}
    'NATIVE_FILTER-{{ column }}:(id:NATIVE_FILTER-{{ column }},'
    || 'extraFormData:(filters:!((col:{{ column }},op:IN,val:!('
    || {{ rison_text(value) }} || ')))),filterState:(label:' || {{ rison_text(value) }}
    || ',value:!(' || {{ rison_text(value) }} || ')),ownState:())'
{%- endmacro %}

{# The period of the address; its end is the first day that is out. #}
{% macro address_period(date_from, date_to) -%}
    {%- set days -%}
        to_char({{ date_from }}, 'YYYY-MM-DD') || ' : '
        || to_char({{ date_to }} + 1, 'YYYY-MM-DD')
    {%- endset -%}
    'NATIVE_FILTER-period:(id:NATIVE_FILTER-period,extraFormData:(time_range:'
    || {{ rison_text(days) }} || '),filterState:(value:' || {{ rison_text(days) }}
    || '),ownState:())'
{%- endmacro %}

{# The address of the records behind a metric, with further filters. #}
{% macro records_address(metric_label, filters) -%}
    '/superset/dashboard/records/?native_filters=('
    || {{ address_choice('metric_label', metric_label) }} || ',' || {{ filters }} || ')'
{%- endmacro %}
