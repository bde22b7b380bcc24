//! `aotf bench fingerprint`: how many images a second one core of this machine fingerprints.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

use super::report::report;
use crate::base::ErrorChain;
use crate::base::clock::thread_cpu_time;
use crate::commands::hash::load;
use crate::fingerprint::decode::{DecodeError, Layout, Limits, RowSink, decode};
use crate::fingerprint::{analyze, phash};

#[derive(Debug, Args)]
pub struct FingerprintArgs {
    /// Images to measure; without any, JPEGs are drawn
    files: Vec<PathBuf>,
    /// One JSON array instead of a table
    #[arg(long)]
    json: bool,
}

/// Each figure is taken over at least this much processor time.
const MIN_TIME: Duration = Duration::from_millis(1_500);

/// The longer sides of the pictures that are generated where no files are given, in pixels: what
/// the network serves as `small`, an ordinary upload, and a large one.
const SIDES: [usize; 3] = [680, 1200, 2048];

/// What was measured of one group of images.
#[derive(Serialize)]
struct Figures {
    name: String,
    images: usize,
    mean_megapixels: f64,
    /// Images a second on one core: the pixels alone, the 64-bit fingerprint, and everything that
    /// is stored of an image.
    decode_per_second: f64,
    fingerprint_per_second: f64,
    analysis_per_second: f64,
    /// Part of the fingerprint's time that goes into decoding, 0 to 1.
    decode_share: f64,
}

/// Measures over the files, or over generated JPEGs where there are none, and prints a table, or
/// JSON. Takes about five seconds per group of images. Returns the exit status.
pub fn run(args: &FingerprintArgs, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let groups = if args.files.is_empty() { generated() } else { from_files(&args.files, err) };
    let mut all = Vec::new();
    for (name, images) in groups {
        match measure(name.clone(), &images) {
            Ok(figures) => all.push(figures),
            Err(error) => {
                // If nobody reads this either, the status tells.
                let _ = writeln!(err, "{name}: {}", ErrorChain(&error));
                return 1;
            }
        }
    }
    match report(&all, args.json, out, |all, out| show(all, out)) {
        Ok(()) if !all.is_empty() => 0,
        _ => 1,
    }
}

type Group = (String, Vec<Vec<u8>>);

/// All readable files as one group; what cannot be read is told and left out.
fn from_files(files: &[PathBuf], err: &mut dyn Write) -> Vec<Group> {
    let limits = Limits::default();
    let mut images = Vec::new();
    for path in files {
        let image = load(path, &limits).and_then(|bytes| {
            phash(&bytes, &limits)?;
            Ok(bytes)
        });
        match image {
            Ok(bytes) => images.push(bytes),
            Err(error) => {
                let _ = writeln!(err, "{}: {}", path.display(), ErrorChain(&error));
            }
        }
    }
    if images.is_empty() { Vec::new() } else { vec![("files".to_owned(), images)] }
}

fn generated() -> Vec<Group> {
    let group = |&side: &usize| {
        let images = (0..8).filter_map(|seed| drawing(side, side * 3 / 4, seed)).collect();
        (format!("generated JPEG, {side} px"), images)
    };
    SIDES.iter().map(group).filter(|(_, images): &Group| !images.is_empty()).collect()
}

