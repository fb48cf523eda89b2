{#-
    All token usage in one shape, with canonical model, owner and deployment; not yet priced. A model no alias knows keeps its
    own name below its provider. The gateway's log is primary only where nobody else reports the provider's day.
-#}
with reports as (
    select *, cast(null as date) as held_on from {{ ref('int_api_usages') }}
    union all by name
    select *, cast(null as date) as held_on from {{ ref('int_gateway_usages') }}
    union all by name
    -- only engines run on GPUs that somebody holds; a condition on `source` in the join would make it a nested loop
    select *, charge_date as held_on from {{ ref('int_engine_usages') }}
),

aliases as (
    select provider, lower(alias) as alias, max(model) as model_id
    from {{ ref('model_aliases') }}
    group by provider, lower(alias)
),

models as (
    select model_id, is_self_hosted from {{ ref('models') }}
),

api_keys as (
    select * from {{ ref('api_keys') }}
),

reported as (
    select distinct charge_date, price_provider from {{ ref('int_api_usages') }}
    union
    select distinct charge_date, price_provider from {{ ref('int_engine_usages') }}
),

holders as (
    select distinct namespace, pod, charge_date, deployment_id, team_id, model_id
    from {{ ref('int_gpu_holders') }}
),

final as (
    select
        reports.source,
        reports.x_source,
        reports.service_provider_name,
        reports.hour_start,
        reports.charge_date,
        reports.billing_period,
        reports.account_id,
        reports.api_key_id,
        reports.user_id,
        reports.model_raw,
        coalesce(
            holders.model_id, aliases.model_id, reports.price_provider || '/' || {{ bare_model_name('reports.model_raw') }}
        ) as model_id,
        holders.deployment_id,
        coalesce(holders.team_id, api_keys.team_id) as team_id,
        coalesce(reports.price_class, 'standard') as price_class,
        coalesce(reports.context_band, 0) as context_band,
        coalesce(reports.may_cross_tier, false) as may_cross_tier,
        reports.source = 'vllm' or coalesce(models.is_self_hosted, false) as is_self_hosted,
        reports.is_primary or reported.charge_date is null as is_primary,
        coalesce(reports.input_uncached_tokens, 0) as input_uncached_tokens,
        coalesce(reports.cache_read_tokens, 0) as cache_read_tokens,
        coalesce(reports.cache_write_5m_tokens, 0) as cache_write_5m_tokens,
        coalesce(reports.cache_write_30m_tokens, 0) as cache_write_30m_tokens,
        coalesce(reports.cache_write_1h_tokens, 0) as cache_write_1h_tokens,
        coalesce(reports.output_tokens, 0) as output_tokens,
        reports.requests,
        reports.failed_requests,
        reports.retried_requests
    from reports
    left join aliases
        on reports.price_provider = aliases.provider
        and lower({{ bare_model_name('reports.model_raw') }}) = aliases.alias
    left join models on aliases.model_id = models.model_id
    left join api_keys
        on reports.source = api_keys.provider
        and reports.api_key_id = api_keys.api_key_id
        and reports.charge_date >= api_keys.valid_from
        and (api_keys.valid_to is null or reports.charge_date < api_keys.valid_to)
    left join reported
        on reports.price_provider = reported.price_provider and reports.charge_date = reported.charge_date
    left join holders
        on reports.held_on = holders.charge_date
        and reports.account_id is not distinct from holders.namespace
        and reports.pod is not distinct from holders.pod
)

select * from final
