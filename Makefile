# make run    set everything up and serve the dashboard       HOST=0.0.0.0 serves a classroom, PORT=8501
#                                                          SHARED=1 BASE=/spafit behind a proxy (docs/runs.md)
# make test   set everything up and run every test            TESTS="tests/test_counting.py -k bert" narrows it
# make setup  set everything up and stop
# make lint   ruff and the type checker
# make clean  remove the virtual environment

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8501
SHARED ?=
BASE ?=
TESTS ?=
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run setup test lint clean

run: $(VENV)/.ready
	@$(BIN)/python -m spafit.serve --host $(HOST) --port $(PORT) $(if $(SHARED),--shared) $(if $(BASE),--base-path $(BASE))

setup: $(VENV)/.ready

# What needs no browser runs in two processes, modules with slow tests first (tests/conftest.py); browser tests run alone,
# because they wait for a page that has the cores.
test: $(VENV)/.ready-dev
ifeq ($(TESTS),)
	$(BIN)/python -m pytest -n 2 --dist loadscope --no-loadscope-reorder -m "not browser"
	$(BIN)/python -m pytest -m browser
else
	$(BIN)/python -m pytest $(TESTS)
endif

lint: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/ty check

$(VENV)/.ready: requirements.txt pyproject.toml
	@echo "Setting up spafit in $(VENV) (once; a few minutes, about 2 GB with a CPU build of torch) ..."
	@$(PYTHON) -c 'import sys; sys.exit("spafit needs Python 3.11 or newer; name one with: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@
	@echo "Set up."

$(VENV)/.ready-dev: $(VENV)/.ready requirements-dev.txt
	@echo "Installing the test tools ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

clean:
	rm -rf $(VENV)
