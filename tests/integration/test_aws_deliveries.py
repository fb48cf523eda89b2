"""Acceptance on the real delivery layout of an AWS FOCUS export: first delivery, restatement, no change.

Expected totals are those of the MANIFEST.md beside the data. The data lies outside the repository.
"""

from decimal import Decimal

import pytest

from ingest.duckdb_session import connect
from ingest.lake import Lake
from ingest.run import ingest
from ingest.settings import load_settings
from tests.integration.shared_data import SHARED_DATA, deliver, needs_shared_data

EXPORT = SHARED_DATA / "billing" / "costroid" / "aws-focus-s3"

pytestmark = needs_shared_data

MONEY = ("billed_cost", "effective_cost", "list_cost", "contracted_cost")


@pytest.fixture
def settings(tmp_path):
    deliver(EXPORT / "fixture", tmp_path / "deliveries")
    config = '[[sources]]\nname = "aws"\ntype = "aws_data_exports"\nlocation = "deliveries"\n'
    (tmp_path / "tco.toml").write_text(config)
    return load_settings(tmp_path / "tco.toml")


def totals(settings):
    """Rows and money per period, as the manifests state them and as the Parquet files hold them."""
    stated, held = {}, {}
    for manifest in Lake(settings.lake_dir).manifests():
        stated[manifest.partition] = (manifest.rows, manifest.money)
        with connect() as connection:
            paths = [str(settings.lake_dir / file.path) for file in manifest.files]
            sums = "sum(BilledCost), sum(EffectiveCost), sum(ListCost), sum(ContractedCost)"
            query = f"SELECT count(*), {sums} FROM read_parquet(?) WHERE BillingCurrency = 'USD'"
            rows, *money = connection.execute(query, [paths]).fetchall()[0]
        held[manifest.partition] = (rows, {"USD": dict(zip(MONEY, money, strict=True))})
    assert stated == held
    return stated


def usd(amount):
    return {"USD": dict.fromkeys(MONEY, Decimal(amount))}


def test_fixture_then_restated_then_nothing(settings, tmp_path):
    first = ingest(settings)
    assert first.is_clean and len(first.committed) == 2
    assert totals(settings) == {"2026-05": (42, usd("32.7663")), "2026-06": (42, usd("32.7663"))}

    deliver(EXPORT / "restated", tmp_path / "deliveries")
    second = ingest(settings)
    assert [item.manifest.partition for item in second.committed] == ["2026-06"]
    assert [item.manifest.partition for item in second.unchanged] == ["2026-05"]
    assert totals(settings) == {"2026-05": (42, usd("32.7663")), "2026-06": (42, usd("58.1679"))}
    line = Lake(settings.lake_dir).load_log.lines()[-1]
    assert (line["rows_before"], line["rows"]) == (42, 42)
    assert "2026-06 replaced" in line["message"]
    assert "billed_cost 32.7663 -> 58.1679 USD (delta 25.4016)" in line["message"]

    lines = len(Lake(settings.lake_dir).load_log.lines())
    third = ingest(settings)
    assert (third.committed, len(third.unchanged)) == ((), 2)
    assert len(Lake(settings.lake_dir).load_log.lines()) == lines
    assert sum(money["USD"]["billed_cost"] for _, money in totals(settings).values()) == Decimal("90.9342")
