//! Finds the uniform border of a picture while its rows pass by: margins, letterboxes, frames.

/// How far the levels of a border may lie apart: compression leaves that much noise on a flat area.
const MAX_SPREAD: u8 = 12;
/// A border narrower than this share of its side (in percent) changes no fingerprint.
const MIN_PERCENT: u32 = 1;
/// What is left must have this many pixels a side, and this share (in percent) of the picture's:
/// a speck on an empty page is no picture in a border.
const MIN_INNER_SIDE: u32 = 32;
const MIN_INNER_PERCENT: u32 = 20;

/// A part of a picture, in pixels from its top left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub left: u32,
    pub top: u32,
    pub width: u32,
    pub height: u32,
}

/// The lowest and the highest level seen.
#[derive(Clone, Copy)]
struct Range {
    low: u8,
    high: u8,
}

impl Range {
    const EMPTY: Range = Range { low: 255, high: 0 };

    fn join(self, other: Range) -> Range {
        Range { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// Levels between the two; 0 where they touch or overlap.
    fn gap(self, other: Range) -> u8 {
        self.low.saturating_sub(other.high).max(other.low.saturating_sub(self.high))
    }

    fn is_uniform(self) -> bool {
        self.high.saturating_sub(self.low) <= MAX_SPREAD
    }
}

/// Collects the range of levels of each row and of each column: five bytes for each.
pub(super) struct BorderFinder {
    rows: Vec<Range>,
    column_low: Vec<u8>,
    column_high: Vec<u8>,
}

impl BorderFinder {
    pub fn new(width: u32, height: u32) -> BorderFinder {
        BorderFinder {
            rows: Vec::with_capacity(height as usize),
            column_low: vec![255; width as usize],
            column_high: vec![0; width as usize],
        }
    }

    /// The next row, of `width` levels.
    pub fn row(&mut self, levels: &[u8]) {
        let mut range = Range::EMPTY;
        for ((&level, low), high) in levels.iter().zip(&mut self.column_low).zip(&mut self.column_high) {
            range = Range { low: range.low.min(level), high: range.high.max(level) };
            *low = level.min(*low);
            *high = level.max(*high);
        }
        self.rows.push(range);
    }

    /// The picture without its border, after the last row. None where there is no border worth the
    /// name, or nothing but border.
    pub fn inner(&self) -> Option<Area> {
        let columns: Vec<Range> =
            self.column_low.iter().zip(&self.column_high).map(|(&low, &high)| Range { low, high }).collect();
        let (left, width) = inner_span(&columns)?;
        let (top, height) = inner_span(&self.rows)?;
        let whole = (columns.len() as u32, self.rows.len() as u32);
        let is_border = |inner: u32, side: u32| (side - inner) * 100 >= side * MIN_PERCENT && inner < side;
        (is_border(width, whole.0) || is_border(height, whole.1)).then_some(Area { left, top, width, height })
    }
}

/// Start and length of what lies between the uniform lines at both ends of one side.
fn inner_span(lines: &[Range]) -> Option<(u32, u32)> {
    let side = lines.len() as u32;
    let before = n_border(lines.iter());
    let after = n_border(lines.iter().rev());
    if before + after >= side {
        return None;
    }
    let inner = side - before - after;
    let enough = inner >= MIN_INNER_SIDE && inner * 100 >= side * MIN_INNER_PERCENT;
    enough.then_some((before, inner))
}

/// How many lines from the start are uniform together. A border ends at an edge: where the levels
/// glide on, as in a gradient, it is none. (A picture's own margin may follow its border, so that
/// the next line is uniform as well; but then its level is another.)
fn n_border<'a>(lines: impl Iterator<Item = &'a Range>) -> u32 {
    let mut all = Range::EMPTY;
    let mut n_lines = 0;
    for &line in lines {
        let joined = all.join(line);
        if !joined.is_uniform() {
            let glides = line.is_uniform() && line.gap(all) <= MAX_SPREAD;
            return if glides { 0 } else { n_lines };
        }
        all = joined;
        n_lines += 1;
    }
    n_lines
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 100x80 picture with noise inside and `border` (left, top, right, bottom) around it.
    #[track_caller]
    fn check(border: [u32; 4], expect: Option<[u32; 4]>) {
        let [left, top, right, bottom] = border;
        let mut random = fastrand::Rng::with_seed(1);
        let mut finder = BorderFinder::new(100, 80);
        for y in 0..80 {
            let row: Vec<u8> = (0..100)
                .map(|x| {
                    let inside = (left..100 - right).contains(&x) && (top..80 - bottom).contains(&y);
                    if inside { random.u8(..) } else { random.u8(240..250) }
                })
                .collect();
            finder.row(&row);
        }
        let found = finder.inner().map(|area| [area.left, area.top, area.width, area.height]);
        assert_eq!(found, expect, "{border:?}");
    }

    #[test]
    fn borders() {
        check([0, 0, 0, 0], None);
        check([10, 8, 20, 4], Some([10, 8, 70, 68]));
        check([0, 20, 0, 20], Some([0, 20, 100, 40]));
        check([30, 0, 0, 0], Some([30, 0, 70, 80]));
        check([50, 40, 50, 40], None); // nothing but border
        check([40, 30, 40, 30], None); // a speck
    }

    #[test]
    fn a_border_ends_where_the_picture_has_a_margin_of_its_own() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut finder = BorderFinder::new(100, 80);
        for y in 0..80 {
            let row: Vec<u8> = (0..100)
                .map(|x| match (x, y) {
                    (_, 0..10 | 70..) => 0,
                    (25..75, 20..60) => random.u8(..),
                    _ => 255,
                })
                .collect();
            finder.row(&row);
        }
        let found = finder.inner();
        assert_eq!(found, Some(Area { left: 0, top: 10, width: 100, height: 60 }));
    }

    #[test]
    fn a_gradient_is_no_border() {
        let mut finder = BorderFinder::new(100, 200);
        (0..200).for_each(|y| finder.row(&[y; 100]));
        assert_eq!(finder.inner(), None);
    }
}
