{# The one type of money: 20 digits before the point, 18 behind it (GCP NUMERIC and OpenAI amounts need all 18). #}
{% macro money_type() -%}
    decimal(38, 18)
{%- endmacro %}


{# Text or decimal to money; null stays null. #}
{% macro money(expression) -%}
    cast({{ expression }} as {{ money_type() }})
{%- endmacro %}


{#
    A delivered DOUBLE to money without binary noise. A double holds 15 to 16 digits, so the scale that is
    read follows the magnitude: 12 places below 1,000, 8 below 10 million, 4 above.
#}
{% macro money_from_double(expression) -%}
    case
        when abs({{ expression }}) < 1000 then cast(cast({{ expression }} as decimal(38, 12)) as {{ money_type() }})
        when abs({{ expression }}) < 10000000 then cast(cast({{ expression }} as decimal(38, 8)) as {{ money_type() }})
        else cast(cast({{ expression }} as decimal(38, 4)) as {{ money_type() }})
    end
{%- endmacro %}


{#
    The part of `amount` that belongs to the first `running` of `total` weights. Differences of this function along
    running sums are the shares of an exact split: they telescope, so the parts sum to `amount` to the last digit
    whatever the rounding of a single part. The ratio is one IEEE division, repeatable on every engine.
    `running` and `total` must be exact (DECIMAL or integer), non-negative, and `total` > 0.
#}
{% macro amount_up_to(amount, running, total) -%}
    case
        when {{ running }} = {{ total }} then {{ amount }}
        when {{ running }} = 0 then {{ money('0') }}
        else cast(cast(
            cast({{ amount }} as double) * (cast({{ running }} as double) / cast({{ total }} as double))
            as decimal(38, 12)) as {{ money_type() }})
    end
{%- endmacro %}


{#
    One row's exact part of `amount`: split over `weight` within a group whose running sum (this row included)
    is `running` and whose sum is `total`.
#}
{% macro exact_part(amount, weight, running, total) -%}
    ({{ amount_up_to(amount, running, total) }}
        - {{ amount_up_to(amount, '(' ~ running ~ ' - ' ~ weight ~ ')', total) }})
{%- endmacro %}


{# An estimate computed in floating point, as money at 6 places: never part of an invoiced or effective column. #}
{% macro estimate(expression) -%}
    cast(cast({{ expression }} as decimal(38, 6)) as {{ money_type() }})
{%- endmacro %}


{#
    exact_part with the divisions made beforehand, for weights that meet many charges: the part of `amount` between the ratios
    `low` and `high` (DOUBLE, 0 to 1), where `amount_double` is the amount as DOUBLE. That cast is the dearest step of a split
    (a microsecond), so it is made once a charge, before the join, and not once a part.
#}
{% macro exact_part_between(amount, amount_double, low, high) -%}
    ({{ amount_up_to_ratio(amount, amount_double, high) }} - {{ amount_up_to_ratio(amount, amount_double, low) }})
{%- endmacro %}


{% macro amount_up_to_ratio(amount, amount_double, ratio) -%}
    case
        when {{ ratio }} = 1 then {{ amount }}
        when {{ ratio }} = 0 then {{ money('0') }}
        else cast(cast({{ amount_double }} * {{ ratio }} as decimal(38, 12)) as {{ money_type() }})
    end
{%- endmacro %}


{# An amount as DOUBLE, for exact_part_between and for nothing that is kept. #}
{% macro amount_double(amount) -%}
    cast({{ amount }} as double)
{%- endmacro %}
