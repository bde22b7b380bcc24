#!/bin/sh
# Builds the image of the Containerfile with podman, of the unoptimized program, for packaging/test-container.sh.
# usage: packaging/build-container.sh [IMAGE]     aotf-test unless it is given; as root
#   AOTF_BUILD_BASE     the image in which the program is built, with Rust; instead of the Containerfile's
#   AOTF_BASE           the image in which it runs, of the same release of Debian; instead of the Containerfile's
#   AOTF_PODMAN         how podman is called, where that takes more than its name
set -eu

cd "$(dirname "$0")/.."
image=${1:-aotf-test}
cannot() {
    echo "CANNOT TEST THE IMAGE: $*" >&2
    exit 77
}
[ -n "${AOTF_PODMAN:-}" ] || command -v podman >/dev/null || cannot "podman is missing: apt-get install podman"
[ "$(id -u)" = 0 ] || cannot "needs root"
podman() { ${AOTF_PODMAN:-command podman} "$@"; }

default() { sed -n "s/^ARG $1=//p" Containerfile; }
build_base=${AOTF_BUILD_BASE:-$(default AOTF_BUILD_BASE)}
base=${AOTF_BASE:-$(default AOTF_BASE)}
missing=""
for wanted in "$build_base" "$base"; do
    podman image exists "$wanted" || podman pull --quiet "$wanted" >/dev/null || missing="$missing $wanted"
done
[ -z "$missing" ] || cannot "what it is made from is neither on this machine nor could it be fetched (why stands above):
   $missing
Where another registry has these images, or others of the same release of Debian, name them:
    make test-container BUILD_BASE=registry.example.org/rust:1-slim-trixie BASE=registry.example.org/debian:trixie-slim
Images that were carried here by \"podman save\" and \"podman load\" are found under their names."

podman build --format docker --build-arg AOTF_PROFILE=dev --build-arg "AOTF_BUILD_BASE=$build_base" \
    --build-arg "AOTF_BASE=$base" -t "$image" .
