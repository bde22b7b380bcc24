//! Where something is to be seen: extrema of differences of Gaussians over place and scale.
//!
//! After D. Lowe, "Distinctive Image Features from Scale-Invariant Keypoints" (2004), sections 3 and 4.

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

    #[inline(always)]
    fn at(&self, x: usize, y: usize) -> f32 {
        self.levels[y * self.width + x]
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

fn find(octave: usize, blurred: &[Plane], extrema: &mut Vec<Extremum>) {
    let (width, height) = (blurred[0].width, blurred[0].height);
    let difference = |pair: &[Plane]| {
        let levels = pair[1].levels.iter().zip(&pair[0].levels).map(|(after, before)| after - before);
        Plane { width, height, levels: levels.collect() }
    };
    let differences: Vec<Plane> = blurred.windows(2).map(difference).collect();
    let mut places = Vec::new();
    for level in 1..=SCALES {
        let [below, here, above] = [level - 1, level, level + 1].map(|level| &differences[level]);
        for y in MARGIN..height.saturating_sub(MARGIN) {
            places.clear();
            let rows = [below, here, above]
                .map(|plane| [y - 1, y, y + 1].map(|y| &plane.levels[y * width..(y + 1) * width]));
            crate::kernel::extrema(&rows, LEAST_CONTRAST, MARGIN, &mut places);
            for &x in &places {
                extrema.extend(refined(octave, level, usize::from(x), y, [below, here, above]));
            }
        }
    }
}

/// The extremum between pixels; none on an edge.
fn refined(octave: usize, level: usize, x: usize, y: usize, planes: [&Plane; 3]) -> Option<Extremum> {
    let [below, here, above] = planes;
    let middle = here.at(x, y);
    let (left, right) = (here.at(x - 1, y), here.at(x + 1, y));
    let (up, down) = (here.at(x, y - 1), here.at(x, y + 1));
    let dxx = left + right - 2.0 * middle;
    let dyy = up + down - 2.0 * middle;
    let dxy =
        (here.at(x + 1, y + 1) - here.at(x - 1, y + 1) - here.at(x + 1, y - 1) + here.at(x - 1, y - 1)) / 4.0;
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
    let scale = top(below.at(x, y), above.at(x, y));
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
