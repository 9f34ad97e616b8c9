# The entry points. Each says what it does and can be run again.
#   make run      install what is missing, build, and start the demo (Ctrl-C stops it)
#   make run-distributed   the same as separate services, on Kafka, PostgreSQL and an object store
#   make test     install what is missing, build, and run every test
#   make build    build/release/bin/...
#   make bench    speed and memory beside Postfix, as JSON lines
#   make chaos    the long run of kills and power cuts
#   make fuzz     libFuzzer on every parser, SECONDS=60 each
#   make format lint clean
SHELL := /bin/bash
.PHONY: run run-distributed test build setup bench chaos fuzz format lint clean
.NOTPARALLEL:

build: setup
	@[ -f build/release/build.ninja ] || cmake --preset release
	@cmake --build --preset release

setup:
	@tools/setup

run: build
	@tools/run-demo

run-distributed: build
	@tools/setup test
	@build/venv/bin/python tools/run-distributed $(REPLICAS)

test:
	@tools/setup test
	@tools/test

bench: build
	@tools/setup test
	@bench/run

chaos: build
	@tools/setup test
	@tools/test --long chaos

fuzz:
	@tools/setup dev
	@tools/fuzz $(or $(SECONDS),60)

format:
	@tools/setup dev
	@git ls-files -z '*.cc' '*.h' | xargs -0 -r clang-format -i

lint: build
	@tools/setup dev
	@tools/check_layers
	@git ls-files -z '*.cc' '*.h' | xargs -0 -r clang-format --dry-run -Werror
	@git ls-files -z '*.cc' | xargs -0 -r -n 4 -P 2 clang-tidy --quiet -p build/release --extra-arg=-Wno-unknown-warning-option

clean:
	rm -rf build var
