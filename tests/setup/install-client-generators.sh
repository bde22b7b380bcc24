#!/bin/sh
# Installs the generators that make clients of /openapi.json for the tests, and what checks the description and holds the
# server to it, in these versions, below target/: nothing of the machine is changed. Needs Python with venv, and npm. Does
# nothing when all is there; without them those tests say that they are skipped.
set -u
cd "$(dirname "$0")/../.." || exit 1

tools=target/test-tools
python="openapi-python-client==0.29.1 openapi-spec-validator==0.9.0 schemathesis==4.32.5"
node="@hey-api/openapi-ts@0.99.0 typescript@5.9.3 @types/node@20.19.25"
[ "$(cat $tools/installed 2>/dev/null)" != "$python $node" ] || exit 0

say() { echo "The tests of generated clients will be skipped: $1" >&2; exit 0; }
rm -rf $tools
mkdir -p $tools/node
echo "Installing for the tests: $python $node" >&2
python3 -m venv $tools/python || say "python3 -m venv failed"
# shellcheck disable=SC2086
$tools/python/bin/pip install --quiet --disable-pip-version-check $python || say "pip failed"
# shellcheck disable=SC2086
npm install --prefix $tools/node --no-save --no-fund --no-audit --silent $node || say "npm failed"
echo "$python $node" > $tools/installed
