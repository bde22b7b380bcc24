//! `aotf bench accuracy`: of artworks that were altered as networks and people do, how many the
//! search finds, what it says of them, and what it finds that it should not.

mod alter;
mod artworks;
mod cores;
mod measured;
mod parted;
mod parts;
mod report;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::domain::images::ImageFacts;
use crate::fingerprint::decode::Limits;
use crate::fingerprint::{QueryImage, analyze, query_variants};
use alter::{Alteration, alterations, plain_post};
use artworks::{Artwork, BenchAccuracyError, WIDE_RADIUS, file_error, keep_file, read_material, search};
use cores::on_all_cores;
use measured::{Measured, RADII, RESULT_RADIUS, Row};

#[derive(Debug, Args)]
pub struct AccuracyArgs {
    /// Folder with artworks and their manifest.csv (file, ..., group_id in the 8th column, family in
    /// the 9th)
    #[arg(long, value_name = "DIR")]
    material: PathBuf,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
    /// Put the tables into this document, between its marks
    #[arg(long, value_name = "FILE")]
    document: Option<PathBuf>,
    /// Keep the altered files here, for measuring other programs with them
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// Measures all alterations of all artworks, on all cores, and prints the tables or JSON. Takes
/// minutes.
///
/// # Errors
/// When the material cannot be read, or the result not be written.
pub fn run(args: &AccuracyArgs, out: &mut dyn Write) -> Result<(), BenchAccuracyError> {
    let artworks = read_material(&args.material)?;
    let all = alterations();
    let made = make_all(&artworks, &all, args.keep.as_deref())?;
    let measured = Measured {
        artworks: artworks.len(),
        transparent: artworks.iter().filter(|artwork| artwork.is_transparent()).count(),
        rows: all
            .iter()
            .enumerate()
            .map(|(at, alteration)| measure(alteration, at, &artworks, &made))
            .collect(),
    };
    let parts = parts::measure(&artworks, args.keep.as_deref())?;
    let (tables, part_tables) = (report::markdown(&measured), parts::markdown(&parts));
    if let Some(path) = &args.document {
        let text = fs::read_to_string(path).map_err(file_error("read", path))?;
        let text = report::put_between_marks(&text, report::MEASURED, &tables)
            .and_then(|text| report::put_between_marks(&text, report::PARTS, &part_tables))
            .ok_or_else(|| BenchAccuracyError::NoMarks { path: path.clone() })?;
        fs::write(path, text).map_err(file_error("write", path))?;
    }
    let both = Both { whole: measured, parts };
    super::report::report(&both, args.json, out, |_, out| write!(out, "{tables}\n{part_tables}"))
        .map_err(|source| BenchAccuracyError::Print { source })
}

/// What the search finds by the fingerprint of the whole picture, and what it finds by parts.
#[derive(serde::Serialize)]
struct Both {
    #[serde(flatten)]
    whole: Measured,
    parts: parts::PartsMeasured,
}

/// One altered picture, both as a query and as a stored image.
struct Made {
    query: QueryImage,
    stored: ImageFacts,
}

/// The altered pictures by artwork, then alteration; then the plain post of each artwork.
type AllMade = Vec<(Vec<Made>, ImageFacts)>;

fn measure(alteration: &Alteration, at: usize, artworks: &[Artwork], made: &AllMade) -> Row {
    let mut row = Row {
        family: alteration.family,
        name: alteration.name.clone(),
        searched: 0,
        found: [0; 6],
        confirmed: 0,
        transparent: (0, 0),
        imagehash: 0,
        classes: BTreeMap::new(),
        across: [0; 6],
        across_confirmed: 0,
        across_classes: BTreeMap::new(),
        within: [0; 6],
    };
    let stored: Vec<&ImageFacts> = made
        .iter()
        .map(|(altered, plain)| if alteration.is_query { plain } else { &altered[at].stored })
        .collect();
    for (number, artwork) in artworks.iter().enumerate() {
        let query = if alteration.is_query { &made[number].0[at].query } else { &artwork.query };
        row.searched += 1;
        row.transparent.0 += usize::from(artwork.is_transparent());
        for (other, stored) in stored.iter().enumerate() {
            let Some((distance, class, is_confirmed)) = search(query, stored) else { continue };
            let is_shown = distance <= RESULT_RADIUS || (is_confirmed && distance <= WIDE_RADIUS);
            let (counts, classes) = if other == number {
                let plain = query.facts.fingerprint.distance(stored.fingerprint);
                row.imagehash += usize::from(plain <= RESULT_RADIUS);
                let found = artwork.is_transparent() && distance <= RESULT_RADIUS;
                row.transparent.1 += usize::from(found);
                row.confirmed += usize::from(is_shown);
                (&mut row.found, Some(&mut row.classes))
            } else if artworks[other].group != artwork.group {
                row.across_confirmed += usize::from(is_shown && distance > RESULT_RADIUS);
                (&mut row.across, Some(&mut row.across_classes))
            } else {
                (&mut row.within, None)
            };
            for (count, radius) in counts.iter_mut().zip(RADII) {
                *count += usize::from(distance <= radius);
            }
            if let Some(classes) = classes.filter(|_| distance <= WIDE_RADIUS) {
                *classes.entry(class.as_str()).or_default() += 1;
            }
        }
    }
    row
}

/// Makes every alteration of every artwork, on all cores.
fn make_all(
    artworks: &[Artwork],
    all: &[Alteration],
    keep: Option<&Path>,
) -> Result<AllMade, BenchAccuracyError> {
    on_all_cores(artworks.len(), |at| make(&artworks[at], all, keep)).into_iter().collect()
}

fn make(
    artwork: &Artwork,
    all: &[Alteration],
    keep: Option<&Path>,
) -> Result<(Vec<Made>, ImageFacts), BenchAccuracyError> {
    let limits = Limits::default();
    let file = || artwork.file.clone();
    let not_made = |name: &str| {
        let alteration = name.to_owned();
        move |source| BenchAccuracyError::Alter { file: file(), alteration, source }
    };
    let not_read = |name: &str| {
        let alteration = name.to_owned();
        move |source| BenchAccuracyError::Altered { file: file(), alteration, source }
    };
    let save = |name: &str, bytes: &[u8]| match keep {
        None => Ok(()),
        Some(folder) => keep_file(folder, name, artwork, bytes),
    };
    let mut made = Vec::new();
    for alteration in all {
        let name = &alteration.name;
        let bytes = alteration.apply(&artwork.pixels).map_err(not_made(name))?;
        save(name, &bytes)?;
        let query = query_variants(&bytes, &limits).map_err(not_read(name))?;
        made.push(Made { stored: query.facts.clone(), query });
    }
    let name = "the plain post";
    let bytes = plain_post(&artwork.pixels).map_err(not_made(name))?;
    save(name, &bytes)?;
    Ok((made, analyze(&bytes, &limits).map_err(not_read(name))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_a_manifest_is_told() {
        let args = AccuracyArgs { material: "/nonexistent".into(), json: false, document: None, keep: None };
        let error = run(&args, &mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "could not read /nonexistent/manifest.csv");
    }

    #[test]
    fn a_small_collection_is_measured() {
        let folder = tempfile::tempdir().unwrap();
        for (file, seed) in [("a.png", 3), ("b.png", 7)] {
            let level = |x: u32, y: u32| ((x * x * seed + y * 11 * seed + x * y) % 251) as u8;
            let art = image::GrayImage::from_fn(90, 70, |x, y| image::Luma([level(x / 9, y / 7)]));
            art.save(folder.path().join(file)).unwrap();
        }
        let manifest = "file,,,,,,,group_id\na.png,,,,,,,g1\nb.png,,,,,,,g2\n";
        fs::write(folder.path().join("manifest.csv"), manifest).unwrap();
        let document = folder.path().join("accuracy.md");
        let marks = [report::MEASURED, report::PARTS].map(|[begin, end]| format!("{begin}\nold\n{end}\n"));
        fs::write(&document, format!("before\n{}after\n", marks.concat())).unwrap();
        let args = AccuracyArgs {
            material: folder.path().into(),
            json: true,
            document: Some(document.clone()),
            keep: Some(folder.path().join("kept")),
        };
        let mut out = Vec::new();
        run(&args, &mut out).unwrap();
        let measured: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(measured["artworks"], 2);
        assert_eq!(measured["rows"][0]["name"], "JPEG 95");
        assert_eq!(measured["rows"][0]["found"][3], 2);
        assert_eq!(measured["rows"][0]["across"][5], 0);
        assert_eq!(measured["parts"]["rows"][0]["name"], "plain");
        assert_eq!(measured["parts"]["rows"][0]["held_out"][0]["of"], 1);
        let text = fs::read_to_string(document).unwrap();
        assert!(
            text.starts_with("before\n") && text.ends_with("\nafter\n") && !text.contains("old"),
            "{text}"
        );
        for kept in ["JPEG_95", "parts_post/crop_50", "parts_query/crop_50"] {
            assert!(folder.path().join("kept").join(kept).join("a.png.jpg").exists(), "{kept}");
        }
    }
}
