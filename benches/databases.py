#!/usr/bin/env python3
"""The database engines: insertions beside each engine's own bulk tool, imports of an old database, starts of the index.

Needs sqlite3, mariadb and psql on the PATH, and servers on this machine (bash tests/setup/start-test-servers.sh):
    cargo build --release
    python3 benches/databases.py target/release/aotf insert 200000
    python3 benches/databases.py target/release/aotf import 1000000 SAMPLE.db
    python3 benches/databases.py target/release/aotf start 1000000 10000000
Prints Markdown tables; ENGINES="SQLite PostgreSQL" in the environment leaves the others out. Makes databases named aotf_bench_* and a folder (in TMPDIR), and removes them.
"""
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

TABLES = {
    "accounts": "no network native known_since stated_posts search_cursor search_listed_at search_coverage search_reset_at "
    "timeline_cursor timeline_listed_at timeline_coverage newest_seen oldest_seen posts_read visited_at turn "
    "last_used_at uses",
    "handles": "network handle account first_seen last_seen",
    "posts": "no network native account published stored_at image_count",
    "images": "id post account position name width height fingerprint solid_ground trimmed",
    "details": "image phash256 thumbnail",
}
BYTES = {"fingerprint", "trimmed", "phash256", "thumbnail"}
IMAGES_PER_POST = 4


def run(*words, stdin=None, env=None):
    done = subprocess.run(words, stdin=stdin, capture_output=True, text=True, env=env)
    if done.returncode:
        sys.exit(f"{' '.join(words)}: {done.stdout}{done.stderr}")
    return done.stdout


def run_anyway(*words):
    return subprocess.run(words, capture_output=True, text=True).stdout


class Sqlite:
    name = "SQLite"
    tool = "`INSERT ... SELECT` from an attached file, one transaction"

    def __init__(self, folder, label):
        self.file = folder / f"{label}.db"
        self.url = f"sqlite:{self.file}"

    def sql(self, text):
        run("sqlite3", "-bail", str(self.file), text)

    def prepare(self, _source, _folder):
        pass

    def load(self, source, _folder):
        copies = "".join(f"INSERT INTO main.{t} SELECT * FROM source.{t};" for t in TABLES)
        self.sql(f"ATTACH '{source.file}' AS source; PRAGMA synchronous = FULL; BEGIN; {copies} COMMIT;")

    def fill(self, posts):
        numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})"
        self.sql(
            "PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; BEGIN;"
            "INSERT INTO accounts (no, network, native, known_since, visited_at, turn) VALUES (1, 1, '1', 0, 0, 0);"
            + numbers.format(posts)
            + " INSERT INTO posts SELECT i, 1, 'p' || i, 1, NULL, 0, 4 FROM n;"
            + numbers.format(posts * IMAGES_PER_POST)
            + " INSERT INTO images SELECT i, (i + 3) / 4, 1, (i + 3) % 4 + 1, 'n' || i, 1, 1, randomblob(8), 1, NULL FROM n;"
            f"UPDATE summary SET posts = {posts}, images = {posts * IMAGES_PER_POST}; COMMIT; PRAGMA journal_mode = WAL;"
        )

    def drop(self):
        for path in self.file.parent.glob(f"{self.file.name}*"):
            path.unlink()


class Server:
    def __init__(self, _folder, label):
        self.database = f"aotf_bench_{label}"
        self.url = f"{self.address}/{self.database}"
        self.drop()
        self.admin(f"CREATE DATABASE {self.database}")

    def drop(self):
        self.admin(f"DROP DATABASE IF EXISTS {self.database}")

    def prepare(self, source, folder):
        for table in TABLES:
            source.write(table, folder / f"{table}.tsv")

    def load(self, _source, folder):
        for table in TABLES:
            self.read(table, folder / f"{table}.tsv")


