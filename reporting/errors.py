"""What can go wrong while a statement is made, as errors that name the month, the mart and the fix."""

from __future__ import annotations

from ingest.errors import TcoError


class StatementError(TcoError):
    """The statement cannot be made from what is published; nothing was written."""


class FocusError(TcoError):
    """A FOCUS file would break a rule of FOCUS or would not carry the ledger's totals; nothing was written."""
