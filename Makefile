# Two commands do everything: `make demo` and `make test`. Each builds its own environment in .venv once.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint types long docs clean
.DELETE_ON_ERROR:

demo: .venv/run
	$(BIN)/minicnn demo

# The tests of a file share what they compile, so they stay in one process.
test: lint types
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not long"

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev
	$(BIN)/pyright

long: .venv/dev
	HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest -n 2 -m long

# The pages of experiments show what the last runs found; what has changed since is run first, in a few minutes.
docs: .venv/docs
	$(BIN)/python -m experiments --pages docs/experiments
	$(BIN)/python -m sphinx -q -n -W --keep-going docs docs/_build/html
	$(BIN)/python docs/check.py docs/_build/html

# A python3 without ensurepip (Debian's) still makes the folder; its own pip then installs into it from outside.
.venv/bin/python:
	$(PYTHON) -m venv .venv || $(PYTHON) -m venv --without-pip --clear .venv

.venv/run: pyproject.toml .venv/bin/python
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --editable .
	@touch $@

.venv/dev: pyproject.toml .venv/bin/python
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --editable '.[dev]'
	@touch $@ .venv/run

.venv/docs: pyproject.toml .venv/bin/python
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --editable '.[docs]'
	@touch $@ .venv/run

clean:
	rm -rf .venv runs docs/_build docs/experiments
