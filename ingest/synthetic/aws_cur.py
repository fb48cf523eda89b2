"""Writes the first payer's bill as AWS Data Exports does: CUR 2.0, Snappy Parquet, overwritten by period.

``aws_cur/<bucket>/<prefix>/<export>/data/BILLING_PERIOD=YYYY-MM/<export>-00001.snappy.parquet`` and
``…/metadata/BILLING_PERIOD=YYYY-MM/<export>-Manifest.json``,
    which names exactly the files of the newest refresh.
"""

from __future__ import annotations

import json
from pathlib import Path

from ingest.synthetic.company import APPS_ACCOUNT, AWS_ISSUER, CURRENCY, GPU_PAYER
from ingest.synthetic.cur_columns import cur_columns
from ingest.synthetic.window import Month, month_start
from ingest.synthetic.world import World

BUCKET, PREFIX, EXPORT = "northwind-billing", "exports", "nw-cur2"
ROWS_PER_FILE = 4_000_000

_ACCOUNT_NAME = f"case account_id when '{APPS_ACCOUNT}' then 'nw-apps' else 'nw-ml-platform' end"
_ISO = "'%Y-%m-%dT%H:%M:%SZ'"
# CUR column -> expression over aws_lines; every other column is null
_EXPRESSIONS = {
    "bill_bill_type": "'Anniversary'",
    "bill_billing_entity": "coalesce(billing_entity, 'AWS')",
    "bill_billing_period_start_date": "timestamp '{start}'",
    "bill_billing_period_end_date": "timestamp '{stop}'",
    "bill_invoice_id": "{invoice}",
    "bill_invoicing_entity": f"'{AWS_ISSUER}'",
    "bill_payer_account_id": f"'{GPU_PAYER}'",
    "bill_payer_account_name": "'northwind-payer'",
    "identity_line_item_id": "lower(to_hex(hash(line_type, product_code, resource_id, account_id, usage_type, start_at)))",
    "identity_time_interval": f"strftime(start_at, {_ISO}) || '/' || strftime(end_at, {_ISO})",
    "line_item_availability_zone": "case when instance_type is not null then 'us-east-1a' end",
    "line_item_blended_cost": "cost",
    "line_item_currency_code": f"'{CURRENCY}'",
    "line_item_legal_entity": f"coalesce(legal_entity, '{AWS_ISSUER}')",
    "line_item_line_item_description": "description",
    "line_item_line_item_type": "line_type",
    "line_item_operation": "operation",
    "line_item_product_code": "product_code",
    "line_item_resource_id": "resource_id",
    "line_item_tax_type": "tax_type",
    "line_item_unblended_cost": "cost",
    "line_item_usage_account_id": "account_id",
    "line_item_usage_account_name": _ACCOUNT_NAME,
    "line_item_usage_amount": "usage_amount",
    "line_item_usage_end_date": "end_at",
    "line_item_usage_start_date": "start_at",
    "line_item_usage_type": "usage_type",
    "pricing_currency": f"'{CURRENCY}'",
    "pricing_public_on_demand_cost": "public_cost",
    "pricing_term": "case when term = 'On Demand' then 'OnDemand' when term = 'Spot Instance' then 'Spot' end",
    "pricing_purchase_option": "case when term = 'Savings Plan' then 'No Upfront' end",
    "pricing_unit": "unit",
    "product_instance_family": "case when family = 'Compute Instance' then 'GPU instance' end",
    "product_instance_type": "instance_type",
    "product_location": "case when line_type not in ('Tax', 'Credit', 'Refund') then 'US East (N. Virginia)' end",
    "product_product_family": "family",
    "product_region_code": "case when line_type not in ('Tax', 'Credit', 'Refund') then 'us-east-1' end",
    "product_servicecode": "product_code",
    "product_sku": "to_hex(hash(product_code, usage_type))",
    "product_usagetype": "usage_type",
    "product_operation": "operation",
    "savings_plan_offering_type": "case when sp_arn is not null then 'ComputeSavingsPlans' end",
    "savings_plan_payment_option": "case when sp_arn is not null then 'No Upfront' end",
    "savings_plan_purchase_term": "case when sp_arn is not null then '1yr' end",
    "savings_plan_region": "case when sp_arn is not null then 'us-east-1' end",
    "savings_plan_recurring_commitment_for_billing_period": "sp_total",
    "savings_plan_savings_plan_a_r_n": "sp_arn",
    "savings_plan_savings_plan_effective_cost": "sp_effective",
    "savings_plan_savings_plan_rate": "sp_rate",
    "savings_plan_total_commitment_to_date": "sp_total",
    "savings_plan_used_commitment": "sp_used",
    "product": "map(['product_name', 'region'], [product_name, 'us-east-1'])",
    "resource_tags": "case when name_tag is null then map([]::varchar[], []::varchar[]) "
    "when coalesce(team_tag, '') != '' then map(['user_team', 'user_name'], [team_tag, name_tag]) "
    "when coalesce(component_tag, '') != '' "
    "then map(['user_component', 'user_name'], [component_tag, name_tag]) "
    "else map(['user_name'], [name_tag]) end",
}


