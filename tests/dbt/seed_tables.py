"""The allocation seeds as empty tables, with the types dbt gives them (models/seeds/_seeds.yml)."""

from __future__ import annotations

import duckdb
import yaml

from tests.dbt.compiled import DBT_PROJECT

ALLOCATION_SEEDS = ("teams", "rules", "pools", "pool_shares", "pool_tiers", "product_teams", "api_keys", "workloads")


def create_seeds(con: duckdb.DuckDBPyConnection) -> None:
    """Creates the tables of the allocation seeds, and instance_types, in the schema `warehouse.seeds`."""
    described = yaml.safe_load((DBT_PROJECT / "models" / "seeds" / "_seeds.yml").read_text())["seeds"]
    types = {seed["name"]: seed["config"]["column_types"] for seed in described}
    for name in (*ALLOCATION_SEEDS, "instance_types"):
        columns = ", ".join(f"{column} {type_}" for column, type_ in types[name].items())
        con.execute(f"create table warehouse.seeds.{name} ({columns})")
