# Everything a developer does, one word each. `make help` lists them.

# The first Python 3.13 that runs and can make virtual environments: a shim of pyenv may stand there and run nothing.
PYTHON ?= $(shell for p in python3.13 "$$(pyenv prefix 2>/dev/null)/bin/python3.13" $$HOME/.pyenv/versions/3.13*/bin/python3.13 \
	$$HOME/.local/share/uv/python/cpython-3.13*/bin/python3.13 python3; do \
	"$$p" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != (3, 13))' >/dev/null 2>&1 && echo "$$p" && break; done)
VENV := .venv
BIN := $(VENV)/bin
RUNS := $(VENV)/.runs
READY := $(VENV)/.ready
AZURITE := node_modules/.package-lock.json

.DEFAULT_GOAL := help
.PHONY: help setup run test test-rest test-all oracles test-lab test-browser console-pictures test-scale test-nightly check dead-code lint types scan bicep bench simulate forecast test-odoo odoo-setup hubspot-setup stages docs docs-check settings-doc lock clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Virtual environment with all tools, and Azurite (done by the others when needed)

$(AZURITE):
	$(call install,requirements-run.txt)

$(RUNS): requirements-run.txt package-lock.json | $(AZURITE)
	$(call install,requirements-run.txt)
	@touch $@

$(READY): requirements-dev.txt requirements-run.txt package-lock.json | $(AZURITE)
	$(call install,requirements-dev.txt)
	@touch $(RUNS) $@

# Silent where everything is there already.
define install
@python="$(PYTHON)"; \
	if [ -z "$$python" ]; then echo "Python 3.13 (with venv) is needed and was not found. Install it (for example with pyenv), or say where it is: make PYTHON=/path/to/python3.13"; exit 1; fi; \
	"$$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' || { echo "Python 3.13 is needed; $$python is another version."; exit 1; }; \
	"$$python" -m local.install $(1)
endef

run: $(RUNS) ## Run everything on this machine and show a demonstration
	@$(BIN)/python -m local.run

# The tests start some fifty Python programs; what one of them has compiled the others read, also where the environment says no.
export PYTHONDONTWRITEBYTECODE :=

# In every run: nothing slow, on as many processes as there are cores; a file's tests stay together, for they share servers.
# In the order of the folders: what starts servers comes first, and the many quick files of tests/unit fill both processes at the end.
PARALLEL := -n $(or $(WORKERS),auto) --dist loadfile --no-loadscope-reorder

test: setup ## The tests of every day: each kind, in minutes
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow and not nightly and not lab and not browser"

test-rest: setup ## What `make test` leaves out: the slow ones
	$(BIN)/python -m pytest $(PARALLEL) -m "slow and not nightly and not lab and not browser"

test-all: test test-rest test-lab test-browser oracles ## All tests but the nightly ones and those against a real Odoo

oracles: setup ## The vendors' own packages against the sandbox, in an environment of their own
	$(BIN)/python -m tests.oracles

test-lab: setup ## The concurrency lab: races, laws, the store and two hosts on PostgreSQL, which is fetched and started
	$(BIN)/python -m tests.lab.server run -- $(BIN)/python -m pytest -n 0 -m "not slow and not nightly" tests/lab tests/laws tests/integration/store tests/scale

test-browser: setup ## The console in headless Chromium (on the PATH, or CHROMIUM=...): stories, axe-core, pictures in .local/console
	$(BIN)/python -m pytest -n 0 -m "browser" tests/browser

console-pictures: setup ## The pictures of docs/console.md, taken anew (Chromium as for test-browser)
	$(BIN)/python -m pytest -n 0 -m "browser" tests/browser/test_console_in_chromium.py -k "everybody_can_use_every_page and (desk or phone-dark) and not desk-dark"
	$(BIN)/python -m tests.browser.docs_pictures

test-scale: setup ## Four hosts, 20,000 events and 5,000 messages on one small PostgreSQL; one is killed, one stopped (nightly)
	$(BIN)/python -m tests.lab.server run -- $(BIN)/python -m pytest -n 0 -m "nightly" tests/scale

test-nightly: setup ## Simulated days, properties with many examples, and four hosts on one database
	HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest $(PARALLEL) -m "nightly and not lab"
	HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest $(PARALLEL) -m "not nightly and not lab and not browser"
	$(MAKE) test-scale

check: setup lint types dead-code docs-check scan bicep ## What CI runs before the tests: format, lint, types, dead code, derived documents, a scan of the infrastructure

dead-code: setup ## Functions, methods and classes that nothing uses (vulture; allowed in tests/structure/dead_code.toml)
	$(BIN)/python -m tests.structure.dead_code

scan: setup ## Scan the infrastructure template (checkov, in an environment of its own)
	$(BIN)/python -m tests.infra.scan

bicep: setup ## What Microsoft's compiler says of the template, where `bicep` is on the PATH
	@$(BIN)/python -m tests.infra.bicep_cli

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup
	$(BIN)/mypy

bench: $(RUNS) ## Measure against baselines in the same run
	$(BIN)/python -m bench

simulate: setup ## A simulated year of journeys with 10,000 people (SEED=..., PEOPLE=..., PROCESSES=...)
	SIMULATION_PEOPLE=$(or $(PEOPLE),10000) SIMULATION_SEED=$(SEED) $(BIN)/python -m tests.simulation $(PROCESSES)

forecast: $(RUNS) ## Who would get what of a journey, and when (JOURNEY=name, ARGS='--data {...} --svg file')
	@$(BIN)/python -m shared.journeys $(JOURNEY) $(ARGS)

test-odoo: setup ## The tests against a real Odoo 19, which is fetched and started
	$(BIN)/python -m tests.odoo.server run -- $(BIN)/python -m pytest tests/odoo tests/integration/odoo tests/contract

hubspot-setup: $(RUNS) ## Check the properties of a HubSpot account (add ARGS=--apply to create what is missing)
	$(BIN)/python -m functions.hubspot.setup $(ARGS)

odoo-setup: $(RUNS) ## Check a customer's Odoo (add ARGS=--apply to create what is missing)
	$(BIN)/python -m shared.crm.odoo_setup $(ARGS)

stages: $(RUNS) ## The stage map as a file (ARGS="export FILE", "diff FILE" or "import FILE")
	@$(BIN)/python -m shared.crm.stage_map $(ARGS)

docs: $(RUNS) ## Write what is derived from settings and declarations: documents, example settings, infra/flows.json
	@$(BIN)/python -m local.docs

settings-doc: docs ## The same as `make docs`

docs-check: setup ## Whether what `make docs` writes is up to date
	@$(BIN)/python -m local.docs --check

lock: setup ## Pin the newest allowed versions into requirements*.txt
	$(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o requirements.txt requirements.in
	$(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o requirements-run.txt requirements-run.in
	$(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o requirements-dev.txt requirements-dev.in

clean: ## Remove the data and logs of `make run`
	rm -rf .local/azurite .local/puente.db* .local/sandbox.json .local/*.log
