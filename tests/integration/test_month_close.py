"""A month is closed, then its inputs change: late lines, a price correction, a rule edit, a dispute, a close of the next month, a
reopening. The closed statement never moves, and what the next month books equals restated less issued, exactly.

The sample company without telemetry (its GPU cost is unobserved then), because a month close does not care where a charge came
from; the chain, tampering and refusals have unit tests of their own.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from ingest.settings import PROJECT_SEEDS
from ingest.synthetic.generate import generate
from tests.integration.tco_command import query, run_well, tco

SEPTEMBER, OCTOBER, NOVEMBER = "2026-09", "2026-10", "2026-11"
LATE = Decimal("100.123456789")
BASES = ("billed_cost", "effective_cost")


class Company:
    """The company on its way through two closes; each step is one run."""

    def __init__(self, folder: Path) -> None:
        generate(folder, months=2, end_month=OCTOBER)
        shutil.copytree(PROJECT_SEEDS, folder / "seeds")
        config = (folder / "tco.toml").read_text().split("[[sources]]")
        kept = [part for part in config if 'type = "prometheus"' not in part and 'type = "litellm"' not in part]
        self.folder, self.home, self.config = folder, folder / "data", folder / "tco.toml"
        self.config.write_text('seeds = "seeds"\n' + "[[sources]]".join(kept))

    def run(self) -> None:
        run_well(self.config)

    def tco(self, *arguments: str) -> str:
        done = tco(self.config, *arguments)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout

    def refused(self, *arguments: str) -> str:
        done = tco(self.config, *arguments)
        assert done.returncode != 0, done.stdout
        return done.stdout + done.stderr

    def late_lines(self, exported_on: str) -> None:
        """Google Cloud delivers three lines of September after the fact, in an export batch of its own."""
        month = self.folder / "gcp" / "invoice_month=202609"
        lines = gzip.decompress(next(month.glob("gcp_billing*.json.gz")).read_bytes()).decode().splitlines()
        late = [json.loads(lines[number]) | {"credits": []} for number in (3, 20, len(lines) - 2)]
        for row in late:
            row["cost"] = row["cost_at_list"] = float(LATE)
            row["export_time"] = f"{exported_on} 05:00:00 UTC"
        (month / f"late_{exported_on}.json.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, late)).encode()))

    def correct_prices(self) -> None:
        """A price was recorded at half its height."""
        path = self.folder / "seeds" / "prices" / "token_prices.csv"
        with path.open(newline="") as handle:
            rows = list(csv.DictReader(handle))
        for row in rows:
            if (row["provider"], row["model"], row["usage_type"]) == ("openai", "gpt-4o", "uncached_input"):
                row["price_usd"] = str(Decimal(row["price_usd"]) * 2)
        with path.open("w", newline="") as handle:
            writer = csv.DictWriter(handle, rows[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    def edit_rule(self) -> None:
        """The account of two owners is shared half and half from now on, for September too."""
        path = self.folder / "seeds" / "allocation" / "rules.csv"
        text = path.read_text()
        assert ",support_ai,0.6," in text and ",ads,0.4," in text
        path.write_text(text.replace(",support_ai,0.6,", ",support_ai,0.5,").replace(",ads,0.4,", ",ads,0.5,"))

    def restated(self, period: str) -> dict[tuple, Decimal]:
        """What the engine computes now, by team and basis."""
        return self._by_team(f"warehouse.intermediate.int_cost_allocations WHERE billing_period = '{period}'")

    def issued(self, period: str, *, original: str) -> dict[tuple, Decimal]:
        """What a close froze about a month, by team and basis."""
        file = next((self.home / "closes").glob(f"*-{period}-close")) / "marts" / "fct_cost_allocations.parquet"
        own = f"coalesce(x_original_billing_period, billing_period) = '{original}' AND stage != 'dispute'"
        return self._by_team(f"read_parquet('{file}') WHERE {own}")

    def adjustments(self, booked_in: str, *, original: str) -> dict[tuple, Decimal]:
        """What a published month books of a closed one, by team and basis."""
        where = f"billing_period = '{booked_in}' AND x_original_billing_period = '{original}' AND cause != 'dispute'"
        return self._by_team(f"marts.fct_adjustments WHERE {where}")

    def _by_team(self, source: str) -> dict[tuple, Decimal]:
        with duckdb.connect() as con:
            con.execute(f"ATTACH '{self.home / 'warehouse.duckdb'}' AS warehouse (READ_ONLY)")
            con.execute(f"ATTACH '{self.home / 'published/current/marts.duckdb'}' AS marts (READ_ONLY)")
            rows = con.execute(f"SELECT team_id, sum(billed_cost), sum(effective_cost) FROM {source} GROUP BY ALL").fetchall()
        amounts = {(team, basis): amount for team, *both in rows for basis, amount in zip(BASES, both, strict=True)}
        return {key: amount for key, amount in amounts.items() if amount}

    def statement_hashes(self, folder: Path) -> dict[str, str]:
        return {
            p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
            for p in sorted(folder.rglob("*"))
            if p.is_file()
        }


def less(*sides: dict[tuple, Decimal]) -> dict[tuple, Decimal]:
    """The first less all others, without zeros."""
    first, *others = sides
    keys = {key for side in sides for key in side}
    differences = {key: first.get(key, Decimal(0)) - sum((o.get(key, Decimal(0)) for o in others), Decimal(0)) for key in keys}
    return {key: amount for key, amount in differences.items() if amount}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """September closed."""
    made = Company(tmp_path_factory.mktemp("close") / "company")
    made.run()
    made.tco("close", SEPTEMBER)
    return made


@pytest.fixture(scope="module")
def closed_statement(company: Company) -> Callable[[], dict[str, str]]:
    """Hashes of September's statement: asserted equal to those of the close, and returned."""
    folder = next((company.home / "closes").glob(f"*-{SEPTEMBER}-close")) / "statement"
    frozen = company.statement_hashes(folder)
    assert "statement.html" in frozen

    def look() -> dict[str, str]:
        assert company.statement_hashes(folder) == frozen
        shown = company.statement_hashes(company.home / "statements" / SEPTEMBER)
        assert {name: shown.get(name) for name in frozen} == frozen
        assert "sound" in company.tco("verify")
        return frozen

    return look


