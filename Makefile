# The two commands of the README, and what developers run beside them.

.PHONY: demo test test-tools check lint doc bench setup install deb test-deb test-systemd test-container

setup:
	@sh tests/setup/install-build-tools.sh

# Builds the program and shows its main job in a self-contained world: no keys, no network.
demo: setup
	cargo build --release --locked
	./target/release/aotf demo $(DEMO_ARGS)

# What tests drive beside the program: a browser, promtool. Without them those tests are skipped.
test-tools:
	@sh tests/setup/install-test-tools.sh

# All tests, the integration tests among them (they start the real binary with its real processes).
test: setup test-tools
	cargo test --locked --workspace

lint: setup
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

doc: setup
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps

check: lint doc test

bench: setup
	cargo build --release --locked
	./target/release/aotf bench fingerprint
	./target/release/aotf bench index

# Builds and installs to ~/.cargo/bin.
install: setup
	cargo install --locked --path .

# The Debian package; needs cargo-deb (cargo install --locked cargo-deb).
deb: setup
	packaging/build-deb.sh

# As root, on a machine that systemd has booted and where no aotf is installed: installs the package, starts, upgrades,
# removes and purges it.
test-deb: deb
	packaging/test-deb.sh target/debian/aotf-release.deb

# The same in a small machine made for it, with a package of the unoptimized program. As root; says what is missing.
test-systemd: setup
	packaging/build-deb.sh dev
	packaging/test-systemd.sh target/debian/aotf-dev.deb

# The image of the Containerfile, built and run. As root, with podman; says what is missing. BUILD_BASE and BASE name other
# images to make it from, where those of the Containerfile cannot be fetched.
test-container:
	$(if $(BUILD_BASE),AOTF_BUILD_BASE=$(BUILD_BASE)) $(if $(BASE),AOTF_BASE=$(BASE)) packaging/build-container.sh aotf-test
	packaging/test-container.sh aotf-test
