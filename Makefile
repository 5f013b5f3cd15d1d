# demo: install and do the main job · test: install and pass the tests · check: format, lint, types
# test-all: the long tests too · bench: measure what the README states
# tutorials: train what docs/tutorials.md shows (hours) · pretrained: train the packaged model

VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
SOURCES := $(shell find src CMakeLists.txt pyproject.toml constraints.txt -type f -not -name '*.pyc')
PIP := $(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt
# Where there is a C++ compiler, a core that does not build is an error, not a slower installation.
CXX_FOUND := $(shell command -v c++ || command -v g++ || command -v clang++)
export TENOR_REQUIRE_NATIVE := $(if $(CXX_FOUND),1,0)

.PHONY: demo test test-all check bench tutorials pretrained clean

demo: $(VENV)/.train
	PATH="$(abspath $(BIN)):$$PATH" sh examples/demo.sh

test: $(VENV)/.dev
	$(BIN)/python -m pytest -q -m "not slow"

test-all: $(VENV)/.dev
	$(BIN)/python -m pytest -q --no-skips

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/run.py

tutorials: $(VENV)/.dev
	$(BIN)/python benchmarks/tutorials.py $(or $(TENOR_DATA),data)
	$(BIN)/python benchmarks/tutorial_facts.py $(or $(TENOR_DATA),data)
	$(BIN)/python benchmarks/gradients.py
	$(BIN)/python benchmarks/tutorial_pictures.py
	$(BIN)/python benchmarks/tutorials_page.py --write

pretrained: $(VENV)/.train
	PATH="$(abspath $(BIN)):$$PATH" sh examples/pretrained.sh

clean:
	rm -rf $(VENV) build demo

# The package is installed as a user's is, not linked to the sources: tests see what a wheel holds.
$(VENV)/.train: $(VENV)/.venv $(SOURCES)
	@echo "installing tenor with what training needs (PyTorch is the largest part) …"
	$(PIP) ".[train]"
	@touch $@

$(VENV)/.dev: $(VENV)/.venv $(SOURCES)
	@echo "installing tenor with what its tests need …"
	$(PIP) ".[dev]"
	@touch $@ $(VENV)/.train

$(VENV)/.venv:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tenor needs Python 3.11 or later")'
	$(PYTHON) -m venv $(VENV)
	@touch $@