class MariaDb(Server):
    name = "MariaDB"
    tool = "`LOAD DATA`, a statement per table"
    address = "mysql://root@127.0.0.1:3306"

    def client(self, text, database, *more):
        return ("mariadb", "--protocol=tcp", "-h", "127.0.0.1", "-u", "root", "--local-infile=1", *more, "-e", text, *database)

    def admin(self, text):
        run(*self.client(text, ()))

    def sql(self, text):
        run(*self.client(text, (self.database,)))

    def write(self, table, file):
        columns = ", ".join(
            f"IF({c} IS NULL, 'N', HEX({c}))" if c in BYTES else f"COALESCE({c}, 'N')" for c in TABLES[table].split()
        )
        words = self.client(f"SELECT {columns} FROM {table}", (self.database,), "--batch", "--skip-column-names", "--quick")
        with open(file, "w") as out:
            subprocess.run(words, stdout=out, check=True)

    def read(self, table, file):
        names = TABLES[table].split()
        wanted = ", ".join(
            f"{n} = IF(@{n} = 'N', NULL, {'UNHEX' if n in BYTES else ''}(@{n}))"
            for n in names
        )
        self.sql(f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE {table} ({', '.join('@' + n for n in names)}) SET {wanted}")

    def fill(self, posts):
        images = posts * IMAGES_PER_POST
        self.sql(
            "INSERT INTO accounts (no, network, native, known_since, visited_at, turn, posts_read, uses) "
            "VALUES (1, 1, '1', 0, 0, 0, 0, 0); SET foreign_key_checks = 0, unique_checks = 0;"
            f"INSERT INTO posts SELECT seq, 1, CONCAT('p', seq), 1, NULL, 0, 4 FROM seq_1_to_{posts};"
            "INSERT INTO images SELECT seq, (seq + 3) DIV 4, 1, (seq + 3) % 4 + 1, CONCAT('n', seq), 1, 1, "
            f"UNHEX(SUBSTR(MD5(seq), 1, 16)), 1, NULL FROM seq_1_to_{images};"
            f"UPDATE summary SET posts = {posts}, images = {images}, last_account = 1, last_post = {posts}, last_image = {images}"
        )


class Postgres(Server):
    name = "PostgreSQL"
    tool = "`COPY`, a statement per table"
    address = "postgres://postgres@127.0.0.1:5432"

    def client(self, database, text):
        return ("psql", "-q", "-h", "127.0.0.1", "-U", "postgres", "-w", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", text)

    def admin(self, text):
        run(*self.client("postgres", text))

    def sql(self, text):
        run(*self.client(self.database, text))

    def write(self, table, file):
        self.sql(f"\\copy {table} ({', '.join(TABLES[table].split())}) TO '{file}'")

    def read(self, table, file):
        self.sql(f"\\copy {table} ({', '.join(TABLES[table].split())}) FROM '{file}'")

    def fill(self, posts):
        images = posts * IMAGES_PER_POST
        self.sql(
            "INSERT INTO accounts (no, network, native, known_since, visited_at, turn, posts_read, uses) "
            "VALUES (1, 1, '1', 0, 0, 0, 0, 0); SET session_replication_role = replica;"
            f"INSERT INTO posts SELECT i, 1, 'p' || i, 1, NULL, 0, 4 FROM generate_series(1, {posts}) i;"
            "INSERT INTO images SELECT i, (i + 3) / 4, 1, (i + 3) % 4 + 1, 'n' || i, 1, 1, "
            f"decode(substr(md5(i::text), 1, 16), 'hex'), 1, NULL FROM generate_series(1, {images}) i;"
            f"UPDATE summary SET posts = {posts}, images = {images}, last_account = 1, last_post = {posts}, last_image = {images};"
        )
        self.sql("VACUUM ANALYZE images")


WANTED = os.environ.get("ENGINES", "SQLite MariaDB PostgreSQL").split()
ENGINES = [engine for engine in (Sqlite, MariaDb, Postgres) if engine.name in WANTED]


def config(folder, database, port=0):
    data = folder / "data"
    text = f'data_dir = "{data}"\nnetworks = ["bluesky"]\n[http]\nbind = "127.0.0.1:{port}"\n[log]\nlevel = "error"\n'
    text += f'[database]\nurl = "{database.url}"\n'
    path = folder / "parameters.toml"
    path.write_text(text)
    path.chmod(0o600)
    return path


def prepare_schema(aotf, folder, database):
    run(aotf, "db", "stats", "--config", str(config(folder, database)))


def insert(aotf, folder, posts):
    print("| | posts/s, durable commits of 512 posts | bulk tool, posts/s | ratio | the tool | posts looked up per second |\n|---|---|---|---|---|---|")
    for engine in ENGINES:
        ours = engine(folder, "ours")
        figures = json.loads(run(aotf, "bench", "store", "--url", ours.url, "--posts", str(posts), "--json"))
        bulk = engine(folder, "bulk")
        prepare_schema(aotf, folder, bulk)
        bulk.prepare(ours, folder)
        begun = time.monotonic()
        bulk.load(ours, folder)
        tool = posts / (time.monotonic() - begun)
        rate = figures["posts_per_second"]
        print(f"| {engine.name} | {rate:,.0f} | {tool:,.0f} | {rate / tool:.0%} | {engine.tool} | {figures['lookups_per_second']:,.0f} |", flush=True)
        ours.drop()
        bulk.drop()


def blow_up(sample, target, posts):
    """Copies of the sample's posts under other numbers, each copy with accounts of its own."""
    source = sqlite3.connect(f"file:{sample}?mode=ro&immutable=1", uri=True)
    out = sqlite3.connect(target)
    for (sql,) in source.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type DESC"):
        out.execute(sql)
    tweets = source.execute("SELECT * FROM tweets").fetchall()
    accounts = source.execute("SELECT * FROM accounts").fetchall()
    numbers = {row[0]: number for number, row in enumerate(accounts)}
    marks = lambda row: ", ".join("?" * len(row))
    written = copy = 0
    while written < posts:
        base = 1_000_000_000 + copy * 1000
        out.executemany(f"INSERT INTO accounts VALUES ({marks(accounts[0])})", [(base + n, *row[1:]) for n, row in enumerate(accounts)])
        first = 1_000_000_000_000_000_000 + copy * 1_000_000
        some = tweets[: posts - written]
        out.executemany(
            f"INSERT INTO tweets VALUES ({marks(tweets[0])})",
            [(base + numbers.get(row[0], 0), first + n, *row[2:]) for n, row in enumerate(some)],
        )
        written += len(some)
        copy += 1
    out.commit()
    out.close()


def import_old(aotf, folder, posts, sample):
    old = folder / "old.db"
    blow_up(sample, old, posts)
    print(f"An old database of {posts:,} posts, {old.stat().st_size / 1e6:,.0f} MB:\n")
    print("| into | posts/s | seconds | peak memory | again, nothing new |\n|---|---|---|---|---|")
    for engine in ENGINES:
        database = engine(folder, "import")
        path = config(folder, database)
        took = []
        for _ in range(2):
            begun = time.monotonic()
            child = subprocess.Popen([aotf, "db", "import", str(old), "--zone", "UTC", "--config", str(path)], stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(child.pid, 0)
            if status:
                sys.exit("the import failed")
            took.append((time.monotonic() - begun, usage.ru_maxrss / 1024))
        (first, memory), (again, _) = took
        print(f"| {engine.name} | {posts / first:,.0f} | {first:.0f} | {memory:.0f} MiB | {again:.0f} s |", flush=True)
        database.drop()


def is_ready(port):
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).status == 200
    except OSError:
        return False


def wait_for_index(aotf, path, port, child, images):
    """The daemon calls the index complete before it has looked how much there is; its files know."""
    whole = f"complete, {images} images"
    while not is_ready(port) or whole not in run_anyway(aotf, "check", "--offline", "--config", str(path)):
        if child.poll() is not None:
            sys.exit("the daemon ended")
        time.sleep(0.05)


def start(aotf, folder, sizes):
    print("| images | engine | images/s | index from nothing, s | later starts, s |\n|---|---|---|---|---|")
    for images in sizes:
        for engine in ENGINES:
            database = engine(folder, "start")
            prepare_schema(aotf, folder, database)
            database.fill(images // IMAGES_PER_POST)
            took = []
            for _ in range(2):
                with socket.socket() as free:
                    free.bind(("127.0.0.1", 0))
                    port = free.getsockname()[1]
                path = config(folder, database, port)
                words = [aotf, "serve", "--no-console", "--die-with-parent", "--config", str(path)]
                begun = time.monotonic()
                child = subprocess.Popen(words, stdout=subprocess.DEVNULL)
                wait_for_index(aotf, path, port, child, images)
                took.append(time.monotonic() - begun)
                child.send_signal(signal.SIGTERM)
                child.wait()
            run("rm", "-rf", str(folder / "data"))
            print(f"| {images:,} | {engine.name} | {images / took[0]:,.0f} | {took[0]:.1f} | {took[1]:.1f} |", flush=True)
            database.drop()


def main():
    aotf, what, *rest = sys.argv[1:]
    aotf = str(Path(aotf).resolve())
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        if what == "insert":
            insert(aotf, folder, int(rest[0]))
        elif what == "import":
            import_old(aotf, folder, int(rest[0]), Path(rest[1]).resolve())
        elif what == "start":
            start(aotf, folder, [int(size) for size in rest])
        else:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
