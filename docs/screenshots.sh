#!/bin/sh
# Makes the screenshots of docs/screenshots/ anew: the console by the tests' terminal, the page by the tests' browser
# (tests/setup/install-test-tools.sh installs one). Builds the program as it is released, so that the times shown are true.
set -eu

cd "$(dirname "$0")/.."
shots=$(mktemp -d)
trap 'rm -rf "$shots"' EXIT
AOTF_SHOTS=$shots cargo test --locked --release --test it -- --exact \
    console::a_query_is_followed_and_its_answer_fits_the_terminal browser::a_query_is_shown_live_and_errors_are_explained
for file in console.svg found-768-light.png; do
    [ -f "$shots/$file" ] || { echo "there is no $file: is a browser installed?" >&2; exit 1; }
done
mkdir -p docs/screenshots
cp "$shots/console.svg" docs/screenshots/console.svg
cp "$shots/found-768-light.png" docs/screenshots/page.png
ls -l docs/screenshots
