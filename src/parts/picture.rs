//! A picture reduced to the size at which its features are looked for, from the rows that the decoder gives.

/// Gray levels, row by row, never more than the area that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gray {
    pub width: usize,
    pub height: usize,
    pub levels: Vec<u8>,
}

/// A picture is enlarged by no more than this: there is nothing to see beyond.
const MOST_ENLARGED: f64 = 2.0;

/// Fractions of a row or a column that a mean knows.
const FRACTION: u64 = 256;

/// Reduces a picture by means over areas, while its rows pass by; keeps one row, and the result. A picture
/// smaller than the result is kept whole, and enlarged at the end.
pub struct Reducer {
    source: (usize, usize),
    target: (usize, usize),
    next_row: usize,
    /// Of the rows in `columns`.
    weight: u64,
    /// Weighted sums of the rows of the target's present row.
    columns: Vec<u32>,
    /// Sums of `columns` up to each.
    sums: Vec<u64>,
    levels: Vec<u8>,
}

impl Reducer {
    /// For a picture of this size. `area`: pixels of the result, at most.
    pub fn new(width: u32, height: u32, area: u32) -> Reducer {
        let source = (width as usize, height as usize);
        let scale = (f64::from(area) / (f64::from(width) * f64::from(height))).sqrt().min(MOST_ENLARGED);
        let side = |length: u32| ((f64::from(length) * scale) as usize).max(1);
        // A side of one pixel leaves more for the other than there is room for.
        let (target_width, target_height) = (side(width), side(height));
        let target =
            (target_width.min(area as usize), target_height.min(area as usize / target_width.max(1)).max(1));
        Reducer {
            source,
            target,
            next_row: 0,
            weight: 0,
            columns: vec![0; source.0],
            sums: vec![0; source.0 + 1],
            levels: Vec::with_capacity(target.0 * target.1),
        }
    }

    fn is_enlarged(&self) -> bool {
        self.target.0 > self.source.0 || self.target.1 > self.source.1
    }

    /// The next row of gray levels.
    pub fn row(&mut self, levels: &[u8]) {
        let y = self.next_row as u64;
        self.next_row += 1;
        if self.is_enlarged() {
            return self.levels.extend_from_slice(levels);
        }
        // In units of which the source row has `rows`, and the target's rows `height` each.
        let (rows, height) = (self.target.1 as u64, self.source.1 as u64);
        let (mut from, end) = (y * rows, (y + 1) * rows);
        while from < end {
            let row_end = (from / height + 1) * height;
            let part = row_end.min(end) - from;
            let weight = (part * FRACTION / rows) as u32;
            self.weight += u64::from(weight);
            for (sum, &level) in self.columns.iter_mut().zip(levels) {
                *sum += u32::from(level) * weight;
            }
            from += part;
            if from == row_end {
                self.end_row();
            }
        }
    }

    fn end_row(&mut self) {
        let mut sum = 0;
        for (after, column) in self.sums[1..].iter_mut().zip(&mut self.columns) {
            sum += u64::from(*column);
            *after = sum;
            *column = 0;
        }
        let (width, columns) = (self.source.0 as u64, self.target.0 as u64);
        // The sum of what lies left of `at`, in units of which a source column has `columns`.
        let before = |at: u64| {
            let (whole, rest) = ((at / columns) as usize, at % columns);
            let next = self.sums.get(whole + 1).unwrap_or(&self.sums[whole]);
            self.sums[whole] * columns + (next - self.sums[whole]) * rest
        };
        let total = (std::mem::take(&mut self.weight) * width).max(1);
        let mut left = 0;
        for x in 0..columns {
            let right = before((x + 1) * width);
            self.levels.push((((right - left) + total / 2) / total).min(255) as u8);
            left = right;
        }
    }

    /// The picture, after the last row.
    pub fn finish(self) -> Gray {
        let (width, height) = self.target;
        if !self.is_enlarged() {
            return Gray { width, height, levels: self.levels };
        }
        let (source_width, source_height) = self.source;
        let taps = |n: usize, of: usize| -> Vec<(usize, usize, u32)> {
            let tap = |i: usize| {
                // The middle of the pixel, in halves of 256ths of a source pixel.
                let at = ((2 * i + 1) * of * 256 / (2 * n)).saturating_sub(128).min((of - 1) * 256);
                (at / 256, (at / 256 + 1).min(of - 1), (at % 256) as u32)
            };
            (0..n).map(tap).collect()
        };
        let across = taps(width, source_width);
        let mut levels = Vec::with_capacity(width * height);
        for (top, bottom, down) in taps(height, source_height) {
            let row = |y: usize| &self.levels[y * source_width..(y + 1) * source_width];
            let (top, bottom) = (row(top), row(bottom));
            levels.extend(across.iter().map(|&(left, right, along)| {
                let mix = |row: &[u8]| u32::from(row[left]) * (256 - along) + u32::from(row[right]) * along;
                ((mix(top) * (256 - down) + mix(bottom) * down + (1 << 15)) >> 16) as u8
            }));
        }
        Gray { width, height, levels }
    }
}

impl Gray {
    /// The mean levels of fields: `width` x `height` of them.
    pub fn reduced_to(&self, width: usize, height: usize) -> Gray {
        let mut levels = Vec::with_capacity(width * height);
        for y in 0..height {
            let rows = span(y, height, self.height);
            for x in 0..width {
                let columns = span(x, width, self.width);
                let sum: u32 = rows
                    .clone()
                    .flat_map(|row| &self.levels[row * self.width..][columns.clone()])
                    .map(|&level| u32::from(level))
                    .sum();
                let n_pixels = (rows.len() * columns.len()) as u32;
                levels.push(((sum + n_pixels / 2) / n_pixels) as u8);
            }
        }
        Gray { width, height, levels }
    }
}

/// The pixels of field `i` of `n` on a side of `length` pixels: at least one.
fn span(i: usize, n: usize, length: usize) -> std::ops::Range<usize> {
    let start = (i * length / n).min(length - 1);
    start..((i + 1) * length / n).max(start + 1)
}
