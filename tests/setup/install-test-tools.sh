#!/bin/sh
# Installs what some tests drive: a browser with its driver and, with the argument "all", what runs the examples of the
# documents (jq, Python with requests, Node), what checks feeds (xmllint), the client generators (install-client-generators.sh), shellcheck, and
# promtool (whose package brings Prometheus, which Debian
# starts as a service: not for a developer's machine). Without them those tests say that they are skipped; so nothing
# here is an error.
set -u

missing=""
command -v chromedriver >/dev/null 2>&1 || missing="$missing chromium chromium-driver"
if [ "${1:-}" = all ]; then
    command -v promtool >/dev/null 2>&1 || missing="$missing prometheus"
    command -v shellcheck >/dev/null 2>&1 || missing="$missing shellcheck"
    command -v xmllint >/dev/null 2>&1 || missing="$missing libxml2-utils"
    command -v jq >/dev/null 2>&1 || missing="$missing jq"
    command -v node >/dev/null 2>&1 || missing="$missing nodejs"
    python3 -c 'import requests' >/dev/null 2>&1 || missing="$missing python3-requests"
    python3 -c 'import ensurepip' >/dev/null 2>&1 || missing="$missing python3-venv"
    command -v npm >/dev/null 2>&1 || missing="$missing npm"
fi
[ -n "$missing" ] || exit 0

say() { echo "Some tests will be skipped; they want:$missing ($1)" >&2; exit 0; }
command -v apt-get >/dev/null 2>&1 || say "no apt-get here"
[ "$(id -u)" = 0 ] || say "install them as root with apt-get"
echo "Installing what the tests drive:$missing" >&2
apt-get update -qq || say "apt-get update failed"
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null || say "apt-get install failed"
