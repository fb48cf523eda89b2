"""Which source types exist, which options they know, and how to build one (only then is it imported)."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ingest.errors import ConfigError

if TYPE_CHECKING:
    from ingest.lake import Delivery
    from ingest.settings import Settings
    from ingest.source_config import SourceConfig


class Source(Protocol):
    """What every source offers."""

    def discover(self) -> Iterator[Delivery]:
        """Yield one delivery per partition that lies at the provider now; a broken one raises when landed."""
        ...

    def check(self) -> list[str]:
        """Reach and configuration without loading; human lines.

        Raises:
            ConfigError, TransientError: when the source cannot be used as configured.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class SourceType:
    """A source type: its class, the options it knows with their Python types, and the data sets it lands."""

    module: str
    class_name: str
    datasets: tuple[str, ...]
    options: Mapping[str, type] = field(default_factory=dict)
    takes_url: bool = False


_LIVE_OPTIONS: Mapping[str, type] = {
    "organization": str,
    "months_back": int,
    "page_size": int,
    "timeout_seconds": int,
}

SOURCE_TYPES: Mapping[str, SourceType] = {
    "aws_data_exports": SourceType(
        module="ingest.sources.aws",
        class_name="AwsDataExportsSource",
        datasets=("aws_cur_2_0", "aws_focus"),
        options={"export": str, "endpoint_url": str, "region": str},
        takes_url=True,
    ),
    "gcp_billing_export": SourceType(
        module="ingest.sources.gcp", class_name="GcpBillingExportSource", datasets=("gcp_billing_detailed",)
    ),
    "gcp_focus_export": SourceType(
        module="ingest.sources.gcp_focus", class_name="GcpFocusSource", datasets=("gcp_focus",)
    ),
    "focus_files": SourceType(
        module="ingest.sources.focus_files", class_name="FocusFilesSource", datasets=("focus",)
    ),
    "prometheus": SourceType(
        module="ingest.sources.prometheus",
        class_name="PrometheusSource",
        datasets=("prometheus_samples",),
        options={"queries": list, "step_seconds": int, "days_back": int, "timeout_seconds": int},
        takes_url=True,
    ),
    "prom_text": SourceType(
        module="ingest.sources.prom_text",
        class_name="PromTextSource",
        datasets=("prometheus_samples",),
        options={"observed_at": str},
    ),
    "openai": SourceType(
        module="ingest.sources.openai",
        class_name="OpenAISource",
        datasets=("openai_usage", "openai_costs"),
        options=_LIVE_OPTIONS,
        takes_url=True,
    ),
    "anthropic": SourceType(
        module="ingest.sources.anthropic",
        class_name="AnthropicSource",
        datasets=("anthropic_usage", "anthropic_costs"),
        options=_LIVE_OPTIONS,
        takes_url=True,
    ),
    "litellm": SourceType(
        module="ingest.sources.litellm", class_name="LiteLLMSource", datasets=("litellm_spend_logs",)
    ),
}


def build_source(config: SourceConfig, settings: Settings) -> Source:
    """The source a ``[[sources]]`` entry describes.

    Raises:
        ConfigError: unknown type.
    """
    source_type = SOURCE_TYPES.get(config.type)
    if source_type is None:
        raise ConfigError(
            "unknown source type",
            where={"source": config.name, "key": "type"},
            found=config.type,
            expected="one of " + ", ".join(SOURCE_TYPES),
            fix="correct the type in tco.toml",
        )
    source_class = getattr(importlib.import_module(source_type.module), source_type.class_name)
    return source_class(config, settings=settings)
