"""The columns of the FOCUS 1.2 export: name, type and expression over a line of `focus_rows`.

All 57 columns of FOCUS 1.2 come first, own columns (`x_`) after them. What the ledger does not know stays null; the
few columns that FOCUS wants filled and providers leave out (names of accounts and regions) repeat the id. Source:
FOCUS 1.2, data set Cost and Usage.
"""

from __future__ import annotations

from dataclasses import dataclass

from reporting.focus_rows import MONEY

PRICE = "decimal(38, 24)"
INSTANT = "timestamp with time zone"
TEXT = "varchar"


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of the export."""

    name: str
    kind: str
    expression: str


def _text(name: str, expression: str) -> Column:
    return Column(name=name, kind=TEXT, expression=expression)


def _money(name: str, expression: str) -> Column:
    return Column(name=name, kind=MONEY, expression=expression)


def _price(name: str, expression: str) -> Column:
    return Column(name=name, kind=PRICE, expression=f"case when not is_use then {expression} end")


def _instant(name: str, expression: str) -> Column:
    return Column(name=name, kind=INSTANT, expression=expression)


_ISSUER = "coalesce(invoice_issuer_name, service_provider_name, 'Unknown issuer')"
_BOUNDS = "billing_period, service_provider_name"
_DAY = "cast(charge_date as timestamp)"
_MOVES = "(exported_class is not null or x_original_billing_period is not null)"
_SUB_ACCOUNT = "coalesce(sub_account_id, case when x_dataset in ('openai_costs', 'anthropic_costs') then x_project_id end)"
_SOLD = "(category != 'Tax' and coalesce(sku_id, sku_meter) is not null)"
_TOKENS = """case
    when x_token_type = 'uncached_input' then 'Input Tokens'
    when x_token_type like 'output%' then 'Output Tokens'
    when x_token_type = 'cache_read' then 'Cache Read Tokens'
    when x_token_type like 'cache_write%' then 'Cache Write Tokens'
end"""
_IS_SPEND = "(commitment_discount_type ilike '%savings%plan%' or commitment_discount_type ilike '%spend%')"
_COMMITTED = (
    "(commitment_discount_id is not null and category in ('Usage', 'Purchase') and exported_class is null and not is_use)"
)
_COMMITMENT_QUANTITY = f"""case
    when not {_COMMITTED} then null
    when {_IS_SPEND} then case when category = 'Purchase' then billed else effective end
    else priced_quantity
end"""
_CONSUMED = "case when category = 'Usage' then priced_quantity end"
_DETAILS = f"""case when {_SOLD} then nullif(cast(json_merge_patch('{{}}', to_json({{
    'InstanceType': x_instance_type,
    'x_ModelId': x_model,
    'x_TokenDirection': case when x_token_type like 'output%' then 'Output' when x_token_type is not null then 'Input' end,
    'x_TokenCacheAction': case when x_token_type = 'cache_read' then 'Read' when x_token_type like 'cache_write%' then 'Write' end
}})) as varchar), '{{}}') end"""
_ACCOUNT_TYPE = """case service_provider_name
    when 'AWS' then 'Payer Account'
    when 'OpenAI' then 'Organization'
    when 'Anthropic' then 'Organization'
    else 'Billing Account'
end"""
_SUB_ACCOUNT_TYPE = f"""case
    when {_SUB_ACCOUNT} is null then null
    when service_provider_name = 'AWS' then 'Linked Account'
    when service_provider_name = 'Microsoft' then 'Subscription'
    when service_provider_name = 'Anthropic' then 'Workspace'
    when service_provider_name in ('Google Cloud', 'OpenAI') then 'Project'
    else 'Sub Account'
