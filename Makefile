# make demo   speech in, a moving face out: makes .venv, runs a server, sends examples/speech.wav, writes demo/
# make check  before each commit: style, types, import contract, the tests of single modules and of queues
# make test   everything that CI checks of the Python code, in two rows that run side by side (JOBS=1: one after another)
# make bench  the figures of bench/
# make mutants  changes retry, windows and dedupe in every small way: which tests cannot fail? (five minutes)
# make fuzz   nearly valid bytes for everything that reads a stranger's, a minute each (FUZZ_SECONDS=8000: a million files)
# make lock   chooses the versions in requirements/constraints.txt anew
# make film   docs/speaking.mp4: the head speaks the sample, turning
# make page   builds the viewer into the package; needs Node.js, and only those who change web/ need it
# make clean  away with .venv, demo/ and caches

PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin
LOCK := requirements/constraints.txt
PIP := $(RUN)/python -m pip install -q --no-cache-dir --disable-pip-version-check -c $(LOCK)

TOLD := $(if $(filter output-sync,$(.FEATURES)),-Otarget)
JOBS ?= 5
FUZZ_SECONDS ?= 60
TOGETHER := $(MAKE) --no-print-directory -j $(JOBS) -k $(TOLD)
ROW := $(MAKE) --no-print-directory -j 1 -k
PYTEST := $(RUN)/python -m pytest -q
UNITS := not kafka

# Bytecode is kept, whatever the caller's environment says: each process of each test would compile all anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo check test two-rows with-a-broker without lint types contract units services kafka cluster deploy entrances siege bench fuzz mutants lock docs film page clean
.DELETE_ON_ERROR:

# Whoever has run `make test` has all that the demo needs.
demo: $(or $(wildcard $(VENV)/.for-tests),$(VENV)/.for-demo)
	$(RUN)/python examples/demo.py

check: $(VENV)/.for-tests
	@$(TOGETHER) lint types contract units UNITS='not kafka and not long'

test: $(VENV)/.for-tests
	@$(ROW) lint contract types units two-rows siege

# Side by side, on two cores: more would make each other's time-outs run out.
two-rows:
	@$(TOGETHER) with-a-broker without

with-a-broker:
	@$(ROW) kafka cluster deploy

without:
	@$(ROW) services entrances

lint: $(VENV)/.for-tests
	$(RUN)/ruff check
	$(RUN)/ruff format --check

types: $(VENV)/.for-tests
	$(RUN)/mypy

contract: $(VENV)/.for-tests
	$(RUN)/lint-imports

# All tests are these seven parts: five by folder, and of the rest those with a broker and those without.
units: $(VENV)/.for-tests
	$(PYTEST) -p no:schemathesis -n auto --dist worksteal -m "$(UNITS)" tests/contract tests/unit

entrances: $(VENV)/.for-tests
	$(PYTEST) tests/entry

kafka: $(VENV)/.for-tests
	$(PYTEST) -m "kafka and not cluster" tests --ignore tests/entry --ignore tests/deploy

services: $(VENV)/.for-tests
	$(PYTEST) -m "not kafka and not cluster" tests \
	  --ignore tests/entry --ignore tests/contract --ignore tests/unit --ignore tests/siege --ignore tests/deploy

# Three brokers, and a machine for everybody, made of namespaces: as root; else the parts without a network alone.
cluster: $(VENV)/.for-tests
	$(PYTEST) -m cluster tests/cluster

# The chart by helm (compiled once: Go), the image by buildah (root, debootstrap), 0.2.0 to this version and back.
deploy: $(VENV)/.for-tests
	$(PYTEST) -p no:schemathesis tests/deploy

siege: $(VENV)/.for-tests
	$(PYTEST) tests/siege

bench: $(VENV)/.for-tests
	for each in queue pipeline; do $(RUN)/python bench/$$each.py || exit 1; done

fuzz: $(VENV)/.for-tests
	$(RUN)/python -m bench.fuzz --seconds $(FUZZ_SECONDS)

mutants: $(VENV)/.for-tests
	sh bench/mutants.sh

# Versions and hashes alone: no addresses, so that they hold for any registry.
IMAGE_EXTRAS := serve otel
MORE := emotalk media plot
HASHED := $(RUN)/uv pip compile -q --generate-hashes --no-header --no-annotate --no-emit-index-url --python-version 3.12
lock: $(RUN)/python
	$(PIP) uv
	$(RUN)/uv pip compile -q --universal --upgrade --no-header --no-annotate --no-emit-index-url \
	  --all-extras --group dev --group lock -o $(LOCK) pyproject.toml
	$(HASHED) -c $(LOCK) $(addprefix --extra ,$(IMAGE_EXTRAS)) -o requirements/image.txt pyproject.toml
	for each in $(MORE); do \
	  $(HASHED) -c $(LOCK) $(addprefix --extra ,$(IMAGE_EXTRAS)) --extra $$each -o requirements/image-$$each.txt pyproject.toml && \
	  $(RUN)/python requirements/beside.py requirements/image.txt requirements/image-$$each.txt; done
	$(HASHED) --universal --group build -o requirements/build.txt

docs: $(VENV)/.for-tests
	$(RUN)/python -m docs.flags
	$(RUN)/python -m docs.chart
	$(RUN)/python -m docs.formats
	$(RUN)/python -m docs.visemes

# The head with the sound, to look at: docs/speaking.mp4. Needs the extra video and a minute or ten.
film: $(VENV)/.for-tests
	$(RUN)/emotalk animate examples/speech.wav -o docs/speaking.mp4 --head on

page:
	cd web && npm ci --no-audit --no-fund && npm run build

clean:
	rm -rf $(VENV) demo dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(RUN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "emotalk needs Python 3.11 or later, and $(PYTHON) is `$(PYTHON) --version 2>&1`; try: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/.for-demo: pyproject.toml $(LOCK) | $(RUN)/python
	@echo "installing emotalk and both engines into $(VENV) (560 MB, about half a minute) ..."
	$(PIP) -e '.[serve,media,emotalk,plot]'
	@touch $@

# Dependency groups need a pip that is newer than the one of Python 3.11.
$(VENV)/.for-tests: pyproject.toml $(LOCK) | $(RUN)/python
	@echo "installing emotalk and what its tests need into $(VENV) ..."
	$(PIP) pip
	$(PIP) -e '.[serve,media,emotalk,parquet,plot,video,codegen,otel]' --group dev
	@touch $@ $(VENV)/.for-demo
