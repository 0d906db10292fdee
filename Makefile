# Every target sets up what it needs: a virtual environment in .venv, rebuilt when pyproject.toml changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test check docs bench format clean versions

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[server,postgres,alerts,otel,aws]' --group dev --group docs
	touch $@

demo: $(VENV)/.ready  ## set up and run the main job on real data
	examples/demo/run.sh
	examples/demo/act2.sh

test: $(VENV)/.ready  ## set up and run every test
	tools/install_java.sh
	tools/install_postgres.sh
	tools/install_chromium.sh
	tools/sdk_environments.sh
	$(BIN)/python -m pytest

check: $(VENV)/.ready  ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/.ready  ## build the documentation into site/; a broken link is an error
	$(BIN)/zensical build --clean --strict

bench: $(VENV)/.ready  ## measure, and write docs/benchmarks.md; BENCH='--only fast' for a part
	$(BIN)/python -m benchmarks --page docs/benchmarks.md $(BENCH)

format: $(VENV)/.ready  ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

versions:  ## the oldest and the newest dependencies, under every Python at hand
	tools/test_versions.sh

clean:  ## remove what the other targets made
	rm -rf $(VENV) .venv-sdk2 .venv-sdk3 .pytest_cache .mypy_cache .ruff_cache .hypothesis dist demo-out site .cache
