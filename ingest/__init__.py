"""Ingest: fetch what a provider delivered, check it, and commit one typed Parquet partition with a manifest.

Belongs here: settings, the lake, one module per source, price catalogues, the sample company.
Knows neither Dagster nor dbt.
"""