end"""

FOCUS_COLUMNS: tuple[Column, ...] = (
    _text("AvailabilityZone", "null"),
    _money("BilledCost", "billed"),
    _text("BillingAccountId", "coalesce(billing_account_id, x_source, 'Unknown account')"),
    _text("BillingAccountName", "coalesce(billing_account_name, billing_account_id, x_source, 'Unknown account')"),
    _text("BillingAccountType", _ACCOUNT_TYPE),
    _text("BillingCurrency", "billing_currency"),
    _instant("BillingPeriodEnd", f"period_end({_BOUNDS})"),
    _instant("BillingPeriodStart", f"period_start({_BOUNDS})"),
    _text("CapacityReservationId", "null"),
    _text("CapacityReservationStatus", "null"),
    _text("ChargeCategory", "category"),
    _text("ChargeClass", f"case when {_MOVES} then 'Correction' end"),
    _text("ChargeDescription", "coalesce(charge_description, concat_ws(': ', coalesce(service, service_name), sku_meter))"),
    _text(
        "ChargeFrequency",
        "case when category = 'Usage' then 'Usage-Based' when category = 'Purchase' and x_line_count > 1 then 'Recurring'"
        " when category = 'Purchase' and charge_description ilike '%monthly%' then 'Recurring' else 'One-Time' end",
    ),
    _instant(
        "ChargePeriodEnd",
        f"case when {_MOVES} then {_DAY} + interval 1 day"
        f" else least({_DAY} + interval 1 day, period_end({_BOUNDS})) end",
    ),
    _instant("ChargePeriodStart", f"case when {_MOVES} then {_DAY} else greatest({_DAY}, period_start({_BOUNDS})) end"),
    _text(
        "CommitmentDiscountCategory",
        f"case when commitment_discount_id is not null then case when {_IS_SPEND} then 'Spend' else 'Usage' end end",
    ),
    _text("CommitmentDiscountId", "commitment_discount_id"),
    _text("CommitmentDiscountName", "null"),
    _money("CommitmentDiscountQuantity", _COMMITMENT_QUANTITY),
    _text(
        "CommitmentDiscountStatus",
        "case when commitment_discount_id is not null and category = 'Usage'"
        " then coalesce(commitment_discount_status, 'Used') end",
    ),
    _text(
        "CommitmentDiscountType",
        "case when commitment_discount_id is not null then coalesce(commitment_discount_type, 'Commitment') end",
    ),
    _text(
        "CommitmentDiscountUnit",
        f"case when {_COMMITMENT_QUANTITY} is not null then case when {_IS_SPEND} then billing_currency else unit end end",
    ),
    _money("ConsumedQuantity", _CONSUMED),
    _text("ConsumedUnit", f"case when {_CONSUMED} is not null then unit end"),
    _money("ContractedCost", "contracted"),
    _price("ContractedUnitPrice", "contracted_unit_price"),
    _money("EffectiveCost", "effective"),
    _text("InvoiceId", "invoice_id"),
    _text("InvoiceIssuerName", _ISSUER),
    _money("ListCost", "list"),
    _price("ListUnitPrice", "list_unit_price"),
    _text(
        "PricingCategory",
        "case when category = 'Tax' then null when category = 'Purchase' then 'Standard'"
        " when category = 'Usage' and commitment_discount_id is not null then 'Committed'"
        " when category = 'Usage' then coalesce(pricing_category, 'Standard')"
        " when pricing_category != 'Committed' then pricing_category end",
    ),
    _text("PricingCurrency", "billing_currency"),
    _price("PricingCurrencyContractedUnitPrice", "contracted_unit_price"),
    _money("PricingCurrencyEffectiveCost", "effective"),
    _price("PricingCurrencyListUnitPrice", "list_unit_price"),
    _money("PricingQuantity", "priced_quantity"),
    _text("PricingUnit", "case when priced_quantity is not null then unit end"),
    _text("ProviderName", _ISSUER),
    _text("PublisherName", f"coalesce(service_provider_name, {_ISSUER})"),
    _text("RegionId", "region_id"),
    _text("RegionName", "region_id"),
    _text("ResourceId", "resource_id"),
    _text("ResourceName", "null"),
    _text("ResourceType", "case when resource_id is not null then coalesce(resource_type, service) end"),
    _text("ServiceCategory", "coalesce(exported_category, 'Other')"),
    _text("ServiceName", "coalesce(service, service_name, service_provider_name, 'Unknown service')"),
    _text("ServiceSubcategory", "coalesce(exported_subcategory, 'Other (Other)')"),
    _text("SkuId", f"case when {_SOLD} then coalesce(sku_id, sku_meter) end"),
    _text("SkuMeter", f"case when {_SOLD} then coalesce({_TOKENS}, sku_meter, sku_id) end"),
    _text("SkuPriceDetails", _DETAILS),
    _text("SkuPriceId", f"case when {_SOLD} then coalesce(sku_id, sku_meter) end"),
    _text("SubAccountId", _SUB_ACCOUNT),
    _text("SubAccountName", f"coalesce(sub_account_name, {_SUB_ACCOUNT})"),
    _text("SubAccountType", _SUB_ACCOUNT_TYPE),
    _text("Tags", "tags"),
)

OWN_COLUMNS: tuple[Column, ...] = (
    _text("x_RowKey", "row_key || case when is_use then ':use' else '' end"),
    _text("x_ChargeKey", "charge_key"),
    _text("x_BillingPeriod", "billing_period"),
    _text("x_OriginalBillingPeriod", "x_original_billing_period"),
    _text("x_ServiceProviderName", "service_provider_name"),
    _text("x_Evidence", "x_evidence"),
    _text("x_Source", "x_source"),
    _text("x_Dataset", "x_dataset"),
    _text("x_ModelId", "x_model"),
    _text("x_TokenType", "x_token_type"),
    _text("x_ProjectId", "x_project_id"),
    _text("x_ApiKeyId", "x_api_key_id"),
    _text("x_InstanceType", "x_instance_type"),
    _text("x_DeliveredServiceCategory", "service_category"),
    _text("x_DeliveredUnit", "consumed_unit"),
    _text("x_ListCostBasis", "list_cost_basis"),
)

CHARGE_COLUMNS: tuple[Column, ...] = (
    Column(name="x_LineCount", kind="bigint", expression="case when not is_use then x_line_count end"),
    _money("x_DeliveredQuantity", "case when not is_use then consumed_quantity end"),
)
"""On charges alone: a part of a charge has no lines or delivered quantity of its own."""

_DERIVED_DETAILS = "cast(to_json({'Elements': [{'AllocatedRatio': cast(ratio as double)}]}) as varchar)"

ALLOCATION_COLUMNS: tuple[Column, ...] = (
    _text("x_AllocatedMethodId", "coalesce(allocated_method_id, driver)"),
    _text("x_AllocatedMethodDetails", f"coalesce(allocated_method_details, {_DERIVED_DETAILS})"),
    _text("x_AllocatedResourceId", "coalesce(allocated_resource_id, deployment_id)"),
    _text("x_AllocatedResourceName", "coalesce(allocated_resource_name, deployment_id)"),
    _text("x_AllocatedTags", "allocated_tags"),
    _money("x_AllocatedRatio", "ratio"),
    _text("x_AllocationKey", "allocation_key"),
    _text("x_TeamId", "team_id"),
    _text("x_CostCenter", "cost_center"),
    _text("x_Product", "product"),
    _text("x_AllocatedModelId", "model_id"),
    _text("x_DeploymentId", "deployment_id"),
    _text("x_GpuState", "gpu_state"),
    _text("x_CostCategory", "cost_category"),
    _text("x_AllocationStage", "stage"),
    _text("x_AllocationPath", "allocation_path"),
    _text("x_PoolPath", "pool_path"),
    _text("x_RuleId", "rule_id"),
    _text("x_PoolId", "pool_id"),
    _text("x_Driver", "driver"),
)


def select_list(columns: tuple[Column, ...], *, is_ascii: bool) -> str:
    """The columns as a SQL select list; `is_ascii` transliterates texts (JSON texts keep their values)."""
    return ",\n".join(f"{_expression(column, is_ascii=is_ascii)} as {column.name}" for column in columns)


def _expression(column: Column, *, is_ascii: bool) -> str:
    value = f"cast({column.expression} as {column.kind})"
    is_json = column.name in ("Tags", "SkuPriceDetails", "x_AllocatedMethodDetails", "x_AllocatedTags")
    if not is_ascii or column.kind != TEXT or is_json:
        return value
    return f"regexp_replace(strip_accents({value}), '[^\\x00-\\x7F]', '?', 'g')"
