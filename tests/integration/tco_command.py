"""Runs the `tco` command as a user does: in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb

TCO = Path(sys.executable).parent / "tco"


def tco(config: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs `tco --config CONFIG …`; the caller judges the exit code."""
    return subprocess.run([str(TCO), "--config", str(config), *arguments], capture_output=True, text=True, check=False)


def run_well(config: Path) -> str:
    """Runs the daily job, requires exit code 0 and returns what it printed."""
    done = tco(config, "run")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def published_hashes(home: Path) -> dict[str, Any]:
    """Content hashes of the published marts, by mart and billing period, without instants and identifiers of the run."""
    snapshot = json.loads((home / "published" / "current" / "snapshot.json").read_text())
    return {"content": snapshot["content_hash"], "marts": snapshot["marts"]}


def query(home: Path, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a query on the published marts, opened as a BI tool opens them."""
    with duckdb.connect(str(home / "published" / "current" / "marts.duckdb"), read_only=True) as con:
        return con.execute(sql).fetchall()


def write_config(folder: Path, *sources: str, home: str = "data") -> Path:
    """Writes a tco.toml with the given `[[sources]]` bodies and returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "tco.toml"
    config.write_text(f'home = "{home}"\n' + "".join(f"\n[[sources]]\n{source}\n" for source in sources))
    return config
