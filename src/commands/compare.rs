//! `aotf compare A B`: how alike two images are.

mod draw;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::hash::{FileError, load};
use crate::base::ErrorChain;
use crate::domain::images::{Detail, ImageFacts, MatchClass, Variant};
use crate::domain::parts::{Corners, PartMatch, percent_of_picture};
use crate::fingerprint::decode::Limits;
use crate::fingerprint::detail::class_of;
use crate::fingerprint::parts::{self, QueryParts};
use crate::fingerprint::{QueryImage, analyze_with_parts, query_variants};
use crate::stages::second_stage::{likeness, with_part};

#[derive(Debug, Args)]
pub struct CompareArgs {
    /// An image; - is standard input
    a: PathBuf,
    /// Another one
    b: PathBuf,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
    /// Draw both side by side into this new file, with the part that they share outlined
    #[arg(long, value_name = "FILE.png")]
    out: Option<PathBuf>,
}

pub fn run(args: &CompareArgs, out: &mut dyn Write) -> ExitCode {
    compare(args, out, &mut io::stderr()).into()
}

/// One of the two, as a query and as a stored image.
struct Image<'a> {
    path: &'a Path,
    bytes: Vec<u8>,
    query: QueryImage,
    stored: ImageFacts,
}

impl Image<'_> {
    fn read<'a>(path: &'a Path, limits: &Limits) -> Result<Image<'a>, FileError> {
        let bytes = load(path, limits)?;
        let (query, stored) = (query_variants(&bytes, limits)?, analyze_with_parts(&bytes, limits)?);
        Ok(Image { path, bytes, query, stored })
    }
}

/// Prints the fingerprints of two images, how far apart they are by each measure, which part they share, and
/// what that means. Either may be the query: variants of both are tried. Returns the exit status: 0, or 1 if
/// one could not be read or the drawing not be written.
fn compare(args: &CompareArgs, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let limits = Limits::default();
    let mut images = Vec::new();
    for path in [&args.a, &args.b] {
        match Image::read(path, &limits) {
            Ok(image) => images.push(image),
            Err(error) => {
                // If nobody reads this either, the status tells.
                let _ = writeln!(err, "{}: {}", path.display(), ErrorChain(&error));
            }
        }
    }
    let [a, b] = &images[..] else { return 1 };
    let compared = Compared::of(a, b);
    let printed = match args.json {
        true => writeln!(out, "{:#}", compared.json(a, b)),
        false => compared.print(a, b, out),
    };
    if printed.is_err() {
        return 1;
    }
    if let Some(path) = &args.out {
        let corners = compared.part.as_ref().map(|shared| [&shared.in_a, &shared.in_b]);
        if let Err(error) = draw::side_by_side([&a.bytes, &b.bytes], corners, path) {
            let _ = writeln!(err, "{}: {}", path.display(), ErrorChain(&error));
            return 1;
        }
    }
    0
}

/// Beyond this distance a search would not have met the other image as a whole.
const WIDEST_RADIUS: u32 = 10;

/// What two images are to each other.
struct Compared {
    /// Of the images as they are.
    direct: u32,
    /// Of the variants that are nearest to each other; `None` where no variant is of good quality.
    best: Option<(u32, Variant, Variant)>,
    distance256: u32,
    thumbnail_difference: f32,
    part: Option<Shared>,
    /// One of them shows too few details to be found by them in the other.
    too_few: [bool; 2],
    verdict: Verdict,
}

enum Verdict {
    Class(MatchClass),
    Different,
    /// Too little in the picture.
    None,
}

/// A part that both show.
struct Shared {
    class: MatchClass,
    part: PartMatch,
    in_a: Corners,
    in_b: Corners,
}

/// What one image is found by in the other, and whether it has too few details for that.
fn shared(query: &QueryImage, stored: &ImageFacts) -> (Option<(MatchClass, PartMatch)>, bool) {
    let query = QueryParts::of(&query.picture);
    if query.are_too_few() {
        return (None, true);
    }
    let found = parts::search(&query, stored.parts.as_slice());
    (found.first().map(|found| (found.class, found.part)), false)
}

