#!/bin/sh
# Installs a package, does with it what docs/getting-started.md tells its users to do, and what happens to a service in its
# life: keys, watchdog, backup, upgrade, removal, purge. As root, on a machine that systemd has booted and on which no aotf
# is installed: packaging/test-systemd.sh makes one.
# usage: packaging/test-deb.sh PACKAGE.deb      AOTF_TEST_PORT: where it listens meanwhile, 3391 unless it is set
set -eu

package=$(realpath "$1")
port=${AOTF_TEST_PORT:-3391}
# Long enough for a busy machine; nothing here waits without being able to say for what.
patience=60
fail() {
    echo "FAILED: $*" >&2
    exit 1
}
[ "$(id -u)" = 0 ] || fail "needs root"
[ -d /run/systemd/system ] || fail "systemd has not booted this machine: see packaging/test-systemd.sh"
! dpkg -s aotf >/dev/null 2>&1 || fail "aotf is installed already"
if [ -e /etc/aotf ] || [ -e /var/lib/aotf ]; then fail "/etc/aotf or /var/lib/aotf is there already"; fi
for name in member stranger; do
    ! getent passwd "aotf-$name" >/dev/null || fail "there is a user aotf-$name already"
done
drop_in=/run/systemd/system/aotf.service.d
clean_up() {
    status=$?
    trap - EXIT
    if [ "$status" != 0 ] && [ -n "${begun:-}" ]; then
        echo "FAILED with status $status. The journal says:" >&2
        journalctl -u aotf -u aotf-backup --no-pager -n 40 >&2 || true
    fi
    rm -rf "$drop_in" /etc/credstore/x-token
    dpkg --purge aotf >/dev/null 2>&1 || true
    deluser --quiet aotf-member 2>/dev/null || true
    deluser --quiet aotf-stranger 2>/dev/null || true
    exit "$status"
}
trap clean_up EXIT

wait_for() {
    for _ in $(seq $((patience * 10))); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.1
    done
    fail "waited too long for: $*"
}
rights() { [ "$(stat -c '%U:%G %a' "$1")" = "$2" ] || fail "rights of $1: $(stat -c '%U:%G %a' "$1"), not $2"; }
shows() { systemctl show --value -p "$2" "$1"; }
is() { [ "$(shows "$1" "$2")" = "$3" ]; }
must_be() { is "$@" || fail "$2 of $1 is $(shows "$1" "$2"), not $3"; }
journal() { journalctl -u aotf --no-pager -o cat "$@"; }
journal_has() { journal "$@" | grep -q "$pattern"; }
socket=/var/lib/aotf/aotf.sock
say() { echo "== $*"; }
# What the first process and its containers are, as the kernel sees it.
status_of() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }
main_pid() { shows aotf MainPID; }
serves() {
    must_be aotf ActiveState active
    must_be aotf SubState running
    curl --silent --fail --output /dev/null "http://127.0.0.1:$port/healthz" || fail "no answer over HTTP"
}

begun=yes
say "install, under $(systemctl --version | head -n 1)"
dpkg --install "$package"
rights /var/lib/aotf "aotf:aotf 750"
rights /etc/aotf/parameters.toml "aotf:root 600"
rights /usr/bin/aotf "root:root 755"
aotf --version
for unit in aotf.service aotf-backup.service aotf-backup.timer; do
    told=$(systemd-analyze verify "$unit" 2>&1) || fail "$unit: $told"
    [ -z "$told" ] || fail "$unit: $told"
done
systemd-analyze security --no-pager --threshold=20 aotf.service | tail -n 1
for file in man/man1/aotf.1.gz man/man1/aotf-serve.1.gz man/man1/aotf-db-backup.1.gz bash-completion/completions/aotf \
    zsh/vendor-completions/_aotf fish/vendor_completions.d/aotf.fish doc/aotf/parameters.sample.toml \
    doc/aotf/README.md doc/aotf/copyright doc/aotf/docs/getting-started.md doc/aotf/docs/diagrams/processes.svg \
    doc/aotf/config/nginx.conf doc/aotf/config/apache.conf doc/aotf/config/prometheus.yml \
    doc/aotf/config/prometheus-alerts.yml doc/aotf/config/grafana-dashboard.json doc/aotf/config/aotf-bot@.service
