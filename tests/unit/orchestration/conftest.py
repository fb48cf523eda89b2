"""The small warehouse as a fixture."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.orchestration.small_warehouse import build_warehouse


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """The small warehouse in a fresh folder."""
    return build_warehouse(tmp_path / "warehouse.duckdb")
