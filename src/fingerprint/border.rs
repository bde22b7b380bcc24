//! Finds the uniform border of a picture while its rows pass by: margins, letterboxes, frames.

/// How far the levels of a border may lie apart: compression leaves that much noise on a flat area.
const MAX_SPREAD: u8 = 12;
/// Compression lets an edge spill over: into a block of 8 pixels, and a little of the next by its colors. So
/// many lines before the picture may look like no border.
const MAX_SPOILT: usize = 10;
/// Such a line has the border's mean level, but for this much, and no level farther from it than this.
const SPOILT_MEAN: f32 = 8.0;
const SPOILT_LEVEL: f32 = 64.0;
/// Where no line of a border was clean, it ends at a step of the mean level of at least this.
const MIN_STEP: f32 = 6.0;
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

/// What is known of a row or a column.
#[derive(Clone, Copy)]
struct Line {
    range: Range,
    mean: f32,
}

impl Line {
    /// It may be one of a border of this level, next to an edge that has spilled over.
    fn is_spoilt(self, level: f32) -> bool {
        (self.mean - level).abs() <= SPOILT_MEAN
            && f32::from(self.range.low) >= level - SPOILT_LEVEL
            && f32::from(self.range.high) <= level + SPOILT_LEVEL
    }
}

/// Collects the range and the mean of the levels of each row and of each column: eight bytes for each.
pub(super) struct BorderFinder {
    rows: Vec<Line>,
    column_low: Vec<u8>,
    column_high: Vec<u8>,
    column_sum: Vec<u32>,
    /// Of the last rows, fewer than [`ROWS_IN_16_BITS`]: half the memory to go through for each row.
    column_part: Vec<u16>,
    n_in_part: u32,
}

/// Levels of so many rows add up to a number of 16 bits.
const ROWS_IN_16_BITS: u32 = 257;

impl BorderFinder {
    pub fn new(width: u32, height: u32) -> BorderFinder {
        BorderFinder {
            rows: Vec::with_capacity(height as usize),
            column_low: vec![255; width as usize],
            column_high: vec![0; width as usize],
            column_sum: vec![0; width as usize],
            column_part: vec![0; width as usize],
            n_in_part: 0,
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
        let sum: u32 = levels.iter().map(|&level| u32::from(level)).sum();
        self.rows.push(Line { range, mean: sum as f32 / levels.len().max(1) as f32 });
        for (part, &level) in self.column_part.iter_mut().zip(levels) {
            *part = part.wrapping_add(u16::from(level));
        }
        self.n_in_part += 1;
        if self.n_in_part == ROWS_IN_16_BITS {
            self.n_in_part = 0;
            for (sum, part) in self.column_sum.iter_mut().zip(&mut self.column_part) {
                *sum += u32::from(std::mem::take(part));
            }
        }
    }

    fn columns(&self) -> Vec<Line> {
        let n_rows = self.rows.len().max(1) as f32;
        let ranges = self.column_low.iter().zip(&self.column_high).map(|(&low, &high)| Range { low, high });
        let sums = self.column_sum.iter().zip(&self.column_part).map(|(&sum, &part)| sum + u32::from(part));
        ranges.zip(sums).map(|(range, sum)| Line { range, mean: sum as f32 / n_rows }).collect()
    }

    /// The picture without its border, after the last row. None where there is no border worth the
    /// name, or nothing but border.
    pub fn inner(&self) -> Option<Area> {
        let columns = self.columns();
        let whole = (columns.len() as u32, self.rows.len() as u32);
        let backwards = |lines: &[Line]| lines.iter().rev().copied().collect::<Vec<_>>();
        // Left, right, top, bottom.
        let sides = [columns.clone(), backwards(&columns), self.rows.clone(), backwards(&self.rows)];
        let clean = sides.each_ref().map(|lines| n_border(lines.iter().map(|line| line.range)));
        let [left, right, top, bottom] = clean;
        if left + right >= columns.len() || top + bottom >= self.rows.len() {
            return None;
        }
        let level = |side: usize| {
            let lines = sides[side].iter().take(clean[side]);
            (clean[side] > 0).then(|| lines.map(|line| line.mean).sum::<f32>() / clean[side] as f32)
        };
        // A side without a clean line may still have a border, of the level of the others.
        let widest = level((0..4).max_by_key(|&side| clean[side])?)?;
        let mut borders = [0; 4];
        for (side, border) in borders.iter_mut().enumerate() {
            *border = edge(&sides[side], clean[side], level(side).unwrap_or(widest));
        }
        let [left, right, top, bottom] = borders;
        let width = inner_side(left + right, whole.0)?;
        let height = inner_side(top + bottom, whole.1)?;
        let is_border = |inner: u32, side: u32| (side - inner) * 100 >= side * MIN_PERCENT && inner < side;
        (is_border(width, whole.0) || is_border(height, whole.1)).then_some(Area {
            left: left as u32,
            top: top as u32,
            width,
            height,
        })
    }
}

/// What borders leave of a side, if that is enough for a picture.
fn inner_side(borders: usize, side: u32) -> Option<u32> {
    let inner = side.checked_sub(borders as u32)?;
    (inner >= MIN_INNER_SIDE && inner * 100 >= side * MIN_INNER_PERCENT).then_some(inner)
}

/// Where the picture begins, after `n_clean` clean lines of a border of this level: at the greatest step of
/// the mean level among the next lines that may belong to the border.
fn edge(lines: &[Line], n_clean: usize, level: f32) -> usize {
    let mut best = (n_clean, if n_clean > 0 { 0.0 } else { MIN_STEP });
    for (at, pair) in lines.windows(2).enumerate().skip(n_clean.saturating_sub(1)) {
        let [before, line] = *pair else { break };
        let at = at + 1;
        if at > n_clean + MAX_SPOILT || (at > n_clean && !before.is_spoilt(level)) {
            break;
        }
        let step = (line.mean - before.mean).abs();
        if step > best.1 {
            best = (at, step);
        }
    }
    best.0
}

/// How many lines from the start are uniform together. A border ends at an edge: where the levels
/// glide on, as in a gradient, it is none. (A picture's own margin may follow its border, so that
/// the next line is uniform as well; but then its level is another.)
fn n_border(lines: impl Iterator<Item = Range>) -> usize {
    let mut all = Range::EMPTY;
    let mut n_lines = 0;
    for line in lines {
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
    fn a_border_that_compression_has_spoilt_ends_at_its_edge() {
        // Six columns on the left, none of them clean, and four rows at the bottom beside others that are.
        let mut random = fastrand::Rng::with_seed(1);
        let mut finder = BorderFinder::new(100, 600);
        for y in 0..600 {
            let row: Vec<u8> = (0..100)
                .map(|x| match (x, y) {
                    (_, ..20 | 584..) => 50,
                    (0..6, _) | (_, 580..584) => 30 + random.u8(0..40),
                    _ => random.u8(100..),
                })
                .collect();
            finder.row(&row);
        }
        assert_eq!(finder.inner(), Some(Area { left: 6, top: 20, width: 94, height: 560 }));
    }

    #[test]
    fn a_gradient_is_no_border() {
        let mut finder = BorderFinder::new(100, 200);
        (0..200).for_each(|y| finder.row(&[y; 100]));
        assert_eq!(finder.inner(), None);
    }
}
