//! Bytes to rows of pixels, under limits. What the file is, its content says, never a name or a
//! declared type. Of several frames the first one counts; orientation, color profiles and gamma
//! are ignored, because the fingerprints already stored ignore them.

#[cfg(feature = "avif")]
mod avif;
mod gif;
mod jpeg;
mod png;
mod webp;

use std::error::Error;

/// What an image may cost. Every bound is inclusive and is checked before memory is taken for it.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Size of the file.
    pub max_bytes: usize,
    /// Width times height.
    pub max_pixels: u64,
    /// Width, and height, in pixels.
    pub max_side: u32,
    /// Memory for formats that cannot be decoded row by row: WebP, GIF, AVIF, interlaced PNG,
    /// progressive JPEG. The others need a few rows.
    pub max_frame_bytes: usize,
}

impl Default for Limits {
    /// 64 MiB of file, 100 million pixels, 65,500 pixels a side (the most that JPEG can hold),
    /// 512 MiB for a whole frame.
    fn default() -> Limits {
        Limits { max_bytes: 64 << 20, max_pixels: 100_000_000, max_side: 65_500, max_frame_bytes: 512 << 20 }
    }
}

/// Why there are no pixels, sorted by whose fault it is.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The sender's: an empty file, a web page, text, or a format that we never heard of.
    #[error("not an image")]
    NotAnImage,
    /// Ours: an image, but of a kind that is not read here.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    /// The limits': perhaps a fine image, but it would cost more than the caller allows.
    #[error("image is too large: {actual} {unit}, the limit is {limit}")]
    TooLarge { actual: u64, unit: &'static str, limit: u64 },
    /// The file's: cut short or corrupt.
    #[error("broken {format} image")]
    Broken { format: &'static str, source: Box<dyn Error + Send + Sync> },
}

impl DecodeError {
    fn broken(format: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> DecodeError {
        DecodeError::Broken { format, source: source.into() }
    }
}

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

/// Decodes the image (of an animation, the first frame) into `sink`. When this returns `Ok`, the
/// sink got exactly as many rows as it was told.
///
/// A picture with a damaged part is an error, not a picture with a gray part: half an artwork has
/// a fingerprint that means nothing.
pub fn decode(bytes: &[u8], limits: &Limits, sink: &mut dyn RowSink) -> Result<(), DecodeError> {
    if bytes.len() > limits.max_bytes {
        return Err(DecodeError::TooLarge {
            actual: bytes.len() as u64,
            unit: "bytes",
            limit: limits.max_bytes as u64,
        });
    }
    match sniff(bytes) {
        Format::Jpeg => jpeg::decode(bytes, limits, sink),
        Format::Png => png::decode(bytes, limits, sink),
        Format::Gif => gif::decode(bytes, limits, sink),
        Format::WebP => webp::decode(bytes, limits, sink),
        #[cfg(feature = "avif")]
        Format::Avif => avif::decode(bytes, limits, sink),
        #[cfg(not(feature = "avif"))]
        Format::Avif => Err(DecodeError::Unsupported("AVIF in a build without the feature `avif`")),
        Format::Other(name) => Err(DecodeError::Unsupported(name)),
        Format::Unknown => Err(DecodeError::NotAnImage),
    }
}

enum Format {
    Jpeg,
    Png,
    Gif,
    WebP,
    Avif,
    Other(&'static str),
    Unknown,
}

/// Tells the format by the first bytes.
fn sniff(bytes: &[u8]) -> Format {
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    let brand = bytes.get(8..12);
    if starts(b"\xff\xd8\xff") {
        Format::Jpeg
    } else if starts(b"\x89PNG\r\n\x1a\n") {
        Format::Png
    } else if starts(b"GIF87a") || starts(b"GIF89a") {
        Format::Gif
    } else if starts(b"RIFF") && brand == Some(b"WEBP") {
        Format::WebP
    } else if bytes.get(4..8) == Some(b"ftyp") {
        match brand {
            Some(b"avif" | b"avis") => Format::Avif,
            Some(b"heic" | b"heix" | b"hevc" | b"mif1" | b"msf1") => Format::Other("HEIF"),
            _ => Format::Other("video"),
        }
    } else if starts(b"\xff\x0a") || starts(b"\0\0\0\x0cJXL ") {
        Format::Other("JPEG XL")
    } else if starts(b"\0\0\0\x0cjP  ") || starts(b"\xff\x4f\xff\x51") {
        Format::Other("JPEG 2000")
    } else if starts(b"II*\0") || starts(b"MM\0*") {
        Format::Other("TIFF")
    } else if starts(b"8BPS") {
        Format::Other("Photoshop")
    } else if starts(b"BM") && bytes.len() >= 26 {
        Format::Other("BMP")
    } else {
        Format::Unknown
    }
}

/// Holds the sides of an image against the limits.
fn check_sides(width: u32, height: u32, limits: &Limits, format: &'static str) -> Result<(), DecodeError> {
    if width == 0 || height == 0 {
        return Err(DecodeError::broken(format, format!("{width}x{height} pixels")));
    }
    let side = width.max(height);
    if side > limits.max_side {
        return Err(DecodeError::TooLarge {
            actual: side.into(),
            unit: "pixels a side",
            limit: limits.max_side.into(),
        });
    }
    let pixels = u64::from(width) * u64::from(height);
    if pixels > limits.max_pixels {
        return Err(DecodeError::TooLarge { actual: pixels, unit: "pixels", limit: limits.max_pixels });
    }
    Ok(())
}

/// Memory for a whole frame, zeroed, if the limits allow it.
fn frame_buffer(pixels: u64, bytes_per_pixel: usize, limits: &Limits) -> Result<Vec<u8>, DecodeError> {
    let wanted = pixels.saturating_mul(bytes_per_pixel as u64);
    check_frame_bytes(wanted, limits).map(|len| vec![0; len])
}

/// Holds the memory that a frame takes against the limits.
fn check_frame_bytes(wanted: u64, limits: &Limits) -> Result<usize, DecodeError> {
    let too_large = || DecodeError::TooLarge {
        actual: wanted,
        unit: "bytes for the frame",
        limit: limits.max_frame_bytes as u64,
    };
    usize::try_from(wanted).ok().filter(|&len| len <= limits.max_frame_bytes).ok_or_else(too_large)
}

#[cfg(test)]
mod tests;
