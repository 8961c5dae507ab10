# One command per intent; `make help` lists them. Only Python 3.11 or newer, make and a C library are needed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help setup train up down test check bench verify-llama web docs clean

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 19

setup: $(VENV)/.runtime ## make .venv, install, get the embedding model; seconds when done
	@$(BIN)/freehold setup

train: $(VENV)/.train ## install what training needs: PyTorch, transformers, peft, accelerate, scikit-learn

up: $(VENV)/.runtime ## start in the background; prints the address and how to stop
	@$(BIN)/freehold setup || echo "Going on without it: search runs on words alone." >&2
	@$(BIN)/freehold up --detach

down: ## stop what `make up` started
	@$(BIN)/freehold down

test: setup $(VENV)/.dev ## run the tests (ARGS='-k word' chooses)
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile $(ARGS)

check: $(VENV)/.dev ## style, types, layers, generated docs, front-end bundle
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/docs.py --check
	$(BIN)/python frontend/source_hash.py --check

bench: setup ## measure (DATA=folder of the public question sets)
	@test -n "$(DATA)" || { echo "say where the question sets are: make bench DATA=folder" >&2; exit 2; }
	@for each in search answers; do \
		$(BIN)/python benchmarks/$$each.py --data "$(DATA)" $(ARGS) || exit 1; done

verify-llama: setup $(VENV)/.dev ## verify a real Llama (CHECKPOINT=folder or hf:ORG/NAME@REVISION), fill its row
	@test -n "$(CHECKPOINT)" || { echo "say which: make verify-llama CHECKPOINT=folder" >&2; exit 2; }
	@$(BIN)/python scripts/verify_llama.py "$(CHECKPOINT)" $(ARGS)

web: ## build the front end (needs Node; see frontend/.nvmrc)
	cd frontend && npm ci --no-audit --no-fund && npm run build

docs: $(VENV)/.dev ## write docs/reference/ anew
	$(BIN)/python scripts/docs.py

clean: ## remove what setup and the tools made; the data folder stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist frontend/node_modules

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Freehold needs Python 3.11 or newer; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "Python's venv is missing; on Debian: apt install python3-venv" >&2; exit 1; }

$(VENV)/.runtime: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Freehold into $(VENV) …"
	@$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/.train: pyproject.toml constraints.txt | $(VENV)/.runtime
	@echo "Installing what training needs …"
	@$(PIP) install -c constraints.txt -e '.[train]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/.runtime
	@echo "Installing what the tests and checks need …"
	@$(PIP) install -c constraints.txt -e '.[dev,train]'
	@touch $@
