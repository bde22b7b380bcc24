//! What a decoder gives: an image row by row.

/// How the pixels of a row lie in memory, 8 bits a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    Gray,
    GrayAlpha,
    Rgb,
    /// Four bytes a pixel, the fourth meaningless.
    Rgbx,
    Rgba,
}

impl Layout {
    pub fn bytes_per_pixel(self) -> usize {
        match self {
            Layout::Gray => 1,
            Layout::GrayAlpha => 2,
            Layout::Rgb => 3,
            Layout::Rgbx | Layout::Rgba => 4,
        }
    }

    pub fn has_alpha(self) -> bool {
        match self {
            Layout::GrayAlpha | Layout::Rgba => true,
            Layout::Gray | Layout::Rgb | Layout::Rgbx => false,
        }
    }
}

/// Takes an image row by row, from the top.
pub trait RowSink {
    /// Called once, before the first row. Both sides are at least 1 and within the limits.
    fn start(&mut self, width: u32, height: u32, layout: Layout);

    /// One row of exactly `width` pixels. After an error of the decoder no more rows follow.
    fn row(&mut self, pixels: &[u8]);
}
