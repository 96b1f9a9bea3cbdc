{# Value-added tax: 'included' amounts contain the tax, 'excluded' ones come without it,
   'none' says that the firm does not pay it. Percent of the tax in tax_rate. #}
{% macro net_of_vat(amount, tax_rate, vat_mode) -%}
    case
        when {{ vat_mode }} = 'included'
            then round({{ amount }} * 100 / (100 + coalesce({{ tax_rate }}, 0)), 2)
        else {{ amount }}
    end
{%- endmacro %}

{% macro amount_with_vat(amount, tax_rate, vat_mode) -%}
    case
        when {{ vat_mode }} = 'excluded'
            then round({{ amount }} * (100 + coalesce({{ tax_rate }}, 0)) / 100, 2)
        else {{ amount }}
    end
{%- endmacro %}
