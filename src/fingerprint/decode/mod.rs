//! Bytes to rows of pixels, under limits. What the file is, its content says, never a name or a
//! declared type. Of several frames the first one counts; orientation, color profiles and gamma
//! are ignored, because the fingerprints already stored ignore them.

mod avif;
mod gif;
mod jpeg;
mod limits;
mod png;
mod rows;
mod webp;

pub use limits::{DecodeError, Limits};
pub use rows::{Layout, RowSink};

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
        Format::Avif => avif::decode(bytes, limits, sink),
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
        sniff_brands(bytes)
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

/// Tells AVIF from its relatives by the brands that the file's first box names: the first is what the
/// file is above all, the others what it is as well. A picture in a format of many codecs names a common
/// brand first, and its codec's behind.
fn sniff_brands(bytes: &[u8]) -> Format {
    /// Brands that are looked at.
    const MAX_BRANDS: usize = 32;
    let len = bytes.first_chunk::<4>().map_or(0, |len| u32::from_be_bytes(*len) as usize);
    let names = bytes.get(8..len.clamp(8, bytes.len())).unwrap_or_default();
    let (names, _) = names.as_chunks::<4>();
    let mut is_still = false;
    // The second word is a version.
    for (_, name) in names.iter().enumerate().filter(|&(at, _)| at != 1).take(MAX_BRANDS) {
        match name {
            b"avif" | b"avis" => return Format::Avif,
            b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"hevm" | b"hevs" => {
                return Format::Other("HEIC");
            }
            b"mif1" | b"mif2" | b"msf1" | b"miaf" => is_still = true,
            _ => {}
        }
    }
    if is_still { Format::Other("HEIF") } else { Format::Other("video") }
}

#[cfg(test)]
mod tests;
