"""Kill a commit with SIGKILL at every single file operation, then check what is left and finish the work.

Run as a module with an empty folder as argument; prints the number of moments tried, a wrong state raises.
Each attempt is a forked process whose audit hook counts its operations below the lake.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pandas  # noqa: F401  imported before forking: DuckDB imports it on first use

from ingest.lake import Lake
from ingest.landed_files import file_sha256
from tests.unit.ingest.lake_deliveries import delivery_of

OLD = {"fingerprint": "v1", "amounts": ["10", "5"]}
NEW = {"fingerprint": "v2", "amounts": ["10", "3"]}


def in_child(work: Callable[[], None]) -> int:
    """Run in a forked process; its exit code, negative when it was killed."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def commit(root: Path, load: dict, *, die_at: int = 0) -> None:
    """Commit and write the index; die before the ``die_at``-th file operation below the lake."""
    done = 0

    def count(event: str, arguments: tuple) -> None:
        nonlocal done
        if any(isinstance(item, str | os.PathLike) and str(item).startswith(str(root)) for item in arguments):
            done += 1
            if done == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

    if die_at:
        sys.addaudithook(count)
    lake = Lake(root)
    lake.recover()
    lake.commit(delivery_of(load["amounts"], fingerprint=load["fingerprint"]))
    lake.write_index()


def check(root: Path, *, final: bool) -> None:
    """Readers see a whole partition; after the restart it is the new one, with a complete log."""
    lake = Lake(root)
    manifest = lake.current("aws", "aws_focus", "2026-05")
    allowed = {NEW["fingerprint"]} if final else {OLD["fingerprint"], NEW["fingerprint"]}
    assert manifest is not None and manifest.fingerprint in allowed, manifest
    for file in manifest.files:
        assert file_sha256(root / file.path) == file.sha256
    if final:
        messages = [line["message"] for line in lake.load_log.lines()]
        assert messages == [
            "2026-05 loaded: 2 rows, billed_cost 15 USD",
            "2026-05 replaced: 2 rows -> 2 rows, billed_cost 15 -> 13 USD (delta -2)",
        ], messages
        assert f'"{manifest.load_id}"' in lake.index_path.read_text()
        lake.recover()
        assert list((root / "_tmp").glob("*/*")) == []


def check_and_finish(root: Path) -> None:
    """What a reader sees after the kill, the next run, and what it ends with."""
    check(root, final=False)
    commit(root, NEW)
    check(root, final=True)


def main(folder: Path) -> None:
    """Try every moment."""
    first = folder / "first"
    assert in_child(lambda: commit(first, OLD)) == 0
    moment, code = 0, -signal.SIGKILL
    while code == -signal.SIGKILL:
        moment += 1
        root = folder / "lake"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(first, root)
        code = in_child(lambda root=root, moment=moment: commit(root, NEW, die_at=moment))
        assert in_child(lambda root=root: check_and_finish(root)) == 0, moment
    assert code == 0, code
    sys.stdout.write(f"{moment - 1}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
