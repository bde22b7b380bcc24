//! The 8x8 RGB thumbnail: mean colors of the fields, summed up while rows pass by.

use std::ops::Range;

use super::decode::Layout;

const SIDE: usize = 8;

/// Of a tall picture only some rows count: 64 to 128 in each field. Means need no more, and two
/// sizes of the same picture still agree within a fraction of a level.
const ROWS_THAT_COUNT: usize = 64 * SIDE;

/// Means of 8x8 fields, whose edges lie on whole pixels. A picture of less than 8 pixels a side
/// has fields that share pixels.
pub(super) struct Thumbnail {
    width: usize,
    height: usize,
    next_row: usize,
    /// Each `step`-th row counts.
    step: usize,
    /// Sums of the bytes of the rows since the last field ended: 128 rows of 255 fit.
    columns: Vec<u16>,
    n_rows: u64,
    levels: [u8; SIDE * SIDE * 3],
}

/// The pixels of field `i` on a side of `n` pixels.
fn field(i: usize, n: usize) -> Range<usize> {
    let start = (i * n / SIDE).min(n - 1);
    start..((i + 1) * n / SIDE).max(start + 1)
}

impl Thumbnail {
    pub fn new(width: u32, height: u32) -> Thumbnail {
        Thumbnail {
            width: width as usize,
            height: height as usize,
            next_row: 0,
            step: (height as usize / ROWS_THAT_COUNT).max(1),
            columns: Vec::new(),
            n_rows: 0,
            levels: [0; SIDE * SIDE * 3],
        }
    }

    /// The next row of pixels.
    pub fn row(&mut self, pixels: &[u8], layout: Layout) {
        let y = self.next_row;
        self.next_row += 1;
        if y.is_multiple_of(self.step) {
            self.columns.resize(pixels.len(), 0);
            for (sum, &level) in self.columns.iter_mut().zip(pixels) {
                *sum += u16::from(level);
            }
            self.n_rows += 1;
        }
        let height = self.height;
        let mut ended = (0..SIDE).filter(|&i| field(i, height).end == y + 1).peekable();
        if ended.peek().is_some() {
            ended.for_each(|field_y| self.end_fields(field_y, layout));
            self.columns.fill(0);
            self.n_rows = 0;
        }
    }

    /// Makes means of the sums of one row of fields.
    fn end_fields(&mut self, field_y: usize, layout: Layout) {
        let size = layout.bytes_per_pixel();
        let means = self.levels.as_chunks_mut::<3>().0[field_y * SIDE..][..SIDE].iter_mut();
        for (x, mean) in means.enumerate() {
            let field = field(x, self.width);
            let n_pixels = self.n_rows * field.len() as u64;
            let pixels = &self.columns[field.start * size..field.end * size];
            let mean_of = |channel: usize| {
                let sum: u64 = pixels.iter().skip(channel).step_by(size).map(|&sum| u64::from(sum)).sum();
                ((sum + n_pixels / 2) / n_pixels) as u8
            };
            *mean = match layout {
                Layout::Gray | Layout::GrayAlpha => [mean_of(0); 3],
                Layout::Rgb | Layout::Rgbx | Layout::Rgba => [mean_of(0), mean_of(1), mean_of(2)],
            };
        }
    }

    /// The thumbnail, after the last row.
    pub fn finish(&self) -> [u8; SIDE * SIDE * 3] {
        self.levels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_means() {
        let mut thumbnail = Thumbnail::new(16, 8);
        for y in 0..8_u8 {
            let row: Vec<u8> = (0..16_u8).flat_map(|x| [x * 10, y, 200]).collect();
            thumbnail.row(&row, Layout::Rgb);
        }
        let levels = thumbnail.finish();
        assert_eq!(levels[..6], [5, 0, 200, 25, 0, 200]);
        assert_eq!(levels[189..], [145, 7, 200]);
    }

    #[test]
    fn tall_pictures_are_sampled() {
        for height in [1023, 1024, 20_001] {
            let mut thumbnail = Thumbnail::new(9, height);
            (0..height).for_each(|y| thumbnail.row(&[(y * 255 / height) as u8; 9], Layout::Gray));
            let levels = thumbnail.finish();
            for (at, &level) in levels.iter().enumerate() {
                let middle = (at / 24 * 2 + 1) as i32 * 255 / 16;
                assert!((i32::from(level) - middle).abs() <= 1, "{height}: {level} at {at}");
            }
        }
    }

    #[test]
    fn tiny_pictures_have_one_too() {
        let mut thumbnail = Thumbnail::new(1, 2);
        thumbnail.row(&[0], Layout::Gray);
        thumbnail.row(&[255], Layout::Gray);
        let levels = thumbnail.finish();
        assert_eq!((levels[0], levels[191]), (0, 255));
    }
}
