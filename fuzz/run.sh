#!/bin/sh
# Runs fuzz targets, each for some seconds (60) and with a copy of its corpus, so that the corpus stays small:
#     fuzz/run.sh [SECONDS [TARGET...]]
# Wants `cargo install cargo-fuzz`, not a nightly compiler. What is found stays in fuzz/artifacts/.
set -eu
cd "$(dirname "$0")"
seconds=${1:-60}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- identify images messages pages parameters
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
cp -r corpus/. "$corpus"
export RUSTC_BOOTSTRAP=1
cd ..
for target; do
    mkdir -p "$corpus/$target"
    echo "$target, $seconds s"
    cargo fuzz run --sanitizer none "$target" "$corpus/$target" -- -max_total_time="$seconds" -print_final_stats=1 2>&1 |
        tee "$corpus/log" | grep -E "^error|panicked|SUMMARY|stat::number_of_executed|Done" || true
    if grep -q "^SUMMARY" "$corpus/log"; then
        cat "$corpus/log"
        exit 1
    fi
done
