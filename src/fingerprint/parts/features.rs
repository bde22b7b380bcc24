//! The features of one picture: keypoints with their codes, the most telling ones first, and a little picture;
//! and the bytes in which they are stored.

use super::describe::{self, Histogram, Turn};
use super::picture::Gray;
use super::pyramid::{self, Extremum, Octave};
use crate::domain::parts::Parts;

/// The version of the stored bytes. Raise it with any change of the method: what is of another version is
/// passed over by the search, and made anew by `aotf db complete`.
pub const VERSION: u8 = 1;
/// Pixels of the picture in which the features of a stored image are looked for.
pub const STORED_AREA: u32 = 400 * 400;
/// Keypoints that are stored of an image: that is what a 100 KB image gives up for 2 KB.
pub const STORED_KEYPOINTS: usize = 128;
/// Pixels of the picture in which the features of a query image are looked for: more than of a stored one, since
/// a part of it may be all that is stored.
pub const QUERY_AREA: u32 = 560 * 560;
/// Keypoints of a query image.
pub const QUERY_KEYPOINTS: usize = 500;
/// Of these with two turns, the second ones included.
pub const QUERY_CODES: usize = 600;
/// Extrema among which the most telling are chosen: noise has tens of thousands, and each is compared with all.
const MOST_EXTREMA: usize = 1500;
/// The longer side of the little picture.
pub const LITTLE_SIDE: usize = 32;
/// Levels that the little picture tells apart.
const LITTLE_LEVELS: u8 = 16;
/// Steps of a keypoint's size: eighths of a doubling, from half a pixel on.
const SIZE_STEPS: f32 = 8.0;

/// A keypoint, in pixels of the picture in which it was looked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Keypoint {
    pub x: f32,
    pub y: f32,
    /// In eighths of a doubling.
    pub size: u8,
    pub turn: Turn,
}

/// A keypoint, and what it looks like.
pub struct Feature {
    pub point: Keypoint,
    pub histogram: Histogram,
}

/// The features of a picture, the most telling first; of the last keypoints none, if there are more than
/// `most_codes`.
pub fn find(gray: &Gray, most: usize, turns_of_each: usize, most_codes: usize) -> Vec<Feature> {
    let (octaves, mut extrema) = pyramid::look(gray);
    spread(&octaves, &mut extrema, most);
    let mut features = Vec::with_capacity(most_codes.min(extrema.len() * turns_of_each));
    for extremum in &extrema {
        let octave = &octaves[extremum.octave];
        for turn in describe::turns(octave, extremum, turns_of_each) {
            if features.len() == most_codes {
                return features;
            }
            let point = Keypoint {
                x: extremum.x * octave.step,
                y: extremum.y * octave.step,
                size: size_of(extremum.sigma * octave.step),
                turn,
            };
            features.push(Feature { point, histogram: describe::histogram(octave, extremum, turn) });
        }
    }
    features
}

/// The logarithm of a size, from a table: what a library's logarithm gives may differ between machines.
fn size_of(sigma: f32) -> u8 {
    let mut steps = 0;
    let mut edge = 0.5 * super::constants::HALF_STEP;
    while sigma > edge && steps < 127 {
        edge *= super::constants::STEP;
        steps += 1;
    }
    steps
}

/// How much longer a length is than another, of sizes in eighths of a doubling.
pub fn ratio_of(steps: i32) -> f32 {
    let mut ratio = 1.0_f32;
    for _ in 0..steps.unsigned_abs().min(128) {
        ratio *= super::constants::STEP;
    }
    if steps < 0 { 1.0 / ratio } else { ratio }
}

/// Puts first what stands out from all that is near it, and keeps `most`: each is judged by its distance to the
/// next one that is clearly stronger.
///
/// After M. Brown, R. Szeliski and S. Winder, "Multi-image matching using multi-scale oriented patches" (2005),
/// section 3.
fn spread(octaves: &[Octave], extrema: &mut Vec<Extremum>, most: usize) {
    const CLEARLY: f32 = 1.1;
    let order = |a: &Extremum, b: &Extremum| {
        b.contrast
            .total_cmp(&a.contrast)
            .then(a.octave.cmp(&b.octave))
            .then(a.level.cmp(&b.level))
            .then(a.y.total_cmp(&b.y))
            .then(a.x.total_cmp(&b.x))
    };
    extrema.sort_unstable_by(order);
    extrema.truncate(MOST_EXTREMA);
    let places: Vec<(f32, f32)> = extrema
        .iter()
        .map(|one| (one.x * octaves[one.octave].step, one.y * octaves[one.octave].step))
        .collect();
    let mut stronger = 0;
    let mut ranked: Vec<(f32, usize)> = Vec::with_capacity(extrema.len());
    for (at, one) in extrema.iter().enumerate() {
        while extrema[stronger].contrast >= CLEARLY * one.contrast {
            stronger += 1;
        }
        let (x, y) = places[at];
        let square = |&(other_x, other_y): &(f32, f32)| {
            (x - other_x) * (x - other_x) + (y - other_y) * (y - other_y)
        };
        let nearest = places[..stronger].iter().map(square).fold(f32::INFINITY, f32::min);
        ranked.push((nearest, at));
    }
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    ranked.truncate(most);
    *extrema = ranked.into_iter().map(|(_, at)| extrema[at]).collect();
}

