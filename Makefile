.DEFAULT_GOAL := help
.NOTPARALLEL:

BIN := .venv/bin

# Further arguments for the tool that a target runs: `make test ARGS='-k sidecar'`.
ARGS ?=

# A process of pytest for every processor; the tests on podman share one.
PYTEST := $(BIN)/python -m pytest -n auto

.PHONY: help
help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

.PHONY: setup
setup: ## Install what is missing: system packages (asks sudo), then .venv
	@scripts/setup.sh

.PHONY: demo
demo: setup ## Bring up the lab, without and with a sidecar, and compare 1000 requests
	@scripts/demo.sh

.PHONY: test
test: setup ## Run every test, also those on real podman
	@scripts/system-packages.sh tests
	$(PYTEST) $(ARGS)

.PHONY: attacks
attacks: setup ## Attack lab in the ways that SECURITY.md says it withstands, and print a table
	@scripts/system-packages.sh tests
	$(BIN)/python -m tests.attacks $(ARGS)

.PHONY: faults
faults: setup ## Kill and interrupt lab at 230 random moments, and count; then fuzz (30 minutes)
	@scripts/system-packages.sh tests
	$(BIN)/python -m tests.faults $(ARGS)
	@$(MAKE) --no-print-directory fuzz ARGS=

.PHONY: soak
soak: setup ## Send traffic, to direct and back each minute, and reconcile (10 minutes, needs root)
	$(BIN)/python -m tests.soak $(ARGS)

.PHONY: fuzz
fuzz: setup ## Spoil scenarios, words, contexts, records and podman's answers in 16,000 ways
	$(PYTEST) tests/fuzz --hypothesis-profile=fuzz $(ARGS)

.PHONY: matrix
matrix: setup ## Live a lab's life on podman 4.3, 5.4 and 5.8, as root and rootless (needs root)
	@scripts/system-packages.sh
	$(BIN)/python -m tests.matrix $(ARGS)

.PHONY: pythons
pythons: setup ## Run the tests that need no podman on Python 3.11, 3.13 and 3.14 (needs root)
	@scripts/system-packages.sh
	$(BIN)/python -m tests.matrix.pythons $(ARGS)

.PHONY: unmatrix
unmatrix: ## Remove the Debian releases that matrix and pythons run in
	rm -rf "$${XDG_CACHE_HOME:-$$HOME/.cache}/lab-matrix"

.PHONY: check
check: lint unit ## Lint, check types and run the tests that need no podman

.PHONY: lint
lint: setup ## Lint, check the format, types and layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/shellcheck --external-sources .ci/run scripts/*.sh bench/life/peers/*.sh

.PHONY: unit
unit: setup ## Run the tests that need no podman
	$(PYTEST) -m 'not real' $(ARGS)

.PHONY: experiment
experiment: setup ## Hold theory against a grid of real runs, and count false alarms (minutes)
	$(BIN)/python -m pytest tests/experiment/*.py $(ARGS)

.PHONY: bench
bench: setup ## Measure lab beside what else could be used (8 minutes); ARGS=--publish renews docs
	$(BIN)/python -m bench $(ARGS)

.PHONY: scale
scale: setup ## Measure the lab with 1 to 100 copies of service B; ARGS=--publish renews docs
	$(BIN)/lab build scale
	$(BIN)/python -m bench.scale $(ARGS)

.PHONY: format
format: setup ## Format the code and repair what the linter can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: lock
lock: setup ## Renew the locks; ARGS=--upgrade takes newer versions
	scripts/lock.sh $(ARGS)

.PHONY: digests
digests: setup ## Pin the official images to what their registries have under the tags now
	$(BIN)/python scripts/digests.py $(ARGS)

.PHONY: docs
docs: setup ## Renew docs/commands.md and the list of commands in README.md
	$(BIN)/python scripts/commands.py

.PHONY: picture
picture: setup ## Run the demo and a sweep (after `lab down`) and draw docs/img from them
	$(BIN)/lab down
	$(BIN)/python scripts/picture.py
	scripts/report-picture.sh
	$(BIN)/lab down

.PHONY: wheel
wheel: setup ## Build the source distribution and the wheel into dist/
	$(BIN)/python -m build --no-isolation

.PHONY: clean
clean: ## Remove .venv, caches and build output
	rm -rf .venv build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
