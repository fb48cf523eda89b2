"""How dbt is called: executable, project, environment, variables, and the manifest the definitions are read
from.

Belongs here: everything between the settings and a dbt command line. What has to be rebuilt is decided in
changes; the models are dbt's own.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from ingest.durable_files import read_json
from ingest.errors import ConfigError
from ingest.settings import PROJECT_SEEDS, Settings
from orchestration.changes import Changes, code_version
from orchestration.child_process import PARENT
from orchestration.durable import write_record
from orchestration.quiet import SWITCHES

PROJECT_DIR = Path(__file__).resolve().parents[1] / "dbt_project"
PARSED = "parsed_from.json"
SQL_FUNCTIONS = tuple(
    PROJECT_DIR.parent / "orchestration" / f"{name}.py" for name in ("pool_graph", "pool_solver", "dbt_functions")
)
"""Python that computes inside models (plugin of profiles.yml)."""


def runtime_dir(settings: Settings) -> Path:
    """Folder of dbt's artifacts and parse cache of a home."""
    return settings.home / "dbt"


def executable(folder: Path) -> Path:
    """Write (when missing) and return the script that starts `orchestration.dbt_entry` with this Python."""
    path = folder / "dbt"
    root = PROJECT_DIR.parent
    script = (
        "#!/bin/sh\n"
        f'PYTHONPATH={shlex.quote(str(root))}"${{PYTHONPATH:+:$PYTHONPATH}}" '
        f'exec {shlex.quote(sys.executable)} -m orchestration.dbt_entry "$@"\n'
    )
    if not path.is_file() or path.read_text(encoding="utf-8") != script:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".dbt.{os.getpid()}")
        temporary.write_text(script, encoding="utf-8")
        temporary.chmod(0o755)
        temporary.replace(path)
    return path


def environment(settings: Settings) -> dict[str, str]:
    """Environment variables dbt needs to find the warehouse, the lake and its limits."""
    scratch = settings.home / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    return {
        **SWITCHES,
        PARENT: str(os.getpid()),
        "TCO_WAREHOUSE": str(settings.warehouse_path),
        "TCO_LAKE_INDEX": str(settings.lake_dir / "index.json"),
        "TCO_CLOSES": str(settings.home / "closes" / "index.json"),
        "TCO_RUN_SCOPE": str(scope_file(settings)),
        "TCO_DUCKDB_THREADS": str(settings.threads),
        "TCO_MEMORY_LIMIT": settings.memory_limit,
        "TCO_TEMP_DIR": str(scratch),
    }


def project_of(settings: Settings) -> Path:
    """The dbt project to run: the repository's, or a mirror of links beside other seeds.

    dbt finds its seeds at `../seeds`. A company with its own seeds folder gets `<home>/dbt/project`, which
    links to the models and macros, next to a link to its seeds.
    """
    seeds = settings.seeds_dir.resolve()
    if seeds == PROJECT_SEEDS.resolve():
        return PROJECT_DIR
    mirror = runtime_dir(settings) / "project" / "dbt_project"
    mirror.mkdir(parents=True, exist_ok=True)
    _link(mirror.parent / "seeds", seeds)
    for entry in PROJECT_DIR.iterdir():
        if entry.name not in ("target", "logs"):
            _link(mirror / entry.name, entry)
    return mirror


def build_version(settings: Settings) -> str:
    """Hash of models, macros, seeds and SQL functions, and the settings of variables(): another one rebuilds the warehouse."""
    chosen = "-".join(str(value) for _, value in sorted(variables(settings).items()))
    functions = hashlib.sha256(b"".join(path.read_bytes() for path in SQL_FUNCTIONS)).hexdigest()[:8]
    return f"{code_version(PROJECT_DIR, settings.seeds_dir)}-{functions}-{chosen}"


def variables(settings: Settings) -> dict[str, Any]:
    """The `--vars` of a build: settings only, so that dbt's saved parse stays good from run to run."""
    return {
        "idle_policy": settings.idle_policy,
        "commitment_policy": settings.commitment_policy,
        "gpu_weights": settings.gpu_weights,
        "utilisation_metric": settings.utilisation_metric,
        "warm_idle_below": str(settings.warm_idle_below),
        "under_utilised_below": str(settings.under_utilised_below),
        "productive_from": str(settings.productive_from),
    }


def write_scope(settings: Settings, changes: Changes, *, version: str) -> Path:
    """Writes what this run rebuilds where the models look for it (macro run_scope)."""
    path = scope_file(settings)
    write_record(
        path,
        {
            "touched_months": list(changes.touched_months),
            "touched_days": list(changes.touched_days),
            "code_version": version,
        },
    )
    return path


def scope_file(settings: Settings) -> Path:
    """The JSON file that names the touched partitions of the run."""
    return runtime_dir(settings) / "scope.json"


def build_arguments(settings: Settings, changes: Changes, *, version: str) -> list[str]:
    """Arguments of the one `dbt build` of a run."""
    write_scope(settings, changes, version=version)
    arguments = ["build", "--vars", json.dumps(variables(settings), sort_keys=True)]
    return [*arguments, "--full-refresh"] if changes.full_refresh else arguments


def prepared_manifest(settings: Settings | None = None) -> Path:
    """The manifest of the project's models, parsed anew when a model, macro or seed name changed since.

    Args:
        settings: the company whose build follows: parsed as that build will be, so that dbt takes the saved
            parse up; None parses for the definitions alone, into `dbt_project/target`.

    Raises:
        ConfigError: the project does not parse; the message is dbt's.
    """
    folder = runtime_dir(settings) / "target" if settings else PROJECT_DIR / "target"
    project = project_of(settings) if settings else PROJECT_DIR
    manifest, fingerprint = folder / "manifest.json", _sources_fingerprint()
    if manifest.is_file() and read_json(folder / PARSED) == fingerprint:
        return manifest
    folder.mkdir(parents=True, exist_ok=True)
    command = [str(executable(folder)), "--quiet", "parse", "--target-path", str(folder), "--log-path", str(folder)]
    if settings:
        command += ["--vars", json.dumps(variables(settings), sort_keys=True)]
    own = environment(settings) if settings else {**SWITCHES, PARENT: str(os.getpid())}
    done = subprocess.run(
        command,
        cwd=project,
        env={**os.environ, **own, "DBT_PROFILES_DIR": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ConfigError(
            "the dbt project does not parse",
            where={"folder": PROJECT_DIR},
            found=(done.stdout + done.stderr).strip()[-2000:],
            fix="correct the named model or macro",
        )
    write_record(folder / PARSED, fingerprint)
    return manifest


def _sources_fingerprint() -> str:
    digest = hashlib.sha256()
    for path in sorted(PROJECT_DIR.rglob("*")):
        if path.suffix in (".sql", ".yml", ".md") and "target" not in path.relative_to(PROJECT_DIR).parts:
            digest.update(path.relative_to(PROJECT_DIR).as_posix().encode() + path.read_bytes())
    for path in sorted(PROJECT_SEEDS.rglob("*.csv")):
        digest.update(path.relative_to(PROJECT_SEEDS).as_posix().encode())
    return digest.hexdigest()


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    temporary = link.with_name(f".{link.name}.{os.getpid()}")
    temporary.symlink_to(target)
    temporary.replace(link)
