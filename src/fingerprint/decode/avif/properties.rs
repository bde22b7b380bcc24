//! What a file says about a picture beside its stream (ISO/IEC 23008-12, MIAF, the AVIF
//! specification): its color, its layers, and how it is cut, turned and mirrored for showing.

use super::boxes::{Boxed, Cursor};
use super::transform::{Crop, Transform};
use crate::fingerprint::decode::limits::DecodeError;

/// A property of a picture; of the other kinds only the name.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Property {
    Size {
        width: u32,
        height: u32,
    },
    /// Code points of ITU-T H.273, which count more than those in the stream.
    Color {
        matrix: u16,
        full_range: bool,
    },
    Auxiliary {
        is_alpha: bool,
    },
    Crop(Crop),
    /// Quarter turns, against the clock.
    Turn(u8),
    /// True: left and right change places. False: top and bottom do.
    Mirror(bool),
    /// Which operating point of a stream with several is meant.
    OperatingPoint(u8),
    /// Which layer of a stream with several is meant.
    Layer(u16),
    /// It describes, and changes nothing that is shown here.
    Harmless,
    Unknown,
}

impl Property {
    pub(super) fn read(one: &Boxed<'_>) -> Result<Property, DecodeError> {
        let mut body = one.body;
        Ok(match &one.kind {
            b"ispe" => {
                body.version()?;
                Property::Size { width: body.u32()?, height: body.u32()? }
            }
            b"colr" if body.0.starts_with(b"nclx") => {
                body.take(8)?;
                Property::Color { matrix: body.u16()?, full_range: body.u8()? >> 7 == 1 }
            }
            b"auxC" | b"auxi" => {
                body.version()?;
                let name = body.0.split(|&byte| byte == 0).next().unwrap_or_default();
                let is_alpha = name == b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"
                    || name == b"urn:mpeg:hevc:2015:auxid:1";
                Property::Auxiliary { is_alpha }
            }
            b"clap" => Property::Crop(Crop::read(&mut body)?),
            b"irot" => Property::Turn(body.u8()? & 3),
            b"imir" => Property::Mirror(body.u8()? & 1 == 1),
            b"a1op" => Property::OperatingPoint(body.u8()? & 31),
            b"lsel" => Property::Layer(body.u16()?),
            b"colr" | b"av1C" | b"pixi" | b"pasp" | b"a1lx" | b"clli" | b"mdcv" | b"cclv" | b"amve"
            | b"rloc" | b"udes" | b"altt" | b"crtt" | b"mdft" | b"btrt" | b"ccst" => Property::Harmless,
            _ => Property::Unknown,
        })
    }
}

/// All that is said of one picture.
#[derive(Clone, Debug, Default)]
pub(super) struct Properties(pub(super) Vec<Property>);

impl Properties {
    fn find<T>(&self, pick: impl Fn(&Property) -> Option<T>) -> Option<T> {
        self.0.iter().find_map(pick)
    }

    /// The matrix and whether levels take the full range.
    pub(super) fn color(&self) -> Option<(u16, bool)> {
        self.find(|one| match *one {
            Property::Color { matrix, full_range } => Some((matrix, full_range)),
            _ => None,
        })
    }

    pub(super) fn is_alpha(&self) -> bool {
        self.0.contains(&Property::Auxiliary { is_alpha: true })
    }

    pub(super) fn size(&self) -> Option<(u32, u32)> {
        self.find(|one| match *one {
            Property::Size { width, height } => Some((width, height)),
            _ => None,
        })
    }

    pub(super) fn operating_point(&self) -> u8 {
        self.find(|one| match *one {
            Property::OperatingPoint(point) => Some(point),
            _ => None,
        })
        .unwrap_or(0)
    }

    /// None where the finest layer is meant.
    pub(super) fn layer(&self) -> Option<u16> {
        // As the AVIF specification has it: this number says that no single layer is selected.
        const ALL: u16 = 0xffff;
        self.find(|one| match *one {
            Property::Layer(layer) if layer != ALL => Some(layer),
            _ => None,
        })
    }

    pub(super) fn transform(&self) -> Transform {
        let mut transform = Transform::default();
        for property in &self.0 {
            match property {
                Property::Crop(crop) => transform.crop = Some(crop.clone()),
                Property::Turn(turns) => transform.quarter_turns = *turns,
                Property::Mirror(sideways) => transform.mirror = Some(*sideways),
                _ => {}
            }
        }
        transform
    }
}

/// The properties in a row of boxes, as a sample entry of a track has them behind its fields.
pub(super) fn read_all(boxes: &[Boxed<'_>]) -> Result<Properties, DecodeError> {
    boxes.iter().map(Property::read).collect::<Result<_, _>>().map(Properties)
}

impl Crop {
    fn read(body: &mut Cursor<'_>) -> Result<Crop, DecodeError> {
        let mut fraction = || Ok::<_, DecodeError>((body.u32()?.cast_signed(), body.u32()?.cast_signed()));
        Ok(Crop { width: fraction()?, height: fraction()?, right: fraction()?, down: fraction()? })
    }
}