def test_late_lines_a_price_and_a_rule_become_adjustments_of_the_next_month(company: Company, closed_statement: Callable) -> None:
    company.late_lines("2026-10-12")
    company.correct_prices()
    company.edit_rule()
    company.run()
    closed_statement()
    gap = less(company.restated(SEPTEMBER), company.issued(SEPTEMBER, original=SEPTEMBER))
    assert gap and company.adjustments(OCTOBER, original=SEPTEMBER) == gap
    assert sum(amount for (_, basis), amount in gap.items() if basis == "billed_cost") == 3 * LATE
    causes = query(company.home, "SELECT DISTINCT cause, x_original_cost_category FROM fct_adjustments ORDER BY ALL")
    assert ("charges restated", "direct") in causes and ("allocation changed", "api") in causes
    corrections = query(
        company.home,
        "SELECT count(*), count(*) FILTER (WHERE billed_cost != 0), sum(billed_cost) FROM fct_charges"
        f" WHERE charge_class = 'Correction' AND x_original_billing_period = '{SEPTEMBER}' AND billing_period = '{OCTOBER}'"
        " AND strftime(charge_date, '%Y-%m') <= '2026-09'",
    )
    assert corrections[0][0] > 3 and corrections[0][1:] == (3, 3 * LATE)


def test_as_restated_is_what_the_engine_computes_and_as_issued_what_was_closed(company: Company) -> None:
    keys = "billing_period, team_id, cost_category, billing_currency"
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{company.home / 'warehouse.duckdb'}' AS warehouse (READ_ONLY)")
        con.execute(f"ATTACH '{company.home / 'published/current/marts.duckdb'}' AS marts (READ_ONLY)")
        apart = con.execute(
            f"""
            WITH engine AS (
                SELECT {keys}, sum(billed_cost) AS amount FROM warehouse.intermediate.int_cost_allocations GROUP BY ALL
            ), shown AS (
                SELECT {keys}, amount FROM marts.chargeback_as_restated
                WHERE cost_basis = 'billed' AND cost_category != 'dispute'
            )
            SELECT * FROM engine FULL OUTER JOIN shown USING ({keys})
            WHERE coalesce(engine.amount, 0) != coalesce(shown.amount, 0)
            """
        ).fetchall()
        assert apart == []
        issued = con.execute(
            f"SELECT team_id, sum(amount) FROM marts.chargeback_as_issued WHERE billing_period = '{SEPTEMBER}'"
            " AND cost_basis = 'billed' GROUP BY ALL HAVING sum(amount) != 0"
        ).fetchall()
    closed = company.issued(SEPTEMBER, original=SEPTEMBER)
    assert dict(issued) == {team: amount for (team, basis), amount in closed.items() if basis == "billed_cost"}


