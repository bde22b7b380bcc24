#!/usr/bin/env python3
"""The search index beside others that answer exactly, on the same codes and queries, in one run.

Needs the packages faiss-cpu and numpy:
    python3 -m venv DIR && DIR/bin/pip install faiss-cpu numpy
    cargo build --release --manifest-path benches/mih/Cargo.toml
    cargo build --release && DIR/bin/python benches/index_peers.py target/release/aotf 1000000 10000000 100000000
Prints a Markdown table. Every engine is asked one query at a time, on one thread, for all codes within
6 bits; slow ones get fewer queries. `hits` says whether each query's hits are those of `aotf`.
"""
import json
import multiprocessing
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import faiss
import numpy

MIH = Path(__file__).resolve().parent / "mih/target/release/mih-peer"
RADIUS = 6
QUERIES = 1000
# Beyond this many codes only what is small in memory is asked: FAISS's and our scan beside ours.
SMALL_ONLY_BEYOND = 20_000_000
ROWS_AT_A_TIME = 1_000_000


def half_set(random, count):
    """32 of 64 bits each, later ones less often, as in real fingerprints."""
    weights = 0.8 + 0.45 * numpy.arange(64) / 63
    parts = []
    for start in range(0, count, ROWS_AT_A_TIME):
        draws = random.random((min(ROWS_AT_A_TIME, count - start), 64), dtype=numpy.float32) * weights
        chosen = numpy.argpartition(draws, 31, axis=1)[:, :32].astype(numpy.uint64)
        parts.append(numpy.bitwise_or.reduce(numpy.uint64(1) << chosen, axis=1))
    return numpy.concatenate(parts)


def flipped(random, codes, bits):
    codes = codes.copy()
    for _ in range(bits):
        codes ^= numpy.uint64(1) << random.integers(0, 64, len(codes), dtype=numpy.uint64)
    return codes


