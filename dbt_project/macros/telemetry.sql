{# A 64-bit key of several texts for grouping many samples cheaply; lives inside one query, is never stored. #}
{% macro sample_key(columns) -%}
    hash({{ columns | join(', ') }})
{%- endmacro %}


{# Unix seconds of a timestamp as BIGINT. #}
{% macro unix_seconds(timestamp) -%}
    (epoch_us({{ timestamp }}) // 1000000)
{%- endmacro %}


{# A timestamp from Unix seconds. #}
{% macro from_unix_seconds(seconds) -%}
    make_timestamp(cast({{ seconds }} as bigint) * 1000000)
{%- endmacro %}


{#
    Start (Unix seconds) of the scrape slot a sample falls into: floor(ts / interval) counted from the full hour, so that
    no slot crosses an hour. The last slot of an hour is shorter when the interval does not divide 3,600.
#}
{% macro slot_start(unix, interval_seconds) -%}
    ({{ unix }} - {{ unix }} % 3600 % {{ interval_seconds }})
{%- endmacro %}


{# Seconds the slot covers. #}
{% macro slot_seconds(slot, interval_seconds) -%}
    least({{ interval_seconds }}, 3600 - {{ slot }} % 3600)
{%- endmacro %}


{# A GPU's raw name case-folded, with spaces, '-' and '_' collapsed: what the patterns of gpu_names are written for. #}
{% macro normalised_gpu_name(name) -%}
    trim(regexp_replace(lower({{ name }}), '[\s_-]+', ' ', 'g'))
{%- endmacro %}


{# Compute slices of a MIG profile ('3g.20gb' -> 3); a profile that cannot be read counts as one slice. #}
{% macro mig_slices(profile) -%}
    coalesce(try_cast(nullif(regexp_extract({{ profile }}, '^(?:mig[ -])?(\d+)g\.', 1), '') as integer), 1)
{%- endmacro %}


{# What tells GPU series apart; job, scrape address and replica do not (the same GPU is seen twice). #}
{% macro gpu_series_labels() -%}
    {{ return([
        'partition', 'x_source', 'gpu_uuid', 'gpu_instance_id', 'coalesce(hostname, instance)', 'namespace', 'pod',
        'exporter_generation'
    ]) }}
{%- endmacro %}


{#
    A utilisation (0 to 1) in billionths, as BIGINT: sums of integers repeat exactly, sums of doubles do not. A ratio
    just above 1 (up to 1.01 passes the guard) is 1.
#}
{% macro utilisation_nanos(ratio) -%}
    cast(round(least({{ ratio }}, 1) * 1000000000) as bigint)
{%- endmacro %}


{# Offset of a step of the utilisation ladder (3 sm_active, 2 gr_engine_active, 1 gpu_util) in a utilisation code. #}
{% macro ladder_code(step) -%}
    {{ step * 10000000000 }}
{%- endmacro %}


{#
    Metric -> step of the utilisation ladder and the series flag that makes it unusable: all three, or the one metric the setting
    utilisation_metric fixes. With a fixed metric a slot that lacks it has no utilisation, whatever else was measured.
#}
{% macro utilisation_ladder() -%}
    {%- set steps = {
        'sm_active': {'step': 3, 'unusable': 'is_sm_active_percent'},
        'gr_engine_active': {'step': 2, 'unusable': 'is_gr_engine_active_percent'},
        'gpu_util': {'step': 1, 'unusable': 'is_gpu_util_unusable'},
    } -%}
    {%- set wanted = var('utilisation_metric', 'ladder') -%}
    {%- if wanted != 'ladder' and wanted not in steps -%}
        {{ exceptions.raise_compiler_error('utilisation_metric is ' ~ wanted ~ ', expected ladder or ' ~ steps.keys() | join(', ')) }}
    {%- endif -%}
    {{ return(steps if wanted == 'ladder' else {wanted: steps[wanted]}) }}
{%- endmacro %}


{# A threshold of the settings (0 to 1) in billionths. #}
{% macro threshold_nanos(name) -%}
    {{ (var(name) | float * 1000000000) | round | int }}
{%- endmacro %}


{# Whether no kernel worth naming ran: utilisation below the setting warm_idle_below. #}
{% macro is_still(nanos) -%}
    {{ nanos }} < {{ threshold_nanos('warm_idle_below') }}
{%- endmacro %}


{#
    Billionths of a busy slot that are productive: its utilisation; all of it from productive_from on, none of it under
    under_utilised_below.
#}
{% macro productive_nanos(nanos) -%}
    {%- set low = threshold_nanos('under_utilised_below') | int -%}
    {%- set high = threshold_nanos('productive_from') | int -%}
    {%- if low <= 0 and high >= 1000000000 -%} {{ nanos }}
    {%- else -%}
        case when {{ nanos }} >= {{ high }} then 1000000000 when {{ nanos }} < {{ low }} then 0 else {{ nanos }} end
    {%- endif -%}
{%- endmacro %}


{# What tells serving engines and their scrapers apart. #}
{% macro engine_labels() -%}
    {{ return(['x_source', 'job', 'instance', 'namespace', 'pod', 'engine', 'served_model_name']) }}
{%- endmacro %}


{# What tells the counters of all serving engines apart. #}
{% macro engine_counter_labels() -%}
    {{ return(engine_labels() + ['measure', 'finished_reason', 'token_source']) }}
{%- endmacro %}


{# The counters of a serving engine that usage is made of. #}
{% macro engine_counters() -%}
    ('prompt_tokens_logical', 'prompt_tokens_cached', 'prompt_tokens_by_source', 'generation_tokens', 'requests_finished')
{%- endmacro %}


{# Reasons of kube-state-metrics for a container that waits because it failed; ContainerCreating and the like are a start. #}
{% macro failure_reasons() -%}
    (
        'CrashLoopBackOff', 'ImagePullBackOff', 'ErrImagePull', 'InvalidImageName', 'CreateContainerConfigError',
        'CreateContainerError', 'RunContainerError'
    )
{%- endmacro %}


{#
    A sample as exported in the canonical unit of its measure: NaN, infinity and, where the exporter has them, DCGM's blanks
    (int64, int32, fp64) are null.
#}
{% macro sample_value(raw_value='raw_value', factor='factor', has_blanks='has_blanks') -%}
    case
        when isnan({{ raw_value }}) or isinf({{ raw_value }}) then null
        when {{ has_blanks }} and (
            {{ raw_value }} >= 9223372036854775000
            or {{ raw_value }} between 2147483632 and 2147483635
            or {{ raw_value }} between 140737488355328 and 140737488355331
        ) then null
        else {{ raw_value }} * {{ factor }}
    end
{%- endmacro %}


{# The values of a series in the canonical unit, as a list. #}
{% macro sample_values() -%}
    list_transform(raw_values, lambda raw_value: {{ sample_value() }})
{%- endmacro %}


{#
    The samples of a relation of series, one row each: its columns without the lists, `value` in the canonical unit and
    `observed_at`. Choose columns and rows before: texts are repeated for every sample.
#}
{% macro samples_of(relation) -%}
    (
        select
            * exclude (raw_value, factor, has_blanks),
            {{ sample_value() }} as value
        from (
            select
                * exclude (raw_values, observed_times),
                unnest(raw_values) as raw_value,
                unnest(observed_times) as observed_at
            from {{ relation }}
        ) as samples
    ) as samples
{%- endmacro %}
