"""A commit killed at any file operation leaves the old or the new partition; the next run ends the same."""

import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[3]


def test_commit_killed_anywhere_leaves_the_old_or_the_new_partition(tmp_path):
    command = [sys.executable, "-m", "tests.unit.ingest.kill_commits", str(tmp_path)]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) >= 20
