"""GPU names as vendors, drivers and catalogues write them -> one model, form factor and memory.

The rules are data (``seeds/gpu/gpu_names.csv``), shared with dbt: the raw name is lower-cased, runs of
spaces, hyphens and underscores become one space, and the first pattern in ``priority`` order that is found in
the result names the GPU. Vendor words need not be stripped: patterns are searched, with word boundaries. A
name no pattern finds stays unknown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from ingest.prices.seed_csv import read_seed

GPU_NAMES_FILE = "gpu/gpu_names.csv"
COLUMNS = ("priority", "pattern", "vendor", "gpu_model", "form_factor", "vram_gb", "note")


@dataclass(frozen=True, kw_only=True)
class GpuName:
    """A recognised GPU; ``form_factor`` is empty and ``vram_gb`` None where the name does not say."""

    gpu_model: str
    vendor: str
    form_factor: str
    vram_gb: Decimal | None


@dataclass(frozen=True, kw_only=True)
class GpuNameRules:
    """The ordered patterns of the seed."""

    rules: Sequence[tuple[re.Pattern[str], GpuName]]

    def find(self, raw: str) -> GpuName | None:
        """The GPU a raw name stands for, or None."""
        name = normalise_gpu_name(raw)
        return next((gpu for pattern, gpu in self.rules if pattern.search(name)), None)


def normalise_gpu_name(raw: str) -> str:
    """Lower case with single spaces for runs of spaces, hyphens and underscores."""
    return re.sub(r"[\s_-]+", " ", raw).strip().lower()


def read_gpu_names(seeds_dir: Path) -> GpuNameRules:
    """The rules of the seed in priority order."""
    rows = read_seed(seeds_dir / GPU_NAMES_FILE, columns=COLUMNS)
    rules = [
        (
            re.compile(row["pattern"]),
            GpuName(
                gpu_model=row["gpu_model"],
                vendor=row["vendor"],
                form_factor=row["form_factor"],
                vram_gb=Decimal(row["vram_gb"]) if row["vram_gb"] else None,
            ),
        )
        for row in sorted(rows, key=lambda row: int(row["priority"]))
    ]
    return GpuNameRules(rules=rules)