def test_a_dispute_becomes_a_credit_in_the_open_month_and_leaves_the_statement(
    company: Company, closed_statement: Callable
) -> None:
    before = company.adjustments(OCTOBER, original=SEPTEMBER)
    given = ("--period", SEPTEMBER, "--team", "search", "--amount", "12.34", "--reason", "test traffic")
    assert "D0001" in company.tco("dispute", "open", *given)
    company.tco("dispute", "resolve", "D0001", "--accept", "10.04", "--reason", "half of it was")
    company.run()
    closed_statement()
    assert company.adjustments(OCTOBER, original=SEPTEMBER) == before
    rows = query(
        company.home,
        "SELECT team_id, billing_period, x_original_billing_period, billed_cost, effective_cost FROM fct_cost_allocations"
        " WHERE stage = 'dispute' ORDER BY billed_cost",
    )
    credit = Decimal("10.04")
    assert rows == [
        ("search", OCTOBER, SEPTEMBER, -credit, -credit),
        ("platform", OCTOBER, SEPTEMBER, credit, credit),
    ]
    charge = "SELECT charge_class, billed_cost FROM fct_charges WHERE x_dataset = 'disputes'"
    assert query(company.home, charge) == [("Correction", Decimal(0))]
    assert "accepted" in company.tco("dispute", "list")


def test_the_next_close_carries_the_bookings_and_later_lines_go_to_the_month_after(
    company: Company, closed_statement: Callable
) -> None:
    booked = company.adjustments(OCTOBER, original=SEPTEMBER)
    assert "2026-09 is closed already" in company.refused("close", SEPTEMBER)
    assert "2026-10 closed" in company.tco("close", OCTOBER)
    company.late_lines("2026-11-09")
    company.run()
    closed_statement()
    assert company.issued(OCTOBER, original=SEPTEMBER) == booked == company.adjustments(OCTOBER, original=SEPTEMBER)
    gap = less(company.restated(SEPTEMBER), company.issued(SEPTEMBER, original=SEPTEMBER), booked)
    assert gap and company.adjustments(NOVEMBER, original=SEPTEMBER) == gap
    assert sum(amount for (_, basis), amount in gap.items() if basis == "billed_cost") == 3 * LATE
    disputes = "SELECT billing_period, count(*) FROM fct_cost_allocations WHERE stage = 'dispute' GROUP BY ALL"
    assert query(company.home, disputes) == [(OCTOBER, 2)]
    assert f"{NOVEMBER}: open, books the adjustments" in company.tco("status")


def test_a_reopened_month_takes_its_bookings_back(company: Company, closed_statement: Callable) -> None:
    assert "closed on top of" in company.refused("reopen", SEPTEMBER, "--reason", "no")
    company.tco("reopen", OCTOBER, "--reason", "the rate card was wrong")
    company.run()
    closed_statement()
    gap = less(company.restated(SEPTEMBER), company.issued(SEPTEMBER, original=SEPTEMBER))
    assert company.adjustments(OCTOBER, original=SEPTEMBER) == gap
    assert query(company.home, f"SELECT count(*) FROM fct_charges WHERE billing_period = '{NOVEMBER}'") == [(0,)]


def test_a_changed_byte_is_found_and_named(company: Company) -> None:
    page = next((company.home / "closes").glob(f"*-{SEPTEMBER}-close")) / "statement" / "statement.html"
    content = bytearray(page.read_bytes())
    content[-3] ^= 1
    page.chmod(0o644)
    page.write_bytes(bytes(content))
    assert "statement.html" in company.refused("verify")
