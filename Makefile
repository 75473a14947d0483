# The README's commands. Each sets up what it needs and does only what is missing.

PYTHON ?= python3
VENV := .venv
ifeq ($(OS),Windows_NT)
BIN := $(VENV)/Scripts
else
BIN := $(VENV)/bin
endif
READY := $(VENV)/.ready

.PHONY: assemble test bench clean

assemble: $(READY) ## backend/dist/<this machine>/, signed with a development key
	$(BIN)/runtime-packager assemble

test: $(READY) ## everything that is checked, linters included
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest

bench: $(READY) ## the figures we quote, beside their peers, into docs/benchmarks.md
	$(BIN)/python benchmarks/peers.py
	$(BIN)/python benchmarks/assemble.py
	$(BIN)/python benchmarks/verifying.py
	$(BIN)/python benchmarks/platforms.py

clean: ## what was built; the cache and the environment stay
	rm -rf backend/dist dist runtime_packager/launcher/bin

$(READY): pyproject.toml hatch_build.py $(wildcard runtime_packager/launcher/src/*) runtime_packager/launcher/build.py backend/requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/python3")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	@echo "installing runtime-packager and compiling its launchers (about a minute the first time)"
	$(BIN)/python -m pip install --quiet --editable '.[dev]' -r backend/requirements.txt
	@touch $@
