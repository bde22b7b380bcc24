//! What a keypoint looks like: its turn, and a code of 64 bits.
//!
//! The histogram of gradients is that of D. Lowe, "Distinctive Image Features from Scale-Invariant Keypoints"
//! (2004), sections 5 and 6, taken from a fixed grid of samples; its square root is that of R. Arandjelović
//! and A. Zisserman, "Three things everyone should know to improve object retrieval" (2012). The bits are
//! signs of random projections (M. Charikar, "Similarity estimation techniques from rounding algorithms",
//! 2002) along the rows of a Hadamard matrix whose columns were given random signs (N. Ailon and B. Chazelle,
//! "The fast Johnson-Lindenstrauss transform", 2009).

use crate::constants::{MEAN, SIGNS};
use crate::pyramid::{Extremum, Octave, Plane};

/// Fields of the histogram on a side.
const FIELDS: usize = 4;
/// Directions that a field tells apart.
const DIRECTIONS: usize = 8;
/// Length of a histogram.
pub const LENGTH: usize = FIELDS * FIELDS * DIRECTIONS;
/// Samples on a side of the grid.
const SAMPLES: usize = 16;
/// Width of a field, in sigmas of the keypoint.
const FIELD_SIGMAS: f32 = 3.0;
/// Directions among which that of a keypoint is looked for.
const TURNS: usize = 36;
/// Another direction counts if it is at least so strong beside the strongest.
const SECOND_TURN: f32 = 0.8;

/// Part of a whole turn, 0 to below 1, from the x axis towards the y axis.
pub type Turn = f32;

/// What a field of view is described by: 4 x 4 fields of 8 directions.
pub type Histogram = [f32; LENGTH];

/// The direction of a vector. An approximation within a tenth of a degree, made of operations that are the
/// same on every machine.
#[inline(always)]
fn turn_of(x: f32, y: f32) -> Turn {
    let (along, across) = (x.abs().max(y.abs()), x.abs().min(y.abs()));
    let ratio = if along > 0.0 { across / along } else { 0.0 };
    // The arc tangent of 0 to 1, in turns: a parabola through its ends with the least error between.
    let octant = ratio * (0.125 + 0.043_5 * (1.0 - ratio));
    let quadrant = if y.abs() > x.abs() { 0.25 - octant } else { octant };
    let half = if x < 0.0 { 0.5 - quadrant } else { quadrant };
    let turn = if y < 0.0 { 1.0 - half } else { half };
    if turn >= 1.0 { 0.0 } else { turn }
}

/// Cosine and sine of a turn, by the first terms of their series, on the eighth next to zero.
pub fn direction(turn: Turn) -> (f32, f32) {
    let quarters = (turn * 4.0).round();
    let angle = (turn - quarters / 4.0) * std::f32::consts::TAU;
    let square = angle * angle;
    let cosine = 1.0 - square / 2.0 * (1.0 - square / 12.0 * (1.0 - square / 30.0));
    let sine = angle * (1.0 - square / 6.0 * (1.0 - square / 20.0 * (1.0 - square / 42.0)));
    match (quarters as i32).rem_euclid(4) {
        0 => (cosine, sine),
        1 => (-sine, cosine),
        2 => (-cosine, -sine),
        _ => (sine, -cosine),
    }
}

/// The gradient at the pixel next to a place; none beyond the border.
#[inline(always)]
fn gradient(plane: &Plane, x: f32, y: f32) -> (f32, f32) {
    let (x, y) = ((x + 0.5) as i32, (y + 0.5) as i32);
    let (width, height) = (plane.width as i32, plane.height as i32);
    if x < 1 || y < 1 || x >= width - 1 || y >= height - 1 {
        return (0.0, 0.0);
    }
    let at = y as usize * plane.width + x as usize;
    let levels = &plane.levels[at - plane.width..=at + plane.width];
    let middle = plane.width;
    (levels[middle + 1] - levels[middle - 1], levels[2 * middle] - levels[0])
}

/// The directions of a keypoint, the strongest first: one or two.
pub fn turns(octave: &Octave, point: &Extremum) -> Vec<Turn> {
    let plane = &octave.blurred[point.level];
    // A grid as for the histogram, over three sigmas of a window one and a half times as wide as the
    // keypoint.
    const GRID: i32 = 8;
    let step = 4.5 * point.sigma / GRID as f32;
    let mut bins = [0.0_f32; TURNS];
    for row in -GRID..=GRID {
        for column in -GRID..=GRID {
            let square = row * row + column * column;
            if square > GRID * GRID {
                continue;
            }
            let (dx, dy) = gradient(plane, point.x + column as f32 * step, point.y + row as f32 * step);
            let strength = (dx * dx + dy * dy).sqrt();
            // exp(-x/2) of the distance in thirds of the window, nearly.
            let near = 1.0 - square as f32 / (GRID * GRID + 1) as f32;
            let weight = near * near * near * near;
            let at = turn_of(dx, dy) * TURNS as f32;
            let (low, part) = (at as usize, at - at.floor());
            bins[low % TURNS] += strength * weight * (1.0 - part);
            bins[(low + 1) % TURNS] += strength * weight * part;
        }
    }
    for _ in 0..4 {
        let before = bins;
        for (at, bin) in bins.iter_mut().enumerate() {
            *bin = (before[(at + TURNS - 1) % TURNS] + before[at] + before[(at + 1) % TURNS]) / 3.0;
        }
    }
    let mut peaks: Vec<(f32, Turn)> = Vec::new();
    for at in 0..TURNS {
        let (before, here, after) = (bins[(at + TURNS - 1) % TURNS], bins[at], bins[(at + 1) % TURNS]);
        if here > before && here >= after {
            let top = (before - after) / (2.0 * (before + after - 2.0 * here));
            let turn = (at as f32 + top) / TURNS as f32;
            peaks.push((here, turn - turn.floor()));
        }
    }
    peaks.sort_by(|a, b| b.0.total_cmp(&a.0));
    let strongest = peaks.first().map_or(0.0, |peak| peak.0);
    peaks.retain(|peak| peak.0 >= SECOND_TURN * strongest);
    peaks.truncate(2);
    if peaks.is_empty() {
        return vec![0.0];
    }
    peaks.into_iter().map(|(_, turn)| turn).collect()
}

