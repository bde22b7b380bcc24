#!/bin/sh
# Installs what the build needs beside Rust: a C compiler, cmake, meson, ninja and nasm (libjpeg-turbo and
# dav1d are built from source). Does nothing when all of it is there. Debian and its relatives; elsewhere it says what is missing.
set -eu

if [ "$(uname -s)" != Linux ]; then
    echo "aotf is for Linux: it stands on processes, memory and sandboxing of that kernel. Build and run it on Linux, in a" >&2
    echo "virtual machine, or in a container (Containerfile)." >&2
    exit 1
fi
missing=""
command -v cc >/dev/null 2>&1 || missing="$missing gcc libc6-dev"
command -v make >/dev/null 2>&1 || missing="$missing make"
command -v cmake >/dev/null 2>&1 || missing="$missing cmake"
command -v meson >/dev/null 2>&1 || missing="$missing meson"
command -v ninja >/dev/null 2>&1 || missing="$missing ninja-build"
command -v nasm >/dev/null 2>&1 || missing="$missing nasm"
if ! command -v cargo >/dev/null 2>&1; then
    echo "Rust is missing: install it from https://rustup.rs, then run this again." >&2
    exit 1
fi
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "Please install:$missing" >&2
    exit 1
fi
sudo=""
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null 2>&1 || { echo "Please install (as root): apt-get install$missing" >&2; exit 1; }
    sudo="sudo"
fi
echo "Installing the build's system packages:$missing" >&2
$sudo apt-get update -qq
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
