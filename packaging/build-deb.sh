#!/bin/sh
# Builds the Debian package with cargo-deb (cargo install cargo-deb); says where it is.
# usage: packaging/build-deb.sh [release|dev]      dev is for testing the package, not for use
set -eu

cd "$(dirname "$0")/.."
profile=${1:-release}
case $profile in
    release) folder=target/release compression="" ;;
    dev) folder=target/debug compression=--fast ;;
    *) echo "usage: $0 [release|dev]" >&2; exit 2 ;;
esac
command -v cargo-deb >/dev/null || { echo "cargo-deb is missing: cargo install --locked cargo-deb" >&2; exit 1; }
cargo build --locked --profile "$profile"
packaging/stage.sh "$folder/aotf"
# Symbols stay: `aotf stacks` names functions and lines by them. Not compressed within the binary: nine processes that unpack them
# at once do not answer in time (docs/performance.md).
# shellcheck disable=SC2086
cargo deb --locked --no-build --no-strip $compression --profile "$profile" --output "target/debian/aotf-$profile.deb"
echo "target/debian/aotf-$profile.deb"
