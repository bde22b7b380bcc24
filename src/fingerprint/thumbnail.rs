//! The 8x8 RGB thumbnail: mean colors of the fields, summed up while rows pass by.

use super::decode::Layout;

const SIDE: usize = 8;

/// Means of 8x8 fields, whose edges lie on whole pixels. A picture of less than 8 pixels a side
/// has fields that share pixels.
pub(super) struct Thumbnail {
    width: usize,
    height: usize,
    next_row: usize,
    sums: [[u64; 3]; SIDE * SIDE],
}

/// The pixels of field `i` on a side of `n` pixels.
fn field(i: usize, n: usize) -> std::ops::Range<usize> {
    let start = (i * n / SIDE).min(n - 1);
    start..((i + 1) * n / SIDE).max(start + 1)
}

impl Thumbnail {
    pub fn new(width: u32, height: u32) -> Thumbnail {
        Thumbnail { width: width as usize, height: height as usize, next_row: 0, sums: [[0; 3]; SIDE * SIDE] }
    }

    /// The next row of pixels.
    pub fn row(&mut self, pixels: &[u8], layout: Layout) {
        let size = layout.bytes_per_pixel();
        let mut means = [[0_u64; 3]; SIDE];
        for (x, sums) in means.iter_mut().enumerate() {
            let columns = field(x, self.width);
            let part = &pixels[columns.start * size..columns.end * size];
            *sums = match layout {
                Layout::Gray | Layout::GrayAlpha => [sum_of(part, size, 0); 3],
                Layout::Rgb | Layout::Rgbx | Layout::Rgba => {
                    [0, 1, 2].map(|channel| sum_of(part, size, channel))
                }
            };
        }
        for y in 0..SIDE {
            if field(y, self.height).contains(&self.next_row) {
                for (sums, row) in self.sums[y * SIDE..][..SIDE].iter_mut().zip(&means) {
                    for (sum, part) in sums.iter_mut().zip(row) {
                        *sum += part;
                    }
                }
            }
        }
        self.next_row += 1;
    }

    /// The thumbnail, after the last row.
    pub fn finish(&self) -> [u8; SIDE * SIDE * 3] {
        let mut levels = [0; SIDE * SIDE * 3];
        for (at, (to, sums)) in levels.as_chunks_mut::<3>().0.iter_mut().zip(&self.sums).enumerate() {
            let pixels = field(at % SIDE, self.width).len() * field(at / SIDE, self.height).len();
            *to = sums.map(|sum| ((sum + pixels as u64 / 2) / pixels as u64) as u8);
        }
        levels
    }
}

/// Sum of one channel of pixels of `size` bytes. A row has at most 65,500 pixels: no overflow.
fn sum_of(pixels: &[u8], size: usize, channel: usize) -> u64 {
    pixels.iter().skip(channel).step_by(size).map(|&level| u32::from(level)).sum::<u32>().into()
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
    fn tiny_pictures_have_one_too() {
        let mut thumbnail = Thumbnail::new(1, 2);
        thumbnail.row(&[0], Layout::Gray);
        thumbnail.row(&[255], Layout::Gray);
        let levels = thumbnail.finish();
        assert_eq!((levels[0], levels[191]), (0, 255));
    }
}