/// What lies around a keypoint, turned upright.
pub fn histogram(octave: &Octave, point: &Extremum, turn: Turn) -> Histogram {
    let plane = &octave.blurred[point.level];
    let (cosine, sine) = direction(turn);
    let step = FIELD_SIGMAS * point.sigma * FIELDS as f32 / SAMPLES as f32;
    let mut fields = [[[0.0_f32; DIRECTIONS]; FIELDS + 2]; FIELDS + 2];
    const MIDDLE: f32 = (SAMPLES as f32 - 1.0) / 2.0;
    for row in 0..SAMPLES {
        let v = row as f32 - MIDDLE;
        for column in 0..SAMPLES {
            let u = column as f32 - MIDDLE;
            let x = point.x + (u * cosine - v * sine) * step;
            let y = point.y + (u * sine + v * cosine) * step;
            let (dx, dy) = gradient(plane, x, y);
            let (along, across) = (dx * cosine + dy * sine, dy * cosine - dx * sine);
            let square = (u * u + v * v) / ((SAMPLES * SAMPLES) as f32 / 2.0 + 1.0);
            let near = 1.0 - square;
            let strength = (dx * dx + dy * dy).sqrt() * near * near;
            let at = turn_of(along, across) * DIRECTIONS as f32;
            let (low, part) = (at as usize % DIRECTIONS, at - at.floor());
            let high = (low + 1) % DIRECTIONS;
            // Each sample belongs to the fields whose middles surround it.
            let place = |at: usize| {
                let field = (at as f32 + 0.5) / FIELDS as f32 + 0.5;
                (field as usize, field - field.floor())
            };
            let ((top, down), (left, right)) = (place(row), place(column));
            for (field_y, weight_y) in [(top, 1.0 - down), (top + 1, down)] {
                for (field_x, weight_x) in [(left, 1.0 - right), (left + 1, right)] {
                    let weight = strength * weight_y * weight_x;
                    let field = &mut fields[field_y][field_x];
                    field[low] += weight * (1.0 - part);
                    field[high] += weight * part;
                }
            }
        }
    }
    let mut histogram = [0.0; LENGTH];
    let inner = fields[1..=FIELDS].iter().flat_map(|row| &row[1..=FIELDS]);
    for (to, field) in histogram.as_chunks_mut::<DIRECTIONS>().0.iter_mut().zip(inner) {
        *to = *field;
    }
    let sum: f32 = histogram.iter().sum();
    if sum > 0.0 {
        histogram.iter_mut().for_each(|level| *level = (*level / sum).sqrt());
    }
    histogram
}

/// The same keypoint in the mirrored picture, whose turn is mirrored too: rows are exchanged, since the
/// mirrored picture's frame has its second axis the other way, and directions turn the other way.
pub fn mirrored(histogram: &Histogram) -> Histogram {
    rearranged(histogram, |row, column, direction| {
        (FIELDS - 1 - row, column, (DIRECTIONS - direction) % DIRECTIONS)
    })
}

/// The same keypoint in the inverted picture: light and dark exchanged turn its gradients, and with them its
/// frame, by half a turn.
pub fn inverted(histogram: &Histogram) -> Histogram {
    rearranged(histogram, |row, column, direction| (FIELDS - 1 - row, FIELDS - 1 - column, direction))
}

fn rearranged(
    histogram: &Histogram,
    place: impl Fn(usize, usize, usize) -> (usize, usize, usize),
) -> Histogram {
    let mut to = [0.0; LENGTH];
    for (at, level) in histogram.iter().enumerate() {
        let (row, column, direction) =
            place(at / (FIELDS * DIRECTIONS), at / DIRECTIONS % FIELDS, at % DIRECTIONS);
        to[(row * FIELDS + column) * DIRECTIONS + direction] = *level;
    }
    to
}

/// 64 signs of projections.
pub fn code(histogram: &Histogram) -> u64 {
    let mut levels = [0.0_f32; LENGTH];
    for (at, level) in levels.iter_mut().enumerate() {
        let sign = if SIGNS[at / 64] >> (at % 64) & 1 == 1 { -1.0 } else { 1.0 };
        *level = (histogram[at] - MEAN[at]) * sign;
    }
    hadamard(&mut levels);
    for (at, level) in levels.iter_mut().enumerate() {
        if SIGNS[2 + at / 64] >> (at % 64) & 1 == 1 {
            *level = -*level;
        }
    }
    hadamard(&mut levels);
    levels[..64].iter().fold(0, |code, level| code << 1 | u64::from(*level > 0.0))
}

/// Multiplies with the Hadamard matrix of this size, in place.
fn hadamard(levels: &mut [f32; LENGTH]) {
    let mut half = 1;
    while half < LENGTH {
        for block in levels.chunks_exact_mut(2 * half) {
            let (a, b) = block.split_at_mut(half);
            for (a, b) in a.iter_mut().zip(b) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
}
