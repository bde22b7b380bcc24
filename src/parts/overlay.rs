//! The second look: how the little picture of a stored image looks, laid onto the query picture.

use crate::features::Stored;
use crate::geometry::Map;
use crate::picture::Gray;

/// A query picture, and what is left of it at half, a quarter, ... of its size.
#[derive(Clone, Debug)]
pub struct Reductions(Vec<Gray>);

impl Reductions {
    pub fn of(gray: &Gray) -> Reductions {
        let mut all = vec![gray.clone()];
        while let Some(last) = all.last()
            && last.width.min(last.height) >= 4
        {
            let next = last.reduced_to(last.width / 2, last.height / 2);
            all.push(next);
        }
        Reductions(all)
    }

    pub fn size(&self) -> (f32, f32) {
        (self.0[0].width as f32, self.0[0].height as f32)
    }

    /// The level at a place of the picture, over about so many pixels; none beyond the border.
    fn level(&self, x: f32, y: f32, step: usize) -> Option<f32> {
        let (width, height) = self.size();
        if !(0.0..width).contains(&x) || !(0.0..height).contains(&y) {
            return None;
        }
        let gray = &self.0[step.min(self.0.len() - 1)];
        let place = |at: f32, length: f32, n: usize| {
            let at = (at / length * n as f32 - 0.5).clamp(0.0, (n - 1) as f32);
            let low = (at as usize).min(n - 1);
            (low, (low + 1).min(n - 1), at - at.floor())
        };
        let (left, right, along) = place(x, width, gray.width);
        let (top, bottom, down) = place(y, height, gray.height);
        let mix = |row: usize| {
            let level = |column: usize| f32::from(gray.levels[row * gray.width + column]);
            level(left) * (1.0 - along) + level(right) * along
        };
        Some(mix(top) * (1.0 - down) + mix(bottom) * down)
    }
}

/// How two pictures look, one laid onto the other.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Overlay {
    /// Of the windows with structure in either, the part that looks alike.
    pub share: f32,
    /// Windows with structure.
    pub windows: usize,
    /// Correlation of all that they share.
    pub whole: f32,
    /// The part of the stored picture, and of the query picture, that they share.
    pub of_stored: f32,
    pub of_query: f32,
}

/// Pixels of the little picture on a side of a window.
const WINDOW: usize = 6;
const WINDOW_STEP: usize = 3;
/// Deviation of levels from which on a window has structure.
const STRUCTURE: f32 = 7.0;
/// Correlation from which on two windows look alike.
const ALIKE: f32 = 0.6;

/// Lays the little picture of a stored image onto the query picture.
pub fn overlay(stored: &Stored, query: &Reductions, map: &Map, inverted: bool) -> Overlay {
    let little = &stored.little;
    let (step_x, step_y) = (stored.width / little.width as f32, stored.height / little.height as f32);
    let pixel = (map.growth().abs() * step_x * step_y).sqrt();
    let mut step = 0;
    while (1 << (step + 1)) as f32 <= pixel * 1.42 {
        step += 1;
    }
    let sample = |at: usize| {
        let x = ((at % little.width) as f32 + 0.5) * step_x;
        let y = ((at / little.width) as f32 + 0.5) * step_y;
        let (x, y) = map.of(x, y);
        let level = query.level(x, y, step)?;
        Some(if inverted { 255.0 - level } else { level })
    };
    let seen: Vec<Option<f32>> = (0..little.levels.len()).map(sample).collect();
    let pair = |at: usize| seen[at].map(|level| (f32::from(little.levels[at]), level));
    let mut windows = 0;
    let mut alike = 0;
    let starts = |length: usize| {
        (0..).step_by(WINDOW_STEP).take_while(move |start| start + WINDOW <= length.max(WINDOW))
    };
    for top in starts(little.height) {
        for left in starts(little.width) {
            let (bottom, right) = ((top + WINDOW).min(little.height), (left + WINDOW).min(little.width));
            let places = (top..bottom).flat_map(|y| (left..right).map(move |x| y * little.width + x));
            let pairs: Vec<(f32, f32)> = places.filter_map(pair).collect();
            if pairs.len() < (bottom - top) * (right - left) {
                continue;
            }
            let Correlation { r, deviations: (a, b) } = correlation(&pairs);
            if a < STRUCTURE && b < STRUCTURE {
                continue;
            }
            windows += 1;
            alike += usize::from(r > ALIKE);
        }
    }
    let all: Vec<(f32, f32)> = (0..seen.len()).filter_map(pair).collect();
    let of_stored = all.len() as f32 / seen.len() as f32;
    let (width, height) = query.size();
    let area = of_stored * stored.width * stored.height * map.growth().abs();
    Overlay {
        share: if windows == 0 { 0.0 } else { alike as f32 / windows as f32 },
        windows,
        whole: correlation(&all).r,
        of_stored,
        of_query: (area / (width * height)).min(1.0),
    }
}

struct Correlation {
    r: f32,
    deviations: (f32, f32),
}

fn correlation(pairs: &[(f32, f32)]) -> Correlation {
    let n = pairs.len().max(1) as f32;
    let (a, b) = pairs.iter().fold((0.0, 0.0), |(a, b), pair| (a + pair.0, b + pair.1));
    let (a, b) = (a / n, b / n);
    let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
    for pair in pairs {
        let (x, y) = (pair.0 - a, pair.1 - b);
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    let r = if aa > 0.0 && bb > 0.0 { ab / (aa * bb).sqrt() } else { 0.0 };
    Correlation { r, deviations: ((aa / n).sqrt(), (bb / n).sqrt()) }
}
