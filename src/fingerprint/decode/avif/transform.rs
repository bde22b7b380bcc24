//! A picture cut, turned and mirrored as its file says: part of the format, so every viewer does it.

use crate::fingerprint::decode::limits::{DecodeError, Limits, check_frame_bytes};
use crate::fingerprint::decode::rows::{Layout, RowSink};

/// What is left of a picture: sides, and how far its middle is from that of the whole, in pixels.
/// Each is a numerator and a denominator.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Crop {
    pub(super) width: (i32, i32),
    pub(super) height: (i32, i32),
    pub(super) right: (i32, i32),
    pub(super) down: (i32, i32),
}

/// What is done to a picture before it is shown, in this order.
#[derive(Clone, Debug, Default)]
pub(super) struct Transform {
    pub(super) crop: Option<Crop>,
    /// Against the clock.
    pub(super) quarter_turns: u8,
    /// True: left and right change places. False: top and bottom do.
    pub(super) mirror: Option<bool>,
}

/// A part of a picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Part {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl Crop {
    /// None where it is no part of whole pixels: then all is shown, as browsers do.
    fn part(&self, width: u32, height: u32) -> Option<Part> {
        let (left, width) = along(self.width, self.right, width)?;
        let (top, height) = along(self.height, self.down, height)?;
        Some(Part { left, top, width, height })
    }
}

/// Where the part begins in one direction, and how long it is.
fn along(len: (i32, i32), offset: (i32, i32), whole: u32) -> Option<(usize, usize)> {
    let exact = |numerator: i128, denominator: i128| {
        (denominator != 0 && numerator % denominator == 0).then(|| numerator / denominator)
    };
    let len = exact(len.0.into(), len.1.into())?;
    let (numerator, denominator) = (i128::from(offset.0), i128::from(offset.1));
    // The offset is from middle to middle, so halves of pixels are usual.
    let start = exact(2 * numerator + (i128::from(whole) - len) * denominator, 2 * denominator)?;
    let is_within = len > 0 && start >= 0 && start + len <= i128::from(whole);
    is_within.then_some((usize::try_from(start).ok()?, usize::try_from(len).ok()?))
}

impl Transform {
    fn is_none(&self) -> bool {
        self.crop.is_none() && self.quarter_turns == 0 && self.mirror.is_none()
    }
}

/// Takes the rows of a picture and passes them on as they are shown.
pub(super) struct TransformSink<'a> {
    transform: Transform,
    sink: &'a mut dyn RowSink,
    layout: Layout,
    part: Part,
    next_row: usize,
    /// The pixels of the part; empty where rows are passed on as they come.
    pixels: Vec<u8>,
}

impl<'a> TransformSink<'a> {
    pub(super) fn new(transform: Transform, sink: &'a mut dyn RowSink) -> TransformSink<'a> {
        let part = Part { left: 0, top: 0, width: 0, height: 0 };
        TransformSink { transform, sink, layout: Layout::Gray, part, next_row: 0, pixels: Vec::new() }
    }

    /// Memory that a picture takes here, beside what its decoder holds.
    pub(super) fn check(
        transform: &Transform,
        pixels: u64,
        held: u64,
        limits: &Limits,
    ) -> Result<(), DecodeError> {
        let own = if transform.is_none() { 0 } else { pixels.saturating_mul(4) };
        check_frame_bytes(held.saturating_add(own), limits).map(|_| ())
    }

    /// To be called behind the last row.
    pub(super) fn finish(self) {
        if self.transform.is_none() {
            return;
        }
        let Part { width, height, .. } = self.part;
        let turns = self.transform.quarter_turns;
        let (shown_width, shown_height) =
            if turns.is_multiple_of(2) { (width, height) } else { (height, width) };
        let len = self.layout.bytes_per_pixel();
        let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
        self.sink.start(side(shown_width), side(shown_height), self.layout);
        let mut row = Vec::with_capacity(shown_width * len);
        for y in 0..shown_height {
            row.clear();
            for x in 0..shown_width {
                let (x, y) = match self.transform.mirror {
                    None => (x, y),
                    Some(true) => (shown_width - 1 - x, y),
                    Some(false) => (x, shown_height - 1 - y),
                };
                let (x, y) = match turns {
                    1 => (width - 1 - y, x),
                    2 => (width - 1 - x, height - 1 - y),
                    3 => (y, height - 1 - x),
                    _ => (x, y),
                };
                row.extend_from_slice(&self.pixels[(y * width + x) * len..][..len]);
            }
            self.sink.row(&row);
        }
    }
}

impl RowSink for TransformSink<'_> {
    fn start(&mut self, width: u32, height: u32, layout: Layout) {
        let whole = Part { left: 0, top: 0, width: width as usize, height: height as usize };
        self.part = self.transform.crop.as_ref().and_then(|crop| crop.part(width, height)).unwrap_or(whole);
        self.layout = layout;
        if self.transform.is_none() {
            self.sink.start(width, height, layout);
        } else {
            self.pixels.reserve_exact(self.part.width * self.part.height * layout.bytes_per_pixel());
        }
    }

