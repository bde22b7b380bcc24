//! A picture as the file describes it: what the boxes say, before anything is decoded.

use std::borrow::Cow;

use super::transform::Transform;

/// A picture as the file describes it, before it is decoded.
pub(super) struct Picture<'a> {
    /// Its sides, where the file says them outside of the stream.
    pub(super) size: Option<(u32, u32)>,
    pub(super) color: Coded<'a>,
    pub(super) alpha: Option<Coded<'a>>,
    /// Whether the colors are multiplied by the transparency already.
    pub(super) premultiplied: bool,
    /// The matrix and whether levels take the full range, where the file says it outside of the stream.
    pub(super) color_code: Option<(u16, bool)>,
    pub(super) transform: Transform,
}

/// Its streams: one, or one for each tile in reading order.
pub(super) struct Coded<'a> {
    pub(super) streams: Vec<Stream<'a>>,
    pub(super) grid: Option<Grid>,
}

/// How tiles make a picture. Its sides are those of the whole, in pixels.
#[derive(Clone, Copy)]
pub(super) struct Grid {
    pub(super) columns: usize,
    pub(super) rows: usize,
    pub(super) width: u32,
    pub(super) height: u32,
}

pub(super) struct Stream<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    pub(super) operating_point: u8,
    /// None where the finest layer is meant.
    pub(super) layer: Option<u16>,
}
