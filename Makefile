# The README's commands. Each sets up what it needs and does only what is missing.

PYTHON ?= python3
FUZZ_SECONDS ?= 3600
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
READY := $(VENV)/.ready
NODE_READY := electron/node_modules/.ready
# A display for the real Electron, where there is none; without it those tests say what to install.
DISPLAYED := $(if $(DISPLAY),,$(if $(shell command -v xvfb-run),xvfb-run --auto-servernum))

.PHONY: assemble test bench torture clean

# `make assemble PROFILE=full`: backend/dist/full/<this machine>/, which can train (5.8 GB on Linux)
PROFILE ?= core

assemble: $(READY) ## backend/dist/<this machine>/, signed with a development key
	$(BIN)/runtime-packager assemble --profile $(PROFILE)

test: $(READY) $(NODE_READY) ## everything that is checked, linters included
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	npm --prefix electron run --silent lint
	npm --prefix electron run --silent test
	$(DISPLAYED) npm --prefix electron run --silent test:e2e
	$(BIN)/python -m pytest

bench: $(READY) $(NODE_READY) ## the figures we quote, beside their peers, into docs/benchmarks.md
	$(BIN)/python benchmarks/peers.py
	$(BIN)/python benchmarks/assemble.py
	$(BIN)/python benchmarks/verifying.py
	$(BIN)/python benchmarks/platforms.py
	$(BIN)/python benchmarks/full_profile.py
	$(BIN)/python benchmarks/backend.py
	$(BIN)/runtime-packager assemble
	xvfb-run -a node benchmarks/desktop.js

torture: $(READY) ## kills, faults and power cuts at every point of an assembly; fuzzing: two hours and more
	$(BIN)/python tests/torture --go-on
	$(BIN)/python -m pytest tests/torture
	RUNTIME_PACKAGER_FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/python -m pytest tests/fuzz

clean: ## what was built; the cache and the environment stay
	rm -rf backend/dist electron/dist electron/trust dist runtime_packager/launcher/bin

$(READY): pyproject.toml hatch_build.py $(wildcard runtime_packager/launcher/src/*) runtime_packager/launcher/build.py backend/requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/python3")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	@echo "installing runtime-packager and compiling its launchers (about a minute the first time)"
	$(BIN)/python -m pip install --quiet --editable '.[dev]' -r backend/requirements.txt
	@touch $@

$(NODE_READY): electron/package.json electron/package-lock.json
	@command -v npm >/dev/null || { echo "Node 18.20 or newer, with npm, is needed for the desktop app" >&2; exit 1; }
	cd electron && npm ci --no-audit --no-fund --silent
	@touch $@
