#!/bin/sh
# Runs an image as docs/getting-started.md tells its users to: with and without a configuration, with each way to hand over
# a key, and asks its health check.
# usage: packaging/test-container.sh [IMAGE]     aotf unless it is given; needs podman, as root
#   AOTF_PODMAN         how podman is called, where that takes more than its name
#   AOTF_PODMAN_RUN     further options of podman run
set -eu

image=${1:-aotf}
name=aotf-test-$$
folder=$(mktemp -d)
podman() { ${AOTF_PODMAN:-command podman} "$@"; }
fail() {
    echo "FAILED: $*" >&2
    podman logs "$name" 2>&1 | tail -n 20 >&2 || true
    exit 1
}
remove() { podman rm --force --time 0 "$name" >/dev/null 2>&1 || true; }
clean_up() {
    remove
    podman volume rm --force "$name" >/dev/null 2>&1 || true
    podman secret rm "$name" >/dev/null 2>&1 || true
    podman secret rm "$name-token" >/dev/null 2>&1 || true
    rm -rf "$folder"
}
trap clean_up EXIT
start() {
    # shellcheck disable=SC2086
    podman run --detach --name "$name" ${AOTF_PODMAN_RUN:-} -v "$name:/var/lib/aotf" "$@" > "$folder/id" ||
        fail "not started: $*"
}
# As podman's own timer does it; waits up to two minutes.
must_be_healthy() {
    for _ in $(seq 240); do
        if podman healthcheck run "$name" >/dev/null 2>&1; then return 0; fi
        sleep 0.5
    done
    fail "not healthy"
}
inside() { podman exec "$name" "$@"; }
must_stop_in_order() {
    podman stop "$name" >/dev/null
    status=$(podman inspect --format '{{.State.ExitCode}}' "$name")
    [ "$status" = 0 ] || fail "it ended with status $status"
    remove
}

echo "== the image"
test=$(podman image inspect --format '{{json .HealthCheck.Test}}' "$image") ||
    fail "the image has no health check: podman build --format docker"
echo "health check: $test"

echo "== without a configuration"
start "$image"
must_be_healthy
[ "$(inside stat -c '%u:%g %a' /var/lib/aotf)" = "3301:3301 700" ] || fail "the data folder is not private"
[ "$(inside stat -c '%u %a' /var/lib/aotf/aotf.db)" = "3301 600" ] || fail "the database is not private"
[ "$(inside id -u)" = 3301 ] || fail "it runs as another user"
inside aotf health
podman logs "$name" 2>&1 | grep -i sandbox || echo "the sandbox is complete: nothing is said of it"
must_stop_in_order

cat > "$folder/parameters.toml" <<'TOML'
[scan]
margin_days = 9
[[twitter.credentials]]
bearer_token = "AAAA"
TOML
has_key() {
    must_be_healthy
    inside aotf check --offline > "$folder/check" || fail "$(cat "$folder/check")"
    grep -q "parameters.toml is in order" "$folder/check" || [ "${1:-}" = environment ] || fail "another configuration"
    grep "network " "$folder/check" || fail "no key: $(cat "$folder/check")"
    must_stop_in_order
}

echo "== the configuration as a secret"
podman secret create "$name" "$folder/parameters.toml" >/dev/null
start --secret "$name,target=/etc/aotf/parameters.toml,uid=3301,mode=0400" "$image"
has_key

echo "== the configuration as a file that belongs to its user"
chmod 600 "$folder/parameters.toml"
chmod 711 "$folder"
chown 3301 "$folder/parameters.toml"
start -v "$folder/parameters.toml:/etc/aotf/parameters.toml:ro" "$image"
has_key

echo "== the key alone as a secret with the rights that engines give it"
printf AAAA > "$folder/token"
podman secret create "$name-token" "$folder/token" >/dev/null
start --secret "$name-token,target=x-token" \
    -e AOTF_TWITTER__CREDENTIALS__0__BEARER_TOKEN_FILE=/run/secrets/x-token "$image"
has_key environment

echo "== a configuration that it may not read is named"
chown 0 "$folder/parameters.toml"
start -v "$folder/parameters.toml:/etc/aotf/parameters.toml:ro" "$image"
status=$(podman wait "$name")
[ "$status" = 78 ] || fail "status $status"
podman logs "$name" 2>&1 | grep "could not read the parameter file" || fail "it does not say why"
remove
echo "The image is in order."
