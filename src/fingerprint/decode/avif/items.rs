//! The still picture of a file: the items that its `meta` box lists (ISO/IEC 23008-12).

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::boxes::{Boxed, Cursor, MAX_ENTRIES, boxes, broken, cut_short, find};
use super::picture::{Coded, Grid, Picture, Stream};
use super::properties::{Properties, Property};
use crate::fingerprint::decode::limits::DecodeError;

/// The least side of a tile where there are several (MIAF, 7.3.11.4.2).
pub(super) const MIN_TILE_SIDE: u32 = 64;

#[derive(Default)]
struct Item {
    kind: [u8; 4],
    /// Whether the extents count from the beginning of `idat`, not from that of the file.
    in_meta: bool,
    /// Where it lies, in parts: offset and length, which is 0 where the part goes on to the end.
    extents: Vec<(u64, u64)>,
    properties: Properties,
    /// An unknown property without which it must not be shown.
    is_beyond_us: bool,
}

struct Reference {
    kind: [u8; 4],
    from: u32,
    to: Vec<u32>,
}

/// What `meta` says.
pub(super) struct Meta<'a> {
    file: &'a [u8],
    data: &'a [u8],
    primary: u32,
    items: BTreeMap<u32, Item>,
    references: Vec<Reference>,
    /// The item that is the transparency of another one, by that one.
    alphas: BTreeMap<u32, u32>,
    /// Entries of all tables so far.
    n_entries: usize,
}

