# Set-up and every-day commands; `make run` and `make test` need nothing but Python 3.11 and make.
PYTHON ?= python3
VENV ?= .venv
# Further arguments of pip install: an index that has the CPU build of torch, for one (README.md).
PIP_ARGS ?=
BIN = $(VENV)/bin
INSTALLED = $(VENV)/.installed

.PHONY: run test test-services fuzz lint format bench leaderboard site docs dist try-wheel picture sinclab mirbind clean

run: $(INSTALLED)  ## the demo: simulated data, a minute on a CPU
	$(BIN)/rnaernie-bench run task=ncrna_cls

test: $(INSTALLED)  ## the test suite, without tests that start servers or several processes
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not services" -n 2 --dist loadfile

test-services: $(INSTALLED)  ## the tests that start servers or several processes
	$(BIN)/python -m pytest -m services

fuzz: $(INSTALLED)  ## hostile files, and kills of every command that writes; FUZZ="--seed 1 --inputs 20000 --kills 2000" for hours
	$(BIN)/python -m tests.fuzz $(FUZZ)

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(INSTALLED)  ## speed and memory, as ratios; real sequence lengths where RNAERNIE_BENCH_DATA is set
	$(BIN)/python -m benchmarks

leaderboard: $(INSTALLED)
	$(BIN)/rnaernie-bench leaderboard

site: $(INSTALLED)  ## the page of results with its details, in site/; CI publishes the folder
	$(BIN)/rnaernie-bench leaderboard --format html -o site/index.html

docs: $(INSTALLED)  ## the site of documents, in site/docs; a link that leads nowhere is an error
	$(BIN)/python -m pip install --quiet $(PIP_ARGS) --constraint constraints.txt --editable ".[docs]"
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

dist: $(INSTALLED)  ## wheel and sdist in dist/, checked
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/twine check --strict dist/*

try-wheel:  ## install the wheel of dist/ in an environment of its own, and run the demo there
	rm -rf build/bare
	$(PYTHON) -m venv build/bare
	build/bare/bin/python -m pip install --quiet $(PIP_ARGS) --constraint constraints.txt dist/*.whl
	cd build/bare && bin/rnaernie-bench --version && bin/rnaernie-bench tasks list && bin/rnaernie-bench run task=ncrna_cls backbone=kmer tracking=none

picture: site  ## the README's picture of the page; needs chromium
	$(BIN)/python -m benchmarks.leaderboard_picture site/index.html

sinclab: $(INSTALLED)  ## import the predictions of sinc-lab's study, from a folder of RNAERNIE_BENCH_DATA
	$(BIN)/python -m benchmarks.sinclab

mirbind: $(INSTALLED)  ## import the predictions that come with miRBind, from a folder of RNAERNIE_BENCH_DATA
	$(BIN)/python -m benchmarks.mirbind

$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet $(PIP_ARGS) --constraint constraints.txt --editable ".[dev,structure]"
	touch $@

clean:
	rm -rf $(VENV) site .pytest_cache .mypy_cache .ruff_cache
