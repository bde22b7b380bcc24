//! Decoded pictures, tiles put together, as rows of levels from 0 to 1.

use super::boxes::broken;
use super::color::ColorModel;
use super::items::MIN_TILE_SIDE;
use super::picture::Grid;
use super::stream::{Frame, Samples, Sampling};
use crate::fingerprint::decode::limits::DecodeError;

/// The matrix of whoever has no color, or does not say which.
const UNSPECIFIED: u16 = 2;

/// A picture: one frame, or several side by side.
pub(super) struct Planes {
    frames: Vec<Frame>,
    columns: usize,
    pub(super) width: usize,
    pub(super) height: usize,
    sampling: Sampling,
    depth: u8,
    full_range: bool,
    pub(super) model: ColorModel,
}

impl Planes {
    /// The frames in reading order. The color code is the file's, where it has one.
    pub(super) fn new(
        frames: Vec<Frame>,
        grid: Option<Grid>,
        color_code: Option<(u16, bool)>,
    ) -> Result<Planes, DecodeError> {
        let Some(first) = frames.first() else { return Err(broken("there is no picture in it")) };
        let (matrix, full_range) = color_code.unwrap_or_else(|| first.color_code());
        let look = |frame: &Frame| (frame.width(), frame.height(), frame.sampling(), frame.depth());
        if frames.iter().any(|frame| look(frame) != look(first)) {
            return Err(broken("its tiles are not alike"));
        }
        let (width, height, sampling, depth) = look(first);
        let (columns, whole) = match grid {
            None => (1, (width, height)),
            Some(grid) => (grid.columns, grid.check(width, height)?),
        };
        let is_cut = |side: usize| frames.len() > 1 && side % 2 == 1;
        let is_halved =
            (matches!(sampling, Sampling::Quarter | Sampling::Half), matches!(sampling, Sampling::Quarter));
        if is_halved.0 && is_cut(width) || is_halved.1 && is_cut(height) {
            return Err(broken("its tiles end within a sample of color"));
        }
        let model =
            if sampling == Sampling::Gray { ColorModel::of(UNSPECIFIED) } else { ColorModel::of(matrix) }?;
        Ok(Planes { frames, columns, width: whole.0, height: whole.1, sampling, depth, full_range, model })
    }

    pub(super) fn is_gray(&self) -> bool {
        self.sampling == Sampling::Gray
    }

    /// Black and white of the brightness, in samples.
    fn luma_range(&self) -> (f32, f32) {
        let unit = f32::from(1_u16 << (self.depth - 8));
        match self.full_range {
            true => (0.0, 256.0 * unit - 1.0),
            false => (16.0 * unit, 219.0 * unit),
        }
    }

    /// No color, and the way from one extreme to the other, in samples.
    fn chroma_range(&self) -> (f32, f32) {
        let unit = f32::from(1_u16 << (self.depth - 8));
        match self.full_range {
            true => (128.0 * unit, 256.0 * unit - 1.0),
            false => (128.0 * unit, 224.0 * unit),
        }
    }

    pub(super) fn luma_row(&self, y: usize, row: &mut Vec<f32>) {
        self.row(0, y, self.luma_range(), row);
    }

    /// Both rows of color, a sample for each pixel.
    pub(super) fn chroma_rows(&self, y: usize, blue: &mut Vec<f32>, red: &mut Vec<f32>) {
        if self.is_gray() {
            return;
        }
        // Three planes of levels, where it is no brightness and color at all.
        let range = match self.model {
            ColorModel::Rgb => self.luma_range(),
            _ => self.chroma_range(),
        };
        let mut other = Vec::new();
        for (plane, row) in [(1, blue), (2, red)] {
            if self.sampling == Sampling::Quarter {
                let (near, far) = halved_neighbors(y, self.height.div_ceil(2));
                self.row(plane, near, range, row);
                self.row(plane, far, range, &mut other);
                row.iter_mut().zip(&other).for_each(|(near, far)| *near = between(*near, *far));
            } else {
                self.row(plane, y, range, row);
            }
            if matches!(self.sampling, Sampling::Quarter | Sampling::Half) {
                std::mem::swap(row, &mut other);
                row.clear();
                row.extend((0..self.width).map(|x| {
                    let (near, far) = halved_neighbors(x, other.len());
                    between(other[near], other[far])
                }));
            }
        }
    }

    /// A row of a plane over all tiles beside each other, each sample as `(sample - zero) / one`.
    fn row(&self, plane: usize, y: usize, (zero, one): (f32, f32), row: &mut Vec<f32>) {
        row.clear();
        let (_, tile_height) = self.frames[0].plane_size(plane);
        let tiles = self.frames.chunks(self.columns).nth(y / tile_height).unwrap_or_default();
        for tile in tiles {
            match tile.row(plane, y % tile_height) {
                Samples::Eight(samples) => row.extend(samples.iter().map(|&s| (f32::from(s) - zero) / one)),
                Samples::Sixteen(samples) => row.extend(samples.iter().map(|&s| (f32::from(s) - zero) / one)),
            }
        }
        let is_halved = plane > 0 && matches!(self.sampling, Sampling::Quarter | Sampling::Half);
        row.truncate(if is_halved { self.width.div_ceil(2) } else { self.width });
    }
}

impl Grid {
    /// The size of the whole, where tiles of this size cover it, and none of them lies outside.
    pub(super) fn check(&self, width: usize, height: usize) -> Result<(usize, usize), DecodeError> {
        let covers = |tile: usize, n_tiles: usize, whole: u32| {
            let whole = whole as usize;
            tile * n_tiles >= whole && tile * (n_tiles - 1) < whole
        };
        if !covers(width, self.columns, self.width) || !covers(height, self.rows, self.height) {
            return Err(broken("its tiles do not make the whole"));
        }
        let is_small = |side: usize| side < MIN_TILE_SIDE as usize;
        if self.columns * self.rows > 1 && (is_small(width) || is_small(height)) {
            return Err(broken("its tiles are smaller than the format allows"));
        }
        Ok((self.width as usize, self.height as usize))
    }
}

/// Of samples that each lie between two pixels, the one beside this pixel and the next on its other side.
fn halved_neighbors(pixel: usize, n_samples: usize) -> (usize, usize) {
    let near = pixel / 2;
    match pixel.is_multiple_of(2) {
        true => (near, near.saturating_sub(1)),
        false => (near, (near + 1).min(n_samples - 1)),
    }
}

/// The level at a pixel between two samples, of which the far one is three times as far.
fn between(near: f32, far: f32) -> f32 {
    (near * 3.0 + far) / 4.0
}
