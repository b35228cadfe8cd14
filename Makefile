# `make help` lists what there is. Needs Debian's python3 (3.11 or newer), python3-venv and make; nothing else.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check install
# PYTEST_ARGS="-k retry" and the like narrow a run. Most tests wait for processes that they started, so that more of them
# than there are cores run side by side.
PYTEST := $(BIN)/python -m pytest
JOBS   ?= $(shell echo $$(( $$(nproc) * 2 + 1 )))
ARGS   ?=
PYTEST_ARGS ?=
# How many faults `make faults` brings about, and which: a seed that a failure printed repeats its schedule.
ROUNDS ?= 200
SEED   ?=
# How many crontabs `make proof` takes through whole years.
EXPRESSIONS ?= 200
# How many wrong files `make fuzz` makes, from the SEED.
FILES  ?= 10000

.DEFAULT_GOAL := help
.PHONY: help up install install-dev test check lint types contracts fast tests coverage faults proof fuzz \
        test-systemd test-container lock reference clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: install  ## install what is needed, then run everything here; Ctrl-C stops it
	@exec $(BIN)/onbeat up $(ARGS)

install: $(VENV)/.runtime  ## the locked packages and the command .venv/bin/onbeat
install-dev: $(VENV)/.dev  ## the same, and what developing needs

test: check-static tests  ## lint, types, layers and every test: what CI runs

check: check-static fast  ## lint, types, layers and the fast tests

.PHONY: check-static
check-static: lint types contracts

lint: install-dev
	@echo "ruff: lint and format"
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { echo "Not formatted: run .venv/bin/ruff format" >&2; exit 1; }

types: install-dev
	@echo "mypy: types"
	@$(BIN)/mypy

contracts: install-dev
	@echo "import-linter: layers"
	@out=$$($(BIN)/lint-imports --no-cache 2>&1) || { echo "$$out" | sed -n '/^Broken contracts/,$$p'; exit 1; }

fast: install-dev
	@$(PYTEST) -q -n auto -m "not slow" --hypothesis-profile=quick tests/unit tests/property $(PYTEST_ARGS)

tests: install-dev
	@$(PYTEST) -q -n $(JOBS) --dist worksteal $(PYTEST_ARGS)

# Without our own plugin: pytest would load it, and with it a part of the package, before anything is measured.
coverage: install-dev  ## every test, and the lines and branches that none has run
	@$(PYTEST) -q -p no:onbeat -n $(JOBS) --dist worksteal -o timeout=240 --cov --cov-report=term-missing $(PYTEST_ARGS)

# One after the other: they measure how late ticks are, and count seconds.
faults: install-dev $(VENV)/.faketime  ## real processes killed, frozen, cut off, their clocks set: ROUNDS=200 SEED=
	@ROUNDS=$(ROUNDS) SEED=$(SEED) PYTHONUNBUFFERED=1 $(PYTEST) -v -s --no-header --durations=12 -o python_files='*.py' tests/faults $(PYTEST_ARGS)

proof: install-dev  ## crontabs by chance in six zones and six years, minute by minute: EXPRESSIONS=200 (some minutes)
	@EXPRESSIONS=$(EXPRESSIONS) $(PYTEST) -q -n $(JOBS) -o python_files='*.py' tests/proof $(PYTEST_ARGS)

fuzz: install-dev  ## 10,000 files of schedules made wrong by chance: none may break the reading of files: FILES= SEED=
	@FILES=$(FILES) SEED=$(SEED) $(PYTEST) -q -n $(JOBS) tests/property/test_wrong_files.py $(PYTEST_ARGS)

test-systemd: install-dev  ## boot a Debian with systemd and run the units in it (root, some minutes)
	@bash tests/deploy/systemd.sh

test-container: install-dev  ## build the image and bring compose up (root, some minutes)
	@bash tests/deploy/container.sh

lock: install-dev  ## write both lock files anew, with the newest versions that pyproject.toml allows
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --upgrade \
		--group build pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --upgrade \
		--group build --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	@if grep -nE '://|--(index|find|extra)' requirements.lock requirements-dev.lock; then \
		echo "A lock file names a host: see docs/decisions/0001-lock-files-without-hosts.md" >&2; exit 1; fi

reference: install-dev  ## write the pages of docs/reference that follow from the code
	@$(BIN)/python -m tests.docs.rendered

clean:  ## remove .venv and caches; .onbeat/ (your runs) stays
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build *.egg-info .coverage*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each stamp depends on what it was made from, so an install when nothing changed costs nothing.

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Onbeat needs Python 3.11 or newer, and '$(PYTHON)' is: $$($(PYTHON) --version 2>&1)" >&2; \
		echo "Install one (Debian: apt install python3 python3-venv) or name it: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "'$(PYTHON)' cannot make a virtual environment. Install it: apt install python3-venv" >&2; exit 1; }
	@echo "Making $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.runtime-packages: requirements.lock $(VENV)/.made
	@echo "Installing the locked packages into $(VENV)"
	@$(PIP) --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.dev-packages: requirements-dev.lock $(VENV)/.runtime-packages
	@echo "Installing the locked packages for developing"
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

# Built with a C compiler where it has no wheel, so it is no part of what developing needs.
$(VENV)/.faketime: $(VENV)/.dev
	@$(PIP) --no-deps libfaketime==3.0.1
	@touch $@

$(VENV)/.runtime: pyproject.toml $(VENV)/.runtime-packages
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.dev-packages $(VENV)/.runtime
	@touch $@
