"""A statement of the company or of one team, ready for page, PDF and workbook: facts, figures, sections, terms."""

from __future__ import annotations

from dataclasses import dataclass

from reporting.csv_files import Row
from reporting.datatable import DataTable, Section
from reporting.evidence import LEGEND
from reporting.formatting import clean, instant, month_name
from reporting.month import CurrencyBlock, MonthStatement
from reporting.sections_company import company_sections, key_figures
from reporting.sections_money import (
    Names,
    change_section,
    corrections_section,
    evidence_section,
    journal_section,
)
from reporting.sections_tariff import tariff_section
from reporting.sections_team import category_table, team_parts
from reporting.terms import terms_of


@dataclass(frozen=True)
class DocumentBlock:
    """One currency: its key figures and sections."""

    currency: str
    figures: DataTable
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Document:
    """A statement's content. `team_id` is None for the company."""

    month: MonthStatement
    team_id: str | None
    title: str
    owner: str
    facts: tuple[tuple[str, str], ...]
    blocks: tuple[DocumentBlock, ...]
    terms: tuple[tuple[str, str], ...]


def company_document(month: MonthStatement, names: Names) -> Document:
    """The whole company."""
    blocks = tuple(
        DocumentBlock(block.currency, key_figures(month, block), company_sections(month, block, names))
        for block in month.blocks
    )
    return _document(month, None, "Whole company", blocks)


def team_document(month: MonthStatement, team_id: str, names: Names) -> Document:
    """One team: the blocks of the currencies it has an amount in, now or last month."""
    blocks = tuple(
        DocumentBlock(block.currency, key_figures(month, block, team_id), _team_sections(month, block, team_id, names))
        for block in month.blocks
        if team_id in block.ledger.team_ids
    )
    return _document(month, team_id, names.get(team_id, clean(team_id)), blocks)


def cover_rows(document: Document) -> list[Row]:
    """The workbook's first sheet: facts, status with reasons, totals per currency, legend."""
    status = document.month.status
    rows: list[Row] = [("Statement of", document.owner), *document.facts, ("Status", status.label)]
    rows += [("", text) for text in (*status.reasons, *status.notes)]
    for block in document.blocks:
        rows += [(), tuple(column.title for column in block.figures.columns[:4])]
        rows += [row[:4] for row in block.figures.rows]  # type: ignore[misc]
    rows += [(), *((f"Grade {grade}", word, text) for grade, word, text in LEGEND)]
    rows += [(), *document.terms]
    return rows


def _document(month: MonthStatement, team_id: str | None, owner: str, blocks: tuple[DocumentBlock, ...]) -> Document:
    snapshot = month.snapshot
    facts = [("Snapshot", clean(snapshot.snapshot_id))]
    if snapshot.created_at:
        facts.append(("Published", instant(snapshot.created_at)))
    if snapshot.code_version:
        facts.append(("Code", clean(snapshot.code_version)))
    if team_id in month.teams and team_id is not None:
        team = month.teams[team_id]
        named = (("Cost centre", team.cost_center), ("Department", team.department))
        facts += [(word, clean(value)) for word, value in named if value]
    title = month_name(month.billing_period)
    return Document(month, team_id, title, owner, tuple(facts), blocks, terms_of(month.previous_period))


def _team_sections(month: MonthStatement, block: CurrencyBlock, team_id: str, names: Names) -> tuple[Section, ...]:
    lead = "Effective and billed cost; the two are never added."
    found = (
        change_section(month, block, names, team_id),
        Section("Cost by category", lead, tables=(category_table(block.ledger, team_id),)),
        corrections_section(block, names, team_id),
        tariff_section(block, names, team_id),
        *team_parts(block, team_id),
        evidence_section(block, team_id),
        journal_section(block, team_id),
    )
    return tuple(section for section in found if section is not None)
