//! JPEG by libjpeg-turbo with its defaults, as Pillow decodes it, row by row.
//!
//! Other than with Pillow, damage that leaves a part of the picture gray or wrong is an error, also
//! where libjpeg steps over it. What harms no pixel, such as bytes before a marker, is stepped over.

use std::ffi::{CStr, c_char, c_int, c_uint};
use std::marker::PhantomData;
use std::ptr::NonNull;

// Links libjpeg-turbo, which only the C calls.
use turbojpeg_sys as _;

use super::limits::{DecodeError, Limits, check_sides};
use super::rows::{Layout, RowSink};

const FORMAT: &str = "JPEG";

/// Rows that are asked for at once: libjpeg makes them in groups of up to this many.
const BATCH: usize = 16;

/// How often the scans of a file together may go through its samples, in a picture of the most
/// pixels; a smaller one may have more. The usual script of libjpeg makes ten scans: for three colors
/// of full size they are 14 times the pixels, for the four inks of CMYK 24 times. Scans beyond that
/// serve to keep a decoder busy, at about a nanosecond a sample, with a few bytes of file each.
const MAX_PASSES: u64 = 32;

pub(super) fn decode(bytes: &[u8], limits: &Limits, sink: &mut dyn RowSink) -> Result<(), DecodeError> {
    let max_samples = limits.max_pixels.saturating_mul(MAX_PASSES);
    let mut jpeg = Jpeg::new(bytes, max_samples).ok_or_else(|| DecodeError::broken(FORMAT, "no memory"))?;
    let header = jpeg.read_header()?;
    check_sides(header.width, header.height, limits, FORMAT)?;
    if header.frame_bytes > limits.max_frame_bytes as u64 {
        return Err(DecodeError::TooLarge {
            actual: header.frame_bytes,
            unit: "bytes for the frame",
            limit: limits.max_frame_bytes as u64,
        });
    }
    let (width, height) = (header.width as usize, header.height as usize);
    let (pitch, layout) = match (header.bits_per_sample, header.components) {
        (8, 1) => (width, Layout::Gray),
        (8, 3) => (width * 4, Layout::Rgbx),
        (8, 4) => (width * 4, Layout::Rgb), // after the conversion below
        (8, _) => return Err(DecodeError::Unsupported("JPEG of this number of colors")),
        _ => return Err(DecodeError::Unsupported("JPEG of other than 8 bits")),
    };
    jpeg.start()?;
    sink.start(header.width, header.height, layout);
    let mut batch = vec![0; pitch * BATCH.min(height)];
    let mut rgb = Vec::new();
    let mut n_rows = 0;
    while n_rows < height {
        let n_read = jpeg.read_rows(&mut batch, pitch)?;
        for row in batch.chunks_exact(pitch).take(n_read) {
            if header.components == 4 {
                rgb.clear();
                rgb.extend(row.as_chunks().0.iter().flat_map(|&inks| inverted_cmyk_to_rgb(inks)));
                sink.row(&rgb);
            } else {
                sink.row(row);
            }
        }
        n_rows += n_read;
    }
    Ok(())
}

/// Adobe stores the inks inverted (255 is no ink), and Pillow assumes that everybody does.
fn inverted_cmyk_to_rgb([cyan, magenta, yellow, key]: [u8; 4]) -> [u8; 3] {
    let light = u32::from(key);
    [cyan, magenta, yellow].map(|ink| {
        let product = u32::from(255 - ink) * light + 128;
        let shade = ((product >> 8) + product) >> 8;
        light.saturating_sub(shade) as u8
    })
}

/// What the file says about the picture before it comes. Declared alike in `jpeg_rows.c`.
#[repr(C)]
#[derive(Default)]
struct Header {
    width: u32,
    height: u32,
    components: u32,
    bits_per_sample: u32,
    frame_bytes: u64,
}

/// Failures with a meaning of their own, as in `jpeg_rows.c`; any other has only a message.
const ROWS_TOO_MANY_SAMPLES: c_int = -2;
const ROWS_UNSUPPORTED: c_int = -3;

