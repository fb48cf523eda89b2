"""One configured source: its name, type, location and the options its type knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ingest.errors import ConfigError
from ingest.sources.registry import SOURCE_TYPES

_URL = re.compile(r"[a-z][a-z0-9+.-]*://")


class SourceConfig(BaseModel):
    """One ``[[sources]]`` entry: where a provider's deliveries lie. Keys beyond the three are ``options``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    type: str
    location: str = Field(min_length=1)
    options: Mapping[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _gather_options(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        own = {key: data[key] for key in ("name", "type", "location") if key in data}
        rest = {key: value for key, value in data.items() if key not in own and key != "options"}
        return {**own, "options": {**data.get("options", {}), **rest}}

    @model_validator(mode="after")
    def _known_options(self) -> SourceConfig:
        kind = SOURCE_TYPES.get(self.type)
        if kind is None:
            raise ValueError(f"unknown source type '{self.type}'; expected one of {', '.join(SOURCE_TYPES)}")
        for key, value in self.options.items():
            if key not in kind.options:
                known = ", ".join(("name", "type", "location", *kind.options))
                raise ValueError(f"unknown key '{key}' for type {self.type}; known keys: {known}")
            if not isinstance(value, kind.options[key]) or isinstance(value, bool) != (
                kind.options[key] is bool
            ):
                raise ValueError(f"key '{key}' is {value!r}; expected {kind.options[key].__name__}")
        if self.is_url and not kind.takes_url:
            raise ValueError(f"location '{self.location}' is a URL; type {self.type} reads a folder or file")
        return self

    @property
    def is_url(self) -> bool:
        """True for s3://, http:// and https:// locations."""
        return _URL.match(self.location) is not None

    @property
    def path(self) -> Path:
        """The location as a folder or file.

        Raises:
            ConfigError: the location is a URL, or nothing is there.
        """
        where = {"source": self.name, "key": "location"}
        if self.is_url:
            raise ConfigError(
                "a folder is needed here, not a URL", where=where, found=self.location, fix="give a folder"
            )
        path = Path(self.location)
        if not path.exists():
            raise ConfigError(
                "the location does not exist",
                where=where,
                found=str(path),
                expected="an existing folder or file",
                fix="correct `location` in tco.toml, or create the folder",
            )
        return path
