"""Orchestration: Dagster definitions, quality gates, publishing and the `tco` command. Thin; the work is in
the rooms.
"""
