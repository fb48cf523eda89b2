"""How `tco explain` shows a statement line: a tree of category, path and charge lines, every level with its exact amount."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from rich.markup import escape
from rich.tree import Tree

from orchestration.cli_output import out
from orchestration.explain import ChargeLine, Explanation, PathPart, explain


def print_explanation(
    published_dir: Path, team: str, month: str, *, category: str | None, basis: str, top: int
) -> tuple[Explanation, ...]:
    """Prints what a team's statement lines are made of, one tree per currency.

    Raises:
        ConfigError: team, month, category or basis is unknown, or nothing is published.
    """
    found = explain(published_dir, team, month, category=category, basis=basis, top=top)
    for part in found:
        out.print(tree(part, title=f"{team} {month}, {basis} cost"))
    return found


def tree(explanation: Explanation, *, title: str) -> Tree:
    """The tree of one currency."""
    root = Tree(f"[bold]{escape(title)}[/]  {exact(explanation.amount)} {escape(explanation.currency)}")
    for category in explanation.categories:
        branch = root.add(f"[bold]{escape(category.category)}[/]  {exact(category.amount)}")
        for path in category.paths:
            _add_lines(branch.add(f"{escape(path.path)}  {exact(path.amount)}"), path)
    return root


def _add_lines(branch: Tree, path: PathPart) -> None:
    for line in path.lines:
        branch.add(_line(line, known=set(path.path.split(" > "))))
    if path.rest_count:
        noun = "line" if path.rest_count == 1 else "lines"
        branch.add(f"[dim]and {path.rest_count:,} more {noun} summing to[/] {exact(path.rest)}")


def _line(line: ChargeLine, *, known: set[str]) -> str:
    """A charge line: what it is, its part, the share of the charge, and the steps of its path that the branch does not name."""
    share = f"{line.share:.4%} of {exact(line.charge_amount)}"
    steps = " > ".join(step for step in line.allocation_path.split(" > ") if step not in known and not step.startswith("driver:"))
    return (
        f"{line.charge_date} {escape(line.service)} {escape(line.what)}  {exact(line.amount)}"
        f"  [dim]{share}{'; ' if steps else ''}{escape(steps)}[/]"
    )


def exact(amount: Decimal) -> str:
    """All digits of an amount, at least cents, with thousands marked."""
    text = f"{amount:,f}"
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.rstrip('0').ljust(2, '0')}"
