#!/bin/sh
# Installs a package on this machine, starts what its unit starts, as its user and with a stand-in for the service manager,
# upgrades, removes and purges it. As root, on a machine where no aotf is installed: best in a container.
# usage: packaging/test-deb.sh PACKAGE.deb      AOTF_TEST_PORT: where it listens meanwhile, 3391 unless it is set
set -eu

package=$(realpath "$1")
port=${AOTF_TEST_PORT:-3391}
fail() { echo "FAILED: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail "needs root"
! dpkg -s aotf >/dev/null 2>&1 || fail "aotf is installed already"
if [ -e /etc/aotf ] || [ -e /var/lib/aotf ]; then fail "/etc/aotf or /var/lib/aotf is there already"; fi

run=$(mktemp -d)
chmod 755 "$run"
daemon="" manager=""
clean_up() {
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
    [ -z "$manager" ] || kill "$manager" 2>/dev/null || true
    dpkg --purge aotf >/dev/null 2>&1 || true
    rm -rf "$run"
}
trap clean_up EXIT

as_daemon() { setpriv --reuid aotf --regid aotf --init-groups "$@"; }
# Waits up to a minute.
wait_for() {
    for _ in $(seq 600); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.1
    done
    fail "waited too long for: $*"
}
rights() { [ "$(stat -c '%U:%G %a' "$1")" = "$2" ] || fail "rights of $1: $(stat -c '%U:%G %a' "$1"), not $2"; }
# What the unit and its drop-in say last.
unit_says() { cat "$unit" "$unit.d/package.conf" | sed -n "s|^$1=||p" | grep . | tail -n 1; }

echo "== install"
dpkg --install "$package"
rights /var/lib/aotf "aotf:aotf 750"
rights /etc/aotf/parameters.toml "root:aotf 640"
rights /usr/bin/aotf "root:root 755"
unit=/usr/lib/systemd/system/aotf.service
[ -f "$unit" ] || unit=/lib/systemd/system/aotf.service
[ -f "$unit" ] || fail "no unit"
[ -f "$unit.d/package.conf" ] || fail "no drop-in beside $unit"
! command -v systemd-analyze >/dev/null || systemd-analyze verify "$unit" || fail "the unit is wrong"
aotf --version
for file in man/man1/aotf.1.gz man/man1/aotf-serve.1.gz man/man1/aotf-db-backup.1.gz bash-completion/completions/aotf \
    zsh/vendor-completions/_aotf fish/vendor_completions.d/aotf.fish doc/aotf/parameters.sample.toml \
    doc/aotf/README.md doc/aotf/copyright doc/aotf/docs/getting-started.md \
    doc/aotf/docs/diagrams/processes.svg
do
    # A minimal system leaves documentation out (dpkg's path-exclude), so what the package holds counts.
    dpkg --listfiles aotf | grep -qx "/usr/share/$file" || fail "the package has no /usr/share/$file"
done
bash -n /usr/share/bash-completion/completions/aotf || fail "the completions for bash"

echo "== check and start as the unit does"
export AOTF_HTTP__BIND="127.0.0.1:$port"
as_daemon aotf check --offline --config /etc/aotf/parameters.toml
# systemd hands the configuration over in a folder that only the service can read: %d.
install -d -m 0500 -o aotf -g aotf "$run/credentials"
install -m 0400 -o aotf -g aotf /etc/aotf/parameters.toml "$run/credentials/parameters.toml"
command=$(unit_says ExecStart | sed "s|%d|$run/credentials|g")
data=$(unit_says Environment | sed -n 's|^AOTF_DATA_DIR=%S/|/var/lib/|p')
[ "$data" = /var/lib/aotf ] || fail "the unit's data folder: $data"
cat > "$run/manager.py" <<'PYTHON'
import os, socket, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
while True:
    print(listener.recv(4096).decode(), flush=True)
PYTHON
python3 "$run/manager.py" "$run/notify" > "$run/told" &
manager=$!
wait_for test -S "$run/notify"
# shellcheck disable=SC2086
NOTIFY_SOCKET="$run/notify" WATCHDOG_USEC=4000000 AOTF_DATA_DIR="$data" CREDENTIALS_DIRECTORY="$run/credentials" \
    setpriv --reuid aotf --regid aotf --init-groups --no-new-privs $command > "$run/journal" 2>&1 &
daemon=$!
wait_for grep -q "^READY=1" "$run/told"
wait_for grep -q "^WATCHDOG=1" "$run/told"
[ "$(ps -o user= -p $daemon | tr -d ' ')" = aotf ] || fail "the daemon's user"
rights /var/lib/aotf/aotf.sock "aotf:aotf 660"
as_daemon aotf stats --socket /var/lib/aotf/aotf.sock

echo "== upgrade beside the running daemon: configuration and data stay"
echo "# changed by its operator" >> /etc/aotf/parameters.toml
dpkg --install --force-confold "$package"
grep -q "changed by its operator" /etc/aotf/parameters.toml || fail "the configuration was replaced"
rights /etc/aotf/parameters.toml "root:aotf 640"
as_daemon aotf health --socket /var/lib/aotf/aotf.sock || fail "the daemon did not survive the upgrade"
kill -TERM $daemon
wait $daemon || fail "the daemon's status: $?"
daemon=""
wait_for grep -q "^STOPPING=1" "$run/told"
! pgrep -u aotf >/dev/null || fail "processes are left: $(pgrep -a -u aotf)"
[ -f /var/lib/aotf/aotf.db ] || fail "no database"

echo "== remove: configuration and data stay"
dpkg --remove aotf
[ ! -e /usr/bin/aotf ] || fail "the program is still there"
if [ ! -f /etc/aotf/parameters.toml ] || [ ! -f /var/lib/aotf/aotf.db ]; then fail "removing took data away"; fi

echo "== purge: nothing is left"
dpkg --purge aotf
if [ -e /etc/aotf ] || [ -e /var/lib/aotf ]; then fail "purging left data"; fi
! getent passwd aotf >/dev/null || fail "purging left the user"
! getent group aotf >/dev/null || fail "purging left the group"
echo "The package is in order."
