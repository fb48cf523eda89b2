"""What `tco sample --fault` does: a month of LLM API deliveries with known faults in it, to see reconciliation find them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ingest.errors import ConfigError
from ingest.settings import PROJECT_SEEDS
from ingest.synthetic.api_month import write_api_company
from ingest.synthetic.billed_faults import BILLED_FAULTS
from ingest.synthetic.faults import FAULTS

CLEAN = "none"


def write_faulty_month(folder: Path, names: Sequence[str], *, period: str, seed: int) -> list[str]:
    """Write one month of APIs and their gateway with the named faults; returns the lines to print.

    Args:
        folder: empty or new.
        names: faults by name; `none` for a clean month.
        period: the month, YYYY-MM.
        seed: of the calls.

    Raises:
        ConfigError: an unknown name, or a folder that holds something.
    """
    known = FAULTS | BILLED_FAULTS
    unknown = sorted(set(names) - known.keys() - {CLEAN})
    if unknown:
        raise ConfigError(
            "there is no such fault",
            where={"option": "--fault"},
            found=", ".join(unknown),
            expected=", ".join([CLEAN, *known]),
            fix="name one or more of these",
        )
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(
            "the folder is not empty",
            where={"folder": folder},
            expected="a folder of its own",
            fix="choose another folder for the sample",
        )
    faults = [known[name] for name in names if name != CLEAN]
    month = write_api_company(folder, seeds=PROJECT_SEEDS, period=period, seed=seed, faults=faults)
    lines = [f"a month of LLM APIs in {folder}: {period}, {len(faults)} faults"]
    for fault, amount in zip(faults, month.injected, strict=True):
        lines.append(f"{fault.cause} in {fault.target}: {amount:.6f} USD")
    return [*lines, f"next: tco --config {folder / 'tco.toml'} run, then read fct_reconciliation_breaks"]
