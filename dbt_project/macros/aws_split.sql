{#
    AWS split cost allocation for accelerated instances: how an instance's price falls apart into the price of a GPU-hour, a
    vCPU-hour and a GB-hour, with the weights 9 : 0.9 : 0.1
    (https://docs.aws.amazon.com/cur/latest/userguide/example-accelerated-instances.html). Other resources have no price.
    `gpus`, `vcpus` and `memory_gb` are what the instance has, in unit-hours of the time `cost` pays. One rounding, to 12 places.
#}
{% macro aws_split_rate(resource, cost, gpus, vcpus, memory_gb) -%}
    cast(
        cast({{ cost }} as double) * case {{ resource }} when 'gpu' then 9 when 'vcpu' then 0.9 when 'memory' then 0.1 else 0 end
        / nullif(cast(9 * {{ gpus }} + 0.9 * {{ vcpus }} + 0.1 * {{ memory_gb }} as double), 0) as decimal(38, 12)
    )
{%- endmacro %}


{# What a split line counts: gpu, vcpu or memory, by its usage type; null when it is none of them. #}
{% macro aws_split_resource(usage_type) -%}
    case
        when {{ usage_type }} like '%Accelerator-Hours' then 'gpu'
        when {{ usage_type }} like '%vCPU-Hours' then 'vcpu'
        when {{ usage_type }} like '%GB-Hours' then 'memory'
    end
{%- endmacro %}


{# The value of an AWS-made tag: its key stands as aws:eks:namespace or, in CUR 2.0, as aws_eks_namespace. #}
{% macro aws_tag(tags, name) -%}
    coalesce(
        json_extract_string({{ tags }}, '$."aws:{{ name }}"'),
        json_extract_string({{ tags }}, '$."aws_{{ name | replace(':', '_') | replace('-', '_') }}"')
    )
{%- endmacro %}
