//! PNG, row by row; interlaced ones through a whole frame. Of an APNG the default image.

use std::borrow::Cow;
use std::io::Cursor;

use png::{BitDepth, ColorType, DecodeOptions, Decoder, InterlaceInfo, Reader, Transformations};

use super::limits::{DecodeError, Limits, check_sides, frame_buffer};
use super::rows::{Layout, RowSink};

const FORMAT: &str = "PNG";

const END_CHUNK: &[u8] = b"\0\0\0\0IEND\xaeB`\x82";

pub(super) fn decode(bytes: &[u8], limits: &Limits, sink: &mut dyn RowSink) -> Result<(), DecodeError> {
    let broken = |error: png::DecodingError| DecodeError::broken(FORMAT, error);
    let mut options = DecodeOptions::default();
    // Pillow checks the sum over the pixels, too, and minds no damage in what is not needed.
    options.set_ignore_adler32(false);
    options.set_skip_ancillary_crc_failures(true);
    options.set_ignore_text_chunk(true);
    options.set_ignore_iccp_chunk(true);
    let bytes = match lacks_only_its_end(bytes) {
        false => Cow::Borrowed(bytes),
        true => Cow::Owned([bytes, END_CHUNK].concat()),
    };
    let mut decoder = Decoder::new_with_options(Cursor::new(&bytes[..]), options);
    decoder.set_transformations(Transformations::IDENTITY);
    decoder.set_limits(png::Limits { bytes: limits.max_frame_bytes });
    let header = decoder.read_header_info().map_err(broken)?;
    let (width, height, interlaced) = (header.width, header.height, header.interlaced);
    check_sides(width, height, limits, FORMAT)?;
    let mut reader = decoder.read_info().map_err(broken)?;
    let unpack = Unpack::new(reader.info())?;
    if interlaced {
        let frame = whole_frame(&mut reader, &unpack, limits)?;
        sink.start(width, height, unpack.layout);
        let pitch = width as usize * unpack.layout.bytes_per_pixel();
        frame.chunks_exact(pitch).for_each(|row| sink.row(row));
        return Ok(());
    }
    sink.start(width, height, unpack.layout);
    let mut unpacked = Vec::new();
    for _ in 0..height {
        let row = reader.next_row().map_err(broken)?;
        let row = row.ok_or_else(|| DecodeError::broken(FORMAT, "rows are missing"))?;
        if unpack.is_plain() {
            sink.row(row.data());
        } else {
            unpack.row(row.data(), width as usize, &mut unpacked);
            sink.row(&unpacked);
        }
    }
    Ok(())
}

/// Whether a file stops after a whole chunk that is not the last: whole enough for Pillow.
fn lacks_only_its_end(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some((&[len @ .., b'A'..=b'Z' | b'a'..=b'z', _, _, _], _)) = rest.split_first_chunk::<8>() {
        let is_end = rest.starts_with(END_CHUNK);
        let whole = (u32::from_be_bytes(len) as usize).saturating_add(12);
        match rest.get(whole..) {
            Some(after) if !is_end => rest = after,
            _ => return false,
        }
    }
    rest.is_empty()
}

/// The frame of an interlaced image, unpacked: its seven passes put together.
fn whole_frame(
    reader: &mut Reader<Cursor<&[u8]>>,
    unpack: &Unpack,
    limits: &Limits,
) -> Result<Vec<u8>, DecodeError> {
    let (width, height) = (reader.info().width, reader.info().height);
    let pixel = unpack.layout.bytes_per_pixel();
    let mut frame = frame_buffer(u64::from(width) * u64::from(height), pixel, limits)?;
    let pitch = width as usize * pixel;
    let mut unpacked = Vec::new();
    loop {
        let row = reader.next_interlaced_row().map_err(|error| DecodeError::broken(FORMAT, error))?;
        let Some(row) = row else { return Ok(frame) };
        let InterlaceInfo::Adam7(pass) = row.interlace() else {
            return Err(DecodeError::broken(FORMAT, "interlaced and not interlaced at once"));
        };
        // At most that many: the padding of packed rows is dropped when the pass is laid out.
        unpack.row(row.data(), row.data().len() * 8, &mut unpacked);
        png::expand_interlaced_row(&mut frame, pitch, &unpacked, pass, (pixel * 8) as u8);
    }
}

/// How the rows of one file become 8-bit pixels.
struct Unpack {
    color: ColorType,
    depth: BitDepth,
    layout: Layout,
    /// The one color that is transparent, as it stands in the rows: big-endian, 2 bytes a channel.
    color_key: Option<Vec<u16>>,
    /// RGBA by index; indices beyond the file's palette are grays, as they are in Pillow.
    palette: Vec<[u8; 4]>,
}