/// A JPEG about as large as a drawing of that size: soft areas, edges, and some texture.
fn drawing(width: usize, height: usize, seed: u64) -> Option<Vec<u8>> {
    let mut random = fastrand::Rng::with_seed(seed);
    let waves: Vec<[f32; 4]> = (0..6)
        .map(|_| [random.f32() * 14.0, random.f32() * 14.0, random.f32() * 6.3, random.f32()])
        .collect();
    let mut pixels = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            let (u, v) = (x as f32 / width as f32, y as f32 / height as f32);
            let field: f32 =
                waves.iter().map(|[a, b, phase, weight]| (a * u + b * v + phase).sin() * weight).sum();
            // Every tenth level is a line.
            let line = if (field * 10.0).fract().abs() < 0.08 { -70.0 } else { 0.0 };
            let grain = random.f32() * 10.0;
            for shade in [0.0, 0.7, 1.9] {
                pixels.push((128.0 + 90.0 * (field + shade).sin() + line + grain).clamp(0.0, 255.0) as u8);
            }
        }
    }
    let mut compressor = Compressor::new().ok()?;
    compressor.set_quality(85).ok()?;
    compressor.set_subsamp(Subsamp::Sub2x2).ok()?;
    let image = Image { pixels: &pixels[..], width, pitch: width * 3, height, format: PixelFormat::RGB };
    compressor.compress_to_vec(image).ok()
}

/// Counts pixels, and does nothing else with them.
#[derive(Default)]
struct Counter {
    pixels: u64,
}

impl RowSink for Counter {
    fn start(&mut self, width: u32, height: u32, _: Layout) {
        self.pixels += u64::from(width) * u64::from(height);
    }

    fn row(&mut self, _: &[u8]) {}
}

fn measure(name: String, images: &[Vec<u8>]) -> Result<Figures, DecodeError> {
    let limits = Limits::default();
    let mut counter = Counter::default();
    images.iter().try_for_each(|bytes| decode(bytes, &limits, &mut counter))?;
    let decode_per_second = rate(images, |bytes| decode(bytes, &limits, &mut Counter::default()))?;
    let fingerprint_per_second = rate(images, |bytes| phash(bytes, &limits).map(|_| ()))?;
    let analysis_per_second = rate(images, |bytes| analyze(bytes, &limits).map(|_| ()))?;
    Ok(Figures {
        name,
        images: images.len(),
        mean_megapixels: counter.pixels as f64 / images.len() as f64 / 1e6,
        decode_per_second,
        fingerprint_per_second,
        analysis_per_second,
        decode_share: fingerprint_per_second / decode_per_second,
    })
}

/// Images in a second of this thread's processor time, over whole rounds.
fn rate(
    images: &[Vec<u8>],
    mut work: impl FnMut(&[u8]) -> Result<(), DecodeError>,
) -> Result<f64, DecodeError> {
    images.iter().try_for_each(|bytes| work(bytes))?; // warm up
    let start = thread_cpu_time();
    let mut n_images = 0;
    loop {
        images.iter().try_for_each(|bytes| work(bytes))?;
        n_images += images.len();
        let elapsed = thread_cpu_time() - start;
        if elapsed >= MIN_TIME {
            return Ok(n_images as f64 / elapsed.as_secs_f64());
        }
    }
}

fn show(all: &[Figures], out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{:28} {:>7} {:>8} {:>10} {:>13} {:>10} {:>12}",
        "images a second on one core", "images", "Mpixel", "decode", "fingerprint", "analysis", "decode part"
    )?;
    for figures in all {
        writeln!(
            out,
            "{:28} {:7} {:8.2} {:10.1} {:13.1} {:10.1} {:11.0}%",
            figures.name,
            figures.images,
            figures.mean_megapixels,
            figures.decode_per_second,
            figures.fingerprint_per_second,
            figures.analysis_per_second,
            figures.decode_share * 100.0
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_drawing_has_a_good_fingerprint() {
        let drawing = drawing(160, 120, 1).expect("the encoder takes any pixels");
        let (_, low_quality) = phash(&drawing, &Limits::default()).unwrap();
        assert!(!low_quality);
    }

    #[test]
    fn unreadable_files_are_told_and_leave_nothing_to_measure() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let args = FingerprintArgs { files: vec![PathBuf::from("/nonexistent.png")], json: true };
        assert_eq!(run(&args, &mut out, &mut err), 1);
        assert!(String::from_utf8(err).unwrap().starts_with("/nonexistent.png: could not read the file: "));
        assert_eq!(out, b"[]\n");
    }
}
