//! Brightness of pixels, as Pillow's `convert("L")` computes it, and transparency flattened on a color.

use super::decode::Layout;
use super::kernel;

/// The brightness of one row of pixels.
pub(super) struct LumaRow {
    levels: Vec<u8>,
    /// The same, wider, and with zeros at the end.
    wide: Vec<i16>,
}

impl LumaRow {
    /// For rows of that many pixels.
    pub fn new(width: u32) -> LumaRow {
        LumaRow { levels: vec![0; width as usize], wide: vec![0; width as usize + kernel::PADDING] }
    }

    /// Takes the brightness of a row. Alpha is ignored: what is hidden under it counts.
    pub fn fill(&mut self, pixels: &[u8], layout: Layout) {
        let wide = &mut self.wide[..self.levels.len()];
        match layout {
            Layout::Rgbx | Layout::Rgba => return kernel::luma(pixels, &mut self.levels, wide),
            Layout::Gray => self.levels.copy_from_slice(pixels),
            Layout::GrayAlpha => {
                for (level, &[gray, _]) in self.levels.iter_mut().zip(pixels.as_chunks().0) {
                    *level = gray;
                }
            }
            Layout::Rgb => {
                for (level, &rgb) in self.levels.iter_mut().zip(pixels.as_chunks().0) {
                    *level = kernel::brightness(rgb);
                }
            }
        }
        for (wide, &level) in wide.iter_mut().zip(&self.levels) {
            *wide = i16::from(level);
        }
    }

    /// One level for each pixel.
    pub fn levels(&self) -> &[u8] {
        &self.levels
    }

    /// The levels, followed by [`kernel::PADDING`] zeros.
    pub fn wide(&self) -> &[i16] {
        &self.wide
    }
}

/// Whether any pixel of a row shows what lies behind it.
pub(super) fn is_transparent(pixels: &[u8], layout: Layout) -> bool {
    match layout {
        Layout::GrayAlpha => pixels.as_chunks::<2>().0.iter().any(|pixel| pixel[1] < 255),
        Layout::Rgba => pixels.as_chunks::<4>().0.iter().any(|pixel| pixel[3] < 255),
        Layout::Gray | Layout::Rgb | Layout::Rgbx => false,
    }
}

/// A row as it looks in front of `background` (a gray of that level), as [`Layout::Rgb`].
pub(super) fn flatten_row(pixels: &[u8], layout: Layout, background: u8, to: &mut Vec<u8>) {
    let over = |color: u8, alpha: u8| {
        let sum = u32::from(color) * u32::from(alpha) + u32::from(background) * u32::from(255 - alpha);
        ((sum + 127) / 255) as u8
    };
    to.clear();
    match layout {
        Layout::GrayAlpha => {
            to.extend(pixels.as_chunks().0.iter().flat_map(|&[gray, alpha]| [over(gray, alpha); 3]))
        }
        Layout::Rgba => {
            to.extend(pixels.as_chunks().0.iter().flat_map(|&[red, green, blue, alpha]| {
                [over(red, alpha), over(green, alpha), over(blue, alpha)]
            }));
        }
        Layout::Gray => to.extend(pixels.iter().flat_map(|&gray| [gray; 3])),
        Layout::Rgb => to.extend_from_slice(pixels),
        Layout::Rgbx => {
            to.extend(pixels.as_chunks().0.iter().flat_map(|&[red, green, blue, _]| [red, green, blue]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flattening_blends_by_alpha() {
        let mut row = Vec::new();
        flatten_row(&[10, 20, 30, 255, 9, 9, 9, 0, 100, 0, 200, 128], Layout::Rgba, 255, &mut row);
        assert_eq!(row, [10, 20, 30, 255, 255, 255, 177, 127, 227]);
    }
}
