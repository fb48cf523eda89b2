"""Files of LiteLLM's log are read where they lie, quickly where their rows allow it, and never only in part."""

import gzip
import json
from decimal import Decimal

import pytest

from ingest.sources import litellm
from tests.unit.ingest.folder_deliveries import Inbox, json_lines
from tests.unit.ingest.test_litellm import DAY, log_row

NEXT_DAY = "2026-11-04"


@pytest.fixture
def inbox(tmp_path):
    return Inbox.below(tmp_path, "litellm")


def ids(inbox, day: str = DAY) -> list[str]:
    return sorted(row[0] for row in inbox.rows(day, "request_id"))


def test_every_day_is_found_in_rows_out_of_order_with_any_zone_and_key_order(inbox):
    rows = [
        log_row(1, day=NEXT_DAY),
        log_row(2),
        {"metadata": {"startTime": "2020-01-01T00:00:00Z"}, **log_row(3)},
        log_row(4, startTime=f"{DAY}T23:30:00-01:00"),
        dict(reversed(log_row(5, startTime="2026-11-06T01:00:00+02:00").items())),
        log_row(6, startTime="2026-11-07 08:00"),
    ]
    inbox.put("log.jsonl", json_lines(*rows))
    assert inbox.loaded() == [DAY, NEXT_DAY, "2026-11-05", "2026-11-07"]
    assert ids(inbox) == ["chatcmpl-2", "chatcmpl-3"]
    assert ids(inbox, NEXT_DAY) == ["chatcmpl-1", "chatcmpl-4"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("log.jsonl", json_lines(log_row(1), log_row(2)).encode()),
        ("no-end.jsonl", json_lines(log_row(1), log_row(2)).encode().rstrip()),
        ("windows.jsonl", json_lines(log_row(1), "", log_row(2), "").replace("\n", "\r\n").encode()),
        ("blank.jsonl", json_lines("", log_row(1), "  ", "", log_row(2)).encode()),
        ("returns.jsonl", json_lines(log_row(1), log_row(2)).replace(", ", ",\r").encode()),
        ("marked.jsonl", json_lines(log_row(1), log_row(2)).encode("utf-8-sig")),
        ("log.jsonl.gz", gzip.compress(json_lines(log_row(1), log_row(2)).encode())),
        ("zipped.jsonl", gzip.compress(json_lines(log_row(1), log_row(2)).encode())),
        ("plain.jsonl.gz", json_lines(log_row(1), log_row(2)).encode()),
        ("startTime=2020-01-01/json=1/spend=5/log.jsonl", json_lines(log_row(1), log_row(2)).encode()),
        ("[a]*?.jsonl", json_lines(log_row(1), log_row(2)).encode()),
        ("long.jsonl", json_lines(log_row(1), log_row(2, messages="x" * 5_000_000)).encode()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_lines_are_read_whole_however_they_are_stored(inbox, name, content):
    delivered = inbox.put(name, content)
    assert inbox.loaded() == [DAY]
    assert ids(inbox) == ["chatcmpl-1", "chatcmpl-2"]
    assert inbox.money(column="spend") == {DAY: Decimal("0.058")}
    assert delivered.read_bytes() == content


def test_one_unusual_row_in_many_changes_no_other(inbox):
    rows = [log_row(number) for number in range(3000)]
    rows[2500]["metadata"] = json.dumps(rows[2500]["metadata"])
    inbox.put("log.jsonl", json_lines(*rows))
    inbox.load()
    assert inbox.rows(DAY, "count(*), count(DISTINCT request_id), sum(cache_read_tokens)") == [(3000, 3000, 3000 * 6400)]


def test_rows_keep_the_order_of_the_file(inbox):
    inbox.put("log.jsonl", json_lines(*(log_row(number) for number in range(20_000))))
    inbox.load()
    assert inbox.rows(DAY, "request_id") == [(f"chatcmpl-{number}",) for number in range(20_000)]


def test_a_file_that_changes_between_scan_and_landing_is_read_again(inbox, monkeypatch):
    inbox.put("log.jsonl", json_lines(log_row(1)))
    read = litellm.log_text

    def changing(path, unpacked, *, name):
        if unpacked.name != "rows.json":
            monkeypatch.undo()
            inbox.put("log.jsonl", json_lines(log_row(1), log_row(2)))
        return read(path, unpacked, name=name)

    monkeypatch.setattr(litellm, "log_text", changing)
    monkeypatch.setattr("ingest.run.FIRST_WAIT_SECONDS", 0)
    report = inbox.load()
    assert [failure.error.what for failure in report.failed] == ["a delivered file changed while it was read"]
    assert inbox.loaded() == [DAY]
    assert ids(inbox) == ["chatcmpl-1", "chatcmpl-2"]
