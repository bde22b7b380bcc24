//! WebP, lossy and lossless; of an animation the first frame, on its canvas.
//!
//! The container is walked here, so that sizes are known before the decoder takes memory for them,
//! and the first frame is handed to the decoder as a file of its own: blended on the canvas, hidden
//! colors would be lost that Pillow keeps.

use std::io::Cursor;

use image_webp::WebPDecoder;

use super::limits::{DecodeError, Limits, check_sides, frame_buffer};
use super::rows::{Layout, RowSink};

const FORMAT: &str = "WebP";

pub(super) fn decode(bytes: &[u8], limits: &Limits, sink: &mut dyn RowSink) -> Result<(), DecodeError> {
    let picture = Picture::find(bytes)?;
    check_sides(picture.canvas.0, picture.canvas.1, limits, FORMAT)?;
    let (width, height) = picture.size;
    check_sides(width, height, limits, FORMAT)?;
    let (left, top) = picture.offset;
    let fits = |at: u32, len: u32, side: u32| at.checked_add(len).is_some_and(|end| end <= side);
    if !fits(left, width, picture.canvas.0) || !fits(top, height, picture.canvas.1) {
        return Err(DecodeError::broken(FORMAT, "the frame lies outside the image"));
    }

    let broken = |error: image_webp::DecodingError| DecodeError::broken(FORMAT, error);
    // The decoder holds the frame a second time while it works.
    let mut pixels = frame_buffer(u64::from(width) * u64::from(height), 8, limits)?;
    let mut decoder = WebPDecoder::new(Cursor::new(picture.standalone())).map_err(broken)?;
    let layout = if decoder.has_alpha() { Layout::Rgba } else { Layout::Rgb };
    let pixel = layout.bytes_per_pixel();
    let pitch = width as usize * pixel;
    pixels.truncate(pitch * height as usize);
    decoder.read_image(&mut pixels).map_err(broken)?;

    if picture.canvas == picture.size {
        sink.start(width, height, layout);
        pixels.chunks_exact(pitch).for_each(|row| sink.row(row));
        return Ok(());
    }
    // Around the frame lies transparent black.
    sink.start(picture.canvas.0, picture.canvas.1, Layout::Rgba);
    let mut row = vec![[0_u8; 4]; picture.canvas.0 as usize];
    for y in 0..picture.canvas.1 {
        row.fill([0; 4]);
        if let Some(line) = y.checked_sub(top).filter(|&line| line < height) {
            let line = &pixels[line as usize * pitch..][..pitch];
            for (to, from) in row[left as usize..].iter_mut().zip(line.chunks_exact(pixel)) {
                *to = [from[0], from[1], from[2], from.get(3).copied().unwrap_or(255)];
            }
        }
        sink.row(row.as_flattened());
    }
    Ok(())
}

/// Where the first picture of a file is.
struct Picture<'a> {
    canvas: (u32, u32),
    offset: (u32, u32),
    size: (u32, u32),
    alpha: Option<&'a [u8]>,
    kind: [u8; 4],
    data: &'a [u8],
}

