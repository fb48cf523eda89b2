"""Settings: one ``tco.toml`` plus environment variables with prefix ``TCO_`` (which win).

Relative paths resolve against the folder of the file (without a file: the working folder). Every mistake of
a file is collected into one ConfigError that names key, found, expected and fix. Credentials never stand in
the file.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from ingest.errors import ConfigError, Mismatch
from ingest.source_config import SourceConfig

CONFIG_NAME = "tco.toml"
PROJECT_SEEDS = Path(__file__).resolve().parents[1] / "seeds"


class Settings(BaseSettings):
    """Everything that can be configured; folders below ``home`` are derived."""

    model_config = SettingsConfigDict(
        env_prefix="TCO_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    home: Path = Path("data")
    seeds: Path | None = None
    keep_snapshots: int = Field(default=7, ge=1)
    idle_policy: Literal["holder", "platform", "spread"] = "holder"
    commitment_policy: Literal["as_billed", "spread"] = "as_billed"
    chargeback_mode: Literal["showback", "tariff"] = "showback"
    gpu_weights: Literal["telemetry", "aws_split"] = "telemetry"
    utilisation_metric: Literal["ladder", "sm_active", "gr_engine_active", "gpu_util"] = "ladder"
    warm_idle_below: Decimal = Field(default=Decimal("0.01"), ge=0, le=1)
    under_utilised_below: Decimal = Field(default=Decimal(0), ge=0, le=1)
    productive_from: Decimal = Field(default=Decimal(1), gt=0, le=1)
    memory_limit: str = Field(default="3GB", pattern=r"^\d+(\.\d+)?\s?(KB|MB|GB|TB|KiB|MiB|GiB|TiB)$")
    threads: int = Field(default=2, ge=1)
    sources: tuple[SourceConfig, ...] = ()
    config_file: Path | None = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file; nothing else is read."""
        return (env_settings, init_settings)

    @field_validator("sources")
    @classmethod
    def _unique_names(cls, sources: tuple[SourceConfig, ...]) -> tuple[SourceConfig, ...]:
        names = [source.name for source in sources]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                f"source names are used twice: {', '.join(twice)}; give each source its own name"
            )
        return sources

    @field_validator("productive_from")
    @classmethod
    def _thresholds_in_order(cls, productive_from: Decimal, info: ValidationInfo) -> Decimal:
        low = info.data.get("under_utilised_below", Decimal(0))
        if low > productive_from:
            raise ValueError(f"at least under_utilised_below, which is {low}")
        return productive_from

    @model_validator(mode="after")
    def _resolve_paths(self) -> Settings:
        base = (self.config_file.parent if self.config_file else Path()).resolve()
        resolved = [
            source if source.is_url else source.model_copy(update={"location": str(base / source.location)})
            for source in self.sources
        ]
        object.__setattr__(self, "home", base / self.home)
        object.__setattr__(self, "seeds", base / self.seeds if self.seeds else None)
        object.__setattr__(self, "sources", tuple(resolved))
        return self

    @property
    def lake_dir(self) -> Path:
        """Folder of the lake."""
        return self.home / "lake"

    @property
    def warehouse_path(self) -> Path:
        """The private DuckDB file that only dbt writes."""
        return self.home / "warehouse.duckdb"

    @property
    def published_dir(self) -> Path:
        """Folder of published snapshots; ``current`` inside it is what readers open."""
        return self.home / "published"

    @property
    def statements_dir(self) -> Path:
        """Folder of rendered statements."""
        return self.home / "statements"

    @property
    def seeds_dir(self) -> Path:
        """Folder with prices/, gpu/, allocation/, assumptions/, claims/."""
        return self.seeds or PROJECT_SEEDS


def find_config_file(path: Path | None = None) -> Path | None:
    """The configuration file to use: the one given, else ``TCO_CONFIG``, else ``tco.toml`` here, else none.

    Raises:
        ConfigError: a file was named but is not there.
    """
    named = path or (Path(os.environ["TCO_CONFIG"]) if os.environ.get("TCO_CONFIG") else None)
    candidate = named or Path(CONFIG_NAME)
    if candidate.is_file():
        return candidate.resolve()
    if named is None:
        return None
    raise ConfigError(
        "the configuration file does not exist",
        where={"file": named},
        expected="a TOML file such as tco.toml",
        fix="check --config or TCO_CONFIG; `tco sample` writes a working example",
    )


def load_settings(path: Path | None = None, *, require_paths: bool = False) -> Settings:
    """Read and check the settings.

    Args:
        path: configuration file; None looks for ``TCO_CONFIG``, then ``tco.toml`` here, else takes defaults.
        require_paths: also demand that seeds and every local source location exist.

    Raises:
        ConfigError: all mistakes at once.
    """
    file = find_config_file(path)
    data = _read_toml(file) if file else {}
    try:
        settings = Settings(**{**data, "config_file": file})
    except ValidationError as error:
        raise _config_error(error, file) from error
    missing = _missing_paths(settings) if require_paths else ()
    if missing:
        raise ConfigError(
            "a configured path does not exist", mismatches=missing, fix="correct or create the paths above"
        )
    return settings


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            "the configuration file is not valid TOML",
            where={"file": file},
            found=str(error),
            expected="key = value lines and [[sources]] tables",
            fix="correct the named line; text values need quotes",
        ) from error


def _missing_paths(settings: Settings) -> tuple[Mismatch, ...]:
    wanted = [("seeds", settings.seeds_dir)]
    wanted += [
        (f"sources.{item.name}.location", Path(item.location)) for item in settings.sources if not item.is_url
    ]
    file = str(settings.config_file or "defaults")
    return tuple(
        Mismatch(
            file=file, column=key, found=str(path), expected="an existing path", fix="create or correct it"
        )
        for key, path in wanted
        if not path.exists()
    )


def _config_error(error: ValidationError, file: Path | None) -> ConfigError:
    known = [name for name in Settings.model_fields if name != "config_file"]
    mismatches = []
    for item in error.errors():
        key = ".".join(str(part) for part in item["loc"]) or "settings"
        expected = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            near = difflib.get_close_matches(key, known, n=1)
            expected = f"a known key{f' (did you mean `{near[0]}`?)' if near else ''}: {', '.join(known)}"
        found = "a table" if isinstance(item["input"], Mapping) else repr(item["input"])
        mismatches.append(
            Mismatch(file=str(file or "environment"), column=key, found=found, expected=expected, fix="")
        )
    return ConfigError(
        "the configuration is wrong",
        where={"file": file or "environment TCO_*"},
        mismatches=tuple(mismatches),
        fix="correct the keys above; an environment variable TCO_<KEY> wins over the file",
    )
