"""No tool of the project reports anything to anyone: the switches of Dagster, dbt, Great Expectations and
Streamlit.
"""

from __future__ import annotations

import os

SWITCHES = {
    "DO_NOT_TRACK": "1",
    "DAGSTER_DISABLE_TELEMETRY": "1",
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "GX_ANALYTICS_ENABLED": "false",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
}


def switch_off_telemetry() -> None:
    """Set the switches for this process and everything it starts; to be called before the tools are
    imported.
    """
    os.environ.update(SWITCHES)
