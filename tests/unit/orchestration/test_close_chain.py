"""The chain of events: append-only, whole or not at all, and any changed byte of a manifest is seen."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration.close import chain as chain_module
from orchestration.close.chain import HEAD, MANIFEST, Chain
from orchestration.close.errors import ChainBroken
from orchestration.durable import sha256_of, write_record

AT = datetime(2026, 4, 2, tzinfo=UTC)


def append(chain: Chain, number: int = 1) -> None:
    def fill(folder: Path) -> dict[str, str]:
        (folder / "statement").mkdir()
        (folder / "statement" / "page.html").write_text(f"page {number}")
        return {"number": str(number)}

    chain.append(kind="close", period=f"2026-{number:02d}", at=AT, reason="month end", fill=fill)


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """Three events."""
    made = Chain(tmp_path / "closes")
    for number in (1, 2, 3):
        append(made, number)
    return made


def test_events_carry_their_files_and_the_hash_before(chain: Chain) -> None:
    first, second, third = chain.events()
    assert [event.folder.name for event in (first, second)] == ["000001-2026-01-close", "000002-2026-02-close"]
    assert (first.manifest.previous, second.manifest.previous) == ("", first.hash)
    assert third.hash == sha256_of(third.folder / MANIFEST)
    assert [(f.path, f.size) for f in third.manifest.files] == [("statement/page.html", 6)]
    assert third.manifest.files[0].sha256 == sha256_of(third.folder / "statement/page.html")
    assert json.loads((chain.root / HEAD).read_text()) == {"sequence": 3, "hash": third.hash}


def test_nobody_is_named_unless_given(chain: Chain) -> None:
    assert {event.manifest.by for event in chain.events()} == {""}


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_changed_manifest_breaks_the_chain_and_is_named(chain: Chain, number: int) -> None:
    path = chain.events()[number - 1].folder / MANIFEST
    content = path.read_text().replace("month end", "month enD")
    path.chmod(0o644)
    path.write_text(content)
    named = " ".join(str(problem) for problem in chain.walk()[1])
    assert str(path) in named or (chain.root / HEAD).name in named or f"{number + 1:06d}" in named
    with pytest.raises(ChainBroken, match="tco verify"):
        chain.events()


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_removed_event_is_seen(chain: Chain, number: int) -> None:
    shutil.rmtree(chain.events()[number - 1].folder)
    assert chain.walk()[1]


def test_a_manifest_that_is_no_manifest_is_named(chain: Chain) -> None:
    path = chain.events()[1].folder / MANIFEST
    path.chmod(0o644)
    path.write_text("{")
    assert any(problem.path == path for problem in chain.walk()[1])


def test_a_lost_head_is_told_but_stops_nothing(chain: Chain) -> None:
    (chain.root / HEAD).unlink()
    assert [problem.path.name for problem in chain.walk()[1]] == [HEAD]
    append(chain, 4)
    assert chain.walk()[1] == []


def _append_and_die(root: str, point: str) -> None:
    if point == "head":

        def die_at_head(path: Path, content: object) -> None:
            if path.name == HEAD:
                os._exit(9)
            write_record(path, content)

        chain_module.write_record = die_at_head  # type: ignore[assignment]
    else:
        setattr(chain_module, point, lambda *_args, **_kwargs: os._exit(9))
    append(Chain(Path(root)), 4)


@pytest.mark.parametrize(
    ("point", "events"),
    [("files_below", 3), ("write_record", 3), ("sync_tree", 3), ("event_name", 3), ("sync_folder", 4), ("head", 4)],
)
def test_killed_at_any_step_the_chain_is_whole_and_goes_on(chain: Chain, point: str, events: int) -> None:
    process = multiprocessing.get_context("fork").Process(target=_append_and_die, args=(str(chain.root), point))
    process.start()
    process.join(30)
    assert process.exitcode == 9
    if point != "event_name":
        assert len(chain.events()) == events
    append(chain, 5)
    assert chain.walk()[1] == []
    assert not list(chain.root.glob(".building-*"))
    assert json.loads((chain.root / HEAD).read_text())["sequence"] == len(chain.events())
