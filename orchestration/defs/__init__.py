"""Dagster declarations: assets, checks, jobs, schedules and sensors. They call and report; steps.py does the
work.
"""
