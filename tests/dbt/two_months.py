"""Two months of a small company as rows of the marts, from a handful of parameters that a scenario changes one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import duckdb

from tests.dbt.compiled import DBT_PROJECT, column_types

PERIODS = ("2026-09", "2026-10")
MARTS = {"fct_charges": "charges", "fct_cost_allocations": "allocation", "fct_token_usage": "usage"}
PRICES = {"uncached_input": 2.0, "cache_read": 0.2, "output": 8.0}
SIZES = {"tiny": 0.5, "small": 1.0, "large": 3.0}
TOKEN_COLUMNS = {
    "uncached_input": "input_uncached_tokens", "cache_read": "cache_read_tokens", "cache_write_5m": "cache_write_5m_tokens",
    "cache_write_30m": "cache_write_30m_tokens", "cache_write_1h": "cache_write_1h_tokens", "output": "output_tokens",
}


@dataclass(frozen=True, kw_only=True)
class Month:
    """What happened in a month; team ads asks the models, runs the GPUs and keeps a bucket, search keeps another."""

    requests: dict[str, float] = field(default_factory=lambda: {"small": 1000.0, "large": 500.0})
    calls_per_request: float = 1.2
    tokens_per_call: float = 4000.0
    output_share: float = 0.2
    cached_share: float = 0.25
    api_price: float = 1.0
    api_discount: float = 0.9
    productive_hours: float = 300.0
    under_utilised_hours: float = 100.0
    idle_hours: float = 80.0
    gpu_price: float = 4.0
    gpu_discount: float = 0.75
    bucket_gb: float = 500.0
    gb_price: float = 0.023
    bucket_team: str = "ads"
    bucket_rule: str = "r1"
    bucket_tags: str = '{"team":"ads"}'
    support: float = 240.0
    ads_share: float = 0.4
    euro_gb: float = 100.0
    euros_per_dollar: float = 0.9
    unused_commitment: float = 12.0
    credit: float = -7.0
    adjustment: float = 0.0


def fill(con: duckdb.DuckDBPyConnection, months: tuple[Month, Month]) -> None:
    """Replace the rows of the marts and of the exchange rates by two months."""
    for mart in MARTS:
        con.execute(f"delete from warehouse.marts.{mart}")
    con.execute("delete from warehouse.seeds.fx_rates")
    for period, month in zip(PERIODS, months, strict=True):
        for mart, row in _rows(period, month):
            marks = ", ".join("?" for _ in row)
            con.execute(f"insert into warehouse.marts.{mart} ({', '.join(row)}) values ({marks})", list(row.values()))
        con.execute(
            "insert into warehouse.seeds.fx_rates values ('USD', 'EUR', ?, cast(? as date) + interval 1 month, ?, '')",
            [f"{period}-01", f"{period}-01", month.euros_per_dollar],
        )


def create_marts(con: duckdb.DuckDBPyConnection) -> None:
    """Create the marts the comparison reads, in the types of their contracts, and the seed of exchange rates."""
    for mart, subject in MARTS.items():
        types = column_types(DBT_PROJECT / "models" / "marts" / subject / f"{mart}.yml")
        con.execute(f"create table warehouse.marts.{mart} ({', '.join(f'{name} {kind}' for name, kind in types.items())})")
    con.execute(
        "create table warehouse.seeds.fx_rates (from_currency varchar, to_currency varchar, valid_from date, valid_to date,"
        " rate decimal(38, 18), source varchar)"
    )


def _rows(period: str, month: Month) -> Iterator[tuple[str, dict]]:
    yield from _api(period, month)
    yield from _gpus(period, month)
    yield from _direct(period, month)
    yield from _pool(period, month)
    if month.adjustment:
        yield "fct_cost_allocations", _part(
            period, "adj", "ads", month.adjustment, cost_category="adjustment", stage="adjustment",
            x_original_billing_period="2026-07",
        )


def _charge(period: str, key: str, cost: float, **values: object) -> tuple[str, dict]:
    head = {
        "charge_key": f"{period} {key}", "billing_period": period, "charge_date": f"{period}-03", "charge_category": "Usage",
        "service_provider_name": "AWS", "service_name": "AmazonEC2", "billing_currency": "USD", "billed_cost": cost,
        "effective_cost": cost, "list_cost": cost, "contracted_cost": cost, "x_evidence": "invoiced",
    }
    return "fct_charges", head | values


def _part(period: str, key: str, team: str, cost: float, **values: object) -> dict:
    return {
        "allocation_key": f"{period} {key} {team} {values.get('gpu_state', '')}", "charge_key": f"{period} {key}",
        "billing_period": period, "charge_date": f"{period}-03", "billing_currency": "USD", "team_id": team, "charge_category":
        "Usage", "service_provider_name": "AWS", "service_name": "AmazonEC2", "billed_cost": cost, "effective_cost": cost,
        "x_evidence": "invoiced", "cost_category": "direct", "stage": "direct",
    } | values


def _api(period: str, month: Month) -> Iterator[tuple[str, dict]]:
    for model, requests in month.requests.items():
        calls = requests * month.calls_per_request
        tokens = calls * month.tokens_per_call
        by_type = {
            "uncached_input": tokens * (1 - month.output_share) * (1 - month.cached_share),
            "cache_read": tokens * (1 - month.output_share) * month.cached_share,
            "output": tokens * month.output_share,
        }
        factor = SIZES[model] * month.api_price / 1_000_000
        listed = {token_type: count * PRICES[token_type] * factor for token_type, count in by_type.items()}
        for token_type, cost in listed.items():
            provider = {"service_provider_name": "OpenAI", "service_name": "OpenAI API"}
            key, paid = f"{model} {token_type}", cost * month.api_discount
            yield _charge(
                period, key, paid, sku_meter=key, x_model=model, x_token_type=token_type, consumed_unit="tokens",
                consumed_quantity=by_type[token_type], list_cost=None, contracted_cost=None, **provider,
            )
            yield "fct_cost_allocations", _part(
                period, key, "ads", paid, stage="api_pool", cost_category="api", model_id=f"openai/{model}", rule_id="api",
                **provider,
            )
        common = {"billing_period": period, "team_id": "ads", "model_id": f"openai/{model}"}
        counts = {column: int(by_type.get(token_type, 0)) for token_type, column in TOKEN_COLUMNS.items()}
        yield "fct_token_usage", common | counts | {
            "usage_key": f"{period} {model}", "requests": round(calls), "total_tokens": int(tokens), "is_primary": True,
            "list_cost": sum(listed.values()),
        }
        retried = round(requests * (month.calls_per_request - 1))
        yield "fct_token_usage", common | {
            "usage_key": f"{period} {model} log", "requests": round(requests), "retried_requests": retried, "is_primary": False,
        }


def _gpus(period: str, month: Month) -> Iterator[tuple[str, dict]]:
    hours = {
        "productive": month.productive_hours, "under_utilised": month.under_utilised_hours, "warm_idle": month.idle_hours,
    }
    total = sum(hours.values())
    if not total:
        return
    paid = month.gpu_price * month.gpu_discount
    yield _charge(
        period, "gpu", total * paid, list_cost=total * month.gpu_price, resource_id="i-1", x_instance_type="p5.48xlarge",
        consumed_unit="Hrs", consumed_quantity=total, sku_meter="BoxUsage:p5.48xlarge",
    )
    for state, count in hours.items():
        category = "idle" if state == "warm_idle" else "gpu"
        yield "fct_cost_allocations", _part(
            period, "gpu", "ads", count * paid, stage="gpu_pool", cost_category=category, gpu_state=state, rule_id="gpu",
            pool_id="gpu",
        )


def _direct(period: str, month: Month) -> Iterator[tuple[str, dict]]:
    s3 = {"service_name": "AmazonS3", "sku_meter": "TimedStorage", "consumed_unit": "GB-Mo"}
    buckets = (("bucket", month.bucket_gb, month.bucket_team, month.bucket_rule, month.bucket_tags),
               ("other", 300.0, "search", "r1", '{"team":"search"}'))
    for name, size, team, rule, tags in buckets:
        cost = size * month.gb_price
        yield _charge(period, name, cost, resource_id=name, consumed_quantity=size, tags=tags, **s3)
        yield "fct_cost_allocations", _part(period, name, team, cost, service_name="AmazonS3", rule_id=rule)
    euros = month.euro_gb * 0.05 * month.euros_per_dollar
    yield _charge(period, "euro", euros, billing_currency="EUR", resource_id="e", consumed_quantity=month.euro_gb, **s3)
    yield "fct_cost_allocations", _part(
        period, "euro", "ads", euros, billing_currency="EUR", service_name="AmazonS3", rule_id="r1"
    )
    unused = {"commitment_discount_id": "plan", "commitment_discount_status": "Unused", "list_cost": 0, "contracted_cost": 0}
    yield _charge(period, "unused", month.unused_commitment, **unused)
    yield "fct_cost_allocations", _part(period, "unused", "platform", month.unused_commitment, rule_id="plan")
    yield _charge(period, "credit", month.credit, charge_category="Credit")
    yield "fct_cost_allocations", _part(period, "credit", "ads", month.credit, charge_category="Credit", rule_id="credits")


def _pool(period: str, month: Month) -> Iterator[tuple[str, dict]]:
    yield _charge(period, "support", month.support, service_name="AWSSupport")
    for team, share in (("ads", month.ads_share), ("search", 1 - month.ads_share)):
        yield "fct_cost_allocations", _part(
            period, "support", team, month.support * share, stage="shared_pool", cost_category="shared", pool_id="support",
            rule_id="support",
        )
