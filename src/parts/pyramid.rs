//! Where something is to be seen: extrema of differences of Gaussians over place and scale.
//!
//! After D. Lowe, "Distinctive Image Features from Scale-Invariant Keypoints" (2004), sections 3 and 4.

use crate::kernel::Neighborhood;
use crate::picture::Gray;

/// Scales that are looked at in each octave.
const SCALES: usize = 3;
/// Differences smaller than this, in levels of 255, are noise.
const LEAST_CONTRAST: f32 = 0.4;
/// A point on an edge, more than so many times as sharp across as along it, can be anywhere on it.
const MOST_EDGE_RATIO: f32 = 10.0;
/// Pixels along the border of a picture in which nothing is looked for.
const MARGIN: usize = 3;
/// An octave has at least so many pixels on its shorter side.
const LEAST_SIDE: usize = 12;

/// Half of a Gaussian: the weight of the middle, then those beside it. They add up to 1, the sides counted
/// twice.
const BLURS: [&[f32]; SCALES + 3] = crate::constants::BLURS;

/// Gray levels with fractions.
#[derive(Clone, Default)]
pub struct Plane {
    pub width: usize,
    pub height: usize,
    pub levels: Vec<f32>,
}

impl Plane {
    fn of(gray: &Gray) -> Plane {
        let levels = gray.levels.iter().map(|&level| f32::from(level)).collect();
        Plane { width: gray.width, height: gray.height, levels }
    }

    /// Every second pixel of every second row.
    fn halved(&self) -> Plane {
        let (width, height) = (self.width / 2, self.height / 2);
        let row = |y: usize| self.levels[2 * y * self.width..].iter().step_by(2).take(width).copied();
        Plane { width, height, levels: (0..height).flat_map(row).collect() }
    }
}

/// The pictures of one octave, each more blurred than the one before.
pub struct Octave {
    /// How many pixels of the first octave one of its pixels is wide.
    pub step: f32,
    pub blurred: Vec<Plane>,
}

/// A place where something is to be seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extremum {
    pub octave: usize,
    /// Which of the octave's blurred pictures shows it best.
    pub level: usize,
    /// In pixels of the octave.
    pub x: f32,
    pub y: f32,
    /// In pixels of the octave.
    pub sigma: f32,
    /// In levels of 255.
    pub contrast: f32,
}

/// The octaves of a picture, and the extrema in them.
pub fn look(gray: &Gray) -> (Vec<Octave>, Vec<Extremum>) {
    let mut octaves: Vec<Octave> = Vec::new();
    let mut extrema = Vec::new();
    if gray.levels.is_empty() {
        return (octaves, extrema);
    }
    let mut scratch = Vec::new();
    let mut first = blur(&Plane::of(gray), BLURS[0], &mut scratch);
    let mut step = 1.0;
    while first.width.min(first.height) >= LEAST_SIDE {
        let mut blurred = vec![first];
        for weights in &BLURS[1..] {
            let next = blur(&blurred[blurred.len() - 1], weights, &mut scratch);
            blurred.push(next);
        }
        first = blurred[SCALES].halved();
        find(octaves.len(), &blurred, &mut extrema);
        octaves.push(Octave { step, blurred });
        step *= 2.0;
    }
    (octaves, extrema)
}

fn blur(plane: &Plane, weights: &[f32], scratch: &mut Vec<f32>) -> Plane {
    let mut levels = vec![0.0; plane.levels.len()];
    crate::kernel::blur(&plane.levels, plane.width, weights, scratch, &mut levels);
    Plane { levels, ..*plane }
}

/// Rows of the differences between neighboring pictures of an octave that are looked at together.
const ROWS: usize = 3;

/// Looks at three rows at a time: the differences are never all in memory.
fn find(octave: usize, blurred: &[Plane], extrema: &mut Vec<Extremum>) {
    let (width, height) = (blurred[0].width, blurred[0].height);
    let row_of = |plane: &Plane, y: usize| y * plane.width..(y + 1) * plane.width;
    // Of each difference the last three rows, each in the place of the one three rows above.
    let mut differences = vec![[(); ROWS].map(|()| vec![0.0_f32; width]); blurred.len() - 1];
    let mut places = Vec::new();
    for last in 0..height {
        for (rows, pair) in differences.iter_mut().zip(blurred.windows(2)) {
            let (before, after) =
                (&pair[0].levels[row_of(&pair[0], last)], &pair[1].levels[row_of(&pair[1], last)]);
            crate::kernel::subtract(after, before, &mut rows[last % ROWS]);
        }
        let y = last.saturating_sub(1);
        if y < MARGIN || y + MARGIN >= height {
            continue;
        }
        for level in 1..=SCALES {
            places.clear();
            let rows = [level - 1, level, level + 1]
                .map(|level| [y - 1, y, y + 1].map(|y| &differences[level][y % ROWS][..]));
            crate::kernel::extrema(&rows, LEAST_CONTRAST, MARGIN, &mut places);
            for &x in &places {
                extrema.extend(refined(octave, level, usize::from(x), y, &rows));
            }
        }
    }
}

/// The extremum between pixels; none on an edge.
fn refined(octave: usize, level: usize, x: usize, y: usize, rows: &Neighborhood<'_>) -> Option<Extremum> {
    let [[_, below, _], [above_row, row, below_row], [_, above, _]] = *rows;
    let middle = row[x];
    let (left, right) = (row[x - 1], row[x + 1]);
    let (up, down) = (above_row[x], below_row[x]);
    let dxx = left + right - 2.0 * middle;
    let dyy = up + down - 2.0 * middle;
    let dxy = (below_row[x + 1] - below_row[x - 1] - above_row[x + 1] + above_row[x - 1]) / 4.0;
    let (trace, determinant) = (dxx + dyy, dxx * dyy - dxy * dxy);
    let limit = (MOST_EDGE_RATIO + 1.0) * (MOST_EDGE_RATIO + 1.0) / MOST_EDGE_RATIO;
    if determinant <= 0.0 || trace * trace >= limit * determinant {
        return None;
    }
    // The top of a parabola through three samples.
    let top = |before: f32, after: f32| {
        let bend = before + after - 2.0 * middle;
        if bend == 0.0 { 0.0 } else { ((before - after) / (2.0 * bend)).clamp(-0.5, 0.5) }
    };
    let scale = top(below[x], above[x]);
    // 2^(scale / 3), by its first terms: within a hundredth.
    let exponent = scale * (std::f32::consts::LN_2 / SCALES as f32);
    let between = 1.0 + exponent + exponent * exponent / 2.0;
    Some(Extremum {
        octave,
        level,
        x: x as f32 + top(left, right),
        y: y as f32 + top(up, down),
        sigma: crate::constants::SIGMAS[level] * between,
        contrast: middle.abs(),
    })
}