def invoice_id(month: Month, suffix: str) -> str:
    """The invoice number of a month; empty while the month is open."""
    return f"21{month.label.replace('-', '')}{suffix}" if month.is_closed else ""


def write_aws_cur(world: World, month: Month, out: Path) -> int:
    """Write the month's export from table aws_lines.

    Returns:
        Number of bill lines.
    """
    root = out / "aws_cur"
    base = f"{BUCKET}/{PREFIX}/{EXPORT}"
    period = f"BILLING_PERIOD={month.label}"
    data = root / base / "data" / period
    data.mkdir(parents=True, exist_ok=True)
    rows = world.value("select count(*) from aws_lines")
    names = []
    for index in range(max(1, -(-rows // ROWS_PER_FILE))):
        name = f"{EXPORT}-{index + 1:05d}.snappy.parquet"
        page = f"limit {ROWS_PER_FILE} offset {index * ROWS_PER_FILE}" if rows > ROWS_PER_FILE else ""
        world.con.execute(
            f"copy ({_select(month)} {page}) to '{data / name}' (format parquet, compression snappy, row_group_size 200000)"
        )
        names.append(name)
    manifest = root / base / "metadata" / period / f"{EXPORT}-Manifest.json"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    uris = [f"s3://{base}/data/{period}/{name}" for name in names]
    manifest.write_text(json.dumps(_manifest(month, data, uris), indent=2) + "\n", encoding="utf-8")
    return rows


def _select(month: Month) -> str:
    start, stop = month_start(month.period), month_start(month.period.next())
    main, market = (invoice_id(month, suffix) or None for suffix in ("01", "77"))
    invoice = f"case when legal_entity is null then {_text(main)} else {_text(market)} end"
    shown = [
        f"cast({_EXPRESSIONS[name].format(start=start, stop=stop, invoice=invoice)} as {kind}) as {name}"
        if name in _EXPRESSIONS
        else f"cast({'map {}' if kind.startswith('map') else 'null'} as {kind}) as {name}"
        for name, kind in cur_columns().items()
    ]
    return f"select {', '.join(shown)} from aws_lines"


def _text(value: str | None) -> str:
    return "cast(null as varchar)" if value is None else f"'{value}'"


def _manifest(month: Month, data: Path, uris: list[str]) -> dict[str, object]:
    kinds = {"varchar": "string", "timestamp": "timestamp", "double": "double"}
    return {
        "exportId": "3c5d1f7e-90aa-4b1c-8f27-6d2f4b7a1e55",
        "exportName": EXPORT,
        "executionId": f"{month.end:%Y%m%d}T060000Z-0c2e55aa",
        "billingPeriod": month.label,
        "table": "COST_AND_USAGE_REPORT",
        "dataFiles": [{"s3Uri": uri, "size": (data / uri.rsplit("/", 1)[1]).stat().st_size} for uri in uris],
        "columns": [{"name": name, "type": kinds.get(kind, "map")} for name, kind in cur_columns().items()],
        "additionalOutputFiles": [],
    }
