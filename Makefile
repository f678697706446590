# Needs git, make and Python 3.11 or 3.12. All that is fetched goes to .venv and .local, checked by hash.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
LOCKED := $(PIP) install --progress-bar off --require-hashes --no-deps --no-build-isolation
# pip's hundreds of lines as a handful.
BRIEFLY := awk '/^Collecting/ && ++n % 20 == 0 {print "setup:   " n " fetched"} /^Installing/ {print "setup:   unpacking"} {fflush()}'
export PIP_NO_INPUT := 1

BASE := $(VENV)/.stamp-base
RUNTIME := $(VENV)/.stamp-runtime
DEV := $(VENV)/.stamp-dev
JARS := .local/jars/.stamp

# Tests run side by side. Each worker of the tests with real servers has servers of its own, of about 4 GB
# together; those tests wait more than they reckon, so that two at once pay on two cores. A worker takes whole
# files, in the order of tests/conftest.py. ARGS="-n 0" runs everything in one process, as --pdb needs it.
WORKERS := 2
SIDE_BY_SIDE := -n $(WORKERS) --dist worksteal
BY_FILE := -n $(WORKERS) --dist loadfile --no-loadscope-reorder
# These draw the same random examples every time; `make unit`, and pytest by itself, draw new ones.
STEADY := --hypothesis-profile=steady

.PHONY: help
help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|' 2>/dev/null || true

.PHONY: demo
demo: $(RUNTIME) $(JARS) ## Run the whole thing on this machine (ARGS="…" is passed on)
	@$(BIN)/shopper demo $(ARGS)

.PHONY: test
test: check compiled reader integration ## Everything that CI runs

.PHONY: check
check: $(DEV) ## Style, types, layers, doctests and unit tests (100 % branches), generated documents; no JVM
	@echo "== ruff";         $(BIN)/ruff check . && $(BIN)/ruff format --check .
	@echo "== mypy";         $(BIN)/mypy && $(BIN)/mypy --python-version=3.10 reader/shopper_reader
	@echo "== lint-imports"; $(BIN)/lint-imports --no-cache | tail -n 8
	@echo "== documents";    $(BIN)/shopper docs --check
	@echo "== unit tests";   $(BIN)/pytest -q -m 'unit or property' $(STEADY) $(SIDE_BY_SIDE) --cov --cov-report=term $(ARGS)

.PHONY: compiled
compiled: $(DEV) compiler ## Tests of the pure core once more, on its machine code, which gives the same bytes
	@echo "== the compiled core"; $(BIN)/python -m tests.compiled $(STEADY) $(SIDE_BY_SIDE) $(ARGS)

.PHONY: reader
reader: $(DEV) ## Tests of the reader against a real Redis: 100 % of its branches
	@echo "== the reader"; $(BIN)/pytest -q tests/reader tests/integration/reader $(STEADY) $(SIDE_BY_SIDE) --cov --cov-config=reader/.coveragerc --cov-report=term $(ARGS)

.PHONY: unit
unit: $(DEV) ## Doctests and unit tests alone (ARGS="-k window")
	@$(BIN)/pytest -q -m unit $(SIDE_BY_SIDE) $(ARGS)

.PHONY: integration
integration: $(DEV) $(JARS) browser compiler ## Tests against a real Kafka, Redis and Flink
	@echo "== tests with real servers"; $(BIN)/pytest -q -m "integration or cluster" --ignore=tests/integration/reader --durations=10 --durations-min=20 $(STEADY) $(BY_FILE) $(ARGS)
	@# PyFlink's Java gateway ends by itself when the tests have ended, a moment later; nothing is left when this returns.
	@for i in $$(seq 40); do pgrep -f "$(CURDIR)/$(VENV).*[P]ythonGatewayServer" > /dev/null 2>&1 || break; sleep 0.5; done

.PHONY: faults
faults: $(DEV) $(JARS) ## Every fault once on a real cluster, every value compared (part of make test)
	@$(BIN)/pytest -q -s tests/faults $(ARGS)

.PHONY: faults-full
faults-full: $(DEV) $(JARS) ## Every fault three times and 200,000 records (ARGS="--seed 7 --events 200000 --rounds 3")
	@$(BIN)/python -m tests.faults $(ARGS)

