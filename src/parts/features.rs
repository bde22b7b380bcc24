//! The features of one picture: keypoints with their codes, the most telling ones first, and a little
//! picture; and the bytes in which they are stored.

use crate::constants::{HALF_STEP, STEP};
use crate::describe::{self, Histogram, Turn};
use crate::picture::Gray;
use crate::pyramid::{self, Extremum, Octave};

/// The version of the bytes that are stored of an image. Raise it with any change of the method: what is of
/// another version cannot be compared.
pub const VERSION: u8 = 1;
/// Pixels of the picture in which the features of a stored image are looked for.
pub const STORED_AREA: u32 = 400 * 400;
/// Pixels of the picture in which the features of a query image are looked for: more than of a stored one,
/// since a part of it may be all that is stored.
pub const QUERY_AREA: u32 = 560 * 560;
/// Extrema among which the most telling are chosen: noise has tens of thousands, and each is compared with
/// all.
const MOST_EXTREMA: usize = 1500;
/// Codes that differ by so many bits at most look the same.
const ALIKE_BITS: u32 = 8;
/// The longer side of the little picture.
pub const LITTLE_SIDE: usize = 32;
/// Levels that the little picture tells apart.
const LITTLE_LEVELS: u8 = 16;

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
    pub code: u64,
}

/// How many features of a picture are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub keypoints: usize,
    /// Turns of one keypoint: one that looks as well in two is a feature in both.
    pub turns: usize,
    pub features: usize,
    /// Features that look the same: letters of a watermark and tiles take the place of nothing else.
    pub alike: usize,
}

/// What is stored of an image.
pub const STORED: Wanted = Wanted { keypoints: 128, turns: 1, features: 128, alike: 3 };
/// What a query image is searched by.
pub const ASKED: Wanted = Wanted { keypoints: 500, turns: 2, features: 600, alike: 3 };

/// The features of a picture, the most telling first. Where there are few, each keypoint counts in its second
/// turn as well.
pub fn find(gray: &Gray, wanted: Wanted) -> Vec<Feature> {
    let (octaves, mut extrema) = pyramid::look(gray);
    spread(&octaves, &mut extrema);
    let mut features: Vec<Feature> = Vec::new();
    let mut second_turns = Vec::new();
    let mut keypoints = 0;
    for extremum in &extrema {
        if keypoints == wanted.keypoints || features.len() == wanted.features {
            return features;
        }
        let mut turns = describe::turns(&octaves[extremum.octave], extremum).into_iter();
        let before = features.len();
        for turn in turns.by_ref().take(wanted.turns) {
            add(&mut features, &octaves, extremum, turn, wanted);
        }
        second_turns.extend(turns.map(|turn| (extremum, turn)));
        keypoints += usize::from(features.len() > before);
    }
    for (extremum, turn) in second_turns {
        add(&mut features, &octaves, extremum, turn, wanted);
    }
    features
}

/// Adds a feature, unless there are enough, or enough that look the same.
fn add(features: &mut Vec<Feature>, octaves: &[Octave], extremum: &Extremum, turn: Turn, wanted: Wanted) {
    if features.len() == wanted.features {
        return;
    }
    let octave = &octaves[extremum.octave];
    let histogram = describe::histogram(octave, extremum, turn);
    let code = describe::code(&histogram);
    let is_alike = |other: &&Feature| (other.code ^ code).count_ones() <= ALIKE_BITS;
    if features.iter().filter(is_alike).count() < wanted.alike {
        let (x, y) = (extremum.x * octave.step, extremum.y * octave.step);
        let point = Keypoint { x, y, size: size_of(extremum.sigma * octave.step), turn };
        features.push(Feature { point, histogram, code });
    }
}

/// The logarithm of a size, from a table: what a library's logarithm gives may differ between machines.
fn size_of(sigma: f32) -> u8 {
    let mut steps = 0;
    let mut edge = 0.5 * HALF_STEP;
    while sigma > edge && steps < 127 {
        edge *= STEP;
        steps += 1;
    }
    steps
}

/// How much longer a length is than another, of sizes in eighths of a doubling.
pub fn ratio_of(steps: i32) -> f32 {
    const EIGHTHS: [f32; 8] = {
        let mut powers = [1.0_f32; 8];
        let mut at = 1;
        while at < 8 {
            powers[at] = powers[at - 1] * STEP;
            at += 1;
        }
        powers
    };
    let steps = steps.clamp(-127, 127);
    let doublings = steps.div_euclid(8);
    // Powers of two are exact.
    EIGHTHS[steps.rem_euclid(8) as usize] * f32::from_bits(((127 + doublings) as u32) << 23)
}

/// Puts first what stands out from all that is near it: each is judged by its distance to the
/// next one that is clearly stronger.
///
/// After M. Brown, R. Szeliski and S. Winder, "Multi-image matching using multi-scale oriented patches"
/// (2005), section 3.
fn spread(octaves: &[Octave], extrema: &mut Vec<Extremum>) {
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
        let square =
            |&(other_x, other_y): &(f32, f32)| (x - other_x) * (x - other_x) + (y - other_y) * (y - other_y);
        let nearest = places[..stronger].iter().map(square).fold(f32::INFINITY, f32::min);
        ranked.push((nearest, at));
    }
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    *extrema = ranked.into_iter().map(|(_, at)| extrema[at]).collect();
}

/// What is stored of an image.
pub fn of_stored(gray: &Gray) -> Vec<u8> {
    let features = find(gray, STORED);
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
    for Feature { point, code, .. } in &features {
        let place = |at: f32, length: usize| (at * 256.0 / length as f32).clamp(0.0, 255.0) as u8;
        bytes.extend([
            place(point.x + 0.5, gray.width),
            place(point.y + 0.5, gray.height),
            point.size,
            (point.turn * 256.0) as u8,
        ]);
        bytes.extend(code.to_le_bytes());
    }
    bytes
}

/// What is stored of an image, as it is compared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stored {
    /// Of the picture in whose pixels the keypoints are.
    pub width: f32,
    pub height: f32,
    pub little: Gray,
    pub points: Vec<Keypoint>,
}

/// Only the codes, for the first look. `None` where the bytes are of another version, or damaged.
pub fn codes_of(parts: &[u8], codes: &mut Vec<u64>) -> Option<()> {
    let (_, points) = split(parts)?;
    codes.clear();
    codes.extend(points.iter().map(|point| u64::from_le_bytes(*point.last_chunk().expect("12 bytes"))));
    Some(())
}

/// The first codes of an image, at most 32: what an index over a whole database holds. None where the
/// bytes are of another version, or damaged.
pub fn first_codes(parts: &[u8]) -> Vec<u64> {
    let mut codes = Vec::new();
    if codes_of(parts, &mut codes).is_none() {
        codes.clear();
    }
    codes.truncate(FIRST);
    codes
}

/// How many keypoints are stored of an image.
pub fn n_keypoints(parts: &[u8]) -> usize {
    split(parts).map_or(0, |(_, points)| points.len())
}

/// Of which an index over a whole database holds the codes.
const FIRST: usize = 32;

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
    let is_whole =
        left.is_empty() && points.len() == usize::from(n_points) && points.len() <= STORED.keypoints;
    is_whole.then_some((head, points))
}

impl Stored {
    /// `None` where the bytes are of another version, or damaged.
    pub fn read(parts: &[u8]) -> Option<Stored> {
        let (head, points) = split(parts)?;
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
        Some(Stored {
            width,
            height,
            little: Gray { width: little_width, height: little_height, levels },
            points: points.iter().map(point).collect(),
        })
    }
}