/// What is stored of an image.
pub fn of_stored(gray: &Gray) -> Parts {
    let features = find(gray, STORED_KEYPOINTS, 1, STORED_KEYPOINTS);
    let longer = gray.width.max(gray.height);
    let side = |length: usize| (length * LITTLE_SIDE.min(longer) / longer).max(1);
    let little = gray.reduced_to(side(gray.width), side(gray.height));
    let size = |length: usize| u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes();
    let mut bytes = vec![VERSION];
    bytes.extend(size(gray.width));
    bytes.extend(size(gray.height));
    bytes.extend([little.width as u8, little.height as u8]);
    for pair in little.levels.chunks(2) {
        let level = |at: usize| pair.get(at).map_or(0, |level| level / LITTLE_LEVELS);
        bytes.push(level(0) | level(1) << 4);
    }
    bytes.push(features.len() as u8);
    for Feature { point, histogram } in &features {
        let place = |at: f32, length: usize| (at * 256.0 / length as f32).clamp(0.0, 255.0) as u8;
        bytes.extend([
            place(point.x + 0.5, gray.width),
            place(point.y + 0.5, gray.height),
            point.size,
            (point.turn * 256.0) as u8,
        ]);
        bytes.extend(describe::code(histogram).to_le_bytes());
    }
    Parts(bytes)
}

/// What is stored of an image, as it is compared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stored {
    /// Of the picture in whose pixels the keypoints are.
    pub width: f32,
    pub height: f32,
    pub little: Gray,
    pub points: Vec<Keypoint>,
    pub codes: Vec<u64>,
}

/// Only the codes, for the first look. `None` where the bytes are of another version, or damaged.
pub fn codes_of(parts: &Parts, codes: &mut Vec<u64>) -> Option<()> {
    let (_, points) = split(&parts.0)?;
    codes.clear();
    codes.extend(points.iter().map(|point| u64::from_le_bytes(*point.last_chunk().expect("12 bytes"))));
    Some(())
}

const HEAD: usize = 7;
const POINT: usize = 12;

/// The head with the little picture, and the keypoints.
fn split(bytes: &[u8]) -> Option<(&[u8], &[[u8; POINT]])> {
    let head: &[u8; HEAD] = bytes.first_chunk()?;
    let [VERSION, _, _, _, _, width, height] = *head else { return None };
    if !(1..=LITTLE_SIDE).contains(&width.into()) || !(1..=LITTLE_SIDE).contains(&height.into()) {
        return None;
    }
    let n_pixels = usize::from(width) * usize::from(height);
    let (head, rest) = bytes.split_at_checked(HEAD + n_pixels.div_ceil(2))?;
    let (&n_points, points) = rest.split_first()?;
    let (points, left) = points.as_chunks();
    let is_whole = left.is_empty() && points.len() == usize::from(n_points) && points.len() <= STORED_KEYPOINTS;
    is_whole.then_some((head, points))
}

impl Stored {
    /// `None` where the bytes are of another version, or damaged.
    pub fn read(parts: &Parts) -> Option<Stored> {
        let (head, points) = split(&parts.0)?;
        let size = |at: usize| f32::from(u16::from_le_bytes([head[at], head[at + 1]]).max(1));
        let (width, height) = (size(1), size(3));
        let levels = head[HEAD..].iter().flat_map(|pair| [pair & 15, pair >> 4]);
        let (little_width, little_height) = (usize::from(head[5]), usize::from(head[6]));
        let levels = levels.map(|level| level * LITTLE_LEVELS + LITTLE_LEVELS / 2);
        let levels = levels.take(little_width * little_height).collect();
        let point = |[x, y, size, turn, ..]: &[u8; POINT]| Keypoint {
            x: (f32::from(*x) + 0.5) / 256.0 * width,
            y: (f32::from(*y) + 0.5) / 256.0 * height,
            size: *size,
            turn: (f32::from(*turn) + 0.5) / 256.0,
        };
        let mut codes = Vec::new();
        codes_of(parts, &mut codes)?;
        Some(Stored {
            width,
            height,
            little: Gray { width: little_width, height: little_height, levels },
            points: points.iter().map(point).collect(),
            codes,
        })
    }
}
