# baton: `make run` starts it with a demo directory, `make test` checks everything. `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# nextest runs each test in a process of its own and ends those that hang; without it `cargo test` does.
NEXTEST := $(shell cargo nextest --version >/dev/null 2>&1 && echo yes)
ifeq ($(NEXTEST),yes)
  RUN_TESTS = cargo nextest run --workspace --no-fail-fast $(if $(CI),--profile ci)
  RUN_E2E = cargo nextest run --workspace --no-fail-fast -E 'binary(/^e2e_/)' $(if $(CI),--profile ci)
else
  # One thread: the end-to-end tests measure sound and want the machine for themselves.
  RUN_TESTS = cargo test --workspace --lib --bins --tests --no-fail-fast -- --test-threads=1
  RUN_E2E = cargo test --workspace --test cli --test 'e2e_*' --no-fail-fast -- --test-threads=1
endif

.PHONY: help
help: ## This list.
	@grep -E '^[a-z0-9-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: run
run: deps-run ## Build the release and serve the demo directory (Ctrl-C ends it).
	cargo run --release -p baton --bin baton -- run

.PHONY: build
build: deps-run ## The release build, as target/release/baton.
	cargo build --release -p baton --bin baton

.PHONY: test
# The end-to-end tests run the binary that the same build makes for the server's own tests: one build for all.
test: deps-test fmt lint doc ## Format, lints, documentation and all tests, end to end ones included.
	cargo test --workspace --doc --quiet
	$(RUN_TESTS)

.PHONY: e2e
e2e: deps-test ## Only the tests with real phones and SIPp.
	$(RUN_E2E)

.PHONY: torture
torture: deps-run ## The score on RFC 4475's and RFC 5118's torture messages; fails below the full one.
	@cargo test -p baton-sip --test torture --quiet -- --nocapture | grep -E '^RFC|^§|test result: FAILED' ; exit $${PIPESTATUS[0]}

.PHONY: swarm
swarm: deps-run ## 100,000 seeded conversations without sound, then 10,000 with every party's tone, on all cores.
	BATON_SWARM_CONVERSATIONS=100000 cargo test --profile proof -p baton-tests --test swarm everything -- --nocapture
	BATON_SWARM_CONVERSATIONS=10000 cargo test --profile proof -p baton-tests --test swarm every_tone -- --nocapture

.PHONY: walk
walk: deps-run ## Every reachable conversation, as far as that is bounded; prints what is cut and how many states.
	BATON_WALK=$$(nproc) cargo test --profile proof -p baton-contact --lib walk -- --nocapture --test-threads=1

.PHONY: mutations
mutations: deps-run ## Break each wire rule on purpose; fails if no test notices. `tests/mutate r4` tries one.
	tests/mutate

.PHONY: fuzz
fuzz: deps-fuzz ## Coverage-guided fuzzing, a minute a target; `make fuzz TARGET=uri MINUTES=5` for one, five minutes.
	tests/fuzz/run $(or $(MINUTES),1) $(TARGET)

.PHONY: fmt
fmt: ## Is the code formatted? (`cargo fmt` formats it.)
	cargo fmt --all --check

.PHONY: lint
lint: ## Clippy, warnings refused.
	cargo clippy --workspace --all-targets --quiet -- -D warnings

.PHONY: doc
doc: ## The crates' documentation, as target/doc; warnings refused.
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet

.PHONY: bench
bench: deps-run ## Measure this build: CPU per call, calls a second, memory, relay, rooms, transfers.
	tests/bench/run

.PHONY: soak
soak: deps-run ## An hour of everything through one server, then: has it leaked? `make soak MINUTES=10` for less.
	tests/bench/soak $(or $(MINUTES),60)

.PHONY: clean
clean: ## Remove what was built.
	cargo clean

.PHONY: deps-run
deps-run: # What a build needs: Rust and a C compiler (SQLite is compiled in).
	@command -v cargo >/dev/null || { echo "Rust is missing: see https://rustup.rs (version 1.95 or later)." >&2; exit 1; }
	@command -v cc >/dev/null || tests/install build

.PHONY: deps-fuzz
deps-fuzz: deps-run # libFuzzer is C++.
	@tests/install fuzz

.PHONY: deps-test
deps-test: deps-run # What the tests need besides: SIPp, baresip, linphonec, JsSIP, ip.
	@tests/install test
