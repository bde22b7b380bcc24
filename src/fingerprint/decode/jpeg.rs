//! JPEG by libjpeg-turbo with its defaults, as Pillow decodes it.

use turbojpeg::{Colorspace, Decompressor, Image, PixelFormat};

use super::{DecodeError, Layout, Limits, RowSink, check_sides, frame_buffer};

const FORMAT: &str = "JPEG";

pub(super) fn decode(bytes: &[u8], limits: &Limits, sink: &mut dyn RowSink) -> Result<(), DecodeError> {
    let broken = |error: turbojpeg::Error| DecodeError::broken(FORMAT, error);
    let mut decompressor = Decompressor::new().map_err(broken)?;
    let header = decompressor.read_header(bytes).map_err(broken)?;
    let width = u32::try_from(header.width).unwrap_or(u32::MAX);
    let height = u32::try_from(header.height).unwrap_or(u32::MAX);
    check_sides(width, height, limits, FORMAT)?;
    let (format, layout) = match header.colorspace {
        Colorspace::Gray => (PixelFormat::GRAY, Layout::Gray),
        Colorspace::CMYK | Colorspace::YCCK => (PixelFormat::CMYK, Layout::Rgb),
        _ => (PixelFormat::RGBX, Layout::Rgbx),
    };
    let pitch = header.width * format.size();
    let mut pixels = frame_buffer(u64::from(width) * u64::from(height), format.size(), limits)?;
    let output = Image { pixels: &mut pixels[..], width: header.width, pitch, height: header.height, format };
    decompressor.decompress(bytes, output).map_err(broken)?;
    sink.start(width, height, layout);
    let mut rgb = Vec::new();
    for row in pixels.chunks_exact(pitch) {
        if format == PixelFormat::CMYK {
            rgb.clear();
            rgb.extend(row.as_chunks::<4>().0.iter().flat_map(|&ink| inverted_cmyk_to_rgb(ink)));
            sink.row(&rgb);
        } else {
            sink.row(row);
        }
    }
    Ok(())
}

/// Adobe stores the inks inverted (255 is no ink), and Pillow assumes that everybody does.
fn inverted_cmyk_to_rgb([cyan, magenta, yellow, key]: [u8; 4]) -> [u8; 3] {
    let light = u32::from(key);
    [cyan, magenta, yellow].map(|ink| {
        let product = u32::from(255 - ink) * light + 128;
        let shade = ((product >> 8) + product) >> 8;
        u8::try_from(light.saturating_sub(shade)).expect("light is at most 255")
    })
}
