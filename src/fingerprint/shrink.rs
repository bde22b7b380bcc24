//! Pictures made small for people: the posted pictures that the console and the web page show.

use super::decode::{Layout, RowSink};

/// Qualities that are tried until the file is small enough, best first.
const JPEG_QUALITIES: [i32; 5] = [82, 70, 55, 40, 25];

/// Makes a picture small while its rows pass by: each pixel is the mean of a field, on white.
pub struct Shrink {
    /// Width and height that the picture is fitted into.
    room: (usize, usize),
    from: (usize, usize),
    to: (usize, usize),
    channels: Option<Layout>,
    next_row: usize,
    /// Red, green, blue and the number of pixels, for each field.
    sums: Vec<[u64; 4]>,
}

impl Shrink {
    /// A picture that fits into so many pixels.
    pub fn into(width: usize, height: usize) -> Shrink {
        Shrink {
            room: (width.max(1), height.max(1)),
            from: (0, 0),
            to: (0, 0),
            channels: None,
            next_row: 0,
            sums: Vec::new(),
        }
    }

    /// Width and height of the small picture.
    pub fn size(&self) -> (usize, usize) {
        self.to
    }

    /// Its pixels, row by row.
    pub fn rgb(&self) -> Vec<[u8; 3]> {
        let mean = |[red, green, blue, count]: &[u64; 4]| {
            [red, green, blue].map(|sum| u8::try_from(sum / count.max(&1)).unwrap_or(255))
        };
        self.sums.iter().map(mean).collect()
    }

    /// A JPEG file of at most so many bytes, as good as that allows; `None` where no quality is small enough.
    pub fn jpeg(&self, max_bytes: usize) -> Option<Vec<u8>> {
        let (width, height) = self.to;
        let pixels = self.rgb().concat();
        JPEG_QUALITIES.iter().find_map(|quality| {
            let image = turbojpeg::Image {
                pixels: pixels.as_slice(),
                width,
                pitch: width * 3,
                height,
                format: turbojpeg::PixelFormat::RGB,
            };
            let file = turbojpeg::compress(image, *quality, turbojpeg::Subsamp::Sub2x2).ok()?;
            (file.len() <= max_bytes).then(|| file.to_vec())
        })
    }
}

impl RowSink for Shrink {
    fn start(&mut self, width: u32, height: u32, layout: Layout) {
        self.from = (width as usize, height as usize);
        self.to = fitted(self.from, self.room);
        self.channels = Some(layout);
        self.next_row = 0;
        self.sums = vec![[0; 4]; self.to.0 * self.to.1];
    }

    fn row(&mut self, pixels: &[u8]) {
        let Some(layout) = self.channels else { return };
        let y = self.next_row * self.to.1 / self.from.1.max(1);
        self.next_row += 1;
        for (x, pixel) in pixels.chunks_exact(layout.bytes_per_pixel()).enumerate() {
            let field = y * self.to.0 + x * self.to.0 / self.from.0.max(1);
            let Some(sums) = self.sums.get_mut(field) else { continue };
            let (red, green, blue, alpha) = match (layout, pixel) {
                (Layout::Gray, &[gray]) => (gray, gray, gray, 255),
                (Layout::GrayAlpha, &[gray, alpha]) => (gray, gray, gray, alpha),
                (Layout::Rgb, &[red, green, blue]) | (Layout::Rgbx, &[red, green, blue, _]) => {
                    (red, green, blue, 255)
                }
                (Layout::Rgba, &[red, green, blue, alpha]) => (red, green, blue, alpha),
                _ => continue,
            };
            for (sum, level) in sums.iter_mut().zip([red, green, blue]) {
                *sum += (u64::from(level) * u64::from(alpha) + 255 * (255 - u64::from(alpha))) / 255;
            }
            sums[3] += 1;
        }
    }
}

/// The size that a picture gets: never larger than it is, at least one pixel.
fn fitted((width, height): (usize, usize), room: (usize, usize)) -> (usize, usize) {
    let (width, height) = (width.max(1), height.max(1));
    if width <= room.0 && height <= room.1 {
        (width, height)
    } else if width * room.1 > height * room.0 {
        (room.0, (height * room.0 / width).max(1))
    } else {
        ((width * room.1 / height).max(1), room.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fingerprint::Limits;
    use crate::fingerprint::decode::decode;

    /// A picture of these pixels, drawn by rows.
    fn shrunk(width: u32, height: u32, layout: Layout, pixel: impl Fn(u32, u32) -> Vec<u8>) -> Shrink {
        let mut shrink = Shrink::into(240, 160);
        shrink.start(width, height, layout);
        for y in 0..height {
            shrink.row(&(0..width).flat_map(|x| pixel(x, y)).collect::<Vec<u8>>());
        }
        shrink
    }

    #[test]
    fn sizes() {
        let fitted = |from| fitted(from, (240, 160));
        assert_eq!(fitted((240, 160)), (240, 160));
        assert_eq!(fitted((680, 680)), (160, 160));
        assert_eq!(fitted((1200, 10)), (240, 2));
        assert_eq!(fitted((65_500, 1)), (240, 1));
        assert_eq!(fitted((1, 65_500)), (1, 160));
    }

    #[test]
    fn pixels_are_means_on_white() {
        let half = shrunk(480, 320, Layout::Rgb, |x, _| if x % 2 == 0 { vec![0; 3] } else { vec![200; 3] });
        assert_eq!(half.size(), (240, 160));
        assert!(half.rgb().iter().all(|rgb| *rgb == [100; 3]));
        let clear = shrunk(2, 1, Layout::Rgba, |x, _| vec![10, 20, 30, if x == 0 { 0 } else { 255 }]);
        assert_eq!(clear.rgb(), [[255; 3], [10, 20, 30]]);
        assert_eq!(shrunk(1, 1, Layout::GrayAlpha, |_, _| vec![7, 255]).rgb(), [[7; 3]]);
    }

    #[test]
    fn a_jpeg_is_as_good_as_its_size_allows() {
        // Noise is what compresses worst.
        let noise = shrunk(240, 160, Layout::Rgb, |x, y| {
            let mixed = (x * 7919 + y * 104_729).wrapping_mul(2_654_435_761);
            mixed.to_le_bytes()[..3].to_vec()
        });
        let (large, small) = (noise.jpeg(1_000_000).unwrap(), noise.jpeg(20_000).unwrap());
        assert!(small.len() <= 20_000 && small.len() < large.len());
        assert_eq!(noise.jpeg(100), None);
        let mut again = Shrink::into(240, 160);
        decode(&small, &Limits::default(), &mut again).unwrap();
        assert_eq!(again.size(), (240, 160));
    }
}
