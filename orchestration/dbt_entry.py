"""The dbt executable of the project: dbt as installed, tied to the life of the process that started it.

`python -m orchestration.dbt_entry <dbt arguments>`. Two differences to `dbt`: when the parent dies, however
it dies, the kernel kills this process too, so a killed run never leaves a dbt behind that holds the
warehouse; and `--version` answers from the installed package without asking the package index.
"""

from __future__ import annotations

import sys
from importlib.metadata import version

from orchestration.child_process import die_with_parent


def main() -> None:
    """Run dbt with the arguments of the command line; exits with dbt's exit code."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"Core:\n  - installed: {version('dbt-core')}\n")
        return
    die_with_parent()
    from dbt.cli.main import cli

    cli(prog_name="dbt")


if __name__ == "__main__":
    main()
