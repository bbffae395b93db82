# Everything a developer does, one word each. `make help` lists them.

PYTHON ?= $(shell for p in python3.13 "$$(pyenv prefix 2>/dev/null)/bin/python3.13" $$HOME/.pyenv/versions/3.13*/bin/python3.13; do command -v "$$p" 2>/dev/null && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
AZURITE := node_modules/.package-lock.json

.DEFAULT_GOAL := help
.PHONY: help setup run test test-rest test-all test-lab test-nightly check dead-code lint types scan bench simulate forecast test-odoo odoo-setup settings-doc lock clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) $(AZURITE) ## Virtual environment and Azurite (done by the others when needed)

$(READY): requirements.txt requirements-dev.txt
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.13 is needed and was not found. Install it (for example with pyenv), or say where it is: make PYTHON=/path/to/python3.13"; exit 1; fi
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' || { echo "Python 3.13 is needed; $(PYTHON) is another version."; exit 1; }
	"$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	@touch $@

$(AZURITE): package.json package-lock.json
	@command -v npm >/dev/null || { echo "Node.js 20 or later (with npm) is needed for Azurite and was not found."; exit 1; }
	npm ci --silent --no-audit --no-fund
	@touch $@

run: setup ## Run everything on this machine and show a demonstration
	@$(BIN)/python -m local.run

# In every run: nothing slow, on as many processes as there are cores; a file's tests stay together, for they share servers.
PARALLEL := -n $(or $(WORKERS),auto) --dist loadfile

test: setup ## The tests of every day: each kind, in minutes
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow and not nightly and not lab"

test-rest: setup ## What `make test` leaves out: the slow ones
	$(BIN)/python -m pytest $(PARALLEL) -m "slow and not nightly and not lab"

test-all: test test-rest test-lab ## All tests but the nightly ones and those against a real Odoo

test-lab: setup ## The concurrency lab: races, laws and the store on PostgreSQL, which is fetched and started
	$(BIN)/python -m tests.lab.server run -- $(BIN)/python -m pytest -n 0 -m "not slow and not nightly" tests/lab tests/laws tests/integration/store

test-nightly: setup ## Simulated days, and properties with many examples
	HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest $(PARALLEL) -m "nightly"
	HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest $(PARALLEL) -m "not nightly and not lab"

check: setup lint types dead-code scan ## What CI runs before the tests: format, lint, types, dead code, a scan of the infrastructure

dead-code: setup ## Functions, methods and classes that nothing uses (vulture; allowed in tests/structure/dead_code.toml)
	$(BIN)/python -m tests.structure.dead_code

scan: setup ## Scan the infrastructure template (checkov, in an environment of its own)
	$(BIN)/python -m tests.infra.scan

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup
	$(BIN)/mypy

bench: setup ## Measure against baselines in the same run
	$(BIN)/python -m bench

simulate: setup ## A simulated year of journeys with 10,000 people (SEED=..., PEOPLE=..., PROCESSES=...)
	SIMULATION_PEOPLE=$(or $(PEOPLE),10000) SIMULATION_SEED=$(SEED) $(BIN)/python -m tests.simulation $(PROCESSES)

forecast: setup ## Who would get what of a journey, and when (JOURNEY=name, ARGS='--data {...} --svg file')
	@$(BIN)/python -m shared.journeys $(JOURNEY) $(ARGS)

test-odoo: setup ## The tests against a real Odoo 19, which is fetched and started
	$(BIN)/python -m tests.odoo.server run -- $(BIN)/python -m pytest tests/odoo tests/integration/odoo tests/contract

odoo-setup: setup ## Check a customer's Odoo (add ARGS=--apply to create what is missing)
	$(BIN)/python -m shared.vendors.odoo.setup $(ARGS)

settings-doc: setup ## Write docs/settings.md and the example settings from the settings class
	$(BIN)/python -m local.settings_doc > docs/settings.md
	$(BIN)/python -m local.settings_doc --example > local.settings.example.json

lock: setup ## Pin the newest allowed versions into requirements*.txt
	$(BIN)/pip-compile --quiet --upgrade --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o requirements.txt requirements.in
	$(BIN)/pip-compile --quiet --upgrade --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o requirements-dev.txt requirements-dev.in

clean: ## Remove the data and logs of `make run`
	rm -rf .local/azurite .local/puente.db* .local/sandbox.json .local/*.log
