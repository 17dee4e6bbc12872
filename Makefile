# One word per chore. A fresh machine needs Python >= 3.11 with venv, and make; nothing here compiles or asks for root.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
WHEELS := --require-hashes --only-binary :all: --no-deps
BENCHES := $(basename $(notdir $(filter-out bench/__init__.py,$(wildcard bench/[a-z]*.py))))

.PHONY: help demo test long check bench lock clean

help:
	@echo "make demo   a simulated gate, a real daemon, a broker: events as they come back (DEMO_SECONDS=60)"
	@echo "make test   the tests"
	@echo "make long   kills, failing disks, brokers, clocks and guessed cards for an evening"
	@echo "make check  style, types, arrows, printed documents"
	@echo "make bench  every figure, side by side (minutes)"

demo: $(VENV)/.run
	@$(BIN)/anyu-edge demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest

# What `make test` plays a few times, played often: LONG="KILLS=1000 DISKS=20" make long. The counts are the seeds too.
long: $(VENV)/.dev
	env KILLS=300 FLIPS=3000 DISKS=5 BROKERS=10 CLOCKS=20 GUESSES=100000 $(LONG) $(BIN)/python -m pytest \
		tests/journal/test_kill.py tests/journal/test_power_cut.py tests/journal/test_flips.py \
		tests/uplink/test_broker_limits.py tests/uplink/test_broker_matrix.py \
		tests/walks/test_kills.py tests/walks/test_disks.py tests/walks/test_clock_matrix.py tests/walks/test_floods.py

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m edge.uplink.schemas --check
	$(BIN)/python -m drivers.page --check

bench: $(VENV)/.dev
	@for name in $(BENCHES); do echo "== $$name"; $(BIN)/python -m bench.$$name || exit 1; done

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (PYTHON=... names another)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing: apt install python3-venv"; exit 1; }

$(VENV)/.run: requirements.txt pyproject.toml | $(VENV)/bin/python
	@echo "installing the pinned wheels (once)"
	@$(PIP) $(WHEELS) -r requirements.txt
	@$(PIP) --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.txt pyproject.toml | $(VENV)/bin/python
	@echo "installing the pinned wheels and the tools (once)"
	@$(PIP) $(WHEELS) -r requirements-dev.txt
	@$(PIP) --no-deps --editable .
	@touch $@ $(VENV)/.run

# uv writes the locks: pip install uv
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url
lock:
	$(LOCK) --extra demo --extra face --extra devices pyproject.toml -o requirements.txt
	$(LOCK) --all-extras --group dev -c requirements.txt pyproject.toml -o requirements-dev.txt

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
