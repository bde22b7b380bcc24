//! How an image says that it has to be turned for showing: the orientation in its EXIF data. Networks
//! turn the pixels of what is uploaded and drop the tag, while the file on the artist's page may keep it.

use super::turn::Orientation;

/// The tag of the orientation, and the type of its value (EXIF 2.32, 4.6.4).
const ORIENTATION: u16 = 0x0112;
const SHORT: u16 = 3;

/// Entries of a directory that are looked at; writers put the orientation among the first twenty.
const MAX_ENTRIES: u16 = 256;

/// None where the image is upright, says nothing, or is of a format that turns pixels itself (AVIF).
/// Reads a few bytes, and never fails: what is damaged says nothing.
pub(super) fn of(bytes: &[u8]) -> Option<Orientation> {
    let exif = match bytes {
        [0xff, 0xd8, rest @ ..] => in_jpeg(rest),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', rest @ ..] => in_png(rest),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', rest @ ..] => in_webp(rest),
        _ => None,
    }?;
    in_exif(exif)
}

/// The segments before the picture's data.
fn in_jpeg(mut rest: &[u8]) -> Option<&[u8]> {
    const APP1: u8 = 0xe1;
    const START_OF_SCAN: u8 = 0xda;
    loop {
        let (&[mark, kind], after) = rest.split_first_chunk::<2>()?;
        if mark != 0xff || kind == START_OF_SCAN {
            return None;
        }
        // Marks may be filled up with more of the same.
        if kind == 0xff {
            rest = &rest[1..];
            continue;
        }
        let len = usize::from(u16::from_be_bytes(*after.first_chunk()?));
        let body = after.get(2..len)?;
        if kind == APP1
            && let Some(exif) = body.strip_prefix(b"Exif\0")
        {
            return exif.get(1..);
        }
        rest = &after[len..];
    }
}

fn in_png(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        let (head, after) = rest.split_first_chunk::<8>()?;
        let len = u32::from_be_bytes(*head.first_chunk()?) as usize;
        if head.ends_with(b"eXIf") {
            return after.get(..len);
        }
        // Four bytes of checksum follow.
        rest = after.get(len.checked_add(4)?..)?;
    }
}

fn in_webp(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        let (head, after) = rest.split_first_chunk::<8>()?;
        let len = u32::from_le_bytes(*head.last_chunk()?) as usize;
        if head.starts_with(b"EXIF") {
            let exif = after.get(..len)?;
            // Some writers leave the mark of JPEG before it.
            return Some(exif.strip_prefix(b"Exif\0\0").unwrap_or(exif));
        }
        rest = after.get(len.checked_add(len % 2)?..)?;
    }
}

/// EXIF is a TIFF file of directories; the orientation is in the first.
fn in_exif(exif: &[u8]) -> Option<Orientation> {
    let is_little = match exif.first_chunk::<4>()? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let u16_at = |at: usize| {
        let pair = *exif.get(at..)?.first_chunk::<2>()?;
        Some(if is_little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) })
    };
    let start = *exif.get(4..)?.first_chunk::<4>()?;
    let start = if is_little { u32::from_le_bytes(start) } else { u32::from_be_bytes(start) } as usize;
    let n_entries = u16_at(start)?.min(MAX_ENTRIES);
    for entry in 0..usize::from(n_entries) {
        let at = start.checked_add(2 + 12 * entry)?;
        if u16_at(at)? == ORIENTATION {
            return if u16_at(at + 2)? == SHORT { Orientation::from_exif(u16_at(at + 8)?) } else { None };
        }
    }
    None
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// EXIF data with an entry before the orientation.
    pub(crate) fn exif(orientation: u8, is_little: bool) -> Vec<u8> {
        let order = |number: u16| if is_little { number.to_le_bytes() } else { number.to_be_bytes() };
        let mut data = if is_little { b"II*\0\x08\0\0\0".to_vec() } else { b"MM\0*\0\0\0\x08".to_vec() };
        data.extend(order(2));
        for (tag, value) in [(0x0100, 7), (ORIENTATION, u16::from(orientation))] {
            let count = if is_little { [order(1), order(0)] } else { [order(0), order(1)] };
            for number in [order(tag), order(SHORT), count[0], count[1], order(value), order(0)] {
                data.extend(number);
            }
        }
        data.extend([0; 4]);
        data
    }

    pub(crate) fn jpeg(exif: &[u8]) -> Vec<u8> {
        let len = u16::try_from(exif.len() + 8).unwrap().to_be_bytes();
        let head = b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xe1";
        [head, &len[..], b"Exif\0\0", exif, b"\xff\xda\0\x02"].concat()
    }

    fn png(exif: &[u8]) -> Vec<u8> {
        let len = u32::try_from(exif.len()).unwrap().to_be_bytes();
        [b"\x89PNG\r\n\x1a\n\0\0\0\x01abcd?sums", &len[..], b"eXIf", exif, b"sums"].concat()
    }

    fn webp(exif: &[u8]) -> Vec<u8> {
        let len = u32::try_from(exif.len()).unwrap().to_le_bytes();
        [b"RIFF????WEBPVP8X\x01\0\0\0?.EXIF", &len[..], exif].concat()
    }

    #[test]
    fn all_formats_say_how_they_are_turned() {
        for (number, is_little) in (1..=8).zip([true, false].into_iter().cycle()) {
            let expect = Orientation::from_exif(number.into());
            assert_eq!(expect.is_some(), number != 1);
            let exif = exif(number, is_little);
            let marked = [b"Exif\0\0", &exif[..]].concat();
            for (name, file) in [
                ("JPEG", jpeg(&exif)),
                ("PNG", png(&exif)),
                ("WebP", webp(&exif)),
                ("WebP, marked", webp(&marked)),
            ] {
                assert_eq!(of(&file), expect, "{name} {number}");
                for len in 0..file.len() {
                    let _ = of(&file[..len]);
                }
            }
        }
    }

    #[test]
    fn what_makes_no_sense_says_nothing() {
        for data in
            [&b""[..], b"II*\0", b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff", b"XX*\0\x08\0\0\0"]
        {
            assert_eq!(in_exif(data), None, "{data:?}");
        }
        for number in [0, 9, 255] {
            assert_eq!(of(&jpeg(&exif(number, true))), None, "{number}");
        }
        for file in [&b"\xff\xd8"[..], b"\xff\xd8\xff\xe1\0\0", b"\xff\xd8\xff\xe1\0\x01", b"GIF89a", b""] {
            assert_eq!(of(file), None, "{file:?}");
        }
    }
}
