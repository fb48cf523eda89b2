{# First instant after a billing period ('YYYY-MM'). #}
{% macro month_end(billing_period) -%}
    (strptime({{ billing_period }} || '-01', '%Y-%m-%d') + interval 1 month)
{%- endmacro %}


{#
    Monthly cost of self-hosting with `replicas` needed replicas: (replicas + spare) x GPUs x price of a GPU-hour x 730 h, plus
    what is paid whatever the volume (gpu_and_tco.md section 9).
#}
{% macro self_hosted_month(replicas) -%}
    (({{ replicas }} + spare_replicas) * replica_usd_per_month + fixed_usd_per_month)
{%- endmacro %}
