"""The memory of scanned files: only new and changed files are opened."""

import os

import pytest

from ingest.errors import DeliveryError
from ingest.sources.file_memory import FileMemory


class Scans:
    """A scan that counts how often it ran."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self):
        self.count += 1
        return {"2026-05": ("account",)}


def facts(path, file, scan, *, version=1):
    memory = FileMemory(path, version=version)
    found = memory.facts(file, name=file.name, scan=scan)
    memory.save()
    return found


def test_an_unchanged_file_is_scanned_once(tmp_path):
    file, scan = tmp_path / "bill.csv", Scans()
    file.write_text("a")
    first = facts(tmp_path / "memory.json", file, scan)
    assert facts(tmp_path / "memory.json", file, scan) == first
    assert (scan.count, first.contents, first.source.size) == (1, {"2026-05": ("account",)}, 1)


def test_a_file_of_the_same_size_and_time_is_scanned_again(tmp_path):
    file, scan = tmp_path / "bill.csv", Scans()
    file.write_text("a")
    before = facts(tmp_path / "memory.json", file, scan)
    stat = file.stat()
    file.write_text("b")
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert facts(tmp_path / "memory.json", file, scan).source.sha256 != before.source.sha256
    assert scan.count == 2


def test_another_version_forgets(tmp_path):
    file, scan = tmp_path / "bill.csv", Scans()
    file.write_text("a")
    facts(tmp_path / "memory.json", file, scan)
    facts(tmp_path / "memory.json", file, scan, version=2)
    assert scan.count == 2


def test_a_scan_that_fails_is_not_remembered(tmp_path):
    file = tmp_path / "bill.csv"
    file.write_text("a")

    def broken():
        raise DeliveryError("broken")

    with pytest.raises(DeliveryError):
        facts(tmp_path / "memory.json", file, broken)
    assert facts(tmp_path / "memory.json", file, Scans()).contents