# The core is compiled in tests, and by `shopper submit --compiled`; the demo does without.
.PHONY: compiler
compiler: $(BASE) ## See to it that there are a C compiler and Python's headers for the compiled core
	@there() { command -v gcc > /dev/null && $(BIN)/python -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))'; }; \
	if there; then exit 0; fi; \
	if command -v apt-get > /dev/null && { [ "$$(id -u)" = 0 ] || sudo -n true 2> /dev/null; }; then \
	  echo "setup: a C compiler, for the compiled core"; \
	  as=$$([ "$$(id -u)" = 0 ] || echo sudo -n); \
	  $$as apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$as apt-get install -y -qq --no-install-recommends gcc libc6-dev python3-dev > /dev/null; fi; \
	there || { echo "The compiled core needs gcc on PATH and Python's headers; install them (on Debian: apt-get install gcc libc6-dev python3-dev) and run make again." >&2; exit 1; }

# The page is tested in a real browser; nothing else of the machine's is needed.
.PHONY: browser
browser: ## See to it that there is a Chromium for the tests of the live page
	@for name in chromium chromium-browser google-chrome; do command -v $$name > /dev/null && exit 0; done; \
	if command -v apt-get > /dev/null && { [ "$$(id -u)" = 0 ] || sudo -n true 2> /dev/null; }; then \
	  echo "setup: Chromium, for the tests of the live page"; \
	  as=$$([ "$$(id -u)" = 0 ] || echo sudo -n); \
	  $$as apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$as apt-get install -y -qq --no-install-recommends chromium > /dev/null; \
	else \
	  echo "The tests of the live page need a Chromium on PATH (chromium, chromium-browser or google-chrome)," >&2; \
	  echo "and it cannot be installed from here: install it (on Debian: apt-get install chromium) and run make again." >&2; exit 1; fi

.PHONY: format
format: $(DEV) ## Format the code and mend what ruff can mend
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

.PHONY: docs
docs: $(DEV) ## Write the pages and dashboards that are made from the code
	@$(BIN)/shopper docs
	@$(BIN)/python -m deploy.grafana.make

.PHONY: setup
setup: $(DEV) $(JARS) browser compiler ## Fetch all that tests and the demo need
	@echo "setup: everything is there"

# A virtual environment that works is never cleared: something may be running from it.
SUITS := import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))

$(BASE): requirements-build.lock
	@if ! $(BIN)/python -c '$(SUITS)' 2>/dev/null; then \
	  for python in python3 python3.12 python3.11; do \
	    if $$python -c '$(SUITS)' 2>/dev/null; then found=$$python; break; fi; done; \
	  if [ -z "$${found:-}" ]; then \
	    echo "No Python 3.11 or 3.12 (with venv and ensurepip) is on PATH, and PyFlink 2.3 has no wheels for others." >&2; \
	    echo "Install one (on Debian: python3.11 and python3.11-venv) and run make again." >&2; exit 1; fi; \
	  echo "setup: $$($$found --version) in $(VENV)"; \
	  $$found -m venv --clear $(VENV); fi
	@$(LOCKED) -r requirements-build.lock | $(BRIEFLY)
	@touch $@

$(RUNTIME): $(BASE) requirements.lock pyproject.toml
	@echo "setup: libraries, the largest being Flink (330 MB); a minute or two, once"
	@$(LOCKED) -r requirements.lock | $(BRIEFLY)
	@$(PIP) install --quiet --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(DEV): $(RUNTIME) requirements-dev.lock
	@echo "setup: tools for checks and tests"
	@$(LOCKED) -r requirements-dev.lock | $(BRIEFLY)
	@touch $@

$(JARS): $(RUNTIME) deploy/jars.lock
	@$(BIN)/python -m jobs.local.jars
	@touch $@

# For maintainers, after a change of the dependencies in pyproject.toml or of the jars in jobs/local/jars.py.
COMPILE := .local/lock/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

.PHONY: lock
lock: $(DEV) ## Resolve all dependencies anew (UPGRADE=--upgrade for newer ones)
	@test -x .local/lock/bin/uv || { $(BIN)/python -m venv .local/lock && .local/lock/bin/python -m pip install --quiet uv; }
	$(COMPILE) $(UPGRADE) --extra dev --group build -o requirements-dev.lock
	$(COMPILE) -c requirements-dev.lock -o requirements.lock
	$(subst pip compile pyproject.toml,pip compile,$(COMPILE)) --group build -c requirements-dev.lock -o requirements-build.lock
	$(BIN)/python -m jobs.local.jars lock

.PHONY: clean
clean: ## Remove all that was fetched or made
	rm -rf $(VENV) .local build dist .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
