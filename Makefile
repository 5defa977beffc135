# The only door to everything: `make help`.
# Variables from the environment: PYTHON, STAGE, ROLE, NAME, FAMILIES, YES, DEPLOY_..._KEY; for local runs PORT, AGENTS, MASTER_KEY,
# LOCAL_SWEEP_SECONDS and every documented setting.

VENV := .venv
BIN := $(VENV)/bin
STAGE ?= dev
ROLE ?= core
NAME ?=
FAMILIES ?=
AGENTS ?= 0
WORKERS ?= 3
PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(if $(shell command -v $(name)),$(name))))
REQUIREMENTS := requirements.txt samples/agent/requirements.txt samples/cli/requirements.txt requirements-dev.txt

MAKEFLAGS += --no-print-directory
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONUNBUFFERED := 1
# Compiled modules are kept, also where the shell says otherwise: workers of tests share what one of them has compiled.
export PYTHONDONTWRITEBYTECODE :=
SIMULATION := PYTHONHASHSEED=0 PYTHONPATH=.:samples/agent $(BIN)/python -m tests.simulation

.DEFAULT_GOAL := help
.PHONY: help setup check format lint types imports templates openapi openapi-check audit lock test test-all test-fast coverage conformance bench scale simulate simulate-mutants rehearse fuzz toy demo up dist package deploy clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

$(VENV)/ready: $(REQUIREMENTS)
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed: set PYTHON to it" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or later is needed, $(PYTHON) is older: set PYTHON" >&2; exit 1; }
	@echo "Setting up $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "the module venv is missing (Debian: apt install python3-venv)" >&2; exit 1; }
	@for file in $(REQUIREMENTS); do $(BIN)/python -m pip install --quiet --quiet -r $$file || exit 1; done
	@touch $@

setup: $(VENV)/ready ## Make .venv, or bring it up to date

check: setup ## Everything that needs no running: format, lint, types, imports, templates, API document
	@$(BIN)/ruff format --check --quiet . || { echo "make format would change files" >&2; exit 1; }
	@$(MAKE) lint types imports templates openapi-check

format: setup ## Format the code, lower the counts of known lint findings
	@$(BIN)/ruff format .
	@$(BIN)/python -m infra.house known

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/python -m infra.house

types: setup
	@$(BIN)/mypy

imports: setup
	@$(BIN)/lint-imports --no-logo

templates: setup
	@rm -rf build/check
	@$(BIN)/python -m infra.package --code-only --build build/check
	@$(BIN)/python -m infra.package --code-only --role further --build build/check/further
	@$(BIN)/python -m infra.lint build/check

openapi: setup ## Write the documents of the APIs, of their events and of permissions from the models, the tools, and the catalogue of machines
	@$(BIN)/python -m chalicelib.machines.catalogue.generate
	@$(BIN)/python -m chalicelib.web.openapi
	@$(BIN)/python -m chalicelib.web.asyncapi
	@$(BIN)/python -m chalicelib.web.permissions_page
	@$(BIN)/python -m chalicelib.web.mcp.catalogue

openapi-check: setup
	@$(BIN)/python -m infra.openapi_check

audit: setup ## Known vulnerabilities in what ships, in the functions and on machines (asks the package index)
	@$(BIN)/pip-audit --requirement requirements.txt --no-deps --disable-pip
	@$(BIN)/pip-audit --requirement samples/agent/requirements.lock --no-deps --disable-pip

lock: setup ## Write requirements.txt and samples/agent/requirements.lock: all libraries of the functions and of the agent's bundle, with hashes
	@$(BIN)/uv pip compile --quiet requirements.in --generate-hashes --python-version 3.13 \
		--python-platform x86_64-manylinux_2_34 --no-annotate --custom-compile-command "make lock" --output-file requirements.txt
	@$(BIN)/uv pip compile --quiet tests/infra/runtime-client.in --generate-hashes --python-version 3.13 \
		--python-platform x86_64-manylinux_2_34 --no-annotate --custom-compile-command "make lock" --output-file tests/infra/runtime-client.txt
	@$(BIN)/uv pip compile --quiet samples/agent/requirements.txt samples/agent/requirements-bundle.in --generate-hashes --python-version 3.11 \
		--python-platform x86_64-manylinux_2_28 --no-annotate --custom-compile-command "make lock" --output-file samples/agent/requirements.lock

