#!/usr/bin/env python3
"""OpenCV's ORB and SIFT, PDQ and the crate img_hash on the altered files of `aotf bench accuracy`, beside ours, into a document.

Needs the packages opencv-python-headless, pdqhash, pillow and numpy, and two release builds:
    python3 -m venv DIR && DIR/bin/pip install opencv-python-headless pdqhash pillow numpy
    cargo build --release && cargo build --release --manifest-path benches/img_hash/Cargo.toml
    DIR/bin/python benches/parts_peers.py target/release/aotf MATERIAL_DIR docs/accuracy.md
Renews the tables of `aotf bench accuracy`, and below them the percentage of artworks found after the alterations that whole
hashes do not bear. ORB and SIFT: 128 keypoints of the post, 500 of the query, matches within a distance, and at least six that
agree on a shift, scale and turn (RANSAC). Hashes: the usual 31 of PDQ's 256 bits, 6 of the 64 of either hash of img_hash. Each is
then made as much stricter as it takes to find no stranger: ten posts of other artists beside each query's own.
"""
import csv
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy
import pdqhash
from PIL import Image

BEGIN, END = "<!-- part peers: begin -->", "<!-- part peers: end -->"
IMG_HASH = Path(__file__).parent / "img_hash/target/release/img-hash-peer"
ALTERATIONS = [
    "crop, 50 %",
    "crop, 25 %",
    "caption bar, 30 %",
    "screenshot, dark, 60 %",
    "collage of 4",
    "turned by 15 degrees",
    "photo of a screen",
    "watermark all over",
    "stickers, 20 %",
]
SIDES = ["post", "query"]
# Families of one artist, as `aotf bench accuracy` counts them.
ONE_ARTIST = {"bmr": "wesnoth", "gse": "wesnoth"}
STRANGERS = 10


class Features:
    """Keypoints of one picture by a detector of OpenCV, and the test whether two pictures agree."""

    def __init__(self, make, norm, farthest):
        self.makers = {"post": make(128), "query": make(500)}
        self.matcher = cv2.BFMatcher(norm, crossCheck=True)
        self.farthest = farthest
        self.least = 6

    def of(self, path, role):
        picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        side = 680 if role == "post" else 950
        scale = side / max(picture.shape)
        if scale < 1:
            picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        points, descriptors = self.makers[role].detectAndCompute(picture, None)
        return numpy.float32([point.pt for point in points]), descriptors

    def score(self, query, post):
        """Keypoints that agree."""
        if query[1] is None or post[1] is None:
            return 0
        matches = [m for m in self.matcher.match(post[1], query[1]) if m.distance <= self.farthest]
        if len(matches) < self.least:
            return 0
        here = post[0][[m.queryIdx for m in matches]]
        there = query[0][[m.trainIdx for m in matches]]
        _, inliers = cv2.estimateAffinePartial2D(here, there, ransacReprojThreshold=8)
        return 0 if inliers is None else int(inliers.sum())


class Hash:
    """A hash of the whole picture, found within a threshold."""

    def __init__(self, of_files, farthest):
        self.of_files, self.least, self.known = of_files, -farthest, {}

    def of(self, path, _role):
        return self.known[path]

    def prepare(self, paths):
        self.known.update(zip(paths, self.of_files(paths)))

    def score(self, query, post):
        """Bits that differ: the fewer, the better."""
        return -int((query != post).sum())


def pdq(paths):
    return [pdqhash.compute(numpy.asarray(Image.open(path).convert("RGB")))[0].astype(bool) for path in paths]


def img_hash(column):
    def of(paths):
        told = subprocess.run([IMG_HASH], input="\n".join(map(str, paths)), text=True, stdout=subprocess.PIPE, check=True)
        rows = [bytes.fromhex(line.split()[column]) for line in told.stdout.splitlines()]
        return [numpy.unpackbits(numpy.frombuffer(row, dtype=numpy.uint8)) for row in rows]

    return of


