#!/usr/bin/env bash
# Starts a MariaDB and a PostgreSQL on this machine for the tests: on 127.0.0.1, with users `root` and `postgres` without
# a password, so for machines that only build. Installs them where they are missing, and servers for FTP, SFTP and WebDAV,
# which tests start themselves (Debian and its relatives). Does nothing when all is there. Without them the tests that
# need one say SKIPPED; AOTF_TEST_MYSQL_URL and AOTF_TEST_POSTGRES_URL name others.
set -eu

answers() { # port
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

newest_postgres() {
    find /etc/postgresql -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -n | tail -1
}

mysql=no
postgres=no
answers 3306 && mysql=yes
answers 5432 && postgres=yes
# Real servers for the tests of `aotf backup mirror`.
mirrors=""
/usr/bin/python3 -c 'import pyftpdlib' 2>/dev/null || mirrors="$mirrors python3-pyftpdlib"
/usr/bin/python3 -c 'import OpenSSL' 2>/dev/null || mirrors="$mirrors python3-openssl"
[ -x /usr/sbin/sshd ] || mirrors="$mirrors openssh-server"
[ -e /usr/lib/lighttpd/mod_webdav.so ] || mirrors="$mirrors lighttpd lighttpd-mod-webdav"
[ "$mysql$postgres$mirrors" != yesyes ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "No database servers for the tests (MySQL: $mysql, PostgreSQL: $postgres): theirs are skipped." >&2
    exit 0
fi
missing=""
command -v mariadbd >/dev/null 2>&1 || missing="$missing mariadb-server"
[ -d /etc/postgresql ] || missing="$missing postgresql"
if [ -n "$missing$mirrors" ]; then
    echo "Installing for the tests:$missing$mirrors" >&2
    apt-get update -qq
fi
if [ -n "$mirrors" ]; then
    # RUNLEVEL: installed, and not started as services of this machine.
    # shellcheck disable=SC2086
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $mirrors >/dev/null
fi
if [ -n "$missing" ]; then
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

if [ "$mysql" = no ]; then
    mkdir -p /run/mysqld && chown mysql:mysql /run/mysqld
    start-stop-daemon --start --oknodo --background --exec /usr/sbin/mariadbd -- --user=mysql
fi
if [ "$postgres" = no ]; then
    version=$(newest_postgres)
    pg_ctlcluster --skip-systemctl-redirect "$version" main start || true
fi
for _ in $(seq 60); do
    answers 3306 && answers 5432 && break
    sleep 1
done

# Debian lets root in by socket alone, and asks for a password over the network.
if ! mariadb --protocol=tcp -h 127.0.0.1 -u root -e 'SELECT 1' >/dev/null 2>&1; then
    mariadb -u root -e "ALTER USER 'root'@'localhost' IDENTIFIED VIA unix_socket OR mysql_native_password USING PASSWORD('');
        CREATE USER IF NOT EXISTS 'root'@'127.0.0.1' IDENTIFIED BY '';
        GRANT ALL PRIVILEGES ON *.* TO 'root'@'127.0.0.1' WITH GRANT OPTION; FLUSH PRIVILEGES" || true
fi
if ! psql -h 127.0.0.1 -U postgres -w -c 'SELECT 1' >/dev/null 2>&1; then
    version=$(newest_postgres)
    sed -i 's|^\(host  *all  *all  *127.0.0.1/32  *\).*|\1trust|' "/etc/postgresql/$version/main/pg_hba.conf"
    pg_ctlcluster --skip-systemctl-redirect "$version" main reload || true
fi
