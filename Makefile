# Two commands: `make demo` and `make test`. Both set up what is missing first.
.PHONY: demo test setup setup-dev lint forge unit contracts integration e2e full bench clean
PY := .venv/bin/python
PATHS := PATH="$(CURDIR)/node_modules/.bin:$$PATH"

demo: setup
	@$(PY) scripts/demo.py

test: setup-dev lint forge unit contracts integration e2e

setup:
	@scripts/setup

setup-dev:
	@scripts/setup --dev

lint:
	.venv/bin/ruff check py tests scripts
	.venv/bin/ruff format --check py tests scripts
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache
	$(PATHS) forge fmt --check contracts tests/solidity

forge:
	$(PATHS) forge test

unit:
	$(PY) -m pytest tests/unit

contracts:
	$(PATHS) SOLCX_BINARY_PATH="$(CURDIR)/build/solcx" build/ape-venv/bin/ape test tests/contracts --network ethereum:local:foundry -q

integration:
	$(PY) -m pytest tests/integration

e2e:
	$(PY) -m pytest tests/e2e

# Slow: full fuzz and invariants, ten demos, benches. Results are committed under docs/.
full:
	$(PATHS) FOUNDRY_PROFILE=ci forge test
	$(PY) scripts/bench/demo.py --runs 10

bench:
	$(PY) scripts/bench/gas.py
	$(PY) scripts/bench/learning.py

clean:
	rm -rf .venv node_modules build
