"""All findings about the allocation seeds at once: for `tco check`, and for a run to refuse before dbt moves money."""

from __future__ import annotations

from pathlib import Path

from ingest.errors import ConfigError, Mismatch
from orchestration.allocation.pool_checks import check_pools
from orchestration.allocation.rule_checks import check_rules
from orchestration.allocation.seed_rows import read_seeds


def check_allocation(seeds_dir: Path) -> tuple[Mismatch, ...]:
    """Returns everything wrong with the allocation seeds below `seeds_dir`, by file and line."""
    seeds = read_seeds(seeds_dir)
    found = [*seeds.findings, *check_rules(seeds), *check_pools(seeds)]
    return tuple(sorted(found, key=lambda finding: (finding.file, finding.line or 0, finding.column, finding.found)))


def require_sound_allocation(seeds_dir: Path) -> None:
    """Refuses seeds with findings.

    Raises:
        ConfigError: naming every finding; nothing was computed.
    """
    findings = check_allocation(seeds_dir)
    if findings:
        raise ConfigError(
            "the allocation rules are not sound, so no money was moved",
            where={"folder": seeds_dir / "allocation"},
            mismatches=findings,
            fix=f"{findings[0].fix}; `tco check` prints every finding with its fix",
        )
