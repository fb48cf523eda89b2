"""Errors of the month close and of disputes."""

from __future__ import annotations

from ingest.errors import ConfigError, GateError


class CloseRefused(GateError):
    """A month cannot be closed or reopened as things are; nothing was recorded."""


class DisputeRefused(ConfigError):
    """A dispute names something that does not exist or was decided already; nothing was recorded."""


class ChainBroken(GateError):
    """Recorded events are not what they were when they were written."""
