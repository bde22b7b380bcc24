//! `aotf compare A B`: how alike two images are.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::hash::load;
use crate::base::ErrorChain;
use crate::domain::images::{Detail, Variant};
use crate::fingerprint::decode::Limits;
use crate::fingerprint::detail::class_of;
use crate::fingerprint::{QueryImage, query_variants};

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// An image; - is standard input
    a: PathBuf,
    /// Another one
    b: PathBuf,
}

pub fn run(args: &CompareArgs, out: &mut dyn Write) -> ExitCode {
    compare(&args.a, &args.b, out, &mut io::stderr()).into()
}

/// Prints the fingerprints of two images, how far apart they are by each measure, and what that
/// means. Either may be the query: variants of both are tried. Returns the exit status: 0, or 1 if
/// one could not be read.
fn compare(a: &Path, b: &Path, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::hash::tests::write_png;

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
            let out = String::from_utf8(out).unwrap();
            out.lines().last().unwrap().trim_start_matches("verdict").trim().to_owned()
        };
        assert_eq!(verdict(&a, &a), "identical");
        assert_eq!(verdict(&a, &b), "recompressed");
        assert_eq!(verdict(&a, &c), "different");
        assert_eq!(verdict(&a, &flat), "no verdict: too little in the picture to tell it from others");
        assert_eq!(compare(&a, Path::new("/nonexistent"), &mut Vec::new(), &mut Vec::new()), 1);
    }
}