impl Unpack {
    fn new(info: &png::Info<'_>) -> Result<Unpack, DecodeError> {
        let transparency = info.trns.as_deref();
        let mut palette = Vec::new();
        let mut color_key = None;
        let layout = match info.color_type {
            ColorType::Indexed => {
                palette = (0..=255).map(|level| [level, level, level, 255]).collect();
                let colors = info
                    .palette
                    .as_deref()
                    .ok_or_else(|| DecodeError::broken(FORMAT, "the palette is missing"))?;
                for (entry, &[red, green, blue]) in palette.iter_mut().zip(colors.as_chunks().0) {
                    *entry = [red, green, blue, 255];
                }
                for (entry, &alpha) in palette.iter_mut().zip(transparency.unwrap_or_default()) {
                    entry[3] = alpha;
                }
                if transparency.is_some() { Layout::Rgba } else { Layout::Rgbx }
            }
            ColorType::GrayscaleAlpha => Layout::GrayAlpha,
            ColorType::Rgba => Layout::Rgba,
            ColorType::Grayscale | ColorType::Rgb => {
                color_key = transparency
                    .map(|key| key.as_chunks().0.iter().map(|&sample| u16::from_be_bytes(sample)).collect());
                match (info.color_type, &color_key) {
                    (ColorType::Grayscale, None) => Layout::Gray,
                    (ColorType::Grayscale, Some(_)) => Layout::GrayAlpha,
                    (_, None) => Layout::Rgb,
                    (_, Some(_)) => Layout::Rgba,
                }
            }
        };
        Ok(Unpack { color: info.color_type, depth: info.bit_depth, layout, color_key, palette })
    }

    /// Whether rows need no unpacking.
    fn is_plain(&self) -> bool {
        self.depth == BitDepth::Eight && self.color != ColorType::Indexed && self.color_key.is_none()
    }

    /// Unpacks the first `pixels` pixels of `row` into `to`, replacing what it holds.
    fn row(&self, row: &[u8], pixels: usize, to: &mut Vec<u8>) {
        to.clear();
        if self.color == ColorType::Indexed {
            match self.layout {
                // The fourth byte of an opaque color is never looked at.
                Layout::Rgba | Layout::Rgbx => to.extend(
                    samples(row, self.depth).take(pixels).flat_map(|i| self.palette[usize::from(i & 255)]),
                ),
                Layout::Gray | Layout::GrayAlpha | Layout::Rgb => {}
            }
            return;
        }
        let channels = self.color.samples();
        let narrow = self.narrowing();
        match &self.color_key {
            None => to.extend(samples(row, self.depth).take(pixels * channels).map(narrow)),
            Some(key) => {
                let values: Vec<u16> = samples(row, self.depth).take(pixels * channels).collect();
                for pixel in values.chunks_exact(channels) {
                    to.extend(pixel.iter().map(|&sample| narrow(sample)));
                    to.push(if pixel == key { 0 } else { 255 });
                }
            }
        }
    }

    /// How Pillow makes 8 bits of a sample. Grayscale of 16 bits is *cut off* at 255, not scaled
    /// down, so nearly all of it becomes white; color loses the low byte.
    fn narrowing(&self) -> fn(u16) -> u8 {
        match (self.color, self.depth) {
            (ColorType::Grayscale, BitDepth::One) => |v| if v == 0 { 0 } else { 255 },
            (ColorType::Grayscale, BitDepth::Two) => |v| (v as u8) * 85,
            (ColorType::Grayscale, BitDepth::Four) => |v| (v as u8) * 17,
            (ColorType::Grayscale, BitDepth::Sixteen) => |v| v.min(255) as u8,
            (_, BitDepth::Sixteen) => |v| (v >> 8) as u8,
            _ => |v| v as u8,
        }
    }
}

/// The samples of a packed row, the first in the most significant bits.
fn samples(row: &[u8], depth: BitDepth) -> Box<dyn Iterator<Item = u16> + '_> {
    let split = move |bits: u32| {
        row.iter().flat_map(move |&byte| {
            (0..8 / bits).map(move |i| u16::from(byte >> (8 - bits * (i + 1))) & ((1 << bits) - 1))
        })
    };
    match depth {
        BitDepth::One => Box::new(split(1)),
        BitDepth::Two => Box::new(split(2)),
        BitDepth::Four => Box::new(split(4)),
        BitDepth::Eight => Box::new(row.iter().map(|&byte| u16::from(byte))),
        BitDepth::Sixteen => Box::new(row.as_chunks().0.iter().map(|&pair| u16::from_be_bytes(pair))),
    }
}
