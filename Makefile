# Thin: each target is what a person would type.
PYTHON ?= python3
LAB_ARGS ?=
PYTEST_ARGS ?=
ARGS ?=
BIN := .venv/bin
SOURCES := $(shell find glmmlib -type f -not -path '*/__pycache__/*' -not -path '*/build/*')

help:            ## say what there is to make
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile

lab: .venv/ready ## set up what is missing, then open the course in JupyterLab (LAB_ARGS="--no-browser")
	$(BIN)/jupyter lab course $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB_ARGS)

test: .venv/test-ready ## set up what is missing, then run the tests (PYTEST_ARGS="-k grading")
	$(BIN)/python -m pytest tests $(PYTEST_ARGS)

release: .venv/ready ## make course/ from solutions/ (COHORT=2027-spring gives a class data of its own)
	$(BIN)/python -m glmmlib.teaching.grading release $(if $(COHORT),--cohort "$(COHORT)")

grade: .venv/ready ## grade gradebook/submitted/<student>/<section>/ (ARGS="--resume --jobs 4")
	$(BIN)/python -m glmmlib.teaching.grading grade $(ARGS)

report: .venv/ready ## write gradebook/report/ once more, as after giving marks by hand (ARGS="--assignments s6_subjects")
	$(BIN)/python -m glmmlib.teaching.grading report $(ARGS)

compare: .venv/ready ## fit the bundled data with lme4 and ours, print all against the tutorial's numbers
	Rscript tests/reference/crowding_lme4.R
	$(BIN)/python tests/reference/printed_against_achieved.py --card

data: .venv/ready ## calibrate and generate the bundled data once more (needs R; JAX goes into an environment of its own)
	test -x .venv/calibration/bin/python || $(PYTHON) -m venv .venv/calibration
	.venv/calibration/bin/python -m pip install --quiet --disable-pip-version-check -r glmmlib/calibration/requirements.txt
	.venv/calibration/bin/python glmmlib/calibration/calibrate.py tests/reference/tutorial_printed.json \
		--out .venv/crowding_cells.csv
	PYTHONPATH=glmmlib/src $(BIN)/python -m glmmlib.datasets.generate --cells .venv/crowding_cells.csv

bench: .venv/ready ## measure glmmlib against every peer that is here (BENCH_ARGS="--works maximal --peers lme4")
	test -x .venv/bench/bin/python || $(PYTHON) -m venv .venv/bench
	.venv/bench/bin/python -m pip install --quiet --disable-pip-version-check -r tests/benchmarks/requirements.txt ./glmmlib
	$(BIN)/python tests/benchmarks/bench.py --python .venv/bench/bin/python $(BENCH_ARGS)

bench-peers:     ## install lme4 and glmmTMB (Debian), for make bench
	apt-get install --yes --no-install-recommends r-base-core r-cran-jsonlite r-cran-lme4 r-cran-glmmtmb

sanitize:        ## run the kernels' tests under AddressSanitizer and UndefinedBehaviorSanitizer (Linux, gcc)
	PYTHON=$(PYTHON) tests/sanitize.sh $(PYTEST_ARGS)

wheel:           ## build glmmlib's sdist and wheel, look into them, fit in an empty environment (ARGS="--lowest --without-compiler")
	$(PYTHON) tests/check_wheel.py $(ARGS)

pins:            ## choose the newest versions of everything and pin them
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-annotate --no-header \
		--no-emit-index-url --output-file binder/requirements.txt requirements.in
	(cat binder/requirements.txt; echo ./glmmlib) > requirements.txt
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-annotate --no-header \
		--no-emit-index-url --constraint binder/requirements.txt \
		--output-file tests/requirements.txt tests/requirements.in

clean:           ## remove what `make` installed or built (never gradebook/)
	rm -rf .venv glmmlib/build dist .release-*

.venv/ready: requirements.txt $(SOURCES)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: name one with make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements.txt
	touch $@

.venv/test-ready: .venv/ready tests/requirements.txt
	$(BIN)/python -m pip install --disable-pip-version-check -r tests/requirements.txt
	touch $@

.PHONY: help lab test release grade report compare data bench bench-peers sanitize wheel pins clean
