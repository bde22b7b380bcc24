#!/usr/bin/env python3
"""A lost fingerprint index, made anew while the daemon works: what it tells, what can be searched meanwhile, how long it takes.

    cargo build --release && python3 benches/index_rebuild.py target/release/aotf 2000000
Starts the demo world, and indexes an artist's posts there; adds images with random fingerprints to a copy of its database, up to the
given number, and starts a daemon on that copy, which has no index. Searches the artist's picture through her account again and again,
and once through everything. Each search is compared with the same search when the index is complete, in which the second start is
timed too. Files are in a folder (in TMPDIR) that is removed.
"""
import json
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

# Of the demo world: posted the artwork that lies beside its settings.
ACCOUNT = "demo_rowan"


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def ask(port, path, body=None):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", data=body, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except OSError:
        return 0, None


def wait_for(what, probe, seconds=600):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = probe()
        if found is not None:
            return found
        time.sleep(0.01)
    sys.exit(f"waited in vain for {what}")


class Search:
    """A search by an image that was accepted."""

    def __init__(self, port, picture, account=None):
        self.port, self.begun = port, time.monotonic()
        status, answer = ask(port, "/search" + (f"?account_name={account}" if account else ""), picture)
        if status not in (200, 202):
            sys.exit(f"a search was refused: {status} {answer}")
        self.identifier = answer["identifier"]

    def look(self):
        return ask(self.port, f"/search?identifier={self.identifier}")[1]

    def end(self):
        """Seconds that it took, and its answer."""
        answer = wait_for("a search", lambda: (lambda view: view if view["status"] == "END" else None)(self.look()))
        return time.monotonic() - self.begun, answer


def posts(answer):
    if answer["error"]:
        sys.exit(f"a search failed: {answer['error']} {answer.get('error_detail')}")
    return [(found["tweet_id"], found["distance"]) for found in answer["results"]]


def fill(database, images):
    """Adds posts of one image each, of 1,000 accounts, until there are so many images; sound ones, with random fingerprints."""
    base = sqlite3.connect(database)
    there, account, post = (base.execute(f"SELECT max({key}) FROM {table}").fetchone()[0] for key, table in (("id", "images"), ("no", "accounts"), ("no", "posts")))
    count = images - base.execute("SELECT images FROM summary").fetchone()[0]
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})"
    base.executescript(
        "PRAGMA synchronous = OFF; BEGIN;"
        + numbers.format(1000)
        + f" INSERT INTO accounts (no, network, native, known_since, visited_at, turn) SELECT {account} + i, 1, 'a' || i, 0, 0, 0 FROM n;"
        + numbers.format(count)
        + f" INSERT INTO posts SELECT {post} + i, 1, 'p' || i, {account} + 1 + i % 1000, NULL, 0, 1 FROM n;"
        + numbers.format(count)
        + f" INSERT INTO images SELECT {there} + i, {post} + i, {account} + 1 + i % 1000, 1, 'n' || i, 1, 1, randomblob(8), 1, NULL FROM n;"
        f"UPDATE summary SET posts = posts + {count}, images = images + {count}, accounts = accounts + 1000; COMMIT;"
        "PRAGMA wal_checkpoint(TRUNCATE);"
    )
    base.close()


class Daemon:
    def __init__(self, aotf, settings):
        self.port = free_port()
        text = settings.read_text().splitlines()
        settings.write_text("\n".join(f'bind = "127.0.0.1:{self.port}"' if line.startswith("bind = ") else line for line in text))
        self.begun = time.monotonic()
        self.log = open(settings.parent / "daemon.log", "w+")
        words = [aotf, "serve", "--no-console", "--die-with-parent", "--config", str(settings)]
        self.process = subprocess.Popen(words, stdout=self.log, stderr=self.log)
        self.ready = self.since(lambda: ask(self.port, "/readyz")[0] == 200 or None)

    def since(self, probe):
        wait_for("the daemon", probe)
        return time.monotonic() - self.begun

    def percent(self):
        return ask(self.port, "/stats")[1]["index_percent"]

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


def rebuild(aotf, folder, images):
    demo_port = free_port()
    demo = subprocess.Popen(
        [aotf, "demo", "--no-console", "--port", str(demo_port), "--keep", str(folder / "demo")], stdout=subprocess.DEVNULL
    )
    try:
        wait_for("the demo", lambda: ask(demo_port, "/readyz")[0] == 200 or None)
        scan = [aotf, "scan", ACCOUNT, "--wait", "--config", str(folder / "demo/parameters.toml")]
        subprocess.run(scan, check=True, capture_output=True)
        copy = folder / "copy"
        (copy / "data").mkdir(parents=True)
        sqlite3.connect(folder / "demo/data/aotf.db").execute("VACUUM INTO ?", (str(copy / "data/aotf.db"),))
        settings = copy / "parameters.toml"
        settings.write_text((folder / "demo/parameters.toml").read_text().replace(str(folder / "demo/data"), str(copy / "data")).replace('level = "warn"', 'level = "info"'))
        settings.chmod(0o600)
        fill(copy / "data/aotf.db", images)
        picture = next((folder / "demo").glob("artwork.*")).read_bytes()
        daemon = Daemon(aotf, settings)
        print(f"{images:,} images, no index: ready after {daemon.ready:.2f} s", flush=True)
        everything = Search(daemon.port, picture)
        percents, through_account, seen = [], [], None
        while (percent := daemon.percent()) < 100:
            percents.append(percent)
            search = Search(daemon.port, picture + bytes(len(percents)), ACCOUNT)  # each its own: bytes after the end are passed over
            took, answer = search.end()
            if daemon.percent() < 100:
                through_account.append((took, posts(answer)))
                view = everything.look()
                seen = view if view["status"] != "END" else sys.exit("a search through everything ended early")
        complete = time.monotonic() - daemon.begun
        print(f"told on the way: {sorted(set(percents))} %; complete after {complete:.1f} s ({images / complete:,.0f} images/s)")
        took, answer = everything.end()
        print(f"through everything, asked at the start: {seen and seen['status']} until the index was there, answered after {took:.1f} s: {len(posts(answer))} posts")
        _, again = Search(daemon.port, picture + b"again", ACCOUNT).end()
        same = all(found == posts(again) for _, found in through_account)
        times = sorted(took for took, _ in through_account)
        middle = f"{times[len(times) // 2] * 1000:.0f} ms in the median" if times else "none fitted in"
        print(f"through one account, meanwhile: {len(times)} searches, {middle}, {len(posts(again))} posts each, {'as afterwards' if same else 'NOT as afterwards'}")
        _, whole = Search(daemon.port, picture + b"whole").end()
        print(f"through everything afterwards: {'the same' if posts(whole) == posts(answer) else 'NOT the same'}; holds the account's: {set(posts(again)) <= set(posts(whole))}")
        daemon.end()
        daemon = Daemon(aotf, settings)
        whole = daemon.since(lambda: daemon.percent() == 100 or None)
        print(f"a later start: ready after {daemon.ready:.2f} s, index complete after {whole:.2f} s")
        daemon.end()
        verified = subprocess.run([aotf, "db", "verify", "--config", str(settings)], capture_output=True, text=True)
        print(f"aotf db verify: status {verified.returncode}\n{verified.stdout}")
    finally:
        demo.send_signal(signal.SIGTERM)
        demo.wait()


def main():
    aotf, images = sys.argv[1:]
    folder = Path(tempfile.mkdtemp())
    try:
        rebuild(str(Path(aotf).resolve()), folder, int(images))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
