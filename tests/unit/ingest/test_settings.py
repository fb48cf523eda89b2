"""Settings: one file plus environment; every mistake named at once."""

from decimal import Decimal
from pathlib import Path

import pytest

from ingest.errors import ConfigError
from ingest.settings import PROJECT_SEEDS, load_settings

GOOD = """
home = "data"
memory_limit = "1GB"
[[sources]]
name = "aws_main"
type = "aws_data_exports"
location = "deliveries/aws"
export = "daily"
[[sources]]
name = "metrics"
type = "prometheus"
location = "https://prometheus.example"
queries = ["up"]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "tco.toml"
    path.write_text(text)
    return path


def test_settings_resolve_relative_paths_against_the_file(tmp_path):
    settings = load_settings(write(tmp_path, GOOD))
    assert settings.lake_dir == tmp_path / "data" / "lake"
    assert settings.sources[0].location == str(tmp_path / "deliveries/aws")
    assert settings.sources[0].options == {"export": "daily"}
    assert settings.sources[1].location == "https://prometheus.example"
    assert settings.seeds_dir == PROJECT_SEEDS


def test_environment_wins_over_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("TCO_MEMORY_LIMIT", "5GB")
    monkeypatch.setenv("TCO_IDLE_POLICY", "spread")
    settings = load_settings(write(tmp_path, GOOD))
    assert (settings.memory_limit, settings.idle_policy) == ("5GB", "spread")


def test_config_file_is_found_through_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("TCO_CONFIG", str(write(tmp_path, GOOD)))
    assert load_settings().config_file == tmp_path / "tco.toml"


def test_settings_have_defaults_without_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TCO_CONFIG", raising=False)
    settings = load_settings()
    assert (settings.home, settings.sources) == (tmp_path / "data", ())


def test_thresholds_are_exact_and_in_order(tmp_path):
    settings = load_settings(write(tmp_path, "under_utilised_below = 0.2\nproductive_from = 0.8\n"))
    assert (settings.under_utilised_below, settings.productive_from) == (Decimal("0.2"), Decimal("0.8"))
    with pytest.raises(ConfigError, match=r"at least under_utilised_below, which is 0.9"):
        load_settings(write(tmp_path, "under_utilised_below = 0.9\nproductive_from = 0.8\n"))
    with pytest.raises(ConfigError, match="utilisation_metric"):
        load_settings(write(tmp_path, 'utilisation_metric = "tensor"\n'))


def test_all_mistakes_come_in_one_error(tmp_path):
    text = """
hme = "x"
threads = "many"
[[sources]]
name = "Bad Name"
type = "aws_data_exports"
location = "x"
[[sources]]
name = "b"
type = "aws_data_exports"
location = "x"
exprt = "y"
[[sources]]
name = "c"
type = "aws"
location = "x"
[[sources]]
name = "d"
type = "focus_files"
location = "s3://bucket/x"
"""
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, text))
    message = str(caught.value)
    for word in (
        "hme",
        "did you mean `home`",
        "threads",
        "Bad Name",
        "exprt",
        "export",
        "'aws'",
        "is a URL",
        "fix:",
    ):
        assert word in message
    assert len(caught.value.mismatches) == 6


def test_source_names_are_unique(tmp_path):
    one = '[[sources]]\nname = "a"\ntype = "focus_files"\nlocation = "x"\n'
    with pytest.raises(ConfigError, match="used twice"):
        load_settings(write(tmp_path, one + one))


def test_broken_toml_names_the_file_and_line(tmp_path):
    with pytest.raises(ConfigError, match=r"not valid TOML(.|\n)*line 1"):
        load_settings(write(tmp_path, "home = data"))


def test_missing_file_and_missing_paths_are_named(tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        load_settings(tmp_path / "nowhere.toml")
    path = write(tmp_path, 'seeds = "no_seeds"\n' + GOOD)
    with pytest.raises(ConfigError) as caught:
        load_settings(path, require_paths=True)
    assert {item.column for item in caught.value.mismatches} == {"seeds", "sources.aws_main.location"}
