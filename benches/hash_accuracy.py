#!/usr/bin/env python3
"""Another perceptual hash on the altered files of `aotf bench accuracy --keep DIR`, for comparison.

Needs the packages pdqhash, imagehash, pillow and numpy. Usage: hash_accuracy.py pdq|dhash MATERIAL_DIR KEPT_DIR
Prints, per alteration, the percentage found within the hash's threshold (PDQ: its usual 31 of 256 bits; dHash of
ImageHash: 6 of 64, as our own), and how many pairs of different groups are that near.
"""
import csv
import sys
from pathlib import Path

import numpy
from PIL import Image


def pdq(image):
    import pdqhash

    bits, _quality = pdqhash.compute(numpy.asarray(image.convert("RGB")))
    return bits.astype(bool)


def dhash(image):
    import imagehash

    return imagehash.dhash(image).hash.flatten()


HASHES = {"pdq": (pdq, 31), "dhash": (dhash, 6)}


def on_white(image):
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)


def main(name, material, kept):
    hash_of, threshold = HASHES[name]
    with open(material / "manifest.csv", newline="") as manifest:
        rows = list(csv.DictReader(manifest))
    groups = numpy.array([row["group_id"] for row in rows])
    plain = numpy.array([hash_of(Image.open(material / row["file"])) for row in rows])
    white = numpy.array([hash_of(on_white(Image.open(material / row["file"]))) for row in rows])
    across = groups[:, None] != groups[None, :]
    posts = numpy.array([hash_of(Image.open(kept / "the_plain_post" / f"{row['file']}.jpg")) for row in rows])

    def distances(one, other):
        return (one[:, None, :] != other[None, :, :]).sum(axis=2)

    print("| | found, file as it is | found, also on white | pairs across groups |\n|---|---:|---:|---:|")
    for folder in sorted(path for path in kept.iterdir() if path.is_dir() and path.name != "the_plain_post"):
        altered = numpy.array([hash_of(Image.open(folder / f"{row['file']}.jpg")) for row in rows])
        if folder.name.endswith("in_the_query"):
            near = both = distances(altered, posts)
        else:
            near = distances(plain, altered)
            both = numpy.minimum(near, distances(white, altered))
        found = [100 * numpy.mean(numpy.diag(table) <= threshold) for table in (near, both)]
        wrong = int(((both <= threshold) & across).sum())
        print(f"| {folder.name.replace('_', ' ')} | {found[0]:.2f} | {found[1]:.2f} | {wrong} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