    fn row(&mut self, pixels: &[u8]) {
        if self.transform.is_none() {
            return self.sink.row(pixels);
        }
        let y = self.next_row;
        self.next_row += 1;
        let Part { left, top, width, height } = self.part;
        if (top..top + height).contains(&y) {
            let len = self.layout.bytes_per_pixel();
            self.pixels.extend_from_slice(&pixels[left * len..][..width * len]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Rows(Vec<Vec<u8>>);

    impl RowSink for Rows {
        fn start(&mut self, width: u32, height: u32, _: Layout) {
            assert!(width > 0 && height > 0);
        }

        fn row(&mut self, pixels: &[u8]) {
            self.0.push(pixels.to_vec());
        }
    }

    #[track_caller]
    fn check(transform: Transform, expect: &[&[u8]]) {
        let mut rows = Rows::default();
        let mut sink = TransformSink::new(transform, &mut rows);
        sink.start(3, 2, Layout::Gray);
        sink.row(&[1, 2, 3]);
        sink.row(&[4, 5, 6]);
        sink.finish();
        assert_eq!(rows.0, expect);
    }

    #[test]
    fn pictures_are_cut_then_turned_then_mirrored() {
        let turn = |quarter_turns| Transform { quarter_turns, ..Transform::default() };
        check(turn(0), &[&[1, 2, 3], &[4, 5, 6]]);
        check(turn(1), &[&[3, 6], &[2, 5], &[1, 4]]);
        check(turn(2), &[&[6, 5, 4], &[3, 2, 1]]);
        check(turn(3), &[&[4, 1], &[5, 2], &[6, 3]]);
        let mirror = |sideways| Transform { mirror: Some(sideways), ..Transform::default() };
        check(mirror(true), &[&[3, 2, 1], &[6, 5, 4]]);
        check(mirror(false), &[&[4, 5, 6], &[1, 2, 3]]);
        check(Transform { mirror: Some(true), ..turn(1) }, &[&[6, 3], &[5, 2], &[4, 1]]);
        let crop = |right| Crop { width: (4, 2), height: (2, 1), right, down: (0, 1) };
        check(Transform { crop: Some(crop((1, 2))), ..turn(0) }, &[&[2, 3], &[5, 6]]);
        check(Transform { crop: Some(crop((-1, 2))), ..turn(1) }, &[&[2, 5], &[1, 4]]);
    }

    #[test]
    fn a_cut_that_is_no_part_of_whole_pixels_is_none() {
        let crop = |width, right| Crop { width, height: (2, 1), right, down: (0, 1) };
        for crop in [
            crop((2, 1), (0, 1)),
            crop((2, 1), (3, 2)),
            crop((5, 1), (0, 1)),
            crop((0, 1), (0, 1)),
            crop((-1, 1), (0, 1)),
            crop((1, 0), (0, 1)),
            crop((1, 1), (0, 0)),
            crop((i32::MIN, -1), (i32::MAX, i32::MIN)),
        ] {
            assert_eq!(crop.part(3, 2), None, "{crop:?}");
        }
    }
}
