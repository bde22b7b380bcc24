//! AVIF: stills, pictures of several tiles, and the first picture of a sequence, with transparency, of 8,
//! 10 or 12 bits, cut, turned and mirrored as the file says. The boxes are read here, streams are decoded
//! by dav1d, and brightness and color become RGB here, row by row.

mod boxes;
mod color;
mod items;
mod picture;
mod planes;
mod properties;
mod stream;
mod tracks;
mod transform;

use boxes::{Cursor, FORMAT, boxes, broken, find};
use picture::{Coded, Picture, Stream};
use planes::Planes;
use stream::Header;
use transform::TransformSink;

use super::limits::{DecodeError, Limits, check_sides};
use super::rows::{Layout, RowSink};

pub(super) fn decode(bytes: &[u8], limits: &Limits, sink: &mut dyn RowSink) -> Result<(), DecodeError> {
    let picture = read(bytes)?;
    if let Some((width, height)) = picture.size {
        check_sides(width, height, limits, FORMAT)?;
    }
    let color = picture.color.headers(limits)?;
    let alpha = picture.alpha.as_ref().map(|alpha| alpha.headers(limits)).transpose()?;
    let all = || color.iter().chain(alpha.iter().flatten());
    let held = all().map(Header::frame_bytes).sum();
    check_frames(all().map(Header::decoded_pixels).sum(), limits)?;
    TransformSink::check(&picture.transform, color.iter().map(Header::pixels).sum(), held, limits)?;

    let color = picture.color.decode(&color, picture.color_code)?;
    let alpha = match (&picture.alpha, &alpha) {
        (Some(coded), Some(headers)) => Some(coded.decode(headers, None)?),
        _ => None,
    };
    let mut sink = TransformSink::new(picture.transform, sink);
    show(&color, alpha.as_ref(), picture.premultiplied, &mut sink)?;
    sink.finish();
    Ok(())
}

/// Holds the pixels of all frames against the limits: four times the most pixels of a picture, which is
/// what four layers of it take, or two with transparency.
fn check_frames(pixels: u64, limits: &Limits) -> Result<(), DecodeError> {
    let limit = limits.max_pixels.saturating_mul(4);
    match pixels > limit {
        true => Err(DecodeError::TooLarge { actual: pixels, unit: "pixels in its frames", limit }),
        false => Ok(()),
    }
}

/// The picture that counts: of a sequence the first one, else the one that the file is for.
fn read(bytes: &[u8]) -> Result<Picture<'_>, DecodeError> {
    let parts = boxes(Cursor(bytes))?;
    let is_sequence = bytes.get(8..12) == Some(b"avis");
    let movie = || match find(&parts, b"moov") {
        Some(movie) => tracks::first_picture(bytes, movie),
        None => Ok(None),
    };
    if is_sequence && let Some(picture) = movie()? {
        return Ok(picture);
    }
    if let Some(meta) = find(&parts, b"meta")
        && let Some(meta) = items::Meta::read(bytes, meta)?
    {
        return meta.picture();
    }
    movie()?.ok_or_else(|| broken("there is no picture in it"))
}

impl Coded<'_> {
    /// What each stream says of itself, held against the limits.
    fn headers(&self, limits: &Limits) -> Result<Vec<Header>, DecodeError> {
        if let Some(grid) = self.grid {
            check_sides(grid.width, grid.height, limits, FORMAT)?;
        }
        let header = |stream: &Stream<'_>| {
            let header = stream::read_header(&stream.bytes)?;
            check_sides(header.width, header.height, limits, FORMAT)?;
            Ok(header)
        };
        let headers: Vec<Header> = self.streams.iter().map(header).collect::<Result<_, _>>()?;
        if let (Some(grid), Some(first)) = (self.grid, headers.first()) {
            if headers.iter().any(|other| !other.is_like(first)) {
                return Err(broken("its tiles are not alike"));
            }
            grid.check(first.width as usize, first.height as usize)?;
        }
        Ok(headers)
    }

    fn decode(&self, headers: &[Header], color_code: Option<(u16, bool)>) -> Result<Planes, DecodeError> {
        let frames = self.streams.iter().zip(headers).map(|(stream, header)| stream::decode(stream, header));
        Planes::new(frames.collect::<Result<_, _>>()?, self.grid, color_code)
    }
}

fn show(
    color: &Planes,
    alpha: Option<&Planes>,
    premultiplied: bool,
    sink: &mut dyn RowSink,
) -> Result<(), DecodeError> {
    if alpha.is_some_and(|alpha| (alpha.width, alpha.height) != (color.width, color.height)) {
        return Err(broken("its transparency is of another size"));
    }
    let layout = match (color.is_gray(), alpha.is_some()) {
        (true, false) => Layout::Gray,
        (true, true) => Layout::GrayAlpha,
        (false, false) => Layout::Rgb,
        (false, true) => Layout::Rgba,
    };
    let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
    sink.start(side(color.width), side(color.height), layout);
    let mut pixels = Vec::with_capacity(color.width * layout.bytes_per_pixel());
    let mut rows = <[Vec<f32>; 4]>::default();
    for y in 0..color.height {
        let [luma, blue, red, cover] = &mut rows;
        color.luma_row(y, luma);
        color.chroma_rows(y, blue, red);
        if let Some(alpha) = alpha {
            alpha.luma_row(y, cover);
        }
        pixels.clear();
        for x in 0..color.width {
            let cover = alpha.map(|_| cover[x].clamp(0.0, 1.0));
            let divisor = cover.filter(|&cover| premultiplied && cover > 0.0).unwrap_or(1.0);
            let level = |level: f32| byte(level / divisor);
            match color.is_gray() {
                true => pixels.push(level(luma[x])),
                false => pixels.extend(color.model.rgb(luma[x], blue[x], red[x]).map(level)),
            }
            pixels.extend(cover.map(byte));
        }
        sink.row(&pixels);
    }
    Ok(())
}

/// From 0 to 1, and what rounding and compression carried beyond.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn byte(level: f32) -> u8 {
    (level * 255.0 + 0.5).clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests;
