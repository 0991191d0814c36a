# make setup   a .venv with all that the demo and the tests need
# make demo    three minutes of learning digits, then new ones in runs/demo
# make test    the test suite
# make check   lint, types, import rules
# make bench   quality against CPU-seconds, throughput and the doctor, in a short form: ten minutes; into runs/bench
# make bench-proofs       the other slow proofs: half an hour
# make test-peers         our scores against torch-fidelity's, in an environment of its own (6 GB on Linux)
# make bench-evaluation   time and memory of the scores against torch-fidelity and torchmetrics, in the same one

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
BENCH_READY := .venv/.ready-bench
PEERS := .venv-peers/bin
PEERS_READY := .venv-peers/.ready

.PHONY: setup demo test check bench bench-proofs test-peers bench-evaluation clean

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

# What the benches draw and compare with, on top of what the tests need.
$(BENCH_READY): $(READY)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	touch $(BENCH_READY)

bench: $(BENCH_READY)
	mkdir -p runs/bench
	$(BIN)/python bench/quality.py --data digits --at 0.25,0.5,1 --only canvas,classic,dcgan64 --out runs/bench/quality.json
	$(BIN)/python bench/throughput.py --out runs/bench/throughput.json
	$(BIN)/python bench/doctor.py digits --kimg 8 --only "healthy, seed 0" "lr x100"

bench-proofs: setup
	$(BIN)/python bench/speed.py
	$(BIN)/python bench/toys.py
	$(BIN)/python bench/corruptions.py
	$(BIN)/python bench/intervals.py --repeat 20

# torch-fidelity needs torchvision, whose wheels go with another torch than the one we pin.
$(PEERS_READY): pyproject.toml constraints-peers.txt
	test -x $(PEERS)/python || $(PYTHON) -m venv .venv-peers
	$(PEERS)/pip install --quiet --disable-pip-version-check --constraint constraints-peers.txt \
		--editable . torch-fidelity torchmetrics torchvision pytest
	touch $(PEERS_READY)

test-peers: $(PEERS_READY)
	$(PEERS)/python -m pytest --capture=no tests_peers tests/features/test_inception.py

bench-evaluation: $(PEERS_READY)
	$(PEERS)/python bench/evaluation.py

clean:
	rm -rf .venv .venv-peers build dist .pytest_cache .ruff_cache .hypothesis