impl Compared {
    fn of(a: &Image<'_>, b: &Image<'_>) -> Compared {
        let (query_a, query_b) = (&a.query, &b.query);
        let pairs = query_a
            .variants
            .iter()
            .flat_map(|x| query_b.variants.iter().map(move |y| (x.1.distance(y.1), x.0, y.0)));
        let best = pairs.min();
        // Details are compared in the forms that are nearest to each other.
        let (distance256, detail_a, detail_b) = query_a
            .details()
            .flat_map(|x| query_b.details().map(move |y| (x.distance256(y), x, y)))
            .min_by_key(|&(bits, _, _)| bits)
            .expect("each image has at least the detail of the image as it is");
        let (a_in_b, a_too_few) = shared(query_a, &b.stored);
        let (b_in_a, b_too_few) = shared(query_b, &a.stored);
        let forward = a_in_b.map(|(class, part)| {
            let (in_a, in_b) = (part.in_query.corners(), part.in_stored.corners());
            Shared { class, part, in_a, in_b }
        });
        let backward = b_in_a.map(|(class, part)| {
            let (in_a, in_b) = (part.in_stored.corners(), part.in_query.corners());
            Shared { class, part, in_a, in_b }
        });
        let part = forward.into_iter().chain(backward);
        let part = part.min_by(|x, y| {
            let likeness = |shared: &Shared| likeness(shared.class, Some(&shared.part), 0);
            likeness(x).cmp(&likeness(y))
        });
        let whole = whole(best.map(|(distance, ..)| distance), detail_a, detail_b);
        let verdict = match (whole, &part) {
            (Verdict::Class(class), Some(shared)) => Verdict::Class(with_part(class, shared.class)),
            (Verdict::Different | Verdict::None, Some(shared)) => Verdict::Class(shared.class),
            (whole, None) => whole,
        };
        Compared {
            direct: query_a.facts.fingerprint.distance(query_b.facts.fingerprint),
            best,
            distance256,
            thumbnail_difference: detail_a.thumbnail_difference(detail_b),
            part,
            too_few: [a_too_few, b_too_few],
            verdict,
        }
    }

    fn print(&self, a: &Image<'_>, b: &Image<'_>, out: &mut dyn Write) -> io::Result<()> {
        for Image { path, query, .. } in [a, b] {
            let facts = &query.facts;
            let quality = if facts.solid_ground { "good quality" } else { "low quality" };
            writeln!(out, "{}  {}", facts.fingerprint, path.display())?;
            writeln!(out, "    {} x {} pixels, {quality}", facts.width, facts.height)?;
            for (kind, fingerprint) in query.variants.iter().filter(|(kind, _)| *kind != Variant::AsIs) {
                writeln!(out, "    {fingerprint}  {}", kind.words())?;
            }
        }
        writeln!(out, "distance              {} of 64", self.direct)?;
        match self.best {
            Some((distance, kind_a, kind_b)) => {
                let kinds = format!("{} and {}", kind_a.words(), kind_b.words());
                writeln!(out, "best of variants      {distance} of 64 ({kinds})")?;
            }
            None => writeln!(out, "best of variants      none is of good quality")?,
        }
        writeln!(out, "256-bit distance      {} of 256", self.distance256)?;
        writeln!(out, "thumbnail difference  {:.1} of 255", self.thumbnail_difference)?;
        match &self.part {
            Some(Shared { part, in_a, in_b, .. }) => {
                let turned = match (part.mirrored, part.inverted) {
                    (false, false) => "",
                    (true, false) => ", mirrored",
                    (false, true) => ", inverted",
                    (true, true) => ", mirrored and inverted",
                };
                let (keypoints, agreement) = (part.keypoints, part.agreement);
                writeln!(
                    out,
                    "part in common        {keypoints} details, {agreement} % of it looks alike{turned}"
                )?;
                for (Image { path, .. }, corners) in [(a, in_a), (b, in_b)] {
                    writeln!(out, "    {}  {}", region(corners), path.display())?;
                }
            }
            None if self.too_few.contains(&true) => {
                writeln!(out, "part in common        not looked for: too few details")?;
            }
            None => writeln!(out, "part in common        none")?,
        }
        writeln!(out, "verdict               {}", self.verdict.words())
    }

