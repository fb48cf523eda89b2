"""The Google Cloud bill as the detailed billing export lies in files: gzip JSON lines by invoice month.

Table ``gcp_lines``: daily Gemini tokens, GKE nodes, notebooks and a commitment fee, with nested credits (a
commitment discount lowers its row, a promotion is a credit of its own), a tax row and a rounding row
without project, an unlabelled project nobody owns, a row past the month's end in UTC (the invoice month
runs on Pacific time), and a correction of the month before: negation and replacement that arrive under this
invoice month.
"""

from __future__ import annotations

from pathlib import Path

from ingest.synthetic.company import CURRENCY
from ingest.synthetic.window import Month, day_number, month_start
from ingest.synthetic.world import MONEY, World, values

ACCOUNT = "01A2B3-C4D5E6-F7A8B9"
CORRECTED_DAY = 20  # the notebooks of this day of the previous month are corrected

_VERTEX = ("Vertex AI", "C7E2-9256-1C43")
_COMPUTE = ("Compute Engine", "6F81-5844-456A")
_CPU = ("Balanced Instance Core running in Americas", "A1B2-0001-CCD1")
_FEE = ("Commitment v1: Balanced Cpu in Americas for 1 Year", "A1B2-0009-FEE1")
_NOTEBOOK = ("Notebooks", "8ED4-72D6-AA10", "Vertex Workbench management fee", "7CC1-0003-0A01")
_BUCKET = ("Cloud Storage", "95FF-2EF5-5EA1", "Standard Storage US Multi-region", "E5F0-6A5D-7BAD")
_TOKENS = ("count", "count", 1)
_HOURS = ("seconds", "hour", 3600)
# columns as in _COLUMNS
_ITEMS = (
    ("pro-in", "nw-gemini-search", *_VERTEX, "Gemini 2.5 Pro Text Input - Predictions", "5DA1-0001-AA01",
     *_TOKENS, "0.00000125", 30_000_000, 9_000_000, "", "team", "search", ""),
    ("pro-out", "nw-gemini-search", *_VERTEX, "Gemini 2.5 Pro Text Output - Predictions", "5DA1-0001-AA02",
     *_TOKENS, "0.00001", 2_000_000, 700_000, "", "team", "search", ""),
    ("flash-in", "nw-ai-shared", *_VERTEX, "Gemini 2.5 Flash GA Text Input - Predictions", "5DA1-0001-AB01",
     *_TOKENS, "0.0000003", 40_000_000, 9_000_000, "mobile", "team", "mobile", ""),
    ("flash-out", "nw-ai-shared", *_VERTEX, "Gemini 2.5 Flash GA Text Output - Predictions", "5DA1-0001-AB02",
     *_TOKENS, "0.0000025", 3_000_000, 900_000, "assistant", "team", "assistant", ""),
    ("gke-data", "nw-gke", *_COMPUTE, *_CPU, *_HOURS, "0.04", 192, 24, "data_platform", "team",
     "data_platform", "gke-data-pool"),
    ("gke-platform", "nw-gke", *_COMPUTE, *_CPU, *_HOURS, "0.04", 96, 12, "platform", "team", "platform",
     "gke-platform-pool"),
    ("cud-fee", "nw-gke", *_COMPUTE, *_FEE, *_HOURS, "0.025", 96, 1, "platform", "team", "platform", ""),
    ("notebooks", "nw-research-notebooks", *_NOTEBOOK, *_HOURS, "0.35", 40, 20, "", "team", "research",
     "wb-research-01"),
    ("sandbox", "nw-sandbox", *_BUCKET, "byte-seconds", "gibibyte month", 1, "0.026", 90, 40, "", "none", "",
     "nw-scratch"),
)  # fmt: skip
_COLUMNS = (
    "item, project_id, service, service_id, sku, sku_id, unit, pricing_unit, per_unit, price, "
    "least_quantity, quantity_range, team_label, owner_kind, owner, resource"
)
_DAY_OF_MONTH = "dayofmonth(to_days(day::integer) + date '1970-01-01')"


_TIME = "strftime({}, '%Y-%m-%d %H:%M:%S UTC')"
_LABELS = "[]::struct(key varchar, value varchar)[]"
_CREDIT = "{{'id': '{id}', 'full_name': '{name}', 'type': '{type}', 'name': '{name}', 'amount': {amount}}}"
_DISCOUNT = _CREDIT.format(
    id="cud-1", name="Committed Usage Discount: CPU", type="COMMITTED_USAGE_DISCOUNT", amount="usage_credit"
)
_PROMOTION = _CREDIT.format(id="promo-7", name="Northwind start-up credit", type="PROMOTION", amount="promotion")
# column of the export -> SQL over gcp_lines
_EXPORT = {
    "billing_account_id": f"'{ACCOUNT}'",
    "service": "{'id': service_id, 'description': service}",
    "sku": "{'id': sku_id, 'description': sku}",
    "usage_start_time": _TIME.format("start_at"),
    "usage_end_time": _TIME.format("end_at"),
    "project": "case when project_id is not null then {'id': project_id, "
    "'number': (hash(project_id) % 1000000000)::varchar, 'name': project_id, "
    f"'labels': {_LABELS}, 'ancestry_numbers': '/100200300/'}} end",
    "labels": "case when coalesce(team_label, '') = '' then [] else [{'key': 'team', 'value': team_label}] end",
    "system_labels": _LABELS,
    "location": "{'location': 'us-central1', 'country': 'US', 'region': 'us-central1', 'zone': null::varchar}",
    "resource": "{'name': nullif(resource, ''), 'global_name': case when resource != '' "
    "then '//compute.googleapis.com/projects/' || project_id || '/' || resource || '-' || copy end}",
    "tags": "[]::struct(key varchar, value varchar, inherited boolean, namespace varchar)[]",
    "price": "{'effective_price': price::decimal(12, 10), 'tier_start_amount': 0, 'unit': pricing_unit, "
    "'pricing_unit_quantity': 1}",
    "cost": "cost",
    "cost_at_list": "cost",
    "currency": f"'{CURRENCY}'",
    "currency_conversion_rate": "1.0",
    "usage": "{'amount': quantity * per_unit, 'unit': unit, 'amount_in_pricing_units': quantity, 'pricing_unit': pricing_unit}",
    "credits": f"list_filter([{_DISCOUNT}, {_PROMOTION}], lambda c: c.amount != 0)",
    "cost_type": "cost_type",
    "adjustment_info": "case when adjustment_id is not null then {'id': adjustment_id, "
    "'description': 'Corrected notebook fee', 'mode': 'COMPLETE_NEGATION_WITH_REMONETIZATION', "
    "'type': 'USAGE_CORRECTION'} end",
    "transaction_type": "'GOOGLE'",
    "seller_name": "'Google'",
}