/// The decoder's state, which only C looks into.
#[repr(C)]
struct State {
    _opaque: [u8; 0],
}

#[expect(unsafe_code, reason = "calls libjpeg")]
// SAFETY: declared as in jpeg_rows.c, which never jumps out of a call.
unsafe extern "C" {
    fn aotf_jpeg_new(data: *const u8, len: usize, max_samples: u64) -> *mut State;
    fn aotf_jpeg_free(state: *mut State);
    fn aotf_jpeg_message(state: *const State) -> *const c_char;
    fn aotf_jpeg_samples(state: *const State) -> u64;
    fn aotf_jpeg_read_header(state: *mut State, header: *mut Header) -> c_int;
    fn aotf_jpeg_start(state: *mut State) -> c_int;
    fn aotf_jpeg_read_rows(state: *mut State, rows: *mut u8, row_bytes: usize, max_rows: c_uint) -> c_int;
}

/// A JPEG being decoded. The calls go in the order of the methods.
struct Jpeg<'a> {
    state: NonNull<State>,
    max_samples: u64,
    bytes: PhantomData<&'a [u8]>,
}

#[expect(unsafe_code, reason = "calls libjpeg")]
impl<'a> Jpeg<'a> {
    /// None without memory.
    fn new(bytes: &'a [u8], max_samples: u64) -> Option<Jpeg<'a>> {
        // SAFETY: the bytes outlive the state, by the lifetime.
        let state = unsafe { aotf_jpeg_new(bytes.as_ptr(), bytes.len(), max_samples) };
        Some(Jpeg { state: NonNull::new(state)?, max_samples, bytes: PhantomData })
    }

    fn read_header(&mut self) -> Result<Header, DecodeError> {
        let mut header = Header::default();
        // SAFETY: the state lives, and the header is writable and laid out as C expects.
        let result = unsafe { aotf_jpeg_read_header(self.state.as_ptr(), &mut header) };
        self.check(result).map(|_| header)
    }

    fn start(&mut self) -> Result<(), DecodeError> {
        // SAFETY: the state lives.
        let result = unsafe { aotf_jpeg_start(self.state.as_ptr()) };
        self.check(result).map(|_| ())
    }

    /// Fills `rows` with as many rows of `pitch` bytes as it holds, or as there are; returns how many.
    fn read_rows(&mut self, rows: &mut [u8], pitch: usize) -> Result<usize, DecodeError> {
        let max_rows = c_uint::try_from(rows.len() / pitch).unwrap_or(c_uint::MAX);
        // SAFETY: the state lives; `rows` has room for `max_rows` rows of `pitch` bytes, and C fails
        // where its rows have another length.
        let result = unsafe { aotf_jpeg_read_rows(self.state.as_ptr(), rows.as_mut_ptr(), pitch, max_rows) };
        match self.check(result)? {
            0 => Err(DecodeError::broken(FORMAT, "rows are missing")),
            n_rows => Ok(n_rows),
        }
    }

    /// What C returned, or why it failed.
    fn check(&self, result: c_int) -> Result<usize, DecodeError> {
        usize::try_from(result).map_err(|_| match result {
            ROWS_TOO_MANY_SAMPLES => DecodeError::TooLarge {
                // SAFETY: the state lives.
                actual: unsafe { aotf_jpeg_samples(self.state.as_ptr()) },
                unit: "samples in its scans",
                limit: self.max_samples,
            },
            ROWS_UNSUPPORTED => DecodeError::Unsupported("JPEG with arithmetic coding"),
            _ => {
                // SAFETY: the state lives, and its message ends with a zero.
                let message = unsafe { CStr::from_ptr(aotf_jpeg_message(self.state.as_ptr())) };
                DecodeError::broken(FORMAT, message.to_string_lossy().into_owned())
            }
        })
    }
}

#[expect(unsafe_code, reason = "calls libjpeg")]
impl Drop for Jpeg<'_> {
    fn drop(&mut self) {
        // SAFETY: the state lives, and nobody uses it after this.
        unsafe { aotf_jpeg_free(self.state.as_ptr()) }
    }
}
