# Every goal makes .venv from constraints.txt when it is missing. Python 3.11 or newer is all it needs:
#   make demo                     paint out.png with the bundled model
#   make test                     everything up to a green suite
#   make demo PYTHON=python3.12   with another interpreter
#   make demo PIP_ARGS=...        more options for pip, such as the index of torch's CPU-only builds, which are
#                                 a tenth of the size of what pip takes by itself on Linux

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PIP_ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
INSTALL = $(BIN)/python -m pip install --disable-pip-version-check $(PIP_ARGS) -c constraints.txt

.PHONY: demo test test-slow lint bench wheel clean
.DEFAULT_GOAL := help

.PHONY: help
help:
	@echo "make demo | test | test-slow | lint | bench | wheel | clean   (the head of Makefile says more)"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Hanmo needs Python 3.11 or newer; got '$(PYTHON)'. Say which: make PYTHON=/path/to/python3.11" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

# What running needs, and what developing needs besides; installed again when the lists change.
$(VENV)/.demo: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) -e '.[dev]'
	@touch $(VENV)/.demo $@

demo: $(VENV)/.demo
	$(BIN)/hanmo generate 'a blue card with the text "HANMO"' -o out.png --seed 3
	@echo "$(CURDIR)/out.png"

test: $(VENV)/.dev
	$(BIN)/python -m pytest -m "not slow"

test-slow: $(VENV)/.dev
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks.run

wheel: $(VENV)/.dev
	$(BIN)/python -m pip wheel --no-deps --no-build-isolation --wheel-dir dist .

clean:
	rm -rf $(VENV) build dist out.png .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
