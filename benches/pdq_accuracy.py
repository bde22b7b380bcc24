#!/usr/bin/env python3
"""PDQ on the altered files of `aotf bench accuracy --keep DIR`, for comparison.

Needs the packages pdqhash, pillow and numpy. Usage: pdq_accuracy.py MATERIAL_DIR KEPT_DIR
Prints, per alteration, the percentage found at PDQ's usual threshold (31 of 256 bits), and how many
pairs of different groups are that near.
"""
import csv
import sys
from pathlib import Path

import numpy
import pdqhash
from PIL import Image

THRESHOLD = 31


def pdq(image):
    bits, _quality = pdqhash.compute(numpy.asarray(image.convert("RGB")))
    return bits.astype(bool)


def on_white(image):
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)


def main(material, kept):
    with open(material / "manifest.csv", newline="") as manifest:
        rows = list(csv.DictReader(manifest))
    groups = numpy.array([row["group_id"] for row in rows])
    plain = numpy.array([pdq(Image.open(material / row["file"])) for row in rows])
    white = numpy.array([pdq(on_white(Image.open(material / row["file"]))) for row in rows])
    across = groups[:, None] != groups[None, :]
    posts = numpy.array([pdq(Image.open(kept / "the_plain_post" / f"{row['file']}.jpg")) for row in rows])

    def distances(one, other):
        return (one[:, None, :] != other[None, :, :]).sum(axis=2)

    print("| | found, file as it is | found, also on white | pairs across groups |\n|---|---:|---:|---:|")
    for folder in sorted(path for path in kept.iterdir() if path.is_dir() and path.name != "the_plain_post"):
        altered = numpy.array([pdq(Image.open(folder / f"{row['file']}.jpg")) for row in rows])
        if folder.name.endswith("in_the_query"):
            near = both = distances(altered, posts)
        else:
            near = distances(plain, altered)
            both = numpy.minimum(near, distances(white, altered))
        found = [100 * numpy.mean(numpy.diag(table) <= THRESHOLD) for table in (near, both)]
        wrong = int(((both <= THRESHOLD) & across).sum())
        print(f"| {folder.name.replace('_', ' ')} | {found[0]:.2f} | {found[1]:.2f} | {wrong} |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