def make_gcp_lines(world: World, month: Month) -> None:
    """Table gcp_lines of the invoice month; ``usage_credit`` lowers its row, ``promotion`` is a credit."""
    first, end = day_number(month.first), day_number(month.end)
    quantity = f"(least_quantity + {world.draw('quantity_range', 'gcp', 'item', 'copy', 'day')})"
    world.table("gcp_items", values(_COLUMNS, _ITEMS))
    world.table(
        "gcp_usage",
        f"""
        select
            i.*, copy, day, to_days(day::integer) + timestamp '1970-01-01' + to_hours(shift) as start_at,
            start_at + interval 1 day as end_at,
            {quantity}::decimal(18, 6) as quantity, ({quantity} * price::decimal(12, 10))::{MONEY} as cost,
            case when item like 'gke%' then -({quantity} // 2 * price::decimal(12, 10))::{MONEY}
                else 0 end as usage_credit,
            case when {_DAY_OF_MONTH} <= 10 and item = 'pro-in' then -5
                when {_DAY_OF_MONTH} <= 3 and item = 'gke-data'
                    then -0.75
                else 0 end::{MONEY} as promotion, 'regular' as cost_type
        from gcp_items as i cross join range({world.scale}) as c(copy)
        cross join (
            -- the last Pacific hours of the month are already the next UTC day
            select unnest(range({first}, {end})) as day, 0 as shift
            union all select {end - 1}, 26 where {str(month.is_closed).lower()}
        )
        where shift = 0 or item = 'gke-platform'
        """,
    )
    world.table("gcp_lines", _with_month_lines(world, month))


def _with_month_lines(world: World, month: Month) -> str:
    start, stop = month_start(month.period), month_start(month.period.next())
    past = month_start(month.period.previous()).replace(day=CORRECTED_DAY)
    past_quantity = f"(least_quantity + {world.draw('quantity_range', 'gcp', 'item', 'copy', str(day_number(past)))})"
    past_cost = f"({past_quantity} * price::decimal(12, 10))"
    alone = f"timestamp '{start}' as start_at, timestamp '{stop}' as end_at, 'pool' as owner_kind"
    return f"""
        select * from gcp_usage
        union all by name
        select 'tax' as cost_type, 'Invoice' as service, '0000-0000-0000' as service_id, 'Tax' as sku,
            '0000-0000-0001' as sku_id, {alone},
            'tax' as owner, round(sum(cost + usage_credit + promotion) * 0.06::decimal(3, 2),
                2)::{MONEY} as cost,
            0 as usage_credit, 0 as promotion
        from gcp_usage
        union all by name
        select 'rounding error' as cost_type, 'Invoice' as service, '0000-0000-0000' as service_id,
            'Rounding error' as sku,
            '0000-0000-0002' as sku_id, {alone}, 'rounding' as owner,
            (round(sum(cost + usage_credit + promotion), 2) - sum(cost + usage_credit + promotion))::{MONEY}
                as cost,
            0 as usage_credit, 0 as promotion
        from gcp_usage
        union all by name
        select i.*, copy, 'adjustment' as cost_type, timestamp '{past}' as start_at,
            start_at + interval 1 day as end_at,
            (sign * {past_quantity})::decimal(18, 6) as quantity, (sign * share * {past_cost})::{MONEY}
                as cost,
            0 as usage_credit, 0 as promotion, 'adj-{month.label}-' || copy as adjustment_id
        from gcp_items as i cross join range({world.scale}) as c(copy)
        cross join (values (-1, 1.0::decimal(2, 1)), (1, 0.8)) as correction(sign, share)
        where item = 'notebooks'"""


def write_gcp(world: World, month: Month, out: Path) -> int:
    """Write the invoice month from table gcp_lines.

    Returns:
        Number of export rows.
    """
    folder = out / "gcp" / f"invoice_month={month.label.replace('-', '')}"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / "gcp_billing_export_resource_v1_000000000000.json.gz"
    world.con.execute(f"copy ({_select(month)}) to '{target}' (format json, compression gzip)")
    return world.value("select count(*) from gcp_lines")


def _select(month: Month) -> str:
    exported = f"greatest(end_at, timestamp '{month_start(month.period)}') + interval 5 hour"
    of_month = {
        "invoice": f"{{'month': '{month.label.replace('-', '')}'}}",
        "export_time": _TIME.format(exported),
    }
    shown = ", ".join(f"{sql} as {name}" for name, sql in {**_EXPORT, **of_month}.items())
    return f"select {shown} from gcp_lines order by start_at, project_id, sku_id, copy, team_label, cost"