def make(kind, size):
    random = numpy.random.default_rng(20261120)
    if kind == "uniform":
        codes = random.integers(0, 2**64, size, dtype=numpy.uint64)
    else:
        fresh = half_set(random, size - size // 2)
        codes = numpy.concatenate([fresh, flipped(random, fresh[: size // 2], 4)])
    return codes, flipped(random, random.choice(codes, QUERIES), 3)


def resident_bytes():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def ask(search, queries, expected):
    """Seconds per query, and whether all hits are the expected ones."""
    times, same = [], True
    for number, query in enumerate(queries):
        start = time.perf_counter()
        found = search(query)
        times.append(time.perf_counter() - start)
        same &= sorted(int(code) for code in found) == expected[number]
    return numpy.array(times), same


def duration(seconds):
    for unit, factor in (("s", 1), ("ms", 1e3)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} us"


def row(size, kind, name, queries, median, p99, build, per_code, hits):
    p99 = duration(p99) if p99 else ""
    cells = [f"{size // 1_000_000} M", kind, name, queries, duration(median), p99, build, per_code, hits]
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def ours(aotf, folder, codes, queries, size, kind):
    codes.astype("<u8").tofile(folder / "codes")
    queries.astype("<u8").tofile(folder / "queries")
    command = [aotf, "bench", "index", "--codes", "codes", "--queries", "queries", "--results", "results"]
    command += ["--radius", str(RADIUS), "--directory", ".", "--json"]
    done = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE)
    told = json.loads(done.stdout.splitlines()[-1])
    expected = [[] for _ in queries]
    for line in (folder / "results").read_text().splitlines():
        query, code, _distance = line.split()
        expected[int(query)].append(int(code))
    build, per_code = f"{told['build_seconds']:.1f} s", f"{told['bytes_per_code']:.1f}"
    hits = sum(map(len, expected))
    row(size, kind, "`aotf`", QUERIES, told["median_us"] / 1e6, told["p99_us"] / 1e6, build, per_code, hits)
    same = "same" if told["exact"] else "OTHERS"
    row(size, kind, "`aotf`, plain scan", 25, told["scan_median_us"] / 1e6, None, "", 8, same)
    return [sorted(codes) for codes in expected]


def faiss_row(name, index, codes, queries, expected, size, kind):
    as_bytes = codes.astype("<u8").view(numpy.uint8).reshape(-1, 8)
    before, start = resident_bytes(), time.perf_counter()
    index.add(as_bytes)
    build = time.perf_counter() - start
    per_code = (resident_bytes() - before) / size

    def search(query):
        # Its radius is exclusive.
        asked = numpy.array([query], dtype="<u8").view(numpy.uint8).reshape(1, 8)
        return index.range_search(asked, RADIUS + 1)[2]

    times, same = ask(search, queries, expected)
    median, p99 = numpy.median(times), numpy.quantile(times, 0.99)
    p99 = p99 if len(queries) >= 100 else None
    row(size, kind, name, len(queries), median, p99, f"{build:.1f} s", f"{per_code:.0f}", "same" if same else "OTHERS")


def mih_row(folder, expected, size, kind):
    """The crate mih-rs, which has a program of its own; it reads what `ours` has written."""
    if not MIH.exists():
        print(f"SKIPPED: no {MIH}: cargo build --release --manifest-path benches/mih/Cargo.toml", file=sys.stderr)
        return
    command = [str(MIH), "codes", "queries", str(RADIUS), "mih-results"]
    done = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE)
    told = json.loads(done.stdout)
    found = [[] for _ in expected]
    for line in (folder / "mih-results").read_text().splitlines():
        query, code, _distance = line.split()
        found[int(query)].append(int(code))
    same = [sorted(codes) for codes in found] == expected
    row(
        size, kind, "`mih-rs`", QUERIES, told["median_us"] / 1e6, told["p99_us"] / 1e6,
        f"{told['build_seconds']:.1f} s", f"{told['bytes_per_code']:.0f}", "same" if same else "OTHERS",
    )


def sqlite_row(folder, codes, queries, expected, size, kind):
    """As Artists on Twitter Finder compares: every row through Python, though with fewer steps for each."""
    database = sqlite3.connect(folder / "codes.db")
    database.execute("CREATE TABLE images (id INTEGER PRIMARY KEY, hash INTEGER NOT NULL)")
    start = time.perf_counter()
    signed = codes.view(numpy.int64)
    for first in range(0, size, ROWS_AT_A_TIME):
        part = enumerate(signed[first : first + ROWS_AT_A_TIME].tolist(), first)
        database.executemany("INSERT INTO images VALUES (?, ?)", part)
    database.commit()
    build = time.perf_counter() - start
    mask = 2**64 - 1

    def search(query):
        query = int(query)
        rows = database.execute("SELECT id, hash FROM images")
        return [number for number, code in rows if ((code & mask) ^ query).bit_count() <= RADIUS]

    times, same = ask(search, queries, expected)
    per_code = (folder / "codes.db").stat().st_size / size
    row(
        size, kind, "Python loop over SQLite", len(queries), numpy.median(times), None,
        f"{build:.1f} s", f"{per_code:.0f}", "same" if same else "OTHERS",
    )


def compare(aotf, size, kind):
    faiss.omp_set_num_threads(1)
    codes, queries = make(kind, size)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        expected = ours(aotf, folder, codes, queries, size, kind)
        flat = faiss.IndexBinaryFlat(64)
        faiss_row("FAISS `IndexBinaryFlat`", flat, codes, queries[:25], expected, size, kind)
        del flat
        if size > SMALL_ONLY_BEYOND:
            return
        # 3 x 21 bits, 2 flipped in each: complete within 6 of the 63.
        multi = faiss.IndexBinaryMultiHash(64, 3, 21)
        multi.nflip = 2
        faiss_row("FAISS `IndexBinaryMultiHash`", multi, codes, queries[:200], expected, size, kind)
        del multi
        mih_row(folder, expected, size, kind)
        sqlite_row(folder, codes, queries[:1], expected, size, kind)


def main(aotf, sizes):
    print("| codes | | engine | queries | median | p99 | build | bytes per code | hits |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for size in sizes:
        for kind in ("uniform", "clustered"):
            # A process for each, so that what one left in memory is not counted for the next.
            child = multiprocessing.get_context("spawn").Process(target=compare, args=(aotf, size, kind))
            child.start()
            child.join()
            if child.exitcode:
                sys.exit(f"comparing {size} {kind} codes failed")


if __name__ == "__main__":
    main(str(Path(sys.argv[1]).resolve()), [int(size) for size in sys.argv[2:]])
