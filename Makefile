# The environment is built from requirements.lock (every version pinned, with hashes) and rebuilt when that file changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# Bytecode is written on first import: without it every stage process compiles torch and transformers again.
unexport PYTHONDONTWRITEBYTECODE
# Settings of the user's own shell that would bend the pinned set-up.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo test quick check lock ui up down fuzz bench clean

demo: $(READY)  ## set up everything and run the whole pipeline on the default recipe
	dvc repro
	finetrail show

test: check  ## set up everything, check the code and run every test, three at a time: many of them wait
	pytest --numprocesses 3 --dist loadgroup --no-loadscope-reorder

quick: $(READY)  ## the contract tests and the quick ones of the unit tests, two at a time: two to four minutes
	pytest tests/contract tests/unit -m "not slow" --numprocesses 2 --dist loadgroup --no-loadscope-reorder

check: $(READY)  ## format, lint, types, direction of imports
	ruff format --check .
	ruff check .
	mypy
	lint-imports

ui: $(READY)  ## compare the runs in MLflow's UI, on loopback
	finetrail ui

up: $(READY)  ## start Prefect's server, MLflow's server and two workers, on loopback
	python -m flows.servers up

down:  ## end them
	python -m flows.servers down

fuzz: $(READY)  ## search for inputs that break what SECURITY.md promises, for ten minutes
	FINETRAIL_FUZZ=20000 pytest tests/security/test_fuzz.py --numprocesses 2

bench: $(READY)  ## measure the pipeline: samples/s, overhead, no-op repro
	python bench/pipeline.py

lock: $(READY)  ## resolve pyproject.toml again into requirements.lock
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --no-header --quiet --output-file requirements.lock

clean:  ## remove the environment, never data or models
	rm -rf $(VENV)

$(READY): requirements-uv.lock requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --require-hashes --requirement requirements-uv.lock
	$(BIN)/uv pip sync --quiet --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --no-deps --editable .
	test -d .dvc || dvc init --quiet
	$(BIN)/python -m finetrail.programs.plots
	touch $(READY)
