"""Colours of charts: the Okabe-Ito palette, told apart with every common colour blindness."""

from __future__ import annotations

from reporting.gpu_time import IDLE_STATES

INK, QUIET, GRID = "#1c2733", "#5b6875", "#e4e8ec"
WHOLE, UP, DOWN, OTHER = "#44617b", "#d55e00", "#009e73", "#d55e00"
CATEGORY_COLOURS = {
    "direct": "#44617b",
    "gpu": "#0072b2",
    "api": "#56b4e9",
    "shared": "#009e73",
    "commitment": "#cc79a7",
    "idle": "#e69f00",
    "unobserved": "#b9c0c7",
    "unallocated": "#6b7480",
    "adjustment": "#f0e442",
    "dispute": "#7f3c8d",
}
_IDLE, _UNKNOWN, _WEAK, _GOOD = "#e69f00", "#b9c0c7", "#56b4e9", "#0072b2"


def state_colour(state: str) -> str:
    """Colour of a GPU state."""
    if state in IDLE_STATES:
        return _IDLE
    return {"unobserved": _UNKNOWN, "under_utilised": _WEAK, "productive": _GOOD}.get(state, OTHER)
