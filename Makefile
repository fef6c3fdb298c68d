# Two commands on a fresh machine: `make demo` and `make test`.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/rekindle/target
.PHONY: test
test:
	cargo nextest run --workspace
