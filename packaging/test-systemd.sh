#!/bin/sh
# Boots a small Debian with systemd as its first process, in a container of systemd-nspawn with a network of its own, and
# runs packaging/test-deb.sh in it: the package as its users meet it, with the unit's users, filters and limits applied.
# usage: packaging/test-systemd.sh PACKAGE.deb [FOLDER]
# The file system is made by mmdebstrap from this machine's sources of packages, of the same release of Debian, and kept
# in FOLDER (target/systemd unless it is given) for the next time.
set -eu

cd "$(dirname "$0")/.."
package=$(realpath "$1")
folder=${2:-target/systemd}
cannot() {
    echo "CANNOT TEST UNDER SYSTEMD: $*" >&2
    exit 77
}
[ "$(id -u)" = 0 ] || cannot "needs root"
for command in systemd-nspawn mmdebstrap; do
    command -v "$command" >/dev/null ||
        cannot "$command is missing: apt-get install --no-install-recommends systemd-container mmdebstrap"
done
release=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
if [ "$(sed -n 's/^ID=//p' /etc/os-release)" != debian ] || [ -z "$release" ]; then
    cannot "this is no release of Debian: the package needs the libraries of the system that it was built on"
fi

mkdir -p "$folder"
base=$folder/$release.tar
if [ ! -f "$base" ]; then
    echo "Making $base"
    mmdebstrap --quiet --format=tar --variant=minbase --aptopt='APT::Sandbox::User "root"' \
        --include=systemd,systemd-sysv,dbus,adduser,ca-certificates,sudo,procps,curl \
        "$release" "$base.new" || cannot "mmdebstrap failed: does this machine reach a mirror of Debian?"
    mv "$base.new" "$base"
fi

machine=$(mktemp -d)
booted="" shown=""
clean_up() {
    [ -z "$booted" ] || kill "$booted" 2>/dev/null || true
    [ -z "$shown" ] || kill "$shown" 2>/dev/null || true
    rm -rf "$machine"
}
trap clean_up EXIT
chmod 755 "$machine"
tar -xf "$base" -C "$machine"
mkdir "$machine/test"
cp "$package" "$machine/test/aotf.deb"
cp packaging/test-deb.sh "$machine/test/"
# Documentation is installed too.
rm -f "$machine"/etc/dpkg/dpkg.cfg.d/*
echo aotf-test > "$machine/etc/hostname"
echo "127.0.0.1 localhost aotf-test" > "$machine/etc/hosts"
: > "$machine/test/log"
cat > "$machine/etc/systemd/system/test.service" <<'UNIT'
[Unit]
Description=Test of the package
After=multi-user.target
SuccessAction=exit-force
FailureAction=exit-force

[Service]
Type=oneshot
TimeoutStartSec=600
ExecStart=/bin/sh /test/test-deb.sh /test/aotf.deb
StandardOutput=append:/test/log
StandardError=append:/test/log
UNIT
cat > "$machine/etc/systemd/system/test.target" <<'UNIT'
[Unit]
Requires=multi-user.target
Wants=test.service
AllowIsolate=yes
UNIT

# Where the host itself was not booted by systemd, nobody registers machines or manages their resources.
unregistered=""
[ -d /run/systemd/system ] || unregistered="--register=no --keep-unit"
# The filter of nspawn itself knows fewer calls than a machine: what aotf confines itself with is allowed, as it is there.
# shellcheck disable=SC2086
timeout --kill-after=10 700 systemd-nspawn --quiet --directory="$machine" --machine="aotf-test-$$" $unregistered \
    --private-network --console=pipe \
    --system-call-filter="seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self" \
    --boot systemd.unit=test.target systemd.show_status=no > "$machine.console" 2>&1 < /dev/null &
booted=$!
tail -n +1 -f "$machine/test/log" &
shown=$!
status=0
wait "$booted" || status=$?
booted=""
kill "$shown"
shown=""
if ! tail -n 1 "$machine/test/log" | grep -q "^The package is in order"; then
    echo "FAILED under systemd (status $status of the machine). Its console said:" >&2
    tail -n 20 "$machine.console" >&2
    rm -f "$machine.console"
    exit 1
fi
rm -f "$machine.console"
