//! The picture that features are looked for in, while the rows of an image pass by.

use aotf_parts::{Gray, Reducer};

use crate::fingerprint::decode::Layout;
use crate::fingerprint::luma::{LumaRow, flatten_row};

/// White, in front of which most networks show transparent images.
const WHITE: u8 = 255;

/// Reduces the gray levels of an image, in front of white where it is transparent.
pub struct Rows {
    layout: Layout,
    reducer: Reducer,
    /// For images with an alpha channel.
    luma: LumaRow,
    flat: Vec<u8>,
}

impl Rows {
    /// For an image of this size. `area`: pixels of the result, at most.
    pub fn new(width: u32, height: u32, layout: Layout, area: u32) -> Rows {
        let luma = LumaRow::new(if layout.has_alpha() { width } else { 0 });
        Rows { layout, reducer: Reducer::new(width, height, area), luma, flat: Vec::new() }
    }

    /// The next row. `levels`: its brightness, whatever alpha says.
    pub fn row(&mut self, pixels: &[u8], levels: &[u8]) {
        if !self.layout.has_alpha() {
            return self.reducer.row(levels);
        }
        flatten_row(pixels, self.layout, WHITE, &mut self.flat);
        self.luma.fill(&self.flat, Layout::Rgb);
        self.reducer.row(self.luma.levels());
    }

    /// The picture, after the last row.
    pub fn finish(self) -> Gray {
        self.reducer.finish()
    }
}
