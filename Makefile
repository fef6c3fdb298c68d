# Two commands on a fresh Debian 12 machine (root): `make demo` and `make test`. Both install what is missing first.
#
#   make demo     bring the demo site's VM to Ready on a sandbox hypervisor, rebuild it from scratch (PUPPET=0 skips the slow guest)
#   make test     everything: format, lints, unit, simulator, libvirt, kickstart validation, end to end
#   make e2e-puppet  of these, a real Puppet server: its CA under load and faults, a guest that enrols and is rebuilt
#   make lint     format and lints alone          make bench    the promises about speed, as ratios
#   make setup    install what is missing         make guest    build the stand-in guest of the end-to-end tests
#   make e2e-repo  of these, a package from upload to release candidate on real VMs; dnf clients while much is published
#   make parity   kickstart verdicts beside pykickstart's         make bench-ks speed of `rekindle ks` beside ksvalidator's
#   make docs     the documentation of the code   make install  DESTDIR= PREFIX=/usr
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup guest lint test e2e-puppet e2e-repo demo bench bench-ks parity docs build install install-files

# Builds and caches live outside the clone, so that a fresh clone starts warm.
export REKINDLE_CACHE ?= $(HOME)/.cache/rekindle
export CARGO_TARGET_DIR ?= $(REKINDLE_CACHE)/target
export REKINDLE_KSVALIDATOR ?= $(REKINDLE_CACHE)/venv/bin/ksvalidator
# Set by hand, other flags would make every build a new one.
PREFIX ?= /usr
PUPPET ?= 1
# Passed to the test runner: `make test TESTS='-E test(plan)'`.
TESTS ?=

help:
	@sed -n '1,/^SHELL/s/^# \{0,1\}//p' Makefile

setup:
	@scripts/setup

# `full` has systemd and Puppet, and takes minutes to build; `tiny` is enough without them.
guest: setup
	@tests/guest/build.sh $(if $(filter 0,$(PUPPET)),tiny,full)

lint: setup
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

# Both guests, whatever PUPPET says: one end-to-end test hands a VM to Puppet.
test: setup lint
	@tests/guest/build.sh full
	scripts/test $(TESTS)

e2e-puppet: setup
	@tests/guest/build.sh full
	scripts/test --no-capture -E 'test(/^e2e_puppet/)'

e2e-repo: setup
	@tests/guest/build.sh tiny
	scripts/test --no-capture -E 'test(/^(e2e_repo|sandbox_repo)/)'

build: setup
	cargo build --release --locked -p rekindle-agent

demo: setup guest
	PUPPET=$(PUPPET) scripts/demo

bench: setup
	scripts/bench

bench-ks: setup
	kickstart/parity/run bench

# Every release, at least 20,000 generated kickstarts each; prints each disagreement.
parity: setup
	kickstart/parity/run parity --cases 20000

docs: setup
	cargo doc --workspace --no-deps --locked --document-private-items

install: build install-files

# What `install` does once the binary is built, for packagers.
install-files:
	install -D -m 755 $(CARGO_TARGET_DIR)/release/rekindle $(DESTDIR)$(PREFIX)/bin/rekindle
	$(CARGO_TARGET_DIR)/release/rekindle man $(DESTDIR)$(PREFIX)/share/man/man1
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	$(CARGO_TARGET_DIR)/release/rekindle completions bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/rekindle
	install -D -m 644 dist/systemd/rekindle.service $(DESTDIR)$(PREFIX)/lib/systemd/system/rekindle.service
	install -D -m 644 dist/sysusers.d/rekindle.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/rekindle.conf
	install -D -m 644 dist/tmpfiles.d/rekindle.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/rekindle.conf
	install -D -m 755 dist/puppet/puppet-autosign $(DESTDIR)$(PREFIX)/libexec/rekindle/puppet-autosign
	install -D -m 755 dist/puppet/puppet-enc $(DESTDIR)$(PREFIX)/libexec/rekindle/puppet-enc
	install -D -m 644 dist/agent.toml $(DESTDIR)$(PREFIX)/share/doc/rekindle/agent.toml
