//! Two pictures side by side, with a region of each outlined.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use crate::domain::images::PictureSize;
use crate::domain::parts::Corners;
use crate::fingerprint::decode::{DecodeError, Limits, decode};
use crate::fingerprint::shrink::Shrink;

/// Pixels between the pictures.
pub const GAP: usize = 12;

/// A color that drawings seldom have, between two lines of white.
const OUTLINE: [u8; 3] = [255, 45, 126];
const EDGE: [u8; 3] = [255; 3];

/// Why nothing was drawn.
#[derive(Debug, thiserror::Error)]
pub enum DrawError {
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error("the drawing could not be written")]
    Write(#[source] io::Error),
    #[error("the drawing could not be written")]
    Encode(#[from] png::EncodingError),
}

/// Writes a PNG file that was not there before.
///
/// # Errors
/// See [`DrawError`].
pub fn side_by_side(files: [&[u8]; 2], corners: Option<[&Corners; 2]>, path: &Path) -> Result<(), DrawError> {
    let [left, right] = [shrunk(files[0])?, shrunk(files[1])?];
    let (sizes, height) = ([left.size(), right.size()], left.size().1.max(right.size().1));
    let mut canvas = Canvas::new(sizes[0].0 + GAP + sizes[1].0, height);
    for (at, picture) in [&left, &right].into_iter().enumerate() {
        let x = if at == 0 { 0 } else { sizes[0].0 + GAP };
        canvas.put(picture, x);
        if let Some(corners) = corners {
            canvas.outline(corners[at], x, sizes[at]);
        }
    }
    let file = File::create_new(path).map_err(DrawError::Write)?;
    // Neither side is longer than two large pictures.
    let mut encoder = png::Encoder::new(BufWriter::new(file), canvas.width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(canvas.pixels.as_flattened())?;
    Ok(writer.finish()?)
}

fn shrunk(file: &[u8]) -> Result<Shrink, DecodeError> {
    let side = PictureSize::Large.pixels();
    let mut picture = Shrink::into(side, side);
    decode(file, &Limits::default(), &mut picture)?;
    Ok(picture)
}

struct Canvas {
    width: usize,
    pixels: Vec<[u8; 3]>,
}

impl Canvas {
    fn new(width: usize, height: usize) -> Canvas {
        Canvas { width, pixels: vec![[255; 3]; width * height] }
    }

    fn put(&mut self, picture: &Shrink, x: usize) {
        let width = picture.size().0;
        let rows = self.pixels.chunks_exact_mut(self.width);
        for (row, source) in rows.zip(picture.rgb().chunks_exact(width.max(1))) {
            if let Some(room) = row.get_mut(x..x + width) {
                room.copy_from_slice(source);
            }
        }
    }

    /// The outline of a region of the picture at `x`, as far as it lies within the picture.
    fn outline(&mut self, corners: &Corners, x: usize, size: (usize, usize)) {
        for (reach, color) in [(3, EDGE), (1, OUTLINE)] {
            for (from, to) in corners.iter().zip(corners.iter().cycle().skip(1)) {
                self.line(*from, *to, (x, size), (reach, color));
            }
        }
    }

    fn line(
        &mut self,
        from: [f64; 2],
        to: [f64; 2],
        (left, size): (usize, (usize, usize)),
        (reach, color): (i64, [u8; 3]),
    ) {
        let pixel = |[x, y]: [f64; 2]| [x * (size.0 as f64 - 1.0), y * (size.1 as f64 - 1.0)];
        let (from, to) = (pixel(from), pixel(to));
        // Corners lie at most 33 pictures away, so this comes to some tens of thousands.
        let steps = (to[0] - from[0]).abs().max((to[1] - from[1]).abs()).ceil().max(1.0) as usize;
        for step in 0..=steps {
            let part = step as f64 / steps as f64;
            let [x, y] = [0, 1].map(|axis| (from[axis] + (to[axis] - from[axis]) * part).round() as i64);
            for (x, y) in (-reach..=reach).flat_map(|dy| (-reach..=reach).map(move |dx| (x + dx, y + dy))) {
                let place = usize::try_from(x).ok().zip(usize::try_from(y).ok());
                if let Some((x, y)) = place.filter(|(x, y)| *x < size.0 && *y < size.1) {
                    self.pixels[y * self.width + left + x] = color;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outline_stays_within_its_picture() {
        let mut canvas = Canvas::new(10 + GAP + 10, 10);
        let far = [[-20.0, 0.5], [30.0, 0.5], [30.0, 33.0], [-20.0, -33.0]];
        canvas.outline(&far, 10 + GAP, (10, 10));
        let colored = |x: usize, y: usize| canvas.pixels[y * canvas.width + x] == OUTLINE;
        assert!(colored(10 + GAP, 5) && colored(10 + GAP + 9, 5));
        assert!((0..10 + GAP).all(|x| (0..10).all(|y| !colored(x, y))));
    }
}
