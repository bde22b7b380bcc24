# The two commands of the README, and what developers run beside them.

.PHONY: demo test check lint doc bench setup install

setup:
	@sh config/install-build-tools.sh

# Builds the program and shows its main job in a self-contained world: no keys, no network.
demo: setup
	cargo build --release --locked
	./target/release/aotf demo $(DEMO_ARGS)

# All tests, the integration tests among them (they start the real binary with its real processes).
test: setup
	cargo test --locked

lint: setup
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings

doc: setup
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps

check: lint doc test

bench: setup
	cargo build --release --locked
	./target/release/aotf bench fingerprint
	./target/release/aotf bench index

# Builds and installs to ~/.cargo/bin.
install: setup
	cargo install --locked --path .
