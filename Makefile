# Needs git, make, apt and python3 (3.11 or newer, with venv); no root. `make help` lists the targets.
# ARGS passes options on:  make demo ARGS="--traffic 6 --sip-port 5070"

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
STAMP := .venv/.ready
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet --quiet
# Where this Python has no wheel of pjsua2, softphones run on a private one (amd64 only: there is no other wheel).
TOOLS := tools install $(if $(filter x86_64,$(shell uname -m)),--with softphone)
UV_VERSION := 0.13.9
# What failed runs once more, by itself: whoever passes then is flaky, is named, and wants hunting (CONTRIBUTING.md).
ALONE := echo "What failed, once more and alone (flaky if it passes now):" >&2; $(BIN)/pytest -q -ra --last-failed --last-failed-no-failures none
QUICK := not (asterisk or slow or alone or soak)
LONG := slow and not (asterisk or alone or soak)
REAL := asterisk and not (alone or soak)
SPEED := alone and not soak
DIST ?= dist
SOAK_SECONDS ?= 3600
SOAK_CALLS_PER_MINUTE ?= 60

.PHONY: help setup tools demo check test soak docs proof compiled pins clean \
	check-lint check-format check-layers check-types check-unit

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

setup: $(STAMP) ## Make the virtual environment .venv from the pinned, hash-checked dependencies
	@:

# The stamp holds the folder's path: a virtual environment doesn't survive being moved.
ifneq ($(file < $(STAMP)),$(CURDIR))
.PHONY: $(STAMP)
endif
$(STAMP): constraints.txt pyproject.toml
	@python=$$(sh .ci/find-python $(PYTHON)); \
	if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
		echo "Making .venv with $$python" >&2; "$$python" -m venv --clear .venv; \
	fi
	@rm -f $@
	@echo "Installing the pinned dependencies (about 20 s the first time)" >&2
	@$(PIP) install --require-hashes --no-deps --only-binary :all: -r constraints.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@$(PIP) check || { echo "constraints.txt does not fit pyproject.toml: run  make pins" >&2; exit 1; }
	@printf %s '$(CURDIR)' > $@

tools: $(STAMP) ## Install Asterisk, SIPp, mosquitto and espeak-ng into this user's cache
	@$(BIN)/callrouter $(TOOLS) $(ARGS)

demo: $(STAMP) ## Open a whole province on this machine
	@$(BIN)/callrouter $(TOOLS) >/dev/null
	@exec $(BIN)/callrouter demo $(ARGS)

check: $(STAMP) ## Lint, format, layers, types and unit tests, side by side (under a minute)
	@$(MAKE) -j2 --keep-going --output-sync=target check-types check-unit check-lint check-format check-layers

check-lint: $(STAMP)
	@$(BIN)/ruff check --quiet .
check-format: $(STAMP)
	@$(BIN)/ruff format --check --quiet . || { echo "ruff format: run  $(BIN)/ruff format ."; exit 1; }
check-layers: $(STAMP)
	@$(BIN)/lint-imports --no-logo >.venv/layers.log || { cat .venv/layers.log; exit 1; }
check-types: $(STAMP)
	@$(BIN)/mypy
check-unit: $(STAMP)
	@$(BIN)/pytest -q -n 2 --dist loadfile -m "$(QUICK)" || { $(ALONE) -m "$(QUICK)"; }

test: $(STAMP) ## Everything, on a real Asterisk too (under 15 minutes)
	@$(BIN)/callrouter $(TOOLS)
	@$(MAKE) check
	@$(BIN)/pytest -n 2 --dist loadfile -m "$(LONG)" $(ARGS) || { $(ALONE) -m "$(LONG)" $(ARGS); }
	@$(BIN)/pytest -n 2 --dist loadfile -m "$(REAL)" $(ARGS) || { $(ALONE) -m "$(REAL)" $(ARGS); }
	@$(BIN)/pytest -m "$(SPEED)" $(ARGS) || { $(ALONE) -m "$(SPEED)" $(ARGS); }

soak: $(STAMP) ## The demo under traffic for an hour: SOAK_SECONDS=3600 SOAK_CALLS_PER_MINUTE=60
	@$(BIN)/callrouter $(TOOLS) >/dev/null
	@$(BIN)/pytest -m soak
	@exec $(BIN)/callrouter demo --traffic $(SOAK_CALLS_PER_MINUTE) --for $(SOAK_SECONDS) --json $(ARGS)

docs: $(STAMP) ## Write the reference pages and schemas anew from the sources
	@$(BIN)/python -m callrouter.cli.reference docs/reference/commands.md
	@$(BIN)/callrouter flow schema --write ivr_flows
	@$(BIN)/callrouter directory schema --write ivr_flows
	@$(BIN)/callrouter floor schema --write ivr_flows
	@$(BIN)/callrouter flow schema --docs docs/reference/flow
	@$(BIN)/python -m callrouter.web.reference docs/reference/api.md
	@$(BIN)/python -m callrouter.feed.reference docs/reference/feed
	@$(BIN)/python docs/generate.py

proof: $(STAMP) ## Prove the transfer contract on a real Asterisk and write docs/reference/transfer-proof.md
	@$(BIN)/callrouter $(TOOLS) >/dev/null
	@$(BIN)/python -m tests.asterisk.transfer_proof docs/reference/transfer-proof.md

compiled: $(STAMP) ## Build a wheel in dist/ whose decision core is compiled to C
	@command -v cc >/dev/null || { echo "No C compiler: install one (Debian: gcc libc6-dev python3-dev). Everything runs without it, too." >&2; exit 2; }
	@folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	git ls-files -z | xargs -0 cp --parents --target-directory="$$folder" --; \
	echo "Compiling acd/ (about a minute)" >&2; \
	(cd "$$folder" && HATCH_BUILD_HOOK_ENABLE_MYPYC=1 nice $(CURDIR)/$(PIP) wheel --no-deps --no-build-isolation \
		--wheel-dir $(abspath $(DIST)) .); \
	ls $(abspath $(DIST))/callrouter-*.whl

pins: $(STAMP) ## Choose the newest allowed dependencies anew and write constraints.txt
	@[ -x .venv/pins/bin/uv ] || python3 -m venv .venv/pins
	@.venv/pins/bin/python -m pip --disable-pip-version-check --quiet install uv==$(UV_VERSION)
	@.venv/pins/bin/uv pip compile pyproject.toml --quiet --all-extras --group build --upgrade \
		--universal --python-version 3.11 --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links --no-annotate --output-file constraints.txt
	@sed -i '1i # Written by `make pins` from pyproject.toml; pip checks every hash.' constraints.txt
	@if grep -n '://' constraints.txt; then echo "constraints.txt holds an address"; exit 1; fi
	@$(MAKE) setup

clean: ## Remove what was made here (the tools in the user's cache stay)
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
