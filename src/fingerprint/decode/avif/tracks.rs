//! The first picture of an image sequence: the tracks that its `moov` box lists (ISO/IEC 14496-12).

use std::borrow::Cow;

use super::boxes::{Cursor, boxes, broken, cut_short, find};
use super::picture::{Coded, Picture, Stream};
use super::properties::{self, Properties};
use crate::fingerprint::decode::limits::DecodeError;

/// Bytes before the boxes of a visual sample entry: six that are reserved, the number of the data
/// reference, and the fields of old players.
const SAMPLE_ENTRY_FIELDS: usize = 78;

struct Track<'a> {
    id: u32,
    /// Of which track this one is the transparency.
    alpha_of: Option<u32>,
    premultiplied: bool,
    properties: Properties,
    sample: &'a [u8],
}

/// None where it has no pictures in AV1.
pub(super) fn first_picture<'a>(
    file: &'a [u8],
    movie: Cursor<'a>,
) -> Result<Option<Picture<'a>>, DecodeError> {
    let mut tracks = Vec::new();
    for track in boxes(movie)?.into_iter().filter(|one| &one.kind == b"trak") {
        tracks.extend(read_track(file, track.body)?);
    }
    let Some(color) = tracks.iter().find(|track| track.alpha_of.is_none()) else { return Ok(None) };
    let alpha = tracks.iter().find(|track| track.alpha_of == Some(color.id));
    Ok(Some(Picture {
        size: None,
        transform: color.properties.transform(),
        color_code: color.properties.color(),
        color: color.coded(),
        alpha: alpha.map(Track::coded),
        premultiplied: color.premultiplied,
    }))
}

impl<'a> Track<'a> {
    fn coded(&self) -> Coded<'a> {
        let stream = Stream {
            bytes: Cow::Borrowed(self.sample),
            operating_point: self.properties.operating_point(),
            layer: self.properties.layer(),
        };
        Coded { streams: vec![stream], grid: None }
    }
}

/// None where it holds something other than pictures in AV1.
fn read_track<'a>(file: &'a [u8], body: Cursor<'a>) -> Result<Option<Track<'a>>, DecodeError> {
    let parts = boxes(body)?;
    let inner = |parts: &[super::boxes::Boxed<'a>], kind| match find(parts, kind) {
        Some(body) => boxes(body),
        None => Ok(Vec::new()),
    };
    let media = inner(&parts, b"mdia")?;
    let table = inner(&inner(&media, b"minf")?, b"stbl")?;
    let Some(properties) = sample_entry(find(&table, b"stsd"))? else { return Ok(None) };
    let references = inner(&parts, b"tref")?;
    let refers_to = |kind| find(&references, kind).map(|mut body| body.u32()).transpose();
    Ok(Some(Track {
        id: track_id(find(&parts, b"tkhd"))?,
        alpha_of: refers_to(b"auxl")?,
        premultiplied: refers_to(b"prem")?.is_some(),
        properties,
        sample: first_sample(file, &table)?,
    }))
}

fn track_id(header: Option<Cursor<'_>>) -> Result<u32, DecodeError> {
    let mut body = header.ok_or_else(|| broken("a track without a header"))?;
    let (version, _) = body.version()?;
    // The times of creation and of change stand first.
    body.take(if version == 1 { 16 } else { 8 })?;
    body.u32()
}

/// What the first sample entry says; none where it is not of AV1.
fn sample_entry(descriptions: Option<Cursor<'_>>) -> Result<Option<Properties>, DecodeError> {
    let Some(mut body) = descriptions else { return Ok(None) };
    body.version()?;
    body.u32()?;
    let entries = boxes(body)?;
    let Some(mut entry) = entries.into_iter().next().filter(|one| &one.kind == b"av01") else {
        return Ok(None);
    };
    entry.body.take(SAMPLE_ENTRY_FIELDS)?;
    properties::read_all(&boxes(entry.body)?).map(Some)
}

fn first_sample<'a>(file: &'a [u8], table: &[super::boxes::Boxed<'a>]) -> Result<&'a [u8], DecodeError> {
    let missing = || broken("a track without samples");
    let mut sizes = find(table, b"stsz").ok_or_else(missing)?;
    sizes.version()?;
    let common = sizes.u32()?;
    if sizes.u32()? == 0 {
        return Err(missing());
    }
    let len = if common == 0 { sizes.u32()? } else { common };
    let (mut places, place_bytes) = match find(table, b"stco") {
        Some(places) => (places, 4),
        None => (find(table, b"co64").ok_or_else(missing)?, 8),
    };
    places.version()?;
    if places.u32()? == 0 {
        return Err(missing());
    }
    let offset = usize::try_from(places.uint(place_bytes)?).map_err(|_| cut_short())?;
    file.get(offset..).and_then(|rest| rest.get(..len as usize)).ok_or_else(cut_short)
}
