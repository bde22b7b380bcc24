//! What an image may cost, and why it has no pixels.

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
    pub fn broken(format: &'static str, source: impl Into<Box<dyn Error + Send + Sync>>) -> DecodeError {
        DecodeError::Broken { format, source: source.into() }
    }
}

/// Holds the sides of an image against the limits.
pub fn check_sides(
    width: u32,
    height: u32,
    limits: &Limits,
    format: &'static str,
) -> Result<(), DecodeError> {
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
pub fn frame_buffer(pixels: u64, bytes_per_pixel: usize, limits: &Limits) -> Result<Vec<u8>, DecodeError> {
    let wanted = pixels.saturating_mul(bytes_per_pixel as u64);
    check_frame_bytes(wanted, limits).map(|len| vec![0; len])
}

/// Holds the memory that a frame takes against the limits.
pub fn check_frame_bytes(wanted: u64, limits: &Limits) -> Result<usize, DecodeError> {
    let too_large = || DecodeError::TooLarge {
        actual: wanted,
        unit: "bytes for the frame",
        limit: limits.max_frame_bytes as u64,
    };
    usize::try_from(wanted).ok().filter(|&len| len <= limits.max_frame_bytes).ok_or_else(too_large)
}