impl<'a> Meta<'a> {
    /// None where it names no picture.
    pub(super) fn read(file: &'a [u8], mut body: Cursor<'a>) -> Result<Option<Meta<'a>>, DecodeError> {
        body.version()?;
        let parts = boxes(body)?;
        let Some(primary) = find(&parts, b"pitm") else { return Ok(None) };
        let mut meta = Meta {
            file,
            data: find(&parts, b"idat").map_or(&[], |data| data.0),
            primary: primary_item(primary)?,
            items: BTreeMap::new(),
            references: Vec::new(),
            alphas: BTreeMap::new(),
            n_entries: 0,
        };
        let part = |kind| find(&parts, kind).unwrap_or(Cursor(&[]));
        meta.read_kinds(part(b"iinf"))?;
        meta.read_locations(part(b"iloc"))?;
        meta.read_references(part(b"iref"))?;
        meta.read_properties(&boxes(part(b"iprp"))?)?;
        for reference in meta.references.iter().filter(|one| &one.kind == b"auxl") {
            if meta.items.get(&reference.from).is_some_and(|item| item.properties.is_alpha()) {
                meta.alphas.extend(reference.to.iter().map(|&to| (to, reference.from)));
            }
        }
        Ok(Some(meta))
    }

    fn count(&mut self, n_entries: usize) -> Result<(), DecodeError> {
        self.n_entries += n_entries;
        match self.n_entries > MAX_ENTRIES {
            true => Err(broken("its tables are too long")),
            false => Ok(()),
        }
    }

    fn read_kinds(&mut self, mut body: Cursor<'_>) -> Result<(), DecodeError> {
        let (version, _) = body.version()?;
        body.uint(if version == 0 { 2 } else { 4 })?;
        for mut entry in boxes(body)?.into_iter().filter(|one| &one.kind == b"infe") {
            let (version, _) = entry.body.version()?;
            let id_bytes = match version {
                2 => 2,
                3 => 4,
                _ => continue,
            };
            let id = item_id(&mut entry.body, id_bytes)?;
            entry.body.u16()?;
            self.count(1)?;
            self.items.entry(id).or_default().kind = entry.body.kind()?;
        }
        Ok(())
    }

    fn read_locations(&mut self, mut body: Cursor<'_>) -> Result<(), DecodeError> {
        let (version, _) = body.version()?;
        let sizes = body.u16()?;
        let nibble = |at: u16| usize::from(sizes >> at & 15);
        let (offset_bytes, len_bytes, base_bytes) = (nibble(12), nibble(8), nibble(4));
        let index_bytes = if version == 0 { 0 } else { nibble(0) };
        let id_bytes = if version < 2 { 2 } else { 4 };
        for _ in 0..body.uint(id_bytes)? {
            let id = item_id(&mut body, id_bytes)?;
            let way = if version == 0 { 0 } else { body.u16()? & 15 };
            // 2 is a part of another item, which nobody writes for pictures.
            if way > 1 {
                continue_over_extents(&mut body, [base_bytes + 2, offset_bytes + len_bytes + index_bytes])?;
                continue;
            }
            body.u16()?;
            let base = body.uint(base_bytes)?;
            let n_extents = body.u16()?;
            if n_extents > 1 && offset_bytes + len_bytes + index_bytes == 0 {
                return Err(broken("an item of many parts without places"));
            }
            self.count(1 + usize::from(n_extents))?;
            let item = self.items.entry(id).or_default();
            item.in_meta = way == 1;
            for _ in 0..n_extents {
                body.uint(index_bytes)?;
                let offset = body.uint(offset_bytes)?.checked_add(base).ok_or_else(cut_short)?;
                item.extents.push((offset, body.uint(len_bytes)?));
            }
        }
        Ok(())
    }

    fn read_references(&mut self, mut body: Cursor<'_>) -> Result<(), DecodeError> {
        if body.0.is_empty() {
            return Ok(());
        }
        let (version, _) = body.version()?;
        let id_bytes = if version == 0 { 2 } else { 4 };
        for mut one in boxes(body)? {
            let from = item_id(&mut one.body, id_bytes)?;
            let n_to = one.body.u16()?;
            self.count(1 + usize::from(n_to))?;
            let to = (0..n_to).map(|_| item_id(&mut one.body, id_bytes)).collect::<Result<_, _>>()?;
            self.references.push(Reference { kind: one.kind, from, to });
        }
        Ok(())
    }

    fn read_properties(&mut self, parts: &[Boxed<'_>]) -> Result<(), DecodeError> {
        let known = boxes(find(parts, b"ipco").unwrap_or(Cursor(&[])))?;
        for part in parts.iter().filter(|part| &part.kind == b"ipma") {
            let mut body = part.body;
            let (version, flags) = body.version()?;
            for _ in 0..body.u32()? {
                let id = item_id(&mut body, if version == 0 { 2 } else { 4 })?;
                let n_properties = body.u8()?;
                self.count(usize::from(n_properties))?;
                for _ in 0..n_properties {
                    let wide = flags & 1 == 1;
                    let entry = body.uint(if wide { 2 } else { 1 })?;
                    let essential = 1 << if wide { 15 } else { 7 };
                    let index = usize::try_from(entry & (essential - 1)).map_err(|_| cut_short())?;
                    // Numbers begin at 1; 0 is no property.
                    let Some(one) = index.checked_sub(1) else { continue };
                    let one = known.get(one).ok_or_else(|| broken("a property is missing"))?;
                    let Some(item) = self.items.get_mut(&id) else { continue };
                    let property = Property::read(one)?;
                    item.is_beyond_us |= entry & essential != 0 && property == Property::Unknown;
                    item.properties.0.push(property);
                }
            }
        }
        Ok(())
    }

    /// The picture that the file is for, with its transparency.
    pub(super) fn picture(&self) -> Result<Picture<'a>, DecodeError> {
        let id = self.primary;
        let item = self.item(id)?;
        let color = self.coded(id)?;
        let alpha = match self.alphas.get(&id) {
            Some(&alpha) => Some(self.coded(alpha)?),
            None if &item.kind == b"grid" => self.alpha_of_tiles(id, &color)?,
            None => None,
        };
        let premultiplied = self.references.iter().any(|one| &one.kind == b"prem" && one.from == id);
        let properties = &item.properties;
        Ok(Picture {
            size: properties.size(),
            transform: properties.transform(),
            // A grid may leave this to its tiles.
            color_code: properties
                .color()
                .or_else(|| self.item(self.tiles(id).first().copied()?).ok()?.properties.color()),
            color,
            alpha,
            premultiplied,
        })
    }

    fn item(&self, id: u32) -> Result<&Item, DecodeError> {
        let item = self.items.get(&id).ok_or_else(|| broken("it names a picture that is missing"))?;
        match item.is_beyond_us {
            true => Err(DecodeError::Unsupported("AVIF with a property that is not known here")),
            false => Ok(item),
        }
    }

    /// The items of which this one is composed, in order.
    fn tiles(&self, id: u32) -> &[u32] {
        let composed = self.references.iter().find(|one| &one.kind == b"dimg" && one.from == id);
        composed.map_or(&[], |one| &one.to)
    }

    /// Where the grid has no transparency of its own, but each of its tiles has.
    fn alpha_of_tiles(&self, id: u32, color: &Coded<'a>) -> Result<Option<Coded<'a>>, DecodeError> {
        let Some(tiles) = self.tiles(id).iter().map(|tile| self.alphas.get(tile)).collect::<Option<Vec<_>>>()
        else {
            return Ok(None);
        };
        let streams = self.streams(tiles.into_iter().copied())?;
        Ok(Some(Coded { streams, grid: color.grid }))
    }

    fn coded(&self, id: u32) -> Result<Coded<'a>, DecodeError> {
        let item = self.item(id)?;
        match &item.kind {
            b"av01" => Ok(Coded { streams: vec![self.stream(id)?], grid: None }),
            b"grid" => {
                let grid = read_grid(Cursor(&self.bytes(item)?))?;
                let tiles = self.tiles(id);
                if tiles.len() != grid.columns * grid.rows {
                    return Err(broken("tiles are missing"));
                }
                Ok(Coded { streams: self.streams(tiles.iter().copied())?, grid: Some(grid) })
            }
            b"hvc1" | b"hev1" => Err(DecodeError::Unsupported("HEIC")),
            _ => Err(DecodeError::Unsupported("AVIF of this kind of picture")),
        }
    }

    fn streams(&self, tiles: impl Iterator<Item = u32>) -> Result<Vec<Stream<'a>>, DecodeError> {
        // Tiles may be one and the same, but they must not make much work of a small file.
        let mut left = self.file.len().saturating_mul(2);
        let mut streams = Vec::new();
        for tile in tiles {
            let stream = self.stream(tile)?;
            left = left
                .checked_sub(stream.bytes.len())
                .ok_or_else(|| broken("it repeats its tiles too often"))?;
            streams.push(stream);
        }
        Ok(streams)
    }

    fn stream(&self, id: u32) -> Result<Stream<'a>, DecodeError> {
        let item = self.item(id)?;
        if &item.kind != b"av01" {
            return Err(DecodeError::Unsupported("AVIF with tiles of another kind"));
        }
        let properties = &item.properties;
        Ok(Stream {
            bytes: self.bytes(item)?,
            operating_point: properties.operating_point(),
            layer: properties.layer(),
        })
    }

    /// The content of an item, copied where it lies in several parts.
    fn bytes(&self, item: &Item) -> Result<Cow<'a, [u8]>, DecodeError> {
        let whole = if item.in_meta { self.data } else { self.file };
        let part = |&(offset, len): &(u64, u64)| {
            let offset = usize::try_from(offset).map_err(|_| cut_short())?;
            let rest = whole.get(offset..).ok_or_else(cut_short)?;
            match len {
                0 => Ok(rest),
                len => usize::try_from(len).ok().and_then(|len| rest.get(..len)).ok_or_else(cut_short),
            }
        };
        if let [only] = &item.extents[..] {
            return Ok(Cow::Borrowed(part(only)?));
        }
        let mut bytes = Vec::new();
        for extent in &item.extents {
            let part = part(extent)?;
            // Parts that overlap could make much of a small file.
            if bytes.len() + part.len() > whole.len() {
                return Err(broken("the parts of a picture overlap"));
            }
            bytes.extend_from_slice(part);
        }
        Ok(Cow::Owned(bytes))
    }
}

fn item_id(body: &mut Cursor<'_>, n_bytes: usize) -> Result<u32, DecodeError> {
    body.uint(n_bytes).map(|id| u32::try_from(id).unwrap_or(u32::MAX))
}

fn primary_item(mut body: Cursor<'_>) -> Result<u32, DecodeError> {
    let (version, _) = body.version()?;
    item_id(&mut body, if version == 0 { 2 } else { 4 })
}

/// Steps over the place of an item: what stands before its parts is counted, and what each part takes.
fn continue_over_extents(body: &mut Cursor<'_>, [head, part]: [usize; 2]) -> Result<(), DecodeError> {
    body.take(head)?;
    let n_extents = usize::from(body.u16()?);
    body.take(n_extents * part).map(|_| ())
}

fn read_grid(mut body: Cursor<'_>) -> Result<Grid, DecodeError> {
    body.u8()?;
    let side_bytes = if body.u8()? & 1 == 0 { 2 } else { 4 };
    let rows = usize::from(body.u8()?) + 1;
    let columns = usize::from(body.u8()?) + 1;
    let width = item_id(&mut body, side_bytes)?;
    let height = item_id(&mut body, side_bytes)?;
    Ok(Grid { columns, rows, width, height })
}
