//! `aotf hash FILE...` and `aotf compare A B`: fingerprints as people and scripts see them.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::base::ErrorChain;
use crate::domain::images::{Detail, Variant};
use crate::fingerprint::decode::{DecodeError, Limits};
use crate::fingerprint::detail::class_of;
use crate::fingerprint::{QueryImage, phash, query_variants};

/// Why there is no fingerprint of a file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("could not read the file")]
    Read(#[source] io::Error),
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// Prints `16-hex-digits  path` for each file, as ImageHash prints fingerprints; what fails, and what is
/// of low quality, goes to `err`, one line per file, and the others go on. Returns the exit status: 0, or 1 if any failed.
pub fn hash(files: &[PathBuf], out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let limits = Limits::default();
    let mut status = 0;
    for path in files {
        let result = load(path, &limits).and_then(|bytes| Ok(phash(&bytes, &limits)?));
        let written = match result {
            Ok((fingerprint, low_quality)) => {
                if low_quality {
                    // If nobody reads this, the fingerprint is printed all the same.
                    let _ =
                        writeln!(err, "{}: of low quality, no search finds anything by it", path.display());
                }
                writeln!(out, "{fingerprint}  {}", path.display())
            }
            Err(error) => {
                status = 1;
                writeln!(err, "{}: {}", path.display(), ErrorChain(&error))
            }
        };
        if written.is_err() {
            return 1; // Nobody reads any more.
        }
    }
    status
}

/// Prints the fingerprints of two images, how far apart they are by each measure, and what that
/// means. Either may be the query: variants of both are tried. Returns the exit status: 0, or 1 if
/// one could not be read.
pub fn compare(a: &Path, b: &Path, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let limits = Limits::default();
    let mut images = Vec::new();
    for path in [a, b] {
        let image = load(path, &limits).and_then(|bytes| Ok(query_variants(&bytes, &limits)?));
        match image {
            Ok(image) => images.push(image),
            Err(error) => {
                // If nobody reads this either, the status tells.
                let _ = writeln!(err, "{}: {}", path.display(), ErrorChain(&error));
            }
        }
    }
    let [first, second] = &images[..] else { return 1 };
    match report(&[(a, first), (b, second)], out) {
        Ok(()) => 0,
        Err(_) => 1,
    }
}

fn report(images: &[(&Path, &QueryImage); 2], out: &mut dyn Write) -> io::Result<()> {
    for (path, image) in images {
        let facts = &image.facts;
        let quality = if facts.solid_ground { "good quality" } else { "low quality" };
        writeln!(out, "{}  {}", facts.fingerprint, path.display())?;
        writeln!(out, "    {} x {} pixels, {quality}", facts.width, facts.height)?;
        for (kind, fingerprint) in image.variants.iter().filter(|(kind, _)| *kind != Variant::AsIs) {
            writeln!(out, "    {fingerprint}  {}", kind.words())?;
        }
    }
    let [(_, a), (_, b)] = images;
    let direct = a.facts.fingerprint.distance(b.facts.fingerprint);
    writeln!(out, "distance              {direct} of 64")?;
    let best =
        a.variants.iter().flat_map(|x| b.variants.iter().map(move |y| (x.1.distance(y.1), x.0, y.0))).min();
    match best {
        Some((distance, kind_a, kind_b)) => {
            let kinds = format!("{} and {}", kind_a.words(), kind_b.words());
            writeln!(out, "best of variants      {distance} of 64 ({kinds})")?;
        }
        None => writeln!(out, "best of variants      none is of good quality")?,
    }
    // Details are compared in the forms that are nearest to each other.
    let (bits, detail_a, detail_b) = a
        .details()
        .flat_map(|x| b.details().map(move |y| (x.distance256(y), x, y)))
        .min_by_key(|&(bits, _, _)| bits)
        .expect("each image has at least the detail of the image as it is");
    writeln!(out, "256-bit distance      {bits} of 256")?;
    writeln!(out, "thumbnail difference  {:.1} of 255", detail_a.thumbnail_difference(detail_b))?;
    writeln!(
        out,
        "verdict               {}",
        verdict(best.map(|(distance, ..)| distance), detail_a, detail_b)
    )
}

/// Beyond this distance a search would not have met the other image.
const WIDEST_RADIUS: u32 = 10;

fn verdict(best: Option<u32>, a: &Detail, b: &Detail) -> String {
    match best {
        None => "no verdict: too little in the picture to tell it from others".to_owned(),
        Some(distance) if distance > WIDEST_RADIUS => "different".to_owned(),
        Some(_) => class_of(a, b).as_str().replace('_', " "),
    }
}

/// Reads a file, but not one byte more than the limits allow.
pub(super) fn load(path: &Path, limits: &Limits) -> Result<Vec<u8>, FileError> {
    let file = File::open(path).map_err(FileError::Read)?;
    let mut bytes = Vec::new();
    file.take(limits.max_bytes as u64 + 1).read_to_end(&mut bytes).map_err(FileError::Read)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A PNG in gray, of one level per position.
    fn write_png(path: &Path, side: u32, level: impl Fn(u32, u32) -> u32) {
        let mut encoder = png::Encoder::new(File::create(path).unwrap(), side, side);
        encoder.set_color(png::ColorType::Grayscale);
        let pixels: Vec<u8> = (0..side * side).map(|i| level(i % side, i / side) as u8).collect();
        encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    }

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn hash_prints_what_it_can_and_tells_what_it_cannot() {
        let folder = tempfile::tempdir().unwrap();
        let [good, text_file, gone] =
            ["a b.png", "note.txt", "gone.png"].map(|name| folder.path().join(name));
        write_png(&good, 32, |x, y| x * x * 3 + y * 11 + x * y);
        std::fs::write(&text_file, "no image").unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let status = hash(&[text_file.clone(), good.clone(), gone.clone()], &mut out, &mut err);
        assert_eq!(status, 1);
        assert_eq!(text(out), format!("85020007ff4affbe  {}\n", good.display()));
        let err = text(err);
        let lines: Vec<&str> = err.lines().collect();
        assert_eq!(lines[0], format!("{}: not an image", text_file.display()));
        assert!(lines[1].starts_with(&format!("{}: could not read the file: ", gone.display())), "{err}");
        assert_eq!(hash(&[good], &mut Vec::new(), &mut Vec::new()), 0);

        let flat = folder.path().join("flat.png");
        write_png(&flat, 32, |_, _| 90);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        assert_eq!(hash(std::slice::from_ref(&flat), &mut out, &mut err), 0);
        assert_eq!(text(out).lines().count(), 1);
        assert_eq!(
            text(err),
            format!("{}: of low quality, no search finds anything by it\n", flat.display())
        );
    }

    #[test]
    fn compare_gives_a_verdict() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b, c, flat] = ["a", "b", "c", "flat"].map(|name| folder.path().join(name));
        write_png(&a, 200, |x, y| (x * 3 / 40 * 40 + y / 30 * 70) % 256);
        write_png(&b, 200, |x, y| (x * 3 / 40 * 40 + y / 30 * 70) % 256 * 99 / 100);
        write_png(&c, 200, |x, y| (x * y) / 150);
        write_png(&flat, 200, |_, _| 90);
        let verdict = |left: &Path, right: &Path| {
            let mut out = Vec::new();
            assert_eq!(compare(left, right, &mut out, &mut Vec::new()), 0);
            let out = text(out);
            out.lines().last().unwrap().trim_start_matches("verdict").trim().to_owned()
        };
        assert_eq!(verdict(&a, &a), "identical");
        assert_eq!(verdict(&a, &b), "recompressed");
        assert_eq!(verdict(&a, &c), "different");
        assert_eq!(verdict(&a, &flat), "no verdict: too little in the picture to tell it from others");
        assert_eq!(compare(&a, Path::new("/nonexistent"), &mut Vec::new(), &mut Vec::new()), 1);
    }
}
