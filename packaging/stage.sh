#!/bin/sh
# Makes what a package holds beside the binary: manual pages and completions, written by the binary itself.
# usage: packaging/stage.sh BINARY
set -eu

binary=$1
stage=$(dirname "$0")/stage
rm -rf "$stage"
mkdir -p "$stage/man" "$stage/completions"
"$binary" man "$stage/man"
gzip -9n "$stage"/man/*.1
for shell in bash zsh fish; do
    "$binary" completions "$shell" > "$stage/completions/aotf.$shell"
done
