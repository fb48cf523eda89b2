"""Writes the sample's ``tco.toml``: every delivery as a source, locations relative to the file."""

from __future__ import annotations

from pathlib import Path

_SOURCES = (
    ("aws_main", "aws_data_exports", "aws_cur"),
    ("aws_apps", "aws_data_exports", "aws_focus"),
    ("gcp_main", "gcp_billing_export", "gcp"),
    ("prometheus_main", "prometheus", "prometheus"),
    ("openai_main", "openai", "openai"),
    ("anthropic_main", "anthropic", "anthropic"),
    ("gateway", "litellm", "litellm"),
)


def write_config(out: Path) -> Path:
    """Write ``tco.toml`` if it is not there yet (an edited one is kept).

    Returns:
        The file's path.
    """
    path = out / "tco.toml"
    if path.exists():
        return path
    lines = [
        "# The sample company. Copy this file and point each source at your own exports.",
        'home = "data"',
        'idle_policy = "holder"  # who pays for idle GPUs: holder, platform or spread',
    ]
    for name, kind, location in _SOURCES:
        lines += ["", "[[sources]]", f'name = "{name}"', f'type = "{kind}"', f'location = "{location}"']
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
