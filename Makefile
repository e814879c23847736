# `make` alone lists the targets.

PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
OLDEST := $(VENV)/mlflow-oldest
CLOUDS := $(VENV)/mlflow-2.8
UV := $(BIN)/uv
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help setup demo serve tracer bubblewrap compiled test test-full check format clients bench lock clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1 \t\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: $(STAMP)  ## make .venv from the hashed requirements (needs Python 3.11 or newer)

$(STAMP): requirements/pip.txt requirements/dev.txt pyproject.toml
	@$(PYTHON) -c "import ensurepip, venv" 2>/dev/null || \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			apt-get update -qq && \
			DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv python3-pip; \
		else \
			echo "Python's venv module is missing: install it (on Debian: python3-venv and python3-pip)." >&2; \
			exit 1; \
		fi
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
		{ echo "Modelyard needs Python 3.11 or newer; name one with: make setup PYTHON=…" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/pip.txt
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# An environment of its own: this MLflow does not go together with the newest one.
$(OLDEST)/.installed: $(STAMP) requirements/mlflow-oldest.txt
	$(PYTHON) -m venv --clear $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --require-hashes -r requirements/mlflow-oldest.txt
	@touch $@

# And one for an MLflow that knows object stores only.
$(CLOUDS)/.installed: $(STAMP) requirements/mlflow-2.8.txt
	$(PYTHON) -m venv --clear $(CLOUDS)
	$(CLOUDS)/bin/python -m pip install --quiet --require-hashes -r requirements/mlflow-2.8.txt
	@touch $@

demo: $(STAMP)  ## show the whole story, from training to serving and jobs, in a fresh folder (options in ARGS)
	$(BIN)/modelyard demo $(ARGS)

serve: $(STAMP)  ## start a server (options in ARGS)
	$(BIN)/modelyard serve $(ARGS)

# The tests of a failing disk replace the kernel's answers with it; where it cannot be had they are skipped.
tracer:
	@command -v strace >/dev/null || \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq strace; } || true

# Models are confined with it; where it cannot be had, the tests that need it are skipped.
bubblewrap:
	@command -v bwrap >/dev/null || \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq bubblewrap; } || true

# Hundreds of tests start a server, and where Python may not keep what it compiles, each would compile all of it again.
compiled: $(STAMP)
	@$(BIN)/python -m compileall -q src

# Three at a time also on two cores: tests wait for other processes much of the time.
test: $(STAMP) $(OLDEST)/.installed $(CLOUDS)/.installed tracer bubblewrap compiled  ## run the tests (options in ARGS)
	$(BIN)/pytest -n 3 $(ARGS)

test-full: $(STAMP) $(OLDEST)/.installed $(CLOUDS)/.installed tracer bubblewrap compiled  ## run the tests and the long sweeps
	$(BIN)/pytest -n 3 -m "" $(ARGS)

check: $(STAMP)  ## lint, format, types and import contracts, as in CI
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	$(BIN)/lint-imports

format: $(STAMP)  ## format the code and fix what can be fixed safely
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

clients: $(STAMP) $(OLDEST)/.installed $(CLOUDS)/.installed  ## tell every client its stories, and write docs/clients.md from what worked
	$(BIN)/python -m tests.house.clients_page

bench: $(STAMP)  ## run the benchmarks (options in ARGS)
	$(BIN)/python -m benchmarks $(ARGS)

# The second compilation is held to the versions of the first, so both files agree.
lock:  ## compile requirements/ from pyproject.toml (ARGS=--upgrade for newer versions)
	@test -x $(UV) || $(MAKE) setup
	$(COMPILE) pyproject.toml --all-extras --group dev --output-file requirements/dev.txt $(ARGS)
	$(COMPILE) pyproject.toml --constraints requirements/dev.txt --output-file requirements/runtime.txt $(ARGS)
	$(COMPILE) requirements/pip.in --output-file requirements/pip.txt $(ARGS)
	$(COMPILE) requirements/mlflow-oldest.in --output-file requirements/mlflow-oldest.txt $(ARGS)
	$(COMPILE) requirements/mlflow-2.8.in --output-file requirements/mlflow-2.8.txt $(ARGS)

clean:  ## remove caches and what was built (.venv stays)
	rm -rf build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
