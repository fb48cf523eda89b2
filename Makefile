# inference-tco: set-up and everyday commands. `make` alone prints them.
SHELL := /usr/bin/env bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SAMPLE ?= data/sample
ARGS ?=

# no tool reports anything to anyone
export DO_NOT_TRACK := 1
export DAGSTER_DISABLE_TELEMETRY := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export GX_ANALYTICS_ENABLED := false

.DEFAULT_GOAL := help
.PHONY: help setup run sample test lint dev docs bench lock clean

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Create .venv with the locked packages

$(STAMP): requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the locked packages (about a minute the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(SAMPLE)/tco.toml: | $(STAMP)
	@$(BIN)/tco sample $(SAMPLE)

sample: $(SAMPLE)/tco.toml ## Write the sample company's deliveries to data/sample

run: $(SAMPLE)/tco.toml ## Run the main job on the sample company
	@$(BIN)/tco --config $(SAMPLE)/tco.toml run $(ARGS)

test: $(STAMP) ## Run all tests
	@$(BIN)/python -m pytest $(ARGS)

lint: $(STAMP) ## ruff and pyright
	@$(BIN)/ruff check .
	@$(BIN)/pyright

dev: $(SAMPLE)/tco.toml ## Open Dagster on the sample company
	@TCO_CONFIG=$(abspath $(SAMPLE)/tco.toml) $(BIN)/dagster dev -m orchestration.definitions

docs: run ## Build the data dictionary (dbt docs): data/sample/data/dbt/docs/static_index.html
	@cd dbt_project && TCO_WAREHOUSE=$(abspath $(SAMPLE))/data/warehouse.duckdb \
		TCO_LAKE_INDEX=$(abspath $(SAMPLE))/data/lake/index.json TCO_TEMP_DIR=$(abspath $(SAMPLE))/data/tmp \
		DBT_PROFILES_DIR=. $(abspath $(BIN))/dbt docs generate --static \
		--target-path $(abspath $(SAMPLE))/data/dbt/docs --log-path $(abspath $(SAMPLE))/data/logs

bench: $(STAMP) ## Measure the pipeline against DuckDB reading the same delivered files once
	@$(BIN)/python -m tests.bench $(ARGS)

lock: ## Resolve the newest allowed versions into requirements.lock (needs uv)
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --no-annotate --upgrade -o requirements.lock

clean: ## Remove what runs and tests wrote (data/, dbt target); keeps .venv
	@rm -rf data dbt_project/target dbt_project/logs .pytest_cache .hypothesis
