# Everything a checkout needs, in a virtual environment of its own under .venv.

PYTHON ?= python3
CONFIG ?= config/prober.yaml
PYTEST_ARGS ?=

BIN := .venv/bin
# Stamps: installing again is due when pyproject.toml is newer than they are.
RUN := .venv/.installed-run
DEV := .venv/.installed-dev

INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable

.PHONY: help run test check bench bench-engine bench-store faults clean
.DEFAULT_GOAL := help

help: ## Say what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile
	@echo 'Variables: PYTHON=$(PYTHON)  CONFIG=$(CONFIG)  PYTEST_ARGS=$(PYTEST_ARGS)'

# Both programs run in the background of one shell, since a shell that waits for a program in the
# foreground hears of SIGTERM only when that program has ended. A signal interrupts `wait`, so it
# is repeated until prober is gone; its exit code becomes that of the recipe.
run: $(RUN) ## Probe the sample services, with a page at http://127.0.0.1:8790/
	@$(BIN)/prober demo & demo=$$!; \
	$(BIN)/prober run --config '$(CONFIG)' & prober=$$!; \
	trap 'kill -TERM $$prober 2>/dev/null' INT TERM HUP; \
	while kill -0 $$prober 2>/dev/null; do wait $$prober; code=$$?; done; \
	kill -TERM $$demo 2>/dev/null; wait $$demo; \
	exit $$code

test: $(DEV) ## Run all tests, or those that PYTEST_ARGS selects
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: $(DEV) ## Check format, lint, types and architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_architecture.py

bench: $(RUN) ## Measure what a probe costs, beside blackbox_exporter where it is installed
	$(BIN)/python -m bench.engine plain-fresh

bench-engine: $(RUN) ## Measure it for plain and TLS, fresh and kept, beside the floor, too
	$(BIN)/python -m bench.engine --json bench-engine.json

bench-store: $(RUN) ## Measure what 20 million results cost to store and to read
	$(BIN)/python -m bench.store

faults: $(RUN) ## Fill the disk, lock, remove and swap the database, kill prober a hundred times
	$(BIN)/python -m bench.faults
	$(BIN)/python -m bench.crash --kills 100

clean: ## Remove the environment and all caches; the history under data/ stays
	rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'prober needs Python 3.11 or newer, and $(PYTHON) is not: say make PYTHON=python3.12' >&2; \
	  exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

$(RUN): pyproject.toml .venv/.made
	$(INSTALL) '.[uvloop]'
	@touch $@

$(DEV): pyproject.toml .venv/.made
	$(INSTALL) '.[dev]'
	@touch $@
