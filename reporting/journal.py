"""The month as a balanced general-ledger journal in the cents of the statement.

Expenses are debited at effective cost per team, category and lifecycle, so their sum is the statement's
effective total. Issuers are credited at billed cost, invoice by invoice as in the tie-out, so their sum is the
billed total. Between the two stands the prepaid account: what was billed but not used yet, or used but billed
before. Cents between an invoice and its allocated lines go to a rounding account and sum to zero. Debits equal
credits per currency, or nothing is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from reporting.errors import StatementError
from reporting.journal_leaves import ISSUER, Leaf, by_issuer, exact_leaves, printed_leaves
from reporting.journal_lines import EXPENSE, PAYABLE, PREPAID, RECHARGE, ROUNDING, AccountRow, PostingRow
from reporting.ledger import BASES, BILLED, EFFECTIVE, CurrencyLedger
from reporting.rounding import exact_sum
from reporting.tie_out import TieOut, TieRow

SETTLEMENT = "settlement"


@dataclass(frozen=True)
class JournalLine:
    """One line; `amount` is a debit when positive and a credit when negative, in printed cents."""

    posting: str
    account_code: str
    account_name: str
    team_id: str
    cost_category: str
    lifecycle: str
    issuer: str
    invoice_id: str
    amount: Decimal
    memo: str

    @property
    def debit(self) -> Decimal:
        """The amount, if a debit."""
        return max(self.amount, Decimal(0).quantize(self.amount))

    @property
    def credit(self) -> Decimal:
        """The amount without its sign, if a credit."""
        return max(-self.amount, Decimal(0).quantize(self.amount))


@dataclass(frozen=True)
class Journal:
    """Lines of the company and of each team in one currency; each of them balances."""

    currency: str
    lines: tuple[JournalLine, ...]
    by_team: dict[str, tuple[JournalLine, ...]]

    def of(self, team_id: str | None) -> tuple[JournalLine, ...]:
        """A team's lines, or the company's."""
        return self.lines if team_id is None else self.by_team.get(team_id, ())


def build_journal(
    ledger: CurrencyLedger,
    *,
    tie_out: TieOut,
    rows: Iterable[PostingRow],
    accounts: Sequence[AccountRow],
    recharges: dict[str, Decimal],
    period: str,
) -> Journal:
    """Post one currency: `rows` to the expense accounts they name, the rest by `accounts`.

    `recharges` is printed tariff less actual cost by team, summing to zero; empty for showback.

    Raises:
        StatementError: an amount has no account, or debits and credits differ.
    """
    own = [row for row in rows if row.currency == ledger.currency]
    plan = _Plan(accounts, period)
    names = {row.account_code: row.account_name for row in own}
    _check_accounts(own, period)
    exact = {basis: exact_leaves(own, basis) for basis in BASES}
    printed = {basis: printed_leaves(exact[basis], ledger, basis) for basis in BASES}
    teams = sorted({leaf[0] for leaves in printed.values() for leaf in leaves} | set(recharges))
    by_team = {
        team: (
            *_expenses(printed[EFFECTIVE], names, team),
            *_prepaid(printed, exact, plan, team),
            *_recharge(recharges, plan, team),
            *_payables(printed[BILLED], plan, team),
        )
        for team in teams
    }
    lines = [line for team in teams for line in by_team[team] if line.posting in (EXPENSE, RECHARGE)]
    lines += _prepaid(printed, exact, plan, None)
    lines += _invoiced(exact, tie_out, printed[BILLED], plan)
    lines = _without_repeats(lines)
    for name, chosen in (("the company", lines), *by_team.items()):
        if sum_of(chosen):
            raise _unbalanced(name, chosen, period=period, currency=ledger.currency)
    return Journal(ledger.currency, tuple(lines), {team: tuple(lines) for team, lines in by_team.items()})


def sum_of(lines: Iterable[JournalLine]) -> Decimal:
    """Debits less credits."""
    return exact_sum(line.amount for line in lines)


class _Plan:
    """The accounts of everything that is no expense."""

    def __init__(self, accounts: Sequence[AccountRow], period: str) -> None:
        self._accounts, self._period = accounts, period

    def line(self, posting: str, amount: Decimal, *, memo: str, issuer: str = "", **fields: str) -> JournalLine:
        """A line on the account of a posting and issuer."""
        account = self._account(posting, issuer)
        blank = {"team_id": "", "cost_category": "", "lifecycle": "", "invoice_id": ""}
        return JournalLine(
            posting, account.account_code, account.account_name, issuer=issuer, amount=amount, memo=memo,
            **{**blank, **fields},
        )  # fmt: skip

    def _account(self, posting: str, issuer: str) -> AccountRow:
        for account in self._accounts:
            if account.posting == posting and account.issuer in ("", issuer):
                return account
        raise _no_account(f"{posting} {issuer}".strip(), self._period)


def _expenses(leaves: dict[Leaf, Decimal], names: dict[str, str], team: str) -> Iterable[JournalLine]:
    sums: dict[Leaf, list[Decimal]] = defaultdict(list)
    for leaf, amount in leaves.items():
        if leaf[0] == team:
            sums[leaf[:ISSUER]].append(amount)
    for (_, category, account, lifecycle), parts in sorted(sums.items()):
        amount = exact_sum(parts)
        if amount:
            memo = f"{category}, {lifecycle}" if lifecycle else category
            yield JournalLine(
                EXPENSE, account, names[account], team, category, lifecycle, "", "", amount, memo
            )


def _prepaid(
    printed: dict[str, dict[Leaf, Decimal]], exact: dict[str, dict[Leaf, Decimal]], plan: _Plan, team: str | None
) -> Iterable[JournalLine]:
    """Billed less effective per issuer; a mere difference of cents is rounding."""
    billed, effective = (by_issuer(printed[basis], team) for basis in (BILLED, EFFECTIVE))
    true_billed, true_effective = (by_issuer(exact[basis], team) for basis in (BILLED, EFFECTIVE))
    for issuer in sorted(billed.keys() | effective.keys()):
        amount = billed.get(issuer, Decimal(0)) - effective.get(issuer, Decimal(0))
        is_cents = true_billed.get(issuer, Decimal(0)) == true_effective.get(issuer, Decimal(0))
        if amount:
            posting, memo = (ROUNDING, "cents of both bases") if is_cents else (PREPAID, "billed less effective cost")
            yield plan.line(posting, amount, memo=memo, issuer=issuer, team_id=team or "")


def _recharge(recharges: dict[str, Decimal], plan: _Plan, team: str) -> Iterable[JournalLine]:
    """Tariff less actual cost, settled with the team that recovers it; the settlements of all teams cancel."""
    amount = recharges.get(team)
    if amount:
        yield plan.line(RECHARGE, amount, memo="tariff less actual cost", team_id=team)
        settled = plan.line(RECHARGE, -amount, memo="settled with the team that recovers the cost", team_id=team)
        yield replace(settled, posting=SETTLEMENT)


def _payables(leaves: dict[Leaf, Decimal], plan: _Plan, team: str) -> Iterable[JournalLine]:
    """A team's part of what is owed, per issuer."""
    for issuer, amount in by_issuer(leaves, team).items():
        if amount:
            yield plan.line(PAYABLE, -amount, memo="part of the issuer's invoices", issuer=issuer, team_id=team)


