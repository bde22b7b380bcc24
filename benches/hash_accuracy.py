#!/usr/bin/env python3
"""Two other perceptual hashes on the altered files of `aotf bench accuracy`, beside ours, into a document.

Needs the packages pdqhash, imagehash, pillow and numpy, and a release build:
    python3 -m venv DIR && DIR/bin/pip install pdqhash==0.2.8 imagehash==4.3.1 pillow==9.5 numpy
    DIR/bin/python benches/hash_accuracy.py target/release/aotf MATERIAL_DIR docs/accuracy.md
Renews both tables of the document: our own, and that of the percentage found within each hash's threshold (PDQ: its usual 31 of
256 bits; dHash of ImageHash: 6 of 64, as our own). "Also on white" gives them our variants of transparent files.
"""
import csv
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import imagehash
import numpy
import pdqhash
from PIL import Image

BEGIN, END = "<!-- peers: begin -->", "<!-- peers: end -->"
OURS_AT = 3  # of the radii 0, 2, 4, 6, 8, 10


def pdq(image):
    bits, _quality = pdqhash.compute(numpy.asarray(image.convert("RGB")))
    return bits.astype(bool)


def dhash(image):
    return imagehash.dhash(image).hash.flatten()


PEERS = [(pdq, 31), (dhash, 6)]


def on_white(image):
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)


def distances(one, other):
    return (one[:, None, :] != other[None, :, :]).sum(axis=2)


class Peer:
    """A hash, and what it makes of the artworks and of their plain posts."""

    def __init__(self, hash_of, threshold, files, kept):
        self.hash_of, self.threshold, self.files, self.kept = hash_of, threshold, files, kept
        self.plain = numpy.array([hash_of(Image.open(file)) for file in files])
        self.white = numpy.array([hash_of(on_white(Image.open(file))) for file in files])
        self.posts = self.of_folder("the_plain_post")

    def of_folder(self, name):
        return numpy.array([self.hash_of(Image.open(self.kept / name / f"{file.name}.jpg")) for file in self.files])

    def found(self, alteration, across):
        """Percent found of the files as they are, also on white; pairs of different groups that are as near."""
        altered = self.of_folder(folder_of(alteration))
        if alteration.endswith("in the query"):
            near = both = distances(altered, self.posts)
        else:
            near = distances(self.plain, altered)
            both = numpy.minimum(near, distances(self.white, altered))
        percent = [100 * numpy.mean(numpy.diag(table) <= self.threshold) for table in (near, both)]
        return *percent, int(((both <= self.threshold) & across).sum())


def folder_of(alteration):
    """As `--keep` names it."""
    return alteration.replace("%", "").replace(",", "").replace(" ", "_")


def table(aotf, material, kept, document):
    words = [aotf, "bench", "accuracy", "--material", material, "--keep", kept, "--document", document, "--json"]
    ours = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    with open(material / "manifest.csv", newline="") as manifest:
        rows = list(csv.DictReader(manifest))
    groups = numpy.array([row["group_id"] for row in rows])
    across = groups[:, None] != groups[None, :]
    files = [material / row["file"] for row in rows]
    peers = [Peer(*peer, files, kept) for peer in PEERS]
    yield "| found, percent | ours, within 6 | PDQ, file as it is | also on white | dHash, file as it is | also on white | pairs of different groups: ours, PDQ, dHash |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for row in ours["rows"]:
        (pdq_plain, pdq_white, pdq_wrong), (d_plain, d_white, d_wrong) = [peer.found(row["name"], across) for peer in peers]
        percents = [100 * row["found"][OURS_AT] / row["searched"], pdq_plain, pdq_white, d_plain, d_white]
        wrong = f"{row['across'][OURS_AT]}, {pdq_wrong}, {d_wrong}"
        yield f"| {row['name']} | " + " | ".join(f"{int(percent * 100) / 100:.2f}" for percent in percents) + f" | {wrong} |"


def main(aotf, material, document):
    with tempfile.TemporaryDirectory() as kept:
        lines = list(table(aotf, Path(material), Path(kept), document))
    before, rest = Path(document).read_text().split(BEGIN)
    Path(document).write_text(before + BEGIN + "\n" + "\n".join(lines) + "\n" + END + rest.split(END)[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
