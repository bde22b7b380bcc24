//! The boxes of an ISO base media file (ISO/IEC 14496-12), read without trust: every length is held
//! against the bytes that are there.

use crate::fingerprint::decode::limits::DecodeError;

pub(super) const FORMAT: &str = "AVIF";

/// Bytes of a stranger, from the front.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or_else(cut_short)?;
        self.0 = rest;
        Ok(taken)
    }

    /// An unsigned number of up to eight bytes, the highest first; of no bytes it is 0.
    pub(super) fn uint(&mut self, n_bytes: usize) -> Result<u64, DecodeError> {
        Ok(self.take(n_bytes)?.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    pub(super) fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(self.take(2)?.iter().fold(0, |number, &byte| number << 8 | u16::from(byte)))
    }

    pub(super) fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(self.take(4)?.iter().fold(0, |number, &byte| number << 8 | u32::from(byte)))
    }

    pub(super) fn kind(&mut self) -> Result<[u8; 4], DecodeError> {
        Ok(self.u32()?.to_be_bytes())
    }

    /// The version and the flags, with which the content of a "full box" begins.
    pub(super) fn version(&mut self) -> Result<(u8, u32), DecodeError> {
        let word = self.u32()?;
        Ok((word.to_be_bytes()[0], word & 0xff_ffff))
    }
}

/// A box: what kind it is, and its content.
pub(super) struct Boxed<'a> {
    pub(super) kind: [u8; 4],
    pub(super) body: Cursor<'a>,
}

/// Boxes in a row, and entries of the tables in them, at most: four times what a grid of 256 by 256
/// tiles with transparency takes. It bounds the memory for files that are nothing but tables.
pub(super) const MAX_ENTRIES: usize = 1 << 19;

/// The boxes in a row. One that promises more than there is ends as an error.
pub(super) fn boxes(content: Cursor<'_>) -> Result<Vec<Boxed<'_>>, DecodeError> {
    let mut rest = content;
    let mut boxes = Vec::new();
    while !rest.0.is_empty() {
        let short_len = u64::from(rest.u32()?);
        let kind = rest.kind()?;
        let len = match short_len {
            // It goes on to the end.
            0 => rest.0.len() as u64,
            1 => rest.uint(8)?.checked_sub(16).ok_or_else(cut_short)?,
            len => len.checked_sub(8).ok_or_else(cut_short)?,
        };
        let len = usize::try_from(len).map_err(|_| cut_short())?;
        if boxes.len() == MAX_ENTRIES {
            return Err(broken("it has too many boxes"));
        }
        boxes.push(Boxed { kind, body: Cursor(rest.take(len)?) });
    }
    Ok(boxes)
}

/// The first box of this kind among them.
pub(super) fn find<'a>(boxes: &[Boxed<'a>], kind: &[u8; 4]) -> Option<Cursor<'a>> {
    boxes.iter().find(|one| &one.kind == kind).map(|one| one.body)
}

pub(super) fn broken(why: impl Into<String>) -> DecodeError {
    DecodeError::broken(FORMAT, why.into())
}

pub(super) fn cut_short() -> DecodeError {
    broken("the file is cut short")
}
