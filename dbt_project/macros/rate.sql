{#
    A ratio of sums, at 9 places: `numerator` per `per` units of `denominator`. Nothing to divide by gives NULL, not infinity.
#}
{% macro rate(numerator, denominator, per=1) -%}
    cast(cast({{ numerator }} as double) * {{ per }} / nullif({{ denominator }}, 0) as decimal(38, 9))
{%- endmacro %}