impl<'a> Picture<'a> {
    fn find(bytes: &'a [u8]) -> Result<Picture<'a>, DecodeError> {
        let mut canvas = None;
        let mut offset = (0, 0);
        let mut alpha = None;
        let len = bytes.get(4..8).and_then(|len| len.try_into().ok()).map(u32::from_le_bytes);
        let end = len.and_then(|len| (len as usize).checked_add(8)).ok_or_else(cut_short)?;
        // Also where only later frames are cut off: libwebp opens no such file.
        let mut chunks = Chunks(bytes.get(12..end).ok_or_else(cut_short)?);
        while let Some(chunk) = chunks.next()? {
            match &chunk.kind {
                b"VP8X" => {
                    let side = |at| u24(chunk.data, at).map(|side| side + 1);
                    canvas = Some((side(4)?, side(7)?));
                }
                b"ANMF" => {
                    offset = (u24(chunk.data, 0)? * 2, u24(chunk.data, 3)? * 2);
                    // The frame's chunks follow its 16 bytes of header; look at these only.
                    chunks = Chunks(chunk.data.get(16..).ok_or_else(cut_short)?);
                }
                b"ALPH" => alpha = Some(chunk.data),
                b"VP8 " | b"VP8L" => {
                    let size = match &chunk.kind {
                        b"VP8L" => lossless_size(chunk.data)?,
                        _ => lossy_size(chunk.data)?,
                    };
                    let canvas = canvas.unwrap_or(size);
                    // Without the extended header there is no alpha beside the picture.
                    return Ok(Picture { canvas, offset, size, alpha, kind: chunk.kind, data: chunk.data });
                }
                _ => {}
            }
        }
        Err(cut_short())
    }

    /// The picture as a WebP file of its own.
    fn standalone(&self) -> Vec<u8> {
        let mut body = b"WEBP".to_vec();
        let mut chunk = |kind: &[u8; 4], data: &[u8]| {
            body.extend_from_slice(kind);
            body.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
            body.extend_from_slice(data);
            if data.len() % 2 == 1 {
                body.push(0);
            }
        };
        if let Some(alpha) = self.alpha.filter(|_| &self.kind == b"VP8 ") {
            const ALPHA_FLAG: u8 = 0x10;
            let mut header = vec![ALPHA_FLAG, 0, 0, 0];
            header.extend_from_slice(&(self.size.0 - 1).to_le_bytes()[..3]);
            header.extend_from_slice(&(self.size.1 - 1).to_le_bytes()[..3]);
            chunk(b"VP8X", &header);
            chunk(b"ALPH", alpha);
        }
        chunk(&self.kind, self.data);
        let mut file = b"RIFF".to_vec();
        file.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
        file.extend_from_slice(&body);
        file
    }
}

struct Chunk<'a> {
    kind: [u8; 4],
    data: &'a [u8],
}

/// The chunks of a RIFF body, in order.
struct Chunks<'a>(&'a [u8]);

impl<'a> Chunks<'a> {
    /// The next chunk; none at the end. A chunk that promises more than there is, is an error.
    fn next(&mut self) -> Result<Option<Chunk<'a>>, DecodeError> {
        let Some((header, rest)) = self.0.split_first_chunk::<8>() else { return Ok(None) };
        let [a, b, c, d, len @ ..] = *header;
        let len = u32::from_le_bytes(len) as usize;
        let data = rest.get(..len).ok_or_else(cut_short)?;
        // Chunks begin at even places; the last one's padding is often forgotten.
        self.0 = rest.get(len + len % 2..).unwrap_or_default();
        Ok(Some(Chunk { kind: [a, b, c, d], data }))
    }
}

fn cut_short() -> DecodeError {
    DecodeError::broken(FORMAT, "the file is cut short")
}

fn u24(data: &[u8], at: usize) -> Result<u32, DecodeError> {
    match data.get(at..at + 3) {
        Some(&[low, middle, high]) => Ok(u32::from_le_bytes([low, middle, high, 0])),
        _ => Err(cut_short()),
    }
}

/// Sides of a VP8 key frame: 14 bits each, after 3 bytes of tag and 3 of signature.
fn lossy_size(data: &[u8]) -> Result<(u32, u32), DecodeError> {
    match data.get(6..10) {
        Some(&[a, b, c, d]) => Ok((
            u32::from(u16::from_le_bytes([a, b]) & 0x3fff),
            u32::from(u16::from_le_bytes([c, d]) & 0x3fff),
        )),
        _ => Err(cut_short()),
    }
}

/// Sides of a VP8L picture: 14 bits each, less one, after 1 byte of signature.
fn lossless_size(data: &[u8]) -> Result<(u32, u32), DecodeError> {
    match data.get(1..5) {
        Some(&[a, b, c, d]) => {
            let bits = u32::from_le_bytes([a, b, c, d]);
            Ok(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        _ => Err(cut_short()),
    }
}
