"""Border 1: what lies in the lake is what its manifests say, before anything is built from it.

Two moments, one set of suites. `audit_lake` runs before loading and looks only at partitions whose files
changed since they were last checked: a lake file is never edited, so a difference means damage, and loading
again must not hide it. `check_landed` runs before dbt and looks at every partition whose current load was
not checked yet.

`verified.json` remembers the checked state of each partition (load id, file sizes and times). It is only a
memory: without it everything is checked again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from ingest.durable_files import read_json
from ingest.manifest import Manifest
from orchestration.duck import DuckLimits, connection
from orchestration.durable import write_record
from orchestration.quality.gx_bridge import judge
from orchestration.quality.lake_facts import observe, read_facts
from orchestration.quality.lake_rules import LakeSuite
from orchestration.quality.lake_suites import SUITES
from orchestration.quality.results import GateReport, Observation, Rule

RESTORE = (
    "a lake file is not what was committed: restore it, or load it again from its delivery with `tco ingest`, then `tco run`"
)

ROW_COUNT = Rule(
    name="row_count_equals_manifest",
    title="the files hold as many rows as the manifest says",
    fix=RESTORE,
)
MONEY_TOTAL = Rule(
    name="money_equals_manifest",
    title="the files hold exactly the money the manifest says, per currency",
    fix=RESTORE,
)


AUDIT_RULES = (ROW_COUNT, MONEY_TOTAL)


@dataclass(frozen=True)
class LakeState:
    """The lake as the gate sees it: its root, the current manifests and where the memory of checked states
    lies.
    """

    lake_dir: Path
    manifests: tuple[Manifest, ...]
    memory: Path


def rules_of(suite: LakeSuite) -> tuple[Rule, ...]:
    """All rules of a data set, in the order they are reported."""
    return (ROW_COUNT, *((MONEY_TOTAL,) if suite.money else ()), *suite.rules)


def audit_lake(state: LakeState, *, limits: DuckLimits) -> GateReport:
    """Check rows and money of partitions whose files are not as they were last checked, or committed."""
    known = read_json(state.memory) or {}
    changed = [m for m in state.manifests if _state(m, state.lake_dir) != _baseline(m, known)]
    return _check(state, changed, border="lake audit", limits=limits, only_ties=True)


def check_landed(state: LakeState, *, limits: DuckLimits) -> GateReport:
    """Check every partition whose current load has not passed yet; the passed ones are remembered."""
    known = read_json(state.memory) or {}
    due = [m for m in state.manifests if known.get(_key(m)) != _state(m, state.lake_dir)]
    report = _check(state, due, border="landed partitions", limits=limits)
    if report.is_passed and due:
        write_record(state.memory, {_key(m): _state(m, state.lake_dir) for m in state.manifests})
    return report


def _check(state: LakeState, due: Sequence[Manifest], *, border: str, limits: DuckLimits, only_ties: bool = False) -> GateReport:
    observations: list[Observation] = []
    with connection(limits) as con:
        for dataset, suite in SUITES.items():
            manifests = [manifest for manifest in due if manifest.dataset == dataset]
            chosen = replace(suite, rules=()) if only_ties else suite
            observations += _observe(con, chosen, manifests, state.lake_dir)
    results, seconds = judge(observations)
    return GateReport(border=border, results=tuple(results), checked=len(due), library_seconds=seconds)


def _observe(
    con: duckdb.DuckDBPyConnection, suite: LakeSuite, manifests: Sequence[Manifest], lake_dir: Path
) -> list[Observation]:
    try:
        facts = read_facts(con, suite, manifests=manifests, lake_dir=lake_dir)
    except duckdb.Error as error:
        said = str(error).splitlines()[0]
        return [Observation(suite.dataset, rule, error=said) for rule in rules_of(suite)]
    return observe(suite, facts, row_count=ROW_COUNT, money_total=MONEY_TOTAL)


def _key(manifest: Manifest) -> str:
    return "/".join(manifest.key)


def _baseline(manifest: Manifest, known: dict[str, Any]) -> dict[str, object]:
    remembered = known.get(_key(manifest))
    if remembered is not None and remembered["load_id"] == manifest.load_id:
        return remembered
    files = [[file.path, file.size, file.mtime_ns] for file in manifest.files]
    return {"load_id": manifest.load_id, "files": files}


def _state(manifest: Manifest, lake_dir: Path) -> dict[str, object]:
    files = []
    for file in manifest.files:
        path = lake_dir / file.path
        stat = path.stat() if path.is_file() else None
        files.append([file.path, stat.st_size, stat.st_mtime_ns] if stat else [file.path, -1, -1])
    return {"load_id": manifest.load_id, "files": files}