    fn json(&self, a: &Image<'_>, b: &Image<'_>) -> Value {
        let image = |Image { path, query, .. }: &Image<'_>, too_few: bool| {
            let facts = &query.facts;
            let variant = |(kind, fingerprint): &(Variant, crate::base::Fingerprint)| json!({"variant": kind, "fingerprint": fingerprint.to_string()});
            json!({
                "file": path.to_string_lossy(),
                "fingerprint": facts.fingerprint.to_string(),
                "good_quality": facts.solid_ground,
                "width": facts.width,
                "height": facts.height,
                "variants": query.variants.iter().map(variant).collect::<Vec<_>>(),
                "too_few_details": too_few,
            })
        };
        let [a_too_few, b_too_few] = self.too_few;
        json!({
            "a": image(a, a_too_few),
            "b": image(b, b_too_few),
            "distance": self.direct,
            "best": self.best.map(|(distance, a, b)| json!({"distance": distance, "a": a, "b": b})),
            "distance256": self.distance256,
            "thumbnail_difference": self.thumbnail_difference,
            "verdict": self.verdict.name(),
            "part": self.part.as_ref().map(|Shared { part, in_a, in_b, .. }| json!({
                "keypoints": part.keypoints,
                "agreement": f64::from(part.agreement) / 100.0,
                "mirrored": part.mirrored,
                "inverted": part.inverted,
                "in_a": in_a,
                "in_b": in_b,
            })),
        })
    }
}

/// Where a part is, in percent of the picture: its size, then its corners.
fn region(corners: &Corners) -> String {
    let corner = |[x, y]: [f64; 2]| format!("{:.0},{:.0}", x * 100.0, y * 100.0);
    let corners_in_words = corners.map(corner).join(" ");
    format!("{} % of the picture, corners at {corners_in_words} %", percent_of_picture(corners))
}

/// What the images are to each other as wholes.
fn whole(best: Option<u32>, a: &Detail, b: &Detail) -> Verdict {
    match best {
        None => Verdict::None,
        Some(distance) if distance > WIDEST_RADIUS => Verdict::Different,
        Some(_) => Verdict::Class(class_of(a, b)),
    }
}

impl Verdict {
    fn words(&self) -> String {
        match self {
            Verdict::Class(class) => class.as_str().replace('_', " "),
            Verdict::Different => "different".to_owned(),
            Verdict::None => "no verdict: too little in the picture to tell it from others".to_owned(),
        }
    }

    fn name(&self) -> Option<&'static str> {
        match self {
            Verdict::Class(class) => Some(class.as_str()),
            Verdict::Different => Some("different"),
            Verdict::None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::hash::tests::write_png;

    fn printed(a: &Path, b: &Path, json: bool, drawing: Option<&Path>) -> (u8, String, String) {
        let args = CompareArgs { a: a.into(), b: b.into(), json, out: drawing.map(Path::to_owned) };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let status = compare(&args, &mut out, &mut err);
        (status, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
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
            let (status, out, _) = printed(left, right, false, None);
            assert_eq!(status, 0);
            let name: Value = serde_json::from_str(&printed(left, right, true, None).1).unwrap();
            let words = out.lines().last().unwrap().trim_start_matches("verdict").trim().to_owned();
            (words, name["verdict"].as_str().map(str::to_owned))
        };
        let named = |name: &str| (name.to_owned(), Some(name.to_owned()));
        assert_eq!(verdict(&a, &a), named("identical"));
        assert_eq!(verdict(&a, &b), named("recompressed"));
        assert_eq!(verdict(&a, &c), named("different"));
        let none = "no verdict: too little in the picture to tell it from others".to_owned();
        assert_eq!(verdict(&a, &flat), (none, None));
        let (status, _, err) = printed(&a, Path::new("/nonexistent"), false, None);
        assert!(status == 1 && err.starts_with("/nonexistent: could not read the file"), "{err}");
    }

    #[test]
    fn both_are_drawn_into_a_new_file_alone() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b, drawing] = ["a", "b", "drawing.png"].map(|name| folder.path().join(name));
        write_png(&a, 60, |x, y| x * 4 + y / 30 * 70);
        write_png(&b, 40, |x, y| x * y);
        assert_eq!(printed(&a, &b, false, None).0, 0);
        assert!(!drawing.exists(), "nothing is drawn unasked");
        assert_eq!(printed(&a, &b, false, Some(&drawing)).0, 0);
        let drawn =
            crate::fingerprint::analyze(&std::fs::read(&drawing).unwrap(), &Limits::default()).unwrap();
        assert_eq!((drawn.width, drawn.height), (60 + 40 + draw::GAP as u32, 60));
        let (status, _, err) = printed(&a, &b, false, Some(&drawing));
        assert!(status == 1 && err.contains("could not be written"), "{err}");
    }
}
