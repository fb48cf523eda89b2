"""A clean month of LLM API deliveries: the gateway saw every call, and log, usage, costs and invoices agree to the last digit.

The sample company's streams without the model that has no price, all through the gateway. Faults are put in one by one between
the steps. The invoices are in cents, as invoices are.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from ingest.billing_period import BillingPeriod
from ingest.synthetic import api_calls
from ingest.synthetic.api_pages import write_api_pages
from ingest.synthetic.api_traffic import TRAFFIC, UNKNOWN_MODEL, gateway_key
from ingest.synthetic.faults import Fault, Stage
from ingest.synthetic.litellm import make_gateway_log, write_gateway_log
from ingest.synthetic.window import EPOCH, Month, month_start
from ingest.synthetic.world import World, open_world

SIZE = 5  # times the sample company's calls
ISSUERS = {"openai": "OpenAI", "anthropic": "Anthropic"}
SOURCES = (("openai_main", "openai", "openai"), ("anthropic_main", "anthropic", "anthropic"), ("gateway", "litellm", "litellm"))


@dataclass(frozen=True, kw_only=True)
class Invoice:
    """An invoice known from outside the bill lines, as a row of seeds/allocation/invoices.csv."""

    billing_period: str
    invoice_issuer_name: str
    currency: str
    invoiced_amount: Decimal


@dataclass(frozen=True, kw_only=True)
class ApiMonth:
    """What was written: the month's invoices, and the dollars of every fault in the order given."""

    out: Path
    invoices: tuple[Invoice, ...]
    injected: tuple[Decimal, ...]


def write_api_month(
    out: Path,
    *,
    period: str = "2026-10",
    seed: int = 42,
    faults: Sequence[Fault] = (),
    has_unknown_model: bool = False,
    is_log_parquet: bool = False,
) -> ApiMonth:
    """Write openai/, anthropic/ and litellm/ of one whole month below ``out``.

    Args:
        out: folder; files of the same names are overwritten.
        period: the month, ``YYYY-MM``.
        seed: another seed gives other calls.
        faults: put in at their stages, in this order within a stage.
        has_unknown_model: keep the stream of the model without a price.
        is_log_parquet: write the gateway's log in the lake's schema instead of JSON lines.
    """
    billing_period = BillingPeriod.parse(period)
    month = Month(period=billing_period, first=month_start(billing_period), end=month_start(billing_period.next()))
    world = open_world(seed=seed, scale=1)
    injected: dict[int, Decimal] = {}

    def put_in(stage: Stage) -> None:
        for number, fault in enumerate(faults):
            if fault.stage is stage:
                injected[number] = fault.inject(world, fault.target)

    try:
        _make_calls(world, month, has_unknown_model=has_unknown_model)
        put_in(Stage.CALLS)
        make_gateway_log(world, [(_alias(t.number), gateway_key(_alias(t.number)), t.team) for t in TRAFFIC])
        put_in(Stage.LOG)
        api_calls.make_api_costs(world)
        put_in(Stage.COSTS)
        _make_invoices(world)
        put_in(Stage.INVOICES)
        write_api_pages(world, month, out)
        logged = [EPOCH + timedelta(days=day) for (day,) in world.rows("select distinct day from gateway_log order by day")]
        write_gateway_log(world, tuple(logged), out, has_writes=True, is_parquet=is_log_parquet)
        invoices = tuple(
            Invoice(billing_period=month.label, invoice_issuer_name=ISSUERS[provider], currency=currency, invoiced_amount=amount)
            for provider, currency, amount in world.rows("select * from api_invoices order by provider")
        )
    finally:
        world.con.close()
    return ApiMonth(out=out, invoices=invoices, injected=tuple(injected[number] for number in range(len(faults))))


def write_api_company(
    out: Path, *, seeds: Path, period: str = "2026-10", seed: int = 42, faults: Sequence[Fault] = ()
) -> ApiMonth:
    """Write a month with its own ``seeds`` (a copy of ``seeds`` plus the invoices) and a ``tco.toml`` to run it."""
    written = write_api_month(out, period=period, seed=seed, faults=faults)
    shutil.copytree(seeds, out / "seeds", dirs_exist_ok=True)
    with (out / "seeds" / "allocation" / "invoices.csv").open("w", encoding="utf-8", newline="") as handle:
        rows = csv.writer(handle, lineterminator="\n")
        rows.writerow(("billing_period", "invoice_issuer_name", "invoice_id", "currency", "invoiced_amount", "source"))
        for row in written.invoices:
            rows.writerow((row.billing_period, row.invoice_issuer_name, "", row.currency, row.invoiced_amount, "sample"))
    lines = ["# A month of LLM APIs and their gateway.", 'home = "data"', 'seeds = "seeds"']
    for name, kind, location in SOURCES:
        lines += ["", "[[sources]]", f'name = "{name}"', f'type = "{kind}"', f'location = "{location}"']
    (out / "tco.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return written


def _make_calls(world: World, month: Month, *, has_unknown_model: bool) -> None:
    api_calls.make_api_tables(world)
    # one row a call; the calls are large, so that a fault in some of them is worth more than cents
    world.con.execute(
        "update traffic set gateway = 'stream-' || traffic_no, weight = 1,"
        f" input_tokens = {SIZE} * input_tokens, output_tokens = {SIZE} * output_tokens"
    )
    if not has_unknown_model:
        world.con.execute(f"delete from traffic where model = '{UNKNOWN_MODEL}'")
    api_calls.make_api_calls(world, month.first, month.end)


def _make_invoices(world: World) -> None:
    world.table(
        "api_invoices",
        """select provider, 'USD' as currency, sum(amount)::decimal(18, 2) as invoiced_amount
        from api_costs group by provider""",
    )


def _alias(number: int) -> str:
    return f"stream-{number}"
