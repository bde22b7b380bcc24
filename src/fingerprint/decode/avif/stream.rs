//! One stream of AV1 to one picture, by dav1d: a decoder in C, the one of the browsers, which reports
//! damage as errors. How much it may work is known before it begins.

use std::ffi::c_int;
use std::mem;
use std::ptr;
use std::slice;

use libdav1d_sys as dav1d;

use super::boxes::{Cursor, broken};
use super::picture::Stream;
use crate::fingerprint::decode::limits::DecodeError;

/// Frames that a picture may be made of: four layers, and what a sequence's first picture refers to.
/// A few bytes of stream can order a whole frame, so this bounds the work.
const MAX_FRAMES: usize = 8;

/// Kinds of the units of a stream (AV1 specification, 6.2.2).
const SEQUENCE_HEADER: u8 = 1;
const FRAME_HEADER: u8 = 3;
const FRAME: u8 = 6;

/// What a stream says about its pictures before they are decoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) is_gray: bool,
    pub(super) is_deep: bool,
    /// Frames that it has to decode for its picture.
    pub(super) n_frames: u64,
}

impl Header {
    pub(super) fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// Memory for one decoded picture, in bytes.
    pub(super) fn frame_bytes(&self) -> u64 {
        let planes = if self.is_gray { 1 } else { 3 };
        self.pixels() * planes * if self.is_deep { 2 } else { 1 }
    }

    /// Whether the pictures can be tiles of one picture.
    pub(super) fn is_like(&self, other: &Header) -> bool {
        let shape = |header: &Header| (header.width, header.height, header.is_gray, header.is_deep);
        shape(self) == shape(other)
    }

    /// Pixels of all its frames.
    pub(super) fn decoded_pixels(&self) -> u64 {
        self.pixels().saturating_mul(self.n_frames)
    }
}

/// Walks over the units of a stream: none is cut off, all its sequence headers are the same, and the
/// frames are few.
pub(super) fn read_header(stream: &[u8]) -> Result<Header, DecodeError> {
    let mut rest = Cursor(stream);
    let mut header = None;
    let mut n_frames = 0;
    while !rest.0.is_empty() {
        let first = rest.u8()?;
        if first >> 2 & 1 == 1 {
            rest.u8()?;
        }
        let len = match first >> 1 & 1 {
            1 => leb128(&mut rest)?,
            _ => rest.0.len(),
        };
        let unit = rest.take(len)?;
        match first >> 3 & 15 {
            SEQUENCE_HEADER if header.is_some_and(|known| known != unit) => {
                return Err(DecodeError::Unsupported("AVIF with pictures of several sizes in one stream"));
            }
            SEQUENCE_HEADER => header = Some(unit),
            FRAME_HEADER | FRAME => n_frames += 1,
            _ => {}
        }
    }
    if n_frames == 0 || header.is_none() {
        return Err(broken("there is no picture in it"));
    }
    if n_frames > MAX_FRAMES {
        return Err(DecodeError::Unsupported("AVIF with so many frames in one picture"));
    }
    Ok(Header { n_frames: n_frames as u64, ..parse_header(stream)? })
}

/// A number in groups of seven bits, the lowest first (AV1 specification, 4.10.5).
fn leb128(rest: &mut Cursor<'_>) -> Result<usize, DecodeError> {
    let mut number = 0_u64;
    for group in 0..8 {
        let byte = rest.u8()?;
        number |= u64::from(byte & 0x7f) << (7 * group);
        if byte >> 7 == 0 {
            return usize::try_from(number).map_err(|_| broken("a unit without end"));
        }
    }
    Err(broken("a unit without end"))
}

#[expect(unsafe_code, reason = "calls dav1d")]
fn parse_header(stream: &[u8]) -> Result<Header, DecodeError> {
    let mut header = mem::MaybeUninit::<dav1d::Dav1dSequenceHeader>::zeroed();
    // SAFETY: the bytes are there, and C writes the header where it succeeds. Single fields are read by
    // pointer, since others are enums that C may give numbers which Rust does not know.
    let (width, height, layout, depth) = unsafe {
        let header = header.as_mut_ptr();
        if dav1d::dav1d_parse_sequence_header(header, stream.as_ptr(), stream.len()) != 0 {
            return Err(broken("its header makes no sense"));
        }
        (
            ptr::addr_of!((*header).max_width).read(),
            ptr::addr_of!((*header).max_height).read(),
            ptr::addr_of!((*header).layout).cast::<u32>().read(),
            ptr::addr_of!((*header).hbd).read(),
        )
    };
    let side = |side: c_int| u32::try_from(side).map_err(|_| broken("its header makes no sense"));
    Ok(Header {
        width: side(width)?,
        height: side(height)?,
        is_gray: layout == 0,
        is_deep: depth > 0,
        n_frames: 0,
    })
}

