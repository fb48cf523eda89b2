"""The measured process: runs the daily job and leaves the seconds of its stages as JSON.

Usage: python -m tests.bench.one_run CONFIG REPORT
"""

from __future__ import annotations

import json
import sys
import time

STARTED = time.monotonic()


def main() -> int:
    """Run the job of CONFIG; the current stage is kept in REPORT.stage for the watcher."""
    from pathlib import Path

    from ingest.settings import load_settings
    from orchestration.notes import Progress
    from orchestration.run import run_daily

    report = Path(sys.argv[2])
    stage_file = Path(f"{report}.stage")

    def keep_stage(progress: Progress) -> None:
        stage_file.write_text(progress.stage)

    outcome = run_daily(load_settings(Path(sys.argv[1])), on_progress=keep_stage, started=STARTED)
    report.write_text(json.dumps(outcome.notes.seconds))
    return 0 if outcome.is_complete else 1


if __name__ == "__main__":
    sys.exit(main())
