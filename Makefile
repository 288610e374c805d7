# `make` lists what there is. Needs git, make and Python >= 3.11; everything else goes into .venv.

PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
# Every process of the suite has a PostgreSQL, a Redis and a browser of its own.
PARALLEL := --numprocesses auto --maxprocesses 4 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help demo test test-browser dev phone check bench bench-speech evaluate replay model vendor docs migrate web worker watch doctor export agent clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/installed ## the main job: scripted calls become cases (ONCE=1 ends by itself)
	@$(BIN)/python -m demo $(if $(ONCE),--once) $(ARGS)

test: .venv/dev ## the test suite; real PostgreSQL, Redis and Chromium where they are installed
	@$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

test-browser: .venv/dev ## the tests in headless Chromium alone
	@$(BIN)/python -m pytest $(PARALLEL) tests/browser $(ARGS)

dev: .venv/installed ## web and worker on this machine alone, unsigned webhooks allowed
	@$(BIN)/python -m demo.dev $(ARGS)

phone: .venv/installed ## play the call flow in this terminal (CITY=... for another city)
	@$(BIN)/python -m callflows.simulator --city cities/$(or $(CITY),$(shell cat cities/default)) $(ARGS)

check: .venv/dev ## style, types, import contract, call flows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m callflows.checker cities/*

bench: .venv/dev ## figures as ratios taken in one run
	@$(BIN)/python -m bench $(ARGS)

bench-speech: .venv/dev ## speech engines against plain whisper.transcribe, in one run
	@$(BIN)/python -m bench.speech $(ARGS)

evaluate: .venv/dev ## error rates of a folder of recordings with texts (FOLDER=..., else the sample)
	@$(BIN)/python -m evaluate speech $(or $(FOLDER),evaluate/sample --model demo/model/hotline.pt) $(ARGS)

replay: .venv/installed ## a year of a city replayed: when is what adds up raised?
	@$(BIN)/python -m evaluate replay $(ARGS)

model: .venv/dev ## train the demonstration's speech checkpoint again (needs espeak-ng)
	@$(BIN)/python -m demo.training $(ARGS)

vendor: .venv/installed ## fetch what browsers are given that others wrote (needs npm)
	@$(BIN)/python -m console.vendor

docs: .venv/installed ## write docs/flows, lifecycle, clocks and rates.md from the data that runs
	@$(BIN)/python -m callflows.diagram
	@$(BIN)/python -m cases.diagram
	@$(BIN)/python -m watch.diagram
	@$(BIN)/python -m cases.worked_rates

migrate: .venv/installed ## bring the database to this version's schema
	@$(BIN)/alembic upgrade head

web: .venv/installed ## the web process: webhooks and console
	@exec $(BIN)/python app.py

worker: .venv/installed ## the workers: fetch recordings, transcribe
	@exec $(BIN)/python worker.py

watch: .venv/installed ## the clock: what got stuck is rung for again
	@exec $(BIN)/python worker.py watch

doctor: .venv/installed ## what is missing here, and what this machine can hear in an hour
	@$(BIN)/python worker.py doctor

export: .venv/installed ## every case as one line of JSON
	@$(BIN)/python -m console export

agent: .venv/installed ## a sign-in for the console, with a one-time password (NAME=...)
	@$(BIN)/python -m console add-agent $(NAME) --one-time $(ARGS)

clean: ## remove .venv and caches; never data
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build *.egg-info

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml constraints.txt | .venv/bin/python
	@echo "installing into .venv (the first time takes minutes) ..." >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

.venv/dev: pyproject.toml constraints.txt | .venv/installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