/// The picture of a stream; where several layers are meant, the finest.
pub(super) fn decode(stream: &Stream<'_>, header: &Header) -> Result<Frame, DecodeError> {
    let mut decoder = Decoder::new(stream, header)?;
    let mut data = Data::copy(&stream.bytes)?;
    let mut picture = None;
    loop {
        let is_taken = decoder.send(&mut data)?;
        let mut is_shown = false;
        while let Some(frame) = decoder.receive()? {
            is_shown = true;
            if stream.layer.is_none_or(|layer| layer == u16::from(frame.layer())) {
                picture = Some(frame);
            }
        }
        if is_taken {
            return picture.ok_or_else(|| broken("there is no picture in it"));
        }
        if !is_shown {
            return Err(broken("its pictures do not end"));
        }
    }
}

/// Bytes in dav1d's own memory.
struct Data(dav1d::Dav1dData);

#[expect(unsafe_code, reason = "calls dav1d")]
impl Data {
    fn copy(bytes: &[u8]) -> Result<Data, DecodeError> {
        // SAFETY: all zeros is how C wants it before it is filled; as many bytes are written as were
        // asked for, if there are any.
        unsafe {
            let mut data = Data(mem::zeroed());
            let place = dav1d::dav1d_data_create(&mut data.0, bytes.len());
            if place.is_null() {
                return Err(broken("no memory"));
            }
            ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len());
            Ok(data)
        }
    }
}

#[expect(unsafe_code, reason = "calls dav1d")]
impl Drop for Data {
    fn drop(&mut self) {
        // SAFETY: it is what C made of it, and C looks itself whether anything is left.
        unsafe { dav1d::dav1d_data_unref(&mut self.0) }
    }
}

struct Decoder(*mut dav1d::Dav1dContext);

#[expect(unsafe_code, reason = "calls dav1d")]
impl Decoder {
    fn new(stream: &Stream<'_>, header: &Header) -> Result<Decoder, DecodeError> {
        let mut context = ptr::null_mut();
        // SAFETY: C fills the settings before they are read, and the context where it succeeds.
        let result = unsafe {
            let mut settings = mem::MaybeUninit::<dav1d::Dav1dSettings>::zeroed();
            dav1d::dav1d_default_settings(settings.as_mut_ptr());
            let mut settings = settings.assume_init();
            // One thread: the sandbox counts them, and several images are decoded at once anyway.
            settings.n_threads = 1;
            settings.max_frame_delay = 1;
            settings.all_layers = c_int::from(stream.layer.is_some());
            settings.operating_point = stream.operating_point.into();
            settings.frame_size_limit = u32::try_from(header.pixels()).unwrap_or(u32::MAX);
            settings.logger.callback = None;
            dav1d::dav1d_open(&mut context, &settings)
        };
        if result != 0 {
            return Err(broken("no memory"));
        }
        Ok(Decoder(context))
    }

    /// Whether all of the data is taken; else pictures have to be received first.
    fn send(&mut self, data: &mut Data) -> Result<bool, DecodeError> {
        // SAFETY: the context lives, and the data is what C made of it.
        let result = if data.0.sz == 0 { 0 } else { unsafe { dav1d::dav1d_send_data(self.0, &mut data.0) } };
        match result {
            0 => Ok(data.0.sz == 0),
            again if again == AGAIN => Ok(false),
            _ => Err(broken("its stream is damaged")),
        }
    }

    /// The next picture, if there is one yet.
    fn receive(&mut self) -> Result<Option<Frame>, DecodeError> {
        // SAFETY: the context lives; a picture of zeros is an empty one, which C fills or leaves.
        let (result, frame) = unsafe {
            let mut frame = Frame(mem::zeroed());
            (dav1d::dav1d_get_picture(self.0, &mut frame.0), frame)
        };
        match result {
            0 => Ok(Some(frame)),
            again if again == AGAIN => Ok(None),
            _ => Err(broken("its stream is damaged")),
        }
    }
}

