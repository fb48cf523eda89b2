"""Pointers of the lake are read once a process, and again as soon as another one lies in their place."""

import pytest

from ingest import current_loads
from ingest.current_loads import CurrentLoads
from ingest.lake import Lake
from tests.unit.ingest.lake_deliveries import delivery_of


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


def test_a_pointer_is_read_once_and_again_when_it_was_exchanged(lake, monkeypatch):
    lake.commit(delivery_of(["10"], fingerprint="v1"))
    loads, opened = CurrentLoads(lake.root), []
    read = current_loads.read_json
    monkeypatch.setattr(current_loads, "read_json", lambda path: opened.append(path) or read(path))
    current_loads._remembered.cache_clear()
    assert [loads.manifests()[0].fingerprint for _ in range(3)] == ["v1"] * 3
    assert len(opened) == 1
    lake.commit(delivery_of(["11"], fingerprint="v2"))
    assert [manifest.fingerprint for manifest in loads.manifests()] == ["v2"]
    assert loads.documents()[0]["fingerprint"] == "v2"


def test_a_partition_that_is_gone_is_not_remembered(lake):
    manifest = lake.commit(delivery_of(["10"], fingerprint="v1")).manifest
    assert lake.current(*manifest.key) == manifest
    (lake.root / manifest.source / manifest.dataset / f"partition={manifest.partition}" / "current.json").unlink()
    assert lake.current(*manifest.key) is None
    assert lake.manifests() == []


def test_manifests_of_one_source_and_data_set(tmp_path):
    lake = Lake(tmp_path / "lake")
    for source in ("b[1]", "a"):
        lake.commit(delivery_of(["10"], fingerprint="v1", source=source))
    assert [manifest.source for manifest in lake.manifests()] == ["a", "b[1]"]
    assert [manifest.source for manifest in lake.manifests(source="b[1]")] == ["b[1]"]
    assert len(lake.manifests(dataset="aws_focus")) == 2
    assert lake.manifests(source="a", dataset="other") == []