def _invoiced(
    exact: dict[str, dict[Leaf, Decimal]], tie_out: TieOut, leaves: dict[Leaf, Decimal], plan: _Plan
) -> Iterable[JournalLine]:
    """What is owed per invoice, with the cents to its allocated lines; per issuer where invoices differ."""
    true_billed = by_issuer(exact[BILLED], None)
    for issuer, amount in by_issuer(leaves, None).items():
        ties = [tie for tie in tie_out.rows if tie.row.issuer == issuer and tie.allocated is not None]
        if ties and _exact_ledger(ties) == true_billed[issuer]:
            owed = exact_sum(tie.allocated for tie in ties if tie.allocated is not None)
            for tie in ties:
                if tie.allocated:
                    yield plan.line(
                        PAYABLE, -tie.allocated, memo=tie.status, issuer=issuer, invoice_id=tie.row.invoice_id
                    )
            if owed != amount:
                memo = "invoice less allocated lines"
                yield plan.line(ROUNDING, owed - amount, memo=memo, issuer=issuer)
        elif amount:
            yield plan.line(PAYABLE, -amount, memo="as allocated", issuer=issuer)


def _without_repeats(lines: Iterable[JournalLine]) -> list[JournalLine]:
    """One rounding line per issuer at most."""
    merged: dict[tuple[str, ...], JournalLine] = {}
    for number, line in enumerate(lines):
        key = (ROUNDING, line.issuer) if line.posting == ROUNDING else (str(number),)
        before = merged.get(key)
        merged[key] = replace(line, amount=line.amount + before.amount) if before else line
    return [line for line in merged.values() if line.amount]


def _exact_ledger(ties: Iterable[TieRow]) -> Decimal:
    return exact_sum(tie.row.allocated_billed_cost or Decimal(0) for tie in ties)


def _check_accounts(rows: Iterable[PostingRow], period: str) -> None:
    missing = sorted(
        {
            f"{row.team_id}/{row.cost_category}" + (f" ({row.lifecycle})" if row.lifecycle else "")
            for row in rows
            if not row.account_code
        }
    )
    if missing:
        raise _no_account(", ".join(missing[:5]), period)


def _no_account(what: str, period: str) -> StatementError:
    return StatementError(
        "an amount has no account to be posted to",
        where={"period": period, "seed": "accounting/accounts.csv"},
        found=f"no posting rule for {what}",
        expected="one rule for everything (empty conditions) with the highest priority number",
        fix="add the rule to accounting/accounts.csv and run `tco run`",
    )


def _unbalanced(name: str, lines: Iterable[JournalLine], *, period: str, currency: str) -> StatementError:
    return StatementError(
        "the journal does not balance",
        where={"period": period, "currency": currency, "journal": name},
        found=f"debits less credits = {sum_of(lines):f}",
        expected="0",
        fix="publish again with `tco run`; if it stays, fct_cost_allocations and fct_chargeback disagree",
    )
