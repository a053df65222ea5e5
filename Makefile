# Two commands are enough: `make run` shows the main job, `make test` runs every check. The rest is for developers.

VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
TOOLS := $(VENV)/tools
WORKERS ?= 4
# With LOCKED=1, as in CI, everything is installed in the releases of the lock files, each file by its hash; without it,
# in the newest releases that setup.cfg allows.
LOCKED ?=
PIP := -m pip install --quiet --disable-pip-version-check

.PHONY: run test network lint coverage soak mutants bench docs truth lock audit clean help

help: ## Show this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: $(VENV)/.installed ## Show the main job against a stand-in server: cut, killed with -9, and carried on
	$(BIN)/python docs/tutorial/first_call.py

test: $(VENV)/.tested network ## Run every check and every test
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal --cov --cov-report= tests
	@find . -maxdepth 1 -name '.coverage.*' -size 0 -delete  # of processes that tests killed before they had written any
	$(BIN)/python -m coverage combine --quiet 2>/dev/null || true
	$(BIN)/python -m coverage report --include='orchestrator/core/*' --fail-under=100 --format=total
	$(BIN)/python -m coverage report --fail-under=95 --format=total

PROXIES := haproxy nginx squid ip nft
network: ## Install the proxies that tests/network runs (Debian packages; needs root; none is started)
	@export PATH="$$PATH:/usr/sbin:/sbin"; \
	if ! (for each in $(PROXIES); do command -v $$each >/dev/null || exit 1; done); then \
	  if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
	    echo "tests/network is skipped without $(PROXIES); as root on Debian or Ubuntu: make network"; \
	  else \
	    policy=/usr/sbin/policy-rc.d; \
	    [ -e $$policy ] || { printf '#!/bin/sh\nexit 101\n' >$$policy && chmod +x $$policy && trap "rm -f $$policy" EXIT; }; \
	    apt-get update && \
	    apt-get install -y --no-install-recommends haproxy nginx squid iproute2 nftables || \
	    echo "they could not be installed: tests/network is skipped"; \
	  fi; \
	fi

lint: $(VENV)/.tested ## Style, types and import contracts only
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

FIRST_SEED ?= 0
SOAK_SEEDS ?= 1000000
SOAK_MINUTES ?= 30
soak: $(VENV)/.tested ## Prove for hours: SOAK_SEEDS seeds from FIRST_SEED on, every fault of the disk, SOAK_MINUTES of 500 calls
	$(BIN)/python -m tests.simulation $(FIRST_SEED) --count $(SOAK_SEEDS) --workers $(WORKERS)
	FAULTS=all $(BIN)/python -m pytest -n $(WORKERS) -o timeout=0 tests/faults
	$(BIN)/python benchmarks/soak.py --minutes $(SOAK_MINUTES)

mutants: $(VENV)/.tested ## Change the product in some hundred ways, see the simulator notice each, and write their table
	$(BIN)/python -m tests.simulation.hunt

bench: $(VENV)/.tested ## Run the benchmarks and print their tables
	$(BIN)/python benchmarks/steps.py
	$(BIN)/python benchmarks/commit.py
	$(BIN)/python benchmarks/batch.py
	$(BIN)/python benchmarks/events.py
	$(BIN)/python benchmarks/modes.py
	$(BIN)/python benchmarks/startup.py

docs: $(VENV)/.tested ## Draw again what the docs take from the code
	$(BIN)/python docs/draw.py
	$(BIN)/python docs/commands.py

truth: $(VENV)/.tested network ## Play every fault of the network, and write down what was concluded and what was true
	TRUTH_TABLE=docs/explanation/network-truth.md $(BIN)/python -m pytest -n $(WORKERS) tests/network/test_truth.py

# Written for every Python from 3.11 on and for every system; the header and the index are left out.
COMPILE = $(VENV)/uv/bin/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
  --no-header --no-annotate --no-emit-index-url --no-emit-find-links
lock: $(VENV)/bin/python ## Renew the lock files that CI installs from: the newest releases that setup.cfg allows
	$(BIN)/python -m venv $(VENV)/uv && $(VENV)/uv/bin/python $(PIP) uv
	echo 'setuptools>=68' | $(COMPILE) --extra dev setup.cfg - --output-file requirements/test.lock
	$(COMPILE) requirements/tools.in --output-file requirements/tools.lock

audit: $(TOOLS)/.installed ## Look for known vulnerabilities in all that is locked
	$(TOOLS)/bin/python .ci/audit.py requirements/test.lock requirements/tools.lock

clean: ## Remove the virtual environment and every cache
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage* build *.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; say which with: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -c 'import ensurepip' 2>/dev/null || { apt-get update && apt-get install -y python3-venv; }
	$(PYTHON) -m venv $(VENV)

ifdef LOCKED
$(VENV)/.installed: $(VENV)/bin/python setup.cfg pyproject.toml requirements/test.lock
	$(BIN)/python $(PIP) --require-hashes --requirement requirements/test.lock
	$(BIN)/python $(PIP) --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.tested: $(VENV)/.installed
	touch $@
else
$(VENV)/.installed: $(VENV)/bin/python setup.cfg pyproject.toml
	$(BIN)/python $(PIP) --editable '.[serve]'
	touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(BIN)/python $(PIP) --editable '.[dev]'
	touch $@
endif

$(TOOLS)/.installed: $(VENV)/bin/python requirements/tools.lock
	$(BIN)/python -m venv $(TOOLS)
	$(TOOLS)/bin/python $(PIP) --require-hashes --requirement requirements/tools.lock
	touch $@
