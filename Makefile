# The two doors are `make demo` and `make test`; each does its own set-up. `make` alone prints this list.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.steward-setup
SCENARIO ?= service-down
STAGE ?= dev
RESERVE ?= yes
DASHBOARD ?= no
OUT ?= build/$(STAGE)
TESTS ?= tests
WORKERS ?= 2

# Rules carry the stacks' region, so the package says which one it is made for. A table that is protected while it is
# first created could not be rolled back: the first deployment protects it in a second step.
DEPLOY = aws cloudformation deploy --region $$(cat $(OUT)/region) --template-file $(OUT)/deploy.json \
  --stack-name mlflow-steward-$(STAGE) --capabilities CAPABILITY_NAMED_IAM --no-fail-on-empty-changeset \
  --s3-bucket $(BUCKET) --s3-prefix mlflow-steward --tags application=mlflow-steward stage=$(STAGE) \
  --parameter-overrides ReserveConcurrency=$(RESERVE) MakeDashboard=$(DASHBOARD)

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-real check format format-check lint types generated package deploy bench clean

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## Make .venv with everything in it and the `steward` command (again only when pins change)

# The stamp is newer than the pins: nothing to do. Built in place (no isolation), so no unpinned build tool is fetched.
$(STAMP): requirements.txt requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Steward needs Python 3.11 or later; '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo not there)." \
	       "Say which one to use: make PYTHON=python3.12 setup" >&2; exit 2; }
	@echo "setup: installing the pinned packages and the steward command into $(VENV) (a minute or two, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP) ## Break an embedded AWS and watch Steward mend it: make demo SCENARIO=recovers-by-itself
	@echo "demo: scenario $(SCENARIO) on the embedded AWS; nothing leaves this machine"
	@$(BIN)/steward demo --scenario $(SCENARIO)

test: $(STAMP) ## All tests that need nothing but this machine: make test TESTS=tests/unit
	@echo "test: pytest on $(TESTS), $(WORKERS) at a time"
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not real" $(TESTS)

test-real: $(STAMP) ## Real servers (installs what is missing, then breaks them), the API fuzzed, every crash point of every runbook
	@echo "test-real: real servers; installs PostgreSQL, MariaDB (system packages), MySQL and MLflow (.venv-*) if missing"
	@PYTHON=$(PYTHON) tests/real/setup_servers.sh
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m real tests

check: format-check lint types generated test ## What CI runs: format, lint, types, generated files, tests

format: $(STAMP) ## Lay the code out
	@$(BIN)/ruff format .

format-check: $(STAMP)
	@echo "format: ruff format --check"
	@$(BIN)/ruff format --check .

lint: $(STAMP)
	@echo "lint: ruff check"
	@$(BIN)/ruff check .

types: $(STAMP)
	@echo "types: mypy --strict"
	@$(BIN)/mypy

generated: $(STAMP) ## Compare what is generated (schema, machine, reference) with what is committed
	@echo "generated: steward generate --check"
	@$(BIN)/steward generate --check

package: $(STAMP) ## Build what is deployed: make package STAGE=prod OUT=build/prod
	@echo "package: stage $(STAGE) into $(OUT)"
	@$(BIN)/steward package --stage $(STAGE) --out $(OUT)

deploy: package ## Deploy it with the AWS CLI: make deploy STAGE=dev BUCKET=where-cloudformation-takes-the-zip-from
	@test -n "$(BUCKET)" || { echo "deploy: say which bucket takes the zip: make deploy BUCKET=NAME" >&2; exit 2; }
	@echo "deploy: stage $(STAGE) into $$(cat $(OUT)/region) of the account of your AWS credentials"
	@aws cloudformation package --region $$(cat $(OUT)/region) --template-file $(OUT)/sam.json \
	  --s3-bucket $(BUCKET) --s3-prefix mlflow-steward --use-json --output-template-file $(OUT)/deploy.json
	@aws cloudformation describe-stacks --region $$(cat $(OUT)/region) --stack-name mlflow-steward-$(STAGE) \
	  >/dev/null 2>&1 || $(DEPLOY) ProtectTable=no
	@$(DEPLOY) ProtectTable=yes

bench: $(STAMP) ## Measure start-up, matching and store calls against their limits
	@$(BIN)/steward bench

clean: ## Remove .venv, caches and build results
	rm -rf $(VENV) .venv-mlflow* .venv-api .venv-prometheus build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .steward
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
