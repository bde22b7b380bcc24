//! The program that makes `src/parts/constants.rs`. With `AOTF_TEST_UPDATE` set it writes the file, else it
//! compares.
//!
//! The mean is that of the features of the demo's artworks (`demo/assets/LICENSES.md`), in all the forms in
//! which a picture is searched, so that none of them is at a disadvantage.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use aotf_parts::describe::{self, LENGTH};
use aotf_parts::{Gray, STORED, STORED_AREA, Wanted};

use super::rows::Rows;
use crate::fingerprint::decode::{Layout, Limits, RowSink, decode};
use crate::fingerprint::luma::LumaRow;

/// Blur that a picture has before it is blurred.
const PRESENT_SIGMA: f64 = 0.5;
const FIRST_SIGMA: f64 = 1.6;
/// Blurred pictures of an octave, three of which double the blur.
const LEVELS: i32 = 6;
const SEED: u64 = 0x616f_7466;

/// Collects the picture of an image that features are looked for in.
#[derive(Default)]
struct Collected {
    rows: Option<Rows>,
    layout: Option<Layout>,
    luma: Option<LumaRow>,
}

impl RowSink for Collected {
    fn start(&mut self, width: u32, height: u32, layout: Layout) {
        self.rows = Some(Rows::new(width, height, layout, STORED_AREA));
        self.layout = Some(layout);
        self.luma = Some(LumaRow::new(width));
    }

    fn row(&mut self, pixels: &[u8]) {
        let (Some(rows), Some(layout), Some(luma)) = (&mut self.rows, self.layout, &mut self.luma) else {
            return;
        };
        luma.fill(pixels, layout);
        rows.row(pixels, luma.levels());
    }
}

fn artworks() -> Vec<Gray> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/demo/assets");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| {
        file.extension().is_some_and(|end| ["jpg", "png", "webp"].iter().any(|one| end == *one))
    });
    files.sort();
    assert!(files.len() > 20, "the demo has pictures");
    let gray = |file: &std::path::PathBuf| {
        let mut sink = Collected::default();
        decode(&fs::read(file).unwrap(), &Limits::default(), &mut sink).unwrap();
        sink.rows.unwrap().finish()
    };
    files.iter().map(gray).collect()
}

/// Means of the features' histograms, in four decimals.
fn mean() -> [f64; LENGTH] {
    let (mut sums, mut count) = ([0.0; LENGTH], 0.0);
    for gray in artworks() {
        // Those that look alike too: which these are, the mean decides.
        for feature in aotf_parts::find(&gray, Wanted { alike: usize::MAX, ..STORED }) {
            let plain = feature.histogram;
            let mirrored = describe::mirrored(&plain);
            for form in [plain, mirrored, describe::inverted(&plain), describe::inverted(&mirrored)] {
                sums.iter_mut().zip(form).for_each(|(sum, level)| *sum += f64::from(level));
                count += 1.0;
            }
        }
    }
    sums.map(|sum| sum / count)
}

/// Half of a Gaussian, as far as its weights matter.
fn blur(sigma: f64) -> Vec<f64> {
    let reach = (3.2 * sigma).ceil() as i32;
    let weights: Vec<f64> = (0..=reach).map(|x| (-f64::from(x * x) / (2.0 * sigma * sigma)).exp()).collect();
    let sum = weights[0] + 2.0 * weights[1..].iter().sum::<f64>();
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// G. Steele, D. Lea and C. Flood, "Fast splittable pseudorandom number generators" (2014).
fn random_words() -> [u64; 4] {
    let mut state = SEED;
    [(); 4].map(|()| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    })
}

fn table(numbers: &[f64], digits: usize) -> String {
    numbers.chunks(8).fold(String::new(), |mut text, row| {
        let row: Vec<String> = row.iter().map(|number| format!("{number:.digits$}")).collect();
        writeln!(text, "    {},", row.join(", ")).unwrap();
        text
    })
}

fn constants() -> String {
    let sigma = |level: i32| FIRST_SIGMA * 2.0_f64.powf(f64::from(level) / 3.0);
    let between = |from: f64, to: f64| blur((to * to - from * from).sqrt());
    let mut text =
        "//! Numbers of the method. Made by `make_constants.rs`, which tells how; never edited.\n\n"
            .to_owned();
    text += "#![expect(clippy::excessive_precision, reason = \"numbers that a program has written\")]\n#![cfg_attr(rustfmt, rustfmt_skip)]\n\n";
    let sigmas: Vec<f64> = (0..LEVELS).map(sigma).collect();
    let blurs: Vec<String> = (0..LEVELS)
        .map(|level| {
            if level == 0 {
                between(PRESENT_SIGMA, sigma(0))
            } else {
                between(sigma(level - 1), sigma(level))
            }
        })
        .map(|weights| format!("    &[\n    {}    ],\n", table(&weights, 7).replace("\n    ", "\n        ")))
        .collect();
    let signs: Vec<String> = random_words().iter().map(|word| format!("    0x{word:016x},\n")).collect();
    for (comment, name, kind, value) in [
        (
            "Blur of each picture of an octave, in its pixels.",
            "SIGMAS",
            "[f32; 6]",
            format!("[\n{}]", table(&sigmas, 6)),
        ),
        (
            "Halves of the Gaussians that make each picture of an octave of the one before, from the middle on.",
            "BLURS",
            "[&[f32]; 6]",
            format!("[\n{}]", blurs.concat()),
        ),
        ("The eighth root of two.", "STEP", "f32", format!("{:.7}", 2.0_f64.powf(0.125))),
        ("Its square root.", "HALF_STEP", "f32", format!("{:.7}", 2.0_f64.powf(0.0625))),
        (
            "Signs of the projection, for each of its two rounds.",
            "SIGNS",
            "[u64; 4]",
            format!("[\n{}]", signs.concat()),
        ),
        (
            "What a feature's histogram is in the mean.",
            "MEAN",
            "[f32; 128]",
            format!("[\n{}]", table(&mean(), 4)),
        ),
    ] {
        write!(text, "/// {comment}\npub const {name}: {kind} = {value};\n").unwrap();
    }
    text
}

#[test]
fn constants_are_what_the_program_makes() {
    let made = constants();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/parts/constants.rs");
    if std::env::var_os("AOTF_TEST_UPDATE").is_some() {
        fs::write(path, made).unwrap();
    } else {
        assert_eq!(
            fs::read_to_string(path).unwrap(),
            made,
            "run this test with AOTF_TEST_UPDATE=1 after a change"
        );
    }
}
