# Two commands do everything: `make demo` and `make test`. Each builds its own environment in .venv once.
PYTHON ?= python3
BIN := .venv/bin
SCRIPTS := tests/explore/scripts

.PHONY: demo test tests check lint types scripts network long docs notebooks course matrix clean
.DELETE_ON_ERROR:

demo: .venv/run
	$(BIN)/minicnn demo

# The types are looked at beside the tests, which leave a tenth of two processors to others.
test: lint
	$(MAKE) --no-print-directory --jobs 2 types tests

# The tests of a file share what they compile, so they stay in one process. In their own order the smallest come last.
tests: .venv/dev
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not long"

# For the edit loop: what has changed since the last commit, and the tests that are about it.
check: lint
	$(BIN)/pyright $$(git diff --name-only --diff-filter=d HEAD -- '*.py')
	tests=$$($(BIN)/python -m tests.affected); [ -z "$$tests" ] || $(BIN)/python -m pytest -n 2 --maxfail 3 -m "not long" $$tests

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev
	$(BIN)/pyright

# The modules of the explorer's page. Apart from the tests: without a registry npm waits for minutes before it gives up.
scripts:
	npm install --silent --no-package-lock --prefix $(SCRIPTS)
	$(SCRIPTS)/node_modules/.bin/tsc --project $(SCRIPTS)
	$(SCRIPTS)/node_modules/.bin/eslint --config $(SCRIPTS)/eslint.config.js minicnn/explore/web
	$(SCRIPTS)/node_modules/.bin/prettier --config $(SCRIPTS)/.prettierrc.json --log-level warn --check minicnn/explore/web

# The network of the explorer: ten epochs on MNIST, whose files are looked for in MNIST first.
network: .venv/run
	rm -rf runs/explorer
	$(BIN)/minicnn train --data mnist $(if $(MNIST),--data-dir $(MNIST)) --epochs 10 --augment shift --name explorer
	$(BIN)/python -m minicnn.explore.recording runs/explorer

long: .venv/dev
	HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest -n 2 -m long

# The tests with the lowest versions that pyproject.toml names and with the newest there are: docs/versions.md has the results.
matrix:
	$(PYTHON) tests/matrix.py $(if $(PYTHONS),--python $(PYTHONS))

# The pages of experiments show what the last runs found; what has changed since is run first, in a few minutes.
docs: .venv/docs
	$(BIN)/python -m experiments --pages docs/experiments
	$(BIN)/python -m sphinx -q -n -W --keep-going docs docs/_build/html
	$(BIN)/python docs/check.py docs/_build/html

# The lessons, to run cell by cell: each of their pages offers the same file.
notebooks: .venv/run
	$(BIN)/python docs/notebooks.py notebooks

# What a course hands out: the notebooks, figures at the size of slides, and the page to print.
course: .venv/run
	$(BIN)/python docs/notebooks.py course
	$(BIN)/python docs/slides.py course
	$(BIN)/python docs/cheat_sheet.py course

# A python3 without ensurepip (Debian's) still makes the folder; its own pip then installs into it from outside.
.venv/bin/python:
	$(PYTHON) -m venv .venv || $(PYTHON) -m venv --without-pip --clear .venv

.venv/run: pyproject.toml .venv/bin/python
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --editable '.[cli]'
	@touch $@

.venv/dev: pyproject.toml .venv/bin/python
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --editable '.[dev]'
	@touch $@ .venv/run

.venv/docs: pyproject.toml .venv/bin/python
	$(PYTHON) -m pip --python $(BIN)/python install --quiet --editable '.[docs]'
	@touch $@ .venv/run

clean:
	rm -rf .venv .pytest_cache runs docs/_build docs/experiments notebooks course
