# make setup   a .venv with all that the demo and the tests need
# make demo    three minutes of learning digits, then new ones in runs/demo
# make test    the test suite
# make check   lint, types, import rules
# make bench   the slow proofs; results into bench/results

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: setup demo test check bench clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "ganvas needs Python 3.11 or newer; say which with: make PYTHON=python3.12 ..."; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $(READY)

demo: setup
	@$(BIN)/python examples/demo.py

test: setup
	$(BIN)/python -m pytest --numprocesses 2

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyrefly check
	$(BIN)/lint-imports

bench: setup
	$(BIN)/python bench/speed.py
	$(BIN)/python bench/toys.py

clean:
	rm -rf .venv build dist .pytest_cache .ruff_cache .hypothesis