do
    # A minimal system leaves documentation out (dpkg's path-exclude), so what the package holds counts.
    dpkg --listfiles aotf | grep -qx "/usr/share/$file" || fail "the package has no /usr/share/$file"
done
bash -n /usr/share/bash-completion/completions/aotf || fail "the completions for bash"
must_be aotf UnitFileState disabled
must_be aotf ActiveState inactive

say "step 5 of getting-started: check, enable, start"
sed -i "s/^bind = .*/bind = \"127.0.0.1:$port\"/" /etc/aotf/parameters.toml
rights /etc/aotf/parameters.toml "aotf:root 600"
(cd / && sudo -u aotf aotf check --config /etc/aotf/parameters.toml)
systemctl enable --quiet --now aotf
serves
shows aotf StatusText
must_be aotf NRestarts 0
main=$(main_pid)
[ "$(ps -o user= -p "$main" | tr -d ' ')" = aotf ] || fail "the daemon's user"
containers=$(pgrep -u aotf -P "$main")
[ "$(echo "$containers" | wc -l)" = 8 ] || fail "not eight processes: $(pgrep -a -u aotf)"
filters=$(status_of "$main" Seccomp_filters)
[ "$filters" -gt 0 ] || fail "the unit's filter of calls is not applied"
for pid in $main $containers; do
    [ "$(status_of "$pid" NoNewPrivs)" = 1 ] || fail "process $pid may gain rights"
    [ "$(status_of "$pid" CapEff)" = 0000000000000000 ] || fail "process $pid has capabilities"
done
for pid in $containers; do
    [ "$(status_of "$pid" Seccomp_filters)" -gt "$filters" ] || fail "process $pid has not confined itself further"
done
echo "calls filtered: $filters filters of the unit, $(status_of "$pid" Seccomp_filters) in each container"
journal | grep -i sandbox || echo "the sandbox is complete: nothing is said of it"

say "what is the daemon's is private, but for the socket of the group"
rights /var/lib/aotf "aotf:aotf 750"
rights "$socket" "aotf:aotf 660"
private=$(find /var/lib/aotf -mindepth 1 ! -path "$socket" -perm /077)
[ -z "$private" ] || fail "others can use: $private"

say "a member of the group may use the console's commands, others may not, and neither reads the keys"
adduser --quiet --disabled-password --gecos "" aotf-member
adduser --quiet --disabled-password --gecos "" aotf-stranger
adduser --quiet aotf-member aotf
sudo -u aotf-member aotf health --socket "$socket"
sudo -u aotf-member aotf stacks --socket "$socket"
! sudo -u aotf-stranger aotf health --socket "$socket" 2>/dev/null || fail "a stranger uses the socket"
for user in aotf-member aotf-stranger; do
    ! sudo -u "$user" cat /etc/aotf/parameters.toml 2>/dev/null || fail "$user reads the configuration"
    ! sudo -u "$user" cat /var/lib/aotf/aotf.db >/dev/null 2>&1 || fail "$user reads the database"
done

say "journal: priorities, one time, requests"
journal -p warning | grep "X (Twitter) is off" || fail "a warning is not found by its priority"
[ -z "$(journal -p err)" ] || fail "errors: $(journal -p err)"
! journal | grep -q "^[0-9-]*T[0-9:]*Z" || fail "a second time in the journal"
printf '\n[log]\nrequests = true\n' >> /etc/aotf/parameters.toml
systemctl restart aotf
serves
curl --silent --output /dev/null "http://127.0.0.1:$port/query?url=https://example.com/&key=sesame"
pattern="method=\"GET\" path=\"/query\" status="
wait_for journal_has -p info
journal -p info | grep "$pattern" | tail -n 1
! journal | grep -q sesame || fail "a secret is in the log"

