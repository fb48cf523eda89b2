"""Raw /metrics snapshots: a tolerant parser, and where the time of a sample comes from."""

import gzip
import json
import math
import os
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.duckdb_session import connect
from ingest.errors import ConfigError
from ingest.lake import Lake
from ingest.run import ingest
from ingest.settings import Settings
from ingest.source_config import SourceConfig
from ingest.sources.prom_text_rows import Snapshot, load_lines
from ingest.sources.registry import build_source
from tests.unit.ingest.folder_deliveries import Inbox

NAME = "node1-2026-03-02T10:00:00Z.prom"
SAMPLE = 'DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-1",modelName="Tesla T4",Hostname="n"} 91\n'


@pytest.fixture
def inbox(tmp_path):
    return Inbox.below(tmp_path, "prom_text")


def load(inbox, **options):
    source = SourceConfig(name="bills", type="prom_text", location=str(inbox.folder), options=options)
    return ingest(Settings(home=inbox.home, sources=(source,)))


@settings(deadline=None, max_examples=60)
@given(
    labels=st.dictionaries(st.from_regex(r"[a-z_]{1,5}", fullmatch=True), st.text(max_size=12), max_size=4),
    spaces=st.sampled_from(["", " ", "  "]),
    comma=st.booleans(),
)
def test_labels_survive_escaping(tmp_path_factory, labels, spaces, comma):
    labels = {key: text.replace("\r", "").replace("\0", "") for key, text in labels.items()}
    escaped = {key: text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"") for key, text in labels.items()}
    inside = f",{spaces}".join(f'{key}{spaces}={spaces}"{text}"' for key, text in escaped.items())
    path = tmp_path_factory.mktemp("text") / "a.prom"
    path.write_bytes(f"a{{{inside}{',' if comma and inside else ''}}}  1.5\n".encode())
    with connect() as connection:
        load_lines(connection, [Snapshot(path, "a", 0.0)])
        ((found,),) = connection.execute("SELECT m FROM text_samples").fetchall()
    assert found == {"__name__": "a", **labels}


def test_real_oddities_are_tolerated(inbox):
    lines = [
        "# HELP a about a\r\n",
        'a{x="1"} 1\r\n',
        'a{x="1"} 1\n',
        "b NaN\n",
        "c{} 9223372036854775794\n",
        "\n",
        'd{t="2"} +Inf # {trace_id="x"} 0.5\n',
        'e{cut="of',
    ]
    inbox.put(NAME, "".join(lines))
    (loaded,) = inbox.load().committed
    rows = sorted(inbox.rows("2026-03-02", "metric, value, ts"), key=str)
    assert [row[:2] for row in rows[:2]] == [("a", 1.0)] * 2
    assert math.isnan(rows[2][1])
    assert [row[1] for row in rows[3:]] == [9223372036854775794.0, math.inf]
    assert {row[2] for row in rows} == {datetime(2026, 3, 2, 10)}
    assert loaded.manifest.notes == (f"{NAME} line 8 is cut off and was left out",)


def test_lines_that_are_no_samples_are_all_named(inbox):
    inbox.put(NAME, SAMPLE)
    assert inbox.loaded() == ["2026-03-02"]
    inbox.put(NAME, 'a{x="1"} 5\nb{x=} 7\nc abc\ne{a="1",a="2"} 5\n')
    (entry,) = inbox.load().quarantined
    assert [(item["file"], item["line"]) for item in entry.mismatches] == [(NAME, 2), (NAME, 3), (NAME, 4)]
    assert inbox.rows("2026-03-02", "value") == [(91.0,)]


@pytest.mark.parametrize(
    ("name", "text", "at"),
    [
        (NAME, SAMPLE, datetime(2026, 3, 2, 10)),
        ("20260302T100001Z.prom", SAMPLE, datetime(2026, 3, 2, 10, 0, 1)),
        ("n-2026-03-02_10-00-02.prom", SAMPLE, datetime(2026, 3, 2, 10, 0, 2)),
        ("plain.prom", SAMPLE, datetime(2026, 3, 4, 5, 6, 7)),
        (NAME, SAMPLE.replace("91\n", "91 1772582400000\n"), datetime(2026, 3, 4)),
        (NAME, SAMPLE.replace("91\n", "91 1772582400.5\n# EOF\n"), datetime(2026, 3, 4, 0, 0, 0, 500000)),
    ],
)
def test_the_time_is_the_samples_own_or_the_names_or_the_files(inbox, name, text, at):
    path = inbox.put(name, text)
    modified = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC).timestamp()
    os.utime(path, (modified, modified))
    assert inbox.loaded() == [f"{at:%Y-%m-%d}"]
    assert inbox.rows(f"{at:%Y-%m-%d}", "ts, value") == [(at, 91.0)]


def test_one_snapshot_may_feed_two_days(inbox):
    inbox.put(NAME, "a 1\nb 2 1772582400000\n")
    assert inbox.loaded() == ["2026-03-02", "2026-03-04"]
    assert inbox.rows("2026-03-02", "metric") == [("a",)]
    assert inbox.rows("2026-03-04", "metric") == [("b",)]


def test_the_option_supplies_the_time_and_a_new_value_reloads(inbox):
    inbox.put("plain.prom.gz", gzip.compress(SAMPLE.encode()))
    load(inbox, observed_at="2026-03-02T10:00:00Z")
    assert inbox.rows("2026-03-02", "ts") == [(datetime(2026, 3, 2, 10),)]
    assert not load(inbox, observed_at="2026-03-02T10:00:00Z").committed
    assert load(inbox, observed_at="2026-03-02T12:00:00+01:00").committed
    assert inbox.rows("2026-03-02", "ts") == [(datetime(2026, 3, 2, 11),)]
    with pytest.raises(ConfigError, match="observed_at"):
        source = SourceConfig(name="x", type="prom_text", location=str(inbox.folder), options={"observed_at": "soon"})
        build_source(source, Settings(home=inbox.home))


def test_label_rules_apply_to_snapshots_too(inbox):
    inbox.put(NAME, SAMPLE.replace("}", ',pod="dcgm-exporter-1",namespace="monitoring"}'))
    assert inbox.loaded() == ["2026-03-02"]
    (row,) = inbox.rows("2026-03-02", "gpu_uuid, gpu_model_raw, hostname, pod, namespace, labels")
    assert row[:5] == ("GPU-1", "Tesla T4", "n", None, None)
    assert json.loads(row[5])["pod"] == "dcgm-exporter-1"
    assert Lake(inbox.settings.lake_dir).manifests()[0].dataset == "prometheus_samples"
