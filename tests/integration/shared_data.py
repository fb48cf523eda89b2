"""Sample data of the acceptance tests: ``TCO_SHARED_DATA``, else ``../shared/data`` beside the project."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SHARED_DATA = Path(os.environ.get("TCO_SHARED_DATA") or PROJECT.parent / "shared" / "data")

needs_shared_data = pytest.mark.skipif(
    not SHARED_DATA.is_dir(), reason=f"no sample data at {SHARED_DATA}; set TCO_SHARED_DATA"
)


def deliver(source: Path, target: Path) -> None:
    """Copy a sample file, or a folder over another one, writable."""
    if source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        return
    for path in sorted(source.rglob("*")):
        if path.is_file():
            deliver(path, target / path.relative_to(source))
