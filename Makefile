# Two commands matter: `make run` opens the application, `make test` checks everything that must hold.
# Both set up .venv first; ARGS are handed on to btp-tui, DEMO=1 starts the demo at once.

PYTHON ?= python3
BIN := .venv/bin
SOURCES := core storage btp_tui tests

.PHONY: run test soak format clean

run: .venv/ready
	@$(BIN)/btp-tui $(if $(DEMO),demo) $(ARGS)

test: .venv/ready
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n 2 -m "not soak"

soak: .venv/ready
	$(BIN)/pytest -m soak

format: .venv/ready
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

.venv/ready: pyproject.toml constraints.txt
	@echo "Setting up .venv (once; a minute or two)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "btp-tui needs Python 3.11 or newer; set PYTHON=python3.11")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

clean:
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
