# make demo   speech in, a moving face out: makes .venv, runs a server, sends examples/speech.wav, writes demo/
# make check  what to run before each commit: style, types, import contract, the tests of single modules and of queues
# make test   style, types, import contract, all tests; what CI runs
# make bench  the figures of bench/
# make mutants  changes retry, windows and dedupe in every small way: which tests cannot fail? (five minutes)
# make fuzz   a minute of nearly valid bytes for everything that reads a stranger's
# make lock   chooses the versions in requirements/constraints.txt anew
# make docs   writes the tables of docs/flags.md from the program
# make page   builds the viewer into the package; needs Node.js, and only those who change web/ need it
# make clean  away with .venv, demo/ and caches

PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin
LOCK := requirements/constraints.txt
PIP := $(RUN)/python -m pip install -q --no-cache-dir --disable-pip-version-check -c $(LOCK)

<<<<<<< HEAD
.PHONY: demo test lint types contract tests bench fuzz mutants lock docs page clean
=======
.PHONY: demo check quick test lint types contract tests bench fuzz mutants lock page clean
>>>>>>> 37fbd19 (make check: style, types of the tests too, import contract and quick tests, side by side)
.DELETE_ON_ERROR:

# Whoever has run `make test` has all that the demo needs.
demo: $(or $(wildcard $(VENV)/.for-tests),$(VENV)/.for-demo)
	$(RUN)/python examples/demo.py

check: $(VENV)/.for-tests
	$(MAKE) -j3 lint types contract quick

quick: $(VENV)/.for-tests
	$(RUN)/python -m pytest -q -n auto --dist worksteal -m "not kafka" tests/contract tests/unit

test: lint types contract tests

lint: $(VENV)/.for-tests
	$(RUN)/ruff check
	$(RUN)/ruff format --check

types: $(VENV)/.for-tests
	$(RUN)/mypy

contract: $(VENV)/.for-tests
	$(RUN)/lint-imports

tests: $(VENV)/.for-tests
	$(RUN)/python -m pytest -q

bench: $(VENV)/.for-tests
	for each in queue pipeline; do $(RUN)/python bench/$$each.py || exit 1; done

fuzz: $(VENV)/.for-tests
	$(RUN)/python -m bench.fuzz

mutants: $(VENV)/.for-tests
	sh bench/mutants.sh

# Versions alone: no addresses, so that it holds for any registry.
lock: $(RUN)/python
	$(PIP) uv
	$(RUN)/uv pip compile -q --universal --upgrade --no-header --no-annotate --no-emit-index-url \
	  --all-extras --group dev --group lock -o $(LOCK) pyproject.toml

docs: $(VENV)/.for-tests
	$(RUN)/python -m docs.flags

page:
	cd web && npm ci --no-audit --no-fund && npm run build

clean:
	rm -rf $(VENV) demo dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(RUN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "emotalk needs Python 3.11 or later, and $(PYTHON) is `$(PYTHON) --version 2>&1`; try: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.for-demo: pyproject.toml $(LOCK) | $(RUN)/python
	@echo "installing emotalk and both engines into $(VENV) (450 MB, about half a minute) ..."
	$(PIP) -e '.[serve,emotalk,plot]'
	@touch $@

# Dependency groups need a pip that is newer than the one of Python 3.11.
$(VENV)/.for-tests: pyproject.toml $(LOCK) | $(RUN)/python
	@echo "installing emotalk and what its tests need into $(VENV) ..."
	$(PIP) pip
	$(PIP) -e '.[serve,emotalk,parquet,plot,video,codegen,otel]' --group dev
	@touch $@ $(VENV)/.for-demo
