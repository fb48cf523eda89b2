"""Which months get new statements, and what `tco statement` says without any published month."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from ingest.settings import Settings
from orchestration import statements
from orchestration.cli_commands import write_and_print_statement
from reporting.errors import StatementError
from reporting.statement_files import read_record
from tests.unit.reporting.company_month import FEBRUARY, MARCH, tables
from tests.unit.reporting.full_month import full_tables
from tests.unit.reporting.marts_fixture import publish


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    settings = Settings(home=tmp_path / "home")
    publish(settings.published_dir, full_tables())
    record = SimpleNamespace(totals={FEBRUARY: {}, MARCH: {}})
    monkeypatch.setattr(statements, "current_record", lambda _: record)
    return settings


def written(settings: Settings, changed: set[str]) -> list[str]:
    told: list[str] = []
    pages = statements.update_statements(settings, changed=changed, on_write=told.append)
    assert [page.parent.name for page in pages] == [FEBRUARY, MARCH] and all(page.is_file() for page in pages)
    return told


def test_pages_that_show_a_changed_month_are_written_anew(company):
    assert written(company, set()) == [FEBRUARY, MARCH], "missing ones are written"
    assert written(company, set()) == []
    assert written(company, {MARCH}) == [MARCH]
    assert written(company, {FEBRUARY}) == [FEBRUARY, MARCH], "March shows February"


def test_another_chargeback_mode_rewrites_and_leaves_no_old_file(company):
    written(company, set())
    tariff = company.model_copy(update={"chargeback_mode": "tariff"})
    assert written(tariff, set()) == [FEBRUARY, MARCH]
    charges = company.statements_dir / MARCH / "tariff_charges.csv"
    assert charges.is_file()
    assert written(company, set()) == [FEBRUARY, MARCH]
    assert not charges.exists(), "what showback does not make is removed"


def test_a_reopened_months_final_statement_is_written_anew(company):
    from reporting.statement import StatementOptions, write_statement

    written(company, set())
    write_statement(company.published_dir, MARCH, company.statements_dir, StatementOptions(month_state="closed"))
    assert written(company, set()) == [MARCH]
    record = read_record(company.statements_dir / MARCH)
    assert record is not None and record.status == "provisional"


def test_statement_command_says_status_and_reasons(company, capsys):
    write_and_print_statement(company, None, out_folder=None, is_full=False)
    said = capsys.readouterr().out
    assert f"statement of {MARCH}" in said and "provisional" in said and "GPU telemetry is missing" in said


def test_statement_without_a_published_month_is_a_clear_error(tmp_path):
    settings = Settings(home=tmp_path / "home")
    publish(settings.published_dir, {"dim_teams": tables()["dim_teams"]})
    with pytest.raises(StatementError, match=r"no month is published[\s\S]*tco run"):
        write_and_print_statement(settings, None, out_folder=None, is_full=False)