def peers():
    return {
        "ORB": Features(lambda n: cv2.ORB_create(nfeatures=n), cv2.NORM_HAMMING, 55),
        "SIFT": Features(lambda n: cv2.SIFT_create(nfeatures=n), cv2.NORM_L2, 250),
        "PDQ": Hash(pdq, 31),
        "img_hash, DCT": Hash(img_hash(0), 6),
        "img_hash, gradient": Hash(img_hash(1), 6),
    }


def processor_time():
    """Of this process and of those that it has waited for, in seconds."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def folder_of(name):
    return name.replace("%", "").replace(",", "").rstrip().replace(" ", "_")


def main(program, material, document):
    with open(material / "manifest.csv", newline="") as manifest:
        rows = list(csv.DictReader(manifest))
    artist = [ONE_ARTIST.get(name, name) for name in (row["family"].split(":")[0] for row in rows)]
    with tempfile.TemporaryDirectory() as kept:
        command = [program, "bench", "accuracy", "--json", "--material", material, "--document", document, "--keep", kept]
        measured = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)["parts"]
        ours = {row["name"]: row for row in measured["rows"]}
        path = lambda side, name, row: Path(kept) / f"parts_{side}" / folder_of(name) / f"{row['file']}.jpg"
        table, false, took = {}, {}, {}
        for peer_name, peer in peers().items():
            start, n_pictures = processor_time(), 0
            made = {}
            for name in ["plain", *ALTERATIONS]:
                for side in SIDES:
                    paths = [path(side, name, row) for row in rows]
                    if isinstance(peer, Hash):
                        peer.prepare(paths)
                    made[name, side] = [peer.of(one, side) for one in paths]
                    n_pictures += len(paths)
            took[peer_name] = 1000 * (processor_time() - start) / n_pictures
            own, strangers = {}, []
            for name in ALTERATIONS:
                for side in SIDES:
                    posts = made[name, "post"] if side == "post" else made["plain", "post"]
                    queries = made["plain", "query"] if side == "post" else made[name, "query"]
                    own[name, side] = [peer.score(query, post) for query, post in zip(queries, posts)]
                    if name.startswith("collage"):
                        continue
                    for at, query in enumerate(queries):
                        others = [one for one in range(len(rows)) if artist[one] != artist[at]]
                        for other in others[at % 7 :: max(1, len(others) // STRANGERS)][:STRANGERS]:
                            strangers.append(peer.score(query, posts[other]))
            # No hash is stricter than equality.
            least = max(peer.least, max(strangers) + 1)
            least = min(least, 0) if isinstance(peer, Hash) else least
            false[peer_name] = f"{sum(score >= peer.least for score in strangers)} of {len(strangers)}; {abs(least)}"
            for (name, side), scores in own.items():
                table[peer_name, name, side] = 100 * sum(score >= least for score in scores) / len(rows)
            print(peer_name, took[peer_name], false[peer_name], file=sys.stderr)
    names = list(peers())
    lines = [f"| found, percent: post / query | ours, held out | {' | '.join(names)} |", "|---|" + "---:|" * (len(names) + 1)]
    for name in ALTERATIONS:
        held_out = [100 * count["found"] / count["of"] for count in ours[name]["held_out"]]
        cells = [f"{held_out[0]:.1f} / {held_out[1]:.1f}"]
        cells += [f"{table[peer, name, 'post']:.1f} / {table[peer, name, 'query']:.1f}" for peer in names]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    strangers = measured["other_artists"]
    of_ours = f"{strangers['part_in_common'] + strangers['inside_another']} of {strangers['compared']}; as it is"
    lines.append(f"| strangers found at first; the threshold that finds none | {of_ours} | {' | '.join(false[peer] for peer in names)} |")
    lines.append("| processor time an image, ms, decoding included | [apart](performance.md#parts) | "
                 + " | ".join(f"{took[peer]:.1f}" for peer in names) + " |")
    text = document.read_text()
    before, rest = text.split(BEGIN)
    document.write_text(before + BEGIN + "\n" + "\n".join(lines) + "\n" + END + rest.split(END)[1])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
