"""One generated sample for all tests of this folder: October 2026 and the first day of November."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.synthetic.generate import generate


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a sample with one whole month and one day of the next."""
    out = tmp_path_factory.mktemp("northwind") / "sample"
    generate(out, months=1, end_month="2026-10", extra_days=1)
    return out