/// How dav1d says that it needs more, or has more.
const AGAIN: c_int = -libc::EAGAIN;

#[expect(unsafe_code, reason = "calls dav1d")]
impl Drop for Decoder {
    fn drop(&mut self) {
        // SAFETY: the context lives, and nobody uses it after this.
        unsafe { dav1d::dav1d_close(&mut self.0) }
    }
}

/// How the samples of color lie to those of brightness.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sampling {
    Gray,
    /// Half as many across and down.
    Quarter,
    /// Half as many across.
    Half,
    Full,
}

/// A decoded picture, in dav1d's memory.
pub(super) struct Frame(dav1d::Dav1dPicture);

/// The samples of a row.
pub(super) enum Samples<'a> {
    Eight(&'a [u8]),
    /// Of ten or twelve bits.
    Sixteen(&'a [u16]),
}

#[expect(unsafe_code, reason = "reads what dav1d has decoded")]
impl Frame {
    pub(super) fn width(&self) -> usize {
        usize::try_from(self.0.p.w).unwrap_or(0)
    }

    pub(super) fn height(&self) -> usize {
        usize::try_from(self.0.p.h).unwrap_or(0)
    }

    /// Bits of a sample: 8, 10 or 12.
    pub(super) fn depth(&self) -> u8 {
        u8::try_from(self.0.p.bpc).unwrap_or(8)
    }

    pub(super) fn sampling(&self) -> Sampling {
        use dav1d::Dav1dPixelLayout as Layout;
        match self.0.p.layout {
            Layout::DAV1D_PIXEL_LAYOUT_I400 => Sampling::Gray,
            Layout::DAV1D_PIXEL_LAYOUT_I420 => Sampling::Quarter,
            Layout::DAV1D_PIXEL_LAYOUT_I422 => Sampling::Half,
            _ => Sampling::Full,
        }
    }

    /// The matrix by ITU-T H.273, and whether levels take the full range: as the stream says.
    pub(super) fn color_code(&self) -> (u16, bool) {
        // SAFETY: a decoded picture holds its sequence header. The matrix is an enum that C may give
        // numbers which Rust does not know, so it is read as a number.
        unsafe {
            let matrix = ptr::addr_of!((*self.0.seq_hdr).mtrx).cast::<u32>().read();
            let full_range = ptr::addr_of!((*self.0.seq_hdr).color_range).read() == 1;
            (u16::try_from(matrix).unwrap_or(u16::MAX), full_range)
        }
    }

    fn layer(&self) -> u8 {
        // SAFETY: a decoded picture holds its frame header.
        unsafe { ptr::addr_of!((*self.0.frame_hdr).spatial_id).read() }
    }

    /// Width and height of a plane: 0 is brightness.
    pub(super) fn plane_size(&self, plane: usize) -> (usize, usize) {
        let (width, height) = (self.width(), self.height());
        match (plane, self.sampling()) {
            (0, _) | (_, Sampling::Full) => (width, height),
            (_, Sampling::Half) => (width.div_ceil(2), height),
            (_, Sampling::Quarter) => (width.div_ceil(2), height.div_ceil(2)),
            (_, Sampling::Gray) => (0, 0),
        }
    }

    pub(super) fn row(&self, plane: usize, y: usize) -> Samples<'_> {
        let (width, height) = self.plane_size(plane);
        let stride = self.0.stride[usize::from(plane > 0)];
        assert!(y < height && plane < 3, "the row is within the plane");
        let offset = stride * y.cast_signed();
        // SAFETY: the plane has this many rows, at this distance from each other, of at least this many
        // samples, which C does not change any more.
        unsafe {
            let row = self.0.data[plane].cast::<u8>().offset(offset);
            match self.depth() {
                8 => Samples::Eight(slice::from_raw_parts(row, width)),
                _ => Samples::Sixteen(slice::from_raw_parts(row.cast::<u16>(), width)),
            }
        }
    }
}

#[expect(unsafe_code, reason = "calls dav1d")]
impl Drop for Frame {
    fn drop(&mut self) {
        // SAFETY: it is what C made of it, and C looks itself whether there is a picture in it.
        unsafe { dav1d::dav1d_picture_unref(&mut self.0) }
    }
}