test: setup ## All tests but those marked as slow, with the whole application in a local cloud among them
	@$(BIN)/pytest -n $(WORKERS) $(ARGS)

test-all: setup ## The same with the slow ones: before a release, and after a change of what they are about
	@$(BIN)/pytest -n $(WORKERS) -m "slow or not slow" $(ARGS)

test-fast: setup ## The tests that start no local cloud
	@$(BIN)/pytest -n $(WORKERS) --ignore=tests/e2e $(ARGS)

coverage: setup ## Branch coverage of each package, held against tests/coverage.json (a quarter of an hour; ARGS=--write)
	@$(BIN)/python -m tests.coverage -n $(WORKERS) $(ARGS)

conformance: setup ## Write docs/conformance.md from what the route tests exercise; the contract is in EDGE_CONTRACT_DIR
	@$(BIN)/python -m tests.contract.conformance -n $(WORKERS) $(ARGS)

bench: setup ## How fast, how much, how it grows: prints tables, writes build/bench.json (ARGS=--write: docs/performance.md); alone on the machine, under 10 minutes
	@$(BIN)/python -m tests.bench $(ARGS)

scale: setup ## Long work at its whole size in simulated time (140,000 nodes, 100,000 rows): half an hour; ARGS="cancel prune"
	@$(BIN)/python -m tests.scale $(ARGS)

simulate: setup ## Histories of the whole system, server and agents, with everything that can go wrong: RUNS=100 SEED=1 FAMILY=fleet ARGS="--totals tests/simulation/totals.json"
	@$(SIMULATION).runner --runs $(or $(RUNS),100) $(if $(SEED),--seed $(SEED)) --family "$(FAMILY)" $(ARGS)

simulate-mutants: setup ## Take mends back one by one: an invariant of the simulation has to find each (an hour; ARGS="second-look --most 100")
	@$(SIMULATION).mutants $(ARGS)

rehearse: setup ## The worst days on the real path: a local cloud is killed, stopped, poisoned, rotated, rolled back and restored under real agents (half an hour; ARGS="stop poison")
	@$(BIN)/python -m tests.rehearsals $(ARGS)

fuzz: setup ## Hostile bytes for each reader of foreign bytes: SECONDS=3600 SEED=1
	@PYTHONPATH=.:samples/agent $(BIN)/python -m tests.fuzz $(or $(SECONDS),3600) $(or $(SEED),1)

toy: setup ## Add a toy family to a clone, and run make check and its tests there: before a release and after a change of how families are declared (ten minutes)
	@$(BIN)/python -m tests.toy_family $(ARGS)

demo: setup ## The main job for real: three agents enrol, a command runs on all, every output comes back; then a machine is made, used and removed; FAMILY=cloud: a tenant and its people
	@$(BIN)/python -m infra.local.demo

up: setup ## The same, kept running: PORT=8080 AGENTS=0 FAMILIES=... MASTER_KEY=... LOCAL_SWEEP_SECONDS=5
	@$(BIN)/python -m infra.local.up $(AGENTS)

dist: setup ## build/dist: the agent and all its libraries as one archive for each architecture, checked by hashes; edgectl as a wheel
	@$(BIN)/python -m infra.agent_bundle
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir build/dist samples/cli
	@rm -rf samples/cli/build samples/cli/*.egg-info

package: setup ## build/packaged: template and zip, as they go to AWS; ROLE=further: those of a further stack; FAMILIES=...: also those that are not there by default
	@$(BIN)/python -m infra.package --stage $(STAGE) --role $(ROLE) --families "$(FAMILIES)"

deploy: setup ## Plan, ask, deploy to the AWS account of the shell's credentials: make deploy STAGE=dev [FAMILIES=...] [ROLE=further NAME=...] [ROLL_BACK=1] [YES=1]
	@$(BIN)/python -m infra.deploy --stage $(STAGE) --role $(ROLE) --name "$(NAME)" --families "$(FAMILIES)"

clean: ## Remove what was built, and .venv
	@rm -rf $(VENV) build .chalice/deployments .mypy_cache .ruff_cache .pytest_cache .hypothesis
