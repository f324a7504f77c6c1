# Two commands: `make demo` and `make test`; beside them `make demo-llm`. All set up what is missing first.
.PHONY: demo demo-llm test checks setup setup-dev lint forge unit contracts integration commands roles e2e full bench fuzz clean
PY := .venv/bin/python
# npm's wrapper around forge ends with 0 whatever happened: the binary itself comes first. Looked up when it is used, after set-up.
FORGE_DIR = $(shell ls -d $(CURDIR)/node_modules/@foundry-rs/forge-*/bin 2>/dev/null | head -1)
PATHS = PATH="$(FORGE_DIR):$(CURDIR)/node_modules/.bin:$$PATH"

demo: setup
	@$(PY) scripts/demo.py

# A language model learns sums; about half an hour. Stopped or killed, the same command goes on with it.
demo-llm:
	@scripts/setup --llm
	@$(PY) scripts/demo_llm.py

# Four at a time, as most of them wait for processes, the longest first, each one's output in one piece; all are run, whichever
# fails. The demo has the machine to itself.
test: setup-dev
	@$(MAKE) --no-print-directory --output-sync=target --keep-going -j4 checks
	@$(MAKE) --no-print-directory e2e

checks: roles commands integration unit forge contracts lint

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
	$(PY) scripts/checklist.py
	$(PY) scripts/sizes.py

forge:
	$(PATHS) forge test

unit:
	$(PY) -m pytest tests/unit

contracts:
	$(PATHS) SOLCX_BINARY_PATH="$(CURDIR)/build/solcx" build/ape-venv/bin/ape test tests/contracts --network ethereum:local:foundry -q

integration:
	$(PY) -m pytest tests/integration --ignore tests/integration/roles --ignore tests/integration/cli -m "not slow"

commands:
	$(PY) -m pytest tests/integration/cli

roles:
	$(PY) -m pytest tests/integration/roles -m "not slow"

e2e:
	$(PY) -m pytest tests/e2e

# Slow: full fuzz and invariants, slow tests, ten demos, benches. Results are committed under docs/.
full:
	$(PY) -m pip install --quiet -r requirements/s3.lock
	$(PY) -m pytest tests/integration -m slow
	$(PATHS) FOUNDRY_PROFILE=ci forge test
	$(PY) scripts/bench/demo.py --runs 10

bench:
	$(PY) scripts/bench/gas.py
	$(PY) scripts/bench/proofs.py
	$(PY) scripts/bench/learning.py

# 100,000 mutated inputs, each read in a child of the sandbox; about a quarter of an hour.
fuzz:
	nice $(PY) scripts/fuzz.py
	nice $(PY) scripts/fuzz_swarm.py

clean:
	rm -rf .venv node_modules build

# --- audit of the contracts: each on a copy or a build of its own under build/; docs in scripts/audit and tests/symbolic

.PHONY: audit coverage mutate slither halmos

audit: coverage mutate slither halmos

coverage:
	$(PY) scripts/coverage --json build/coverage.json

mutate:
	$(PY) scripts/mutate.py --sample 25 --json build/mutants.json

# Fails on medium and above; a finding that is meant is explained where it stands: // slither-disable-next-line DETECTOR reason
slither: build/slither-venv/.done
	$(PATHS) FOUNDRY_OUT=build/slither/out FOUNDRY_CACHE_PATH=build/slither/cache build/slither-venv/bin/slither . --config-file slither.config.json

halmos: build/halmos-venv/.done
	$(PATHS) FOUNDRY_PROFILE=symbolic forge build --ast
	$(PATHS) build/halmos-venv/bin/halmos --config tests/symbolic/halmos.toml

# The reference library, beside which scripts/bench/proofs.py times proofs. Its wheel fits no current torch: from source, some four minutes.
build/toploc-venv/.done:
	[ -x build/toploc-venv/bin/python ] || $(PY) -m venv build/toploc-venv
	build/toploc-venv/bin/python -m pip install --quiet --no-input --disable-pip-version-check torch==2.13.0
	build/toploc-venv/bin/python -m pip install --quiet --no-input --disable-pip-version-check ninja wheel setuptools numpy
	nice build/toploc-venv/bin/python -m pip install --quiet --no-input --disable-pip-version-check --no-build-isolation --no-deps --no-binary toploc toploc==0.1.6
	touch $@

build/slither-venv/.done build/halmos-venv/.done: build/%-venv/.done: requirements/%.lock
	[ -x build/$*-venv/bin/python ] || $(PY) -m venv build/$*-venv
	build/$*-venv/bin/python -m pip install --quiet --no-input --disable-pip-version-check -r $<
	touch $@
