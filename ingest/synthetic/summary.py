"""What a sample is: its parameters, its summary, and the marker file that says it is finished.

``sample.json`` is begun first and completed last. When complete it names every file with its size: a finished
sample is recognised, a torn one is made again.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from ingest.errors import ConfigError
from ingest.synthetic.world import SLOT_SECONDS

MARKER = "sample.json"
OWN_FOLDERS = ("aws_cur", "aws_focus", "gcp", "prometheus", "openai", "anthropic", "litellm", "truth")
FORMAT = 2  # raise it when the same parameters give other bytes


@dataclass(frozen=True, kw_only=True)
class SampleParameters:
    """What determines every byte of a sample."""

    months: int
    end_month: str
    seed: int
    scale: int
    step_seconds: int = SLOT_SECONDS
    is_bulk: bool = False
    extra_days: int = 0
    format: int = FORMAT

    def __post_init__(self) -> None:
        """Refuse a scrape step that does not divide a slot."""
        if self.step_seconds < 1 or SLOT_SECONDS % self.step_seconds:
            raise ConfigError(
                "the scrape step does not divide a slot of the sample company",
                where={"option": "step_seconds"},
                found=str(self.step_seconds),
                expected=f"a divisor of {SLOT_SECONDS}",
                fix="use 15, 30, 60 or another divisor",
            )


@dataclass(frozen=True, kw_only=True)
class SampleSummary:
    """What was written: ``rows`` per data set, exact USD totals; ``reused``: it was there."""

    out: Path
    parameters: SampleParameters
    rows: Mapping[str, int]
    billed: Decimal
    effective: Decimal
    bytes_written: int
    seconds: float
    reused: bool = False

    @property
    def config_file(self) -> Path:
        """The configuration that points at the deliveries."""
        return self.out / "tco.toml"

    @property
    def truth_dir(self) -> Path:
        """Folder of the expected results."""
        return self.out / "truth"


def delivered_files(out: Path) -> dict[str, int]:
    """Relative path -> size of every file of the sample."""
    files = (path for name in OWN_FOLDERS for path in sorted((out / name).rglob("*")) if path.is_file())
    return {str(path.relative_to(out)): path.stat().st_size for path in files}


def read_marker(out: Path) -> dict[str, Any] | None:
    """The content of a completed ``sample.json``, or None."""
    path = out / MARKER
    try:
        marker = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return marker if "files" in marker else None


def begin_marker(out: Path, parameters: SampleParameters) -> None:
    """Claim the folder for a sample that is being written."""
    _replace(out / MARKER, {"parameters": asdict(parameters)})


def write_marker(summary: SampleSummary) -> None:
    """Declare the sample finished."""
    content = {
        "parameters": asdict(summary.parameters),
        "rows": dict(summary.rows),
        "billed": str(summary.billed),
        "effective": str(summary.effective),
        "files": delivered_files(summary.out),
    }
    _replace(summary.out / MARKER, content)


def _replace(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON beside and rename, so that the file is never half there."""
    beside = path.with_suffix(".json.new")
    beside.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    beside.replace(path)


def finished_sample(out: Path, parameters: SampleParameters) -> SampleSummary | None:
    """The summary of a finished sample with these parameters whose files are all there, else None."""
    marker = read_marker(out)
    if marker is None or marker["parameters"] != asdict(parameters) or marker["files"] != delivered_files(out):
        return None
    return SampleSummary(
        out=out,
        parameters=parameters,
        rows=marker["rows"],
        billed=Decimal(marker["billed"]),
        effective=Decimal(marker["effective"]),
        bytes_written=0,
        seconds=0.0,
        reused=True,
    )


def clear_sample(out: Path) -> None:
    """Make room for a new sample.

    Raises:
        ConfigError: the folder holds something else than a sample.
    """
    if not out.exists() or not any(out.iterdir()):
        return
    if not (out / MARKER).is_file():
        raise ConfigError(
            "the folder is not empty and holds no sample",
            where={"folder": out},
            expected=f"an empty folder, or one with {MARKER}",
            fix="choose another folder for the sample",
        )
    for name in OWN_FOLDERS:
        shutil.rmtree(out / name, ignore_errors=True)
