# Two commands set everything up on a fresh machine: `make demo` and `make test`.
VENV := .venv
BIN := $(VENV)/bin
# A file's tests share their fits: they stay in one process. Four at most: each holds JAX and up to 3 GB.
PYTEST := $(BIN)/pytest --numprocesses logical --maxprocesses 4 --dist loadfile
PYTHON ?= python3
STAMP := $(VENV)/.installed

.PHONY: install demo test check coverage mutation docs notebooks bench lock clean
.DEFAULT_GOAL := demo

install: $(STAMP)

# uv checks every hash of the lock and installs 160 wheels in seconds. Bytecode is compiled here, once: without it the
# first commands spend their time compiling libraries, on some systems every time.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if v >= (3, 12) else "evidence needs Python 3.12 or newer, found %d.%d: run make PYTHON=python3.13" % v)'
	$(PYTHON) -m venv $(VENV)
	grep -A 60 '^uv==' requirements.lock | awk 'NR == 1 || /^ /{print; next} {exit}' > $(VENV)/uv.lock.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(VENV)/uv.lock.txt
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# The main job on real input: the review of a published control paper, then the ranking it feeds.
demo: install
	$(BIN)/evidence review greenblatt2023control --base control
	$(BIN)/evidence rank control

test: install
	$(BIN)/ruff check src tests
	$(BIN)/ruff format --check src tests
	$(BIN)/pyright
	$(PYTEST)

check: install
	$(BIN)/ruff check src tests
	$(BIN)/pyright
	$(PYTEST) -m "not slow"

# Branches that the tests take, by part of the package; fails below the limits. Of the slow tests only those that reach
# what no fast one does: the others would take half an hour to say the same.
COVERING := tests/analysis/test_calibrate.py tests/analysis/test_fingerprint.py tests/analysis/test_sensitivity.py \
	tests/analysis/test_shifts.py tests/analysis/test_worth.py tests/inference/test_mode.py tests/test_api.py tests/test_batch.py \
	tests/test_cli_bridges.py tests/test_cli_value.py tests/test_prereg_docs.py tests/test_review_all.py
coverage: install
	rm -rf build/coverage build/coverage.*
	mkdir -p build
	$(PYTEST) --cov --cov-report= -m "not slow"
	$(PYTEST) --cov --cov-append --cov-report=json:build/coverage.json -m slow $(COVERING)
	$(BIN)/python validation/branches.py build/coverage.json validation/coverage.json

# Samples of changed places in the source, each to be found by a test; validation/mutation.json holds the last run.
mutation: install
	for part in model analysis exact; do $(BIN)/python validation/mutation.py --part $$part || exit 1; done

# Broken links, missing anchors and pages that no navigation lists are errors.
docs: install
	$(BIN)/python -m sphinx -W --keep-going -q -c docs -d build/doctrees -b html . build/site

bench: install
	$(BIN)/python validation/speed.py

# Executes the notebooks and stores them with what came out.
notebooks: install
	$(BIN)/python validation/notebooks.py

lock:
	$(BIN)/uv pip compile pyproject.toml --extra app --extra inspect --extra tables --extra scale --extra docs --extra dev \
		--generate-hashes --python-version 3.12 --universal --no-header --no-annotate --quiet -o requirements.lock

clean:
	rm -rf $(VENV) dist build
