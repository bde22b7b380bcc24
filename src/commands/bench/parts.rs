//! `aotf bench parts`: what local features cost: to compute them, and to search an artist's images by them.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use aotf_parts::kernel::{Form, in_form};
use clap::Args;
use serde::Serialize;

use super::report::report;
use crate::base::clock::thread_cpu_time;
use crate::commands::hash::{FileError, load};
use crate::domain::parts::Parts;
use crate::fingerprint::decode::{DecodeError, Limits};
use crate::fingerprint::parts::{QueryParts, search};
use crate::fingerprint::{analyze, analyze_with_parts, query_variants};

#[derive(Debug, Args)]
pub struct PartsArgs {
    /// Artworks: each is indexed, and each is searched
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Images of the accounts that are searched
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    images: u32,
    /// One JSON object instead of lines
    #[arg(long)]
    json: bool,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchPartsError {
    #[error("could not read {}", path.display())]
    File { path: PathBuf, source: FileError },
    #[error("could not decode an image a second time")]
    Decode { source: DecodeError },
    #[error("could not print the result")]
    Print { source: io::Error },
}

/// Bits of each code that are changed in the images that are searched: enough that none of them is found by
/// more than chance, while codes stay as unevenly spread as they are.
const CHANGED_BITS: u32 = 16;

/// Each figure is taken over at least this much processor time.
const MIN_TIME: Duration = Duration::from_millis(1_500);

/// Milliseconds of processor time.
#[derive(Serialize)]
struct Figures {
    files: usize,
    /// Everything that is stored of an image but its features, and with them.
    analysis_ms: f64,
    analysis_with_parts_ms: f64,
    mean_bytes: f64,
    /// From the reduced picture of a query image to its features.
    query_ms: f64,
    /// Codes of a query, as it is.
    mean_codes: f64,
    images: u32,
    searches: Vec<Search>,
}

/// The search of all images by one query.
#[derive(Serialize)]
struct Search {
    /// For which registers the loops are compiled.
    form: String,
    ms: f64,
}

/// Measures over the files, and prints a few lines or JSON. Takes about ten seconds.
///
/// # Errors
/// When a file cannot be read, or the result not be printed.
pub fn run(args: &PartsArgs, out: &mut dyn Write) -> Result<(), BenchPartsError> {
    let limits = Limits::default();
    let mut files = Vec::new();
    let (mut stored, mut queries) = (Vec::new(), Vec::new());
    for path in &args.files {
        let read = || -> Result<_, FileError> {
            let bytes = load(path, &limits)?;
            let parts = analyze_with_parts(&bytes, &limits)?.parts.unwrap_or_default();
            let picture = query_variants(&bytes, &limits)?.picture;
            Ok((bytes, parts, picture))
        };
        let (bytes, parts, picture) =
            read().map_err(|source| BenchPartsError::File { path: path.clone(), source })?;
        files.push(bytes);
        stored.push(parts);
        queries.push(picture);
    }
    let decode = |source| BenchPartsError::Decode { source };
    let analysis_ms = mean_ms(&files, |bytes| analyze(bytes, &limits).map(drop)).map_err(decode)?;
    let with_parts = |bytes: &Vec<u8>| analyze_with_parts(bytes, &limits).map(drop);
    let analysis_with_parts_ms = mean_ms(&files, with_parts).map_err(decode)?;
    let query_ms = mean_ms(&queries, |picture| {
        QueryParts::of(picture);
        Ok::<(), DecodeError>(())
    });
    let asked: Vec<QueryParts> = queries.iter().map(QueryParts::of).collect();
    let images = strangers(&stored, args.images);
    let searches = Form::all_here().into_iter().map(|form| {
        let work = |query: &QueryParts| {
            in_form(form, || search(query, &images));
            Ok::<(), DecodeError>(())
        };
        let ms = mean_ms(&asked, work)?;
        Ok(Search { form: format!("{form:?}").to_lowercase(), ms })
    });
    let n_files = files.len() as f64;
    let figures = Figures {
        files: files.len(),
        analysis_ms,
        analysis_with_parts_ms,
        mean_bytes: stored.iter().map(|parts| parts.0.len() as f64).sum::<f64>() / n_files,
        query_ms: query_ms.map_err(decode)?,
        mean_codes: asked.iter().map(|query| query.codes().len() as f64).sum::<f64>() / n_files,
        images: args.images,
        searches: searches.collect::<Result<_, _>>().map_err(decode)?,
    };
    report(&figures, args.json, out, show).map_err(|source| BenchPartsError::Print { source })
}

/// As many images with features like these, none of which shares anything with them.
fn strangers(stored: &[Parts], n: u32) -> Vec<Parts> {
    let mut random = fastrand::Rng::with_seed(1);
    let mut one = |parts: &Parts| {
        let n_codes = aotf_parts::n_keypoints(&parts.0);
        let mut bytes = parts.0.clone();
        // The codes are the last eight bytes of each keypoint's twelve, at the end of the blob.
        for (point, _) in bytes.rchunks_exact_mut(12).zip(0..n_codes) {
            for _ in 0..CHANGED_BITS {
                let bit = random.usize(0..64);
                point[4 + bit / 8] ^= 1 << (bit % 8);
            }
        }
        Parts(bytes)
    };
    stored.iter().cycle().take(n as usize).map(&mut one).collect()
}

/// Mean of this thread's processor time for each, over whole rounds.
fn mean_ms<T, E>(all: &[T], mut work: impl FnMut(&T) -> Result<(), E>) -> Result<f64, E> {
    work(&all[0])?; // warm up
    let start = thread_cpu_time();
    let mut n = 0;
    loop {
        all.iter().try_for_each(&mut work)?;
        n += all.len();
        let elapsed = thread_cpu_time() - start;
        if elapsed >= MIN_TIME {
            return Ok(elapsed.as_secs_f64() * 1000.0 / n as f64);
        }
    }
}

fn show(figures: &Figures, out: &mut dyn Write) -> io::Result<()> {
    let Figures {
        files,
        analysis_ms,
        analysis_with_parts_ms,
        mean_bytes,
        query_ms,
        mean_codes,
        images,
        searches,
    } = figures;
    writeln!(out, "processor time, means over {files} images")?;
    writeln!(out, "{analysis_ms:9.2} ms  to index an image without features")?;
    writeln!(out, "{analysis_with_parts_ms:9.2} ms  with them ({mean_bytes:.0} bytes)")?;
    writeln!(out, "{query_ms:9.2} ms  for the features of a query image ({mean_codes:.0} codes)")?;
    for Search { form, ms } in searches {
        writeln!(out, "{ms:9.1} ms  to search {images} images ({form})")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let level = |x: u32, y: u32| image::Luma([(((x / 7) * 31) ^ ((y / 5) * 57)) as u8]);
        image::GrayImage::from_fn(200, 150, level).save(&path).unwrap();
        let args = PartsArgs { files: vec![path.clone()], images: 20, json: true };
        let mut out = Vec::new();
        run(&args, &mut out).unwrap();
        let figures: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert!(figures["analysis_with_parts_ms"].as_f64() > figures["analysis_ms"].as_f64(), "{figures}");
        assert_eq!(figures["searches"][0]["form"], "portable");
        let lost = PartsArgs { files: vec![folder.path().join("b.png")], ..args };
        let error = run(&lost, &mut Vec::new()).unwrap_err();
        assert!(error.to_string().ends_with("b.png"), "{error}");
    }
}
