# Each target does all its own set-up. Needs Python 3.11 or newer, and nothing else.

PYTHON ?= python3
VENV   := .venv
BIN    := $(CURDIR)/$(VENV)/bin
READY  := $(VENV)/.ready

# The node of the virtual environment, so that jsii never meets a foreign one.
export PATH := $(BIN):$(PATH)

.PHONY: up down test fuzz check fix setup clean help

help:
	@echo 'make up      the whole way on this machine: local AWS, stacks, training, endpoint, an answer'
	@echo 'make down    destroys what may be destroyed, and stops the local AWS'
	@echo 'make test    every check and every test'
	@echo 'make fuzz    attacks the API with 10,000 requests, others each time: some minutes'
	@echo 'make setup   only the virtual environment, with exact versions'
	@echo 'make clean   removes the virtual environment and what was built'

up: $(READY)
	@$(BIN)/clary up $(if $(PORT),--port $(PORT))

down: $(READY)
	@$(BIN)/clary down

# In the order of the folders: the long ones first, and what a folder's tests share ends with them. A worker
# that is killed, for want of memory, fails the run: in place of another one xdist would wait forever.
test: check
	@$(BIN)/pytest --numprocesses auto --dist loadfile --no-loadscope-reorder --max-worker-restart 0

fuzz: $(READY)
	@CLARY_FUZZ=10000 $(BIN)/pytest -rP tests/integration/test_api_schemathesis.py

check: $(READY)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

fix: $(READY)
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

setup: $(READY)

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Clary needs Python 3.11 or newer, $(PYTHON) is $$($(PYTHON) --version); try make PYTHON=python3.12"; exit 1; }
	@echo 'setting up $(VENV): about a minute, once'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	@$(BIN)/python -m clary.toolchain $(BIN)
	@touch $(READY)

clean:
	@rm -rf $(VENV) .clary cdk.out