say "keys: none is missed, one beside the configuration or among the credentials is used, one that is named must be there"
printf '\n[[twitter.credentials]]\nbearer_token_file = "x-token"\n' >> /etc/aotf/parameters.toml
! systemctl restart aotf 2>/dev/null || fail "started without the key that is named"
must_be aotf ExecMainStatus 78
must_be aotf NRestarts 0
journal -p err -n 5 | grep x-token || fail "the missing key is not named"
systemctl reset-failed aotf
echo AAAA | install -m 600 -o aotf /dev/stdin /etc/aotf/x-token
systemctl start aotf
serves
rm /etc/aotf/x-token
install -d -m 700 /etc/credstore
echo AAAA | install -m 600 /dev/stdin /etc/credstore/x-token
systemctl restart aotf
serves
CREDENTIALS_DIRECTORY=/etc/credstore aotf check --offline --config /etc/aotf/parameters.toml | grep -i network

say "a container that dies is started again by the daemon, the daemon by systemd"
victim=$(pgrep -u aotf -f "container indexing")
kill -9 "$victim"
replaced() { new=$(pgrep -u aotf -f "container indexing") && [ "$new" != "$victim" ]; }
wait_for replaced
must_be aotf NRestarts 0
mkdir -p "$drop_in"
printf '[Service]\nWatchdogSec=4\nTimeoutAbortSec=2\nRestartSec=200ms\n' > "$drop_in/test.conf"
systemctl daemon-reload
systemctl restart aotf
serves
main=$(main_pid)
kill -STOP "$main"
wait_for is aotf NRestarts 1
is_up_again() { is aotf ActiveState active && [ "$(main_pid)" != "$main" ]; }
wait_for is_up_again
serves
journalctl _PID=1 -u aotf --no-pager -o cat | grep -i "watchdog timeout" || fail "not ended by the watchdog"
rm -r "$drop_in"
systemctl daemon-reload

say "backup, with the key among the credentials"
systemctl start aotf-backup.service
must_be aotf-backup.service Result success
backup=$(echo /var/lib/aotf/backups/aotf-*)
[ -f "$backup/manifest.json" ] || fail "no backup: $(ls -R /var/lib/aotf/backups)"
mv /etc/credstore/x-token /etc/aotf/x-token
chown aotf /etc/aotf/x-token
sudo -u aotf aotf db verify "$backup" --config /etc/aotf/parameters.toml
systemctl enable --quiet --now aotf-backup.timer
must_be aotf-backup.timer ActiveState active

say "upgrade of the running service: configuration and data stay, and it runs again"
main=$(main_pid)
echo "# changed by its operator" >> /etc/aotf/parameters.toml
dpkg --force-confold --install "$package"
grep -q "changed by its operator" /etc/aotf/parameters.toml || fail "the configuration was replaced"
rights /etc/aotf/parameters.toml "aotf:root 600"
wait_for is_up_again
serves
must_be aotf UnitFileState enabled

say "the data of a unit with DynamicUser, as it was before, is taken over"
systemctl stop aotf
must_be aotf Result success
must_be aotf ExecMainStatus 0
! pgrep -u aotf >/dev/null || fail "processes are left: $(pgrep -a -u aotf)"
install -d -m 700 /var/lib/private
mv /var/lib/aotf /var/lib/private/aotf
ln -s private/aotf /var/lib/aotf
systemctl start aotf
serves
[ ! -L /var/lib/aotf ] && rights /var/lib/aotf "aotf:aotf 750"
[ -d "$backup" ] || fail "the data is not where it was"

say "remove: configuration and data stay"
dpkg --remove aotf
[ ! -e /usr/bin/aotf ] || fail "the program is still there"
! pgrep -u aotf >/dev/null || fail "processes are left: $(pgrep -a -u aotf)"
if [ ! -f /etc/aotf/parameters.toml ] || [ ! -f /var/lib/aotf/aotf.db ]; then fail "removing took data away"; fi

say "purge: nothing is left"
dpkg --purge aotf
if [ -e /etc/aotf ] || [ -e /var/lib/aotf ]; then fail "purging left data"; fi
! getent passwd aotf >/dev/null || fail "purging left the user"
! getent group aotf >/dev/null || fail "purging left the group"
left=$(find /etc/systemd /run/systemd/system /usr/lib/systemd /var/lib/systemd -name "*aotf*")
[ -z "$left" ] || fail "purging left $left"
echo "The package is in order."
