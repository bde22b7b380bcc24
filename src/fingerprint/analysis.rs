//! Everything that is computed of an image: for the store when it is indexed, for a search when it
//! is the query.

use aotf_parts::Gray;

use super::border::{Area, BorderFinder};
use super::decode::{DecodeError, Layout, Limits, RowSink, decode};
use super::luma::{LumaRow, flatten_row, is_transparent};
use super::orientation;
use super::parts::{QUERY_AREA, QueryPicture, Rows, STORED_AREA};
use super::phash::{phash64, phash256};
use super::resample::Resampler;
use super::thumbnail::Thumbnail;
use super::turn::{Orientation, TURNS, turned};
use crate::base::Fingerprint;
use crate::domain::images::{Detail, ImageFacts, Variant};
use crate::domain::parts::Parts;

/// What an image is searched by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryImage {
    /// Fingerprints of good quality, the image as it is first; none twice. The best distance of
    /// any of them is the image's distance.
    pub variants: Vec<(Variant, Fingerprint)>,
    /// No variant is usable: the image cannot be searched.
    pub low_quality: bool,
    /// Of the image as it is.
    pub facts: ImageFacts,
    /// The details of the other forms: flattened on white and on black where the image is
    /// transparent, and any of them without its border where it has one.
    pub other_details: Vec<(Variant, Detail)>,
    /// By which it is found inside other images.
    pub picture: QueryPicture,
}

impl QueryImage {
    /// The detail of each form, of the image as it is first.
    pub fn details(&self) -> impl Iterator<Item = &Detail> {
        std::iter::once(&self.facts.detail).chain(self.other_details.iter().map(|(_, detail)| detail))
    }
}

/// The fingerprint of an image, and whether it is of low quality. Less work than [`analyze`].
///
/// # Errors
/// See [`DecodeError`].
pub fn phash(bytes: &[u8], limits: &Limits) -> Result<(Fingerprint, bool), DecodeError> {
    let mut sink = CropSink::new(vec![Crop::whole()]);
    decode(bytes, limits, &mut sink)?;
    let [crop] = &sink.crops[..] else { unreachable!("one crop went in") };
    Ok(crop.finish())
}

/// Everything that is stored of an image. Decodes it twice where it has a uniform border.
///
/// # Errors
/// See [`DecodeError`].
pub fn analyze(bytes: &[u8], limits: &Limits) -> Result<ImageFacts, DecodeError> {
    analyze_by(AnalysisSink::new(&[Variant::AsIs]), bytes, limits)
}

/// The same, with the local features of the image, of which they are made in the same pass over its rows.
///
/// # Errors
/// See [`DecodeError`].
pub fn analyze_with_parts(bytes: &[u8], limits: &Limits) -> Result<ImageFacts, DecodeError> {
    analyze_by(AnalysisSink::new(&[Variant::AsIs]).with_picture(STORED_AREA), bytes, limits)
}

fn analyze_by(mut sink: AnalysisSink<'_>, bytes: &[u8], limits: &Limits) -> Result<ImageFacts, DecodeError> {
    decode(bytes, limits, &mut sink)?;
    let parts = sink.take_picture().map(|gray| Parts(aotf_parts::of_stored(&gray)));
    let (mut pictures, _) = sink.finish(bytes, limits)?;
    Ok(ImageFacts { parts, ..pictures.swap_remove(0) })
}

/// Everything by which an image is searched: also turned as its EXIF data says, since networks turn the
/// pixels of what is uploaded. Costs about three times [`analyze`] where the image
/// has an alpha channel.
///
/// # Errors
/// See [`DecodeError`]. An image of low quality is none.
pub fn query_variants(bytes: &[u8], limits: &Limits) -> Result<QueryImage, DecodeError> {
    query_forms(bytes, limits, &[])
}

/// The same, and the image mirrored, turned by a quarter either way, and upside down, each in front of
/// white and black as well where it is transparent. Costs little more: the image is decoded once.
///
/// # Errors
/// See [`DecodeError`]. An image of low quality is none.
pub fn query_variants_turned(bytes: &[u8], limits: &Limits) -> Result<QueryImage, DecodeError> {
    query_forms(bytes, limits, &TURNS)
}

fn query_forms(bytes: &[u8], limits: &Limits, turns: &[Orientation]) -> Result<QueryImage, DecodeError> {
    let mut sink =
        AnalysisSink::new(&[Variant::AsIs, Variant::OnWhite, Variant::OnBlack]).with_picture(QUERY_AREA);
    decode(bytes, limits, &mut sink)?;
    let picture = QueryPicture::new(sink.take_picture().unwrap_or_default());
    let kinds: Vec<Variant> = sink.pictures.iter().map(|picture| picture.kind).collect();
    let tagged = orientation::of(bytes);
    let others = turns.iter().copied().filter(|&turn| Some(turn) != tagged);
    let turned = sink.turned(&tagged.into_iter().chain(others).collect::<Vec<_>>());
    let (analyses, inner) = sink.finish(bytes, limits)?;
    let plain = kinds
        .iter()
        .zip(&analyses)
        .filter(|(_, facts)| facts.solid_ground)
        .map(|(&kind, facts)| (kind, facts.fingerprint));
    let trimmed = analyses.iter().filter_map(|facts| Some((Variant::Trimmed, facts.detail.trimmed?)));
    let mut variants: Vec<(Variant, Fingerprint)> = Vec::new();
    let turned_prints = turned.iter().map(|&(kind, fingerprint, _)| (kind, fingerprint));
    for (kind, fingerprint) in plain.chain(trimmed).chain(turned_prints) {
        if variants.iter().all(|&(_, known)| known != fingerprint) {
            variants.push((kind, fingerprint));
        }
    }
    let mut analyses = kinds.into_iter().zip(analyses);
    let Some((_, facts)) = analyses.next() else { unreachable!("the image as it is comes first") };
    Ok(QueryImage {
        low_quality: variants.is_empty(),
        variants,
        facts,
        other_details: analyses
            .map(|(kind, facts)| (kind, facts.detail))
            .chain(inner.into_iter().map(|detail| (Variant::Trimmed, detail)))
            .chain(turned.into_iter().map(|(kind, _, detail)| (kind, detail)))
            .collect(),
        picture,
    })
}

/// One form of the image, while its rows pass by.
struct Picture {
    kind: Variant,
    size: (u32, u32),
    luma: LumaRow,
    small: Resampler<32>,
    large: Resampler<64>,
    thumbnail: Thumbnail,
    border: BorderFinder,
}

impl Picture {
    fn new(kind: Variant, width: u32, height: u32) -> Picture {
        Picture {
            kind,
            size: (width, height),
            luma: LumaRow::new(width),
            small: Resampler::new(width, height),
            large: Resampler::new(width, height),
            thumbnail: Thumbnail::new(width, height),
            border: BorderFinder::new(width, height),
        }
    }

    fn row(&mut self, pixels: &[u8], layout: Layout) {
        self.luma.fill(pixels, layout);
        self.small.row(&self.luma);
        self.large.row(&self.luma);
        self.thumbnail.row(pixels, layout);
        self.border.row(self.luma.levels());
    }

    /// Its forms in these turns: fingerprint and detail of those of good quality.
    fn turned(&self, turns: &[Orientation]) -> Vec<(Variant, Fingerprint, Detail)> {
        if turns.is_empty() {
            return Vec::new();
        }
        let (small, large, thumbnail) = (self.small.finish(), self.large.finish(), self.thumbnail.finish());
        let (colors, _) = thumbnail.as_chunks::<3>();
        let (fields, _) = colors.as_chunks::<8>();
        let form = |&turn: &Orientation| {
            let (fingerprint, low_quality) = phash64(&turned(&small, turn));
            let mut thumbnail = thumbnail;
            for (place, color) in
                thumbnail.as_chunks_mut::<3>().0.iter_mut().zip(turned(fields, turn).concat())
            {
                *place = color;
            }
            let phash256 = phash256(&turned(&large, turn));
            let detail = Detail { phash256, thumbnail: thumbnail.to_vec(), trimmed: None };
            (!low_quality).then_some((turn.variant(), fingerprint, detail))
        };
        turns.iter().filter_map(form).collect()
    }

    /// All but the trimmed fingerprint.
    fn finish(&self) -> ImageFacts {
        let (fingerprint, low_quality) = phash64(&self.small.finish());
        ImageFacts {
            fingerprint,
            solid_ground: !low_quality,
            width: self.size.0,
            height: self.size.1,
            detail: Detail {
                phash256: phash256(&self.large.finish()),
                thumbnail: self.thumbnail.finish().to_vec(),
                trimmed: None,
            },
            parts: None,
        }
    }
}

/// The gray in front of which a variant is shown.
fn background(kind: Variant) -> Option<u8> {
    match kind {
        Variant::AsIs
        | Variant::Trimmed
        | Variant::Mirrored
        | Variant::TurnedRight
        | Variant::UpsideDown
        | Variant::TurnedLeft => None,
        Variant::OnWhite => Some(255),
        Variant::OnBlack => Some(0),
    }
}

/// Analyzes an image in one or several forms.
struct AnalysisSink<'a> {
    wanted: &'a [Variant],
    layout: Layout,
    transparent: bool,
    pictures: Vec<Picture>,
    flat: Vec<u8>,
    /// How many pixels the picture may have in which features are looked for; none where they are not.
    area: Option<u32>,
    rows: Option<Rows>,
}

impl<'a> AnalysisSink<'a> {
    fn new(wanted: &'a [Variant]) -> AnalysisSink<'a> {
        AnalysisSink {
            wanted,
            layout: Layout::Gray,
            transparent: false,
            pictures: Vec::new(),
            flat: Vec::new(),
            area: None,
            rows: None,
        }
    }

    /// Makes the picture as well in which local features are looked for, of so many pixels at most.
    fn with_picture(self, area: u32) -> AnalysisSink<'a> {
        AnalysisSink { area: Some(area), ..self }
    }

    /// That picture, after the last row.
    fn take_picture(&mut self) -> Option<Gray> {
        self.rows.take().map(Rows::finish)
    }

    /// The pictures in these turns, the flattened ones only where the image turned out to be transparent.
    fn turned(&self, turns: &[Orientation]) -> Vec<(Variant, Fingerprint, Detail)> {
        let n_pictures = if self.transparent { self.pictures.len() } else { 1 };
        self.pictures.iter().take(n_pictures).flat_map(|picture| picture.turned(turns)).collect()
    }

    /// The analyses, in the order of `wanted`; without the flattened forms where the image turned
    /// out to be opaque. Then the details of what their borders frame, which is decoded once more.
    fn finish(
        mut self,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<(Vec<ImageFacts>, Vec<Detail>), DecodeError> {
        if !self.transparent {
            self.pictures.truncate(1);
        }
        let mut analyses: Vec<ImageFacts> = self.pictures.iter().map(Picture::finish).collect();
        let mut inner = Vec::new();
        let mut crops = Vec::new();
        let mut owners = Vec::new();
        for (owner, picture) in self.pictures.iter().enumerate() {
            if let Some(area) = picture.border.inner() {
                crops.push(Crop::of(area, background(picture.kind)));
                owners.push(owner);
            }
        }
        if !crops.is_empty() {
            let mut sink = CropSink::new(crops);
            decode(bytes, limits, &mut sink)?;
            for (&owner, crop) in owners.iter().zip(&sink.crops) {
                let (fingerprint, low_quality) = crop.finish();
                if !low_quality {
                    analyses[owner].detail.trimmed = Some(fingerprint);
                    inner.extend(crop.detail());
                }
            }
        }
        Ok((analyses, inner))
    }
}

impl RowSink for AnalysisSink<'_> {
    fn start(&mut self, width: u32, height: u32, layout: Layout) {
        self.layout = layout;
        let kinds = self.wanted.iter().filter(|&&kind| background(kind).is_none() || layout.has_alpha());
        self.pictures = kinds.map(|&kind| Picture::new(kind, width, height)).collect();
        self.rows = self.area.map(|area| Rows::new(width, height, layout, area));
    }

    fn row(&mut self, pixels: &[u8]) {
        self.transparent = self.transparent || is_transparent(pixels, self.layout);
        for picture in &mut self.pictures {
            match background(picture.kind) {
                None => picture.row(pixels, self.layout),
                Some(level) => {
                    flatten_row(pixels, self.layout, level, &mut self.flat);
                    picture.row(&self.flat, Layout::Rgb);
                }
            }
        }
        if let (Some(rows), Some(as_is)) = (&mut self.rows, self.pictures.first()) {
            rows.row(pixels, as_is.luma.levels());
        }
    }
}

/// One part of an image, on its way to a fingerprint.
struct Crop {
    /// All of it, where none.
    area: Option<Area>,
    background: Option<u8>,
    state: Option<CropState>,
}

struct CropState {
    area: Area,
    luma: LumaRow,
    small: Resampler<32>,
    /// For the detail, which is wanted of true parts only.
    large: Option<(Resampler<64>, Thumbnail)>,
}

impl Crop {
    fn whole() -> Crop {
        Crop { area: None, background: None, state: None }
    }

    fn of(area: Area, background: Option<u8>) -> Crop {
        Crop { area: Some(area), background, state: None }
    }

    fn finish(&self) -> (Fingerprint, bool) {
        let state = self.state.as_ref().expect("the decoder reported success, so it started");
        phash64(&state.small.finish())
    }

    /// None of a whole image.
    fn detail(&self) -> Option<Detail> {
        let (large, thumbnail) = self.state.as_ref()?.large.as_ref()?;
        let thumbnail = thumbnail.finish().to_vec();
        Some(Detail { phash256: phash256(&large.finish()), thumbnail, trimmed: None })
    }
}

/// Computes the fingerprints of parts of an image.
struct CropSink {
    layout: Layout,
    crops: Vec<Crop>,
    flat: Vec<u8>,
    next_row: u32,
}

impl CropSink {
    fn new(crops: Vec<Crop>) -> CropSink {
        CropSink { layout: Layout::Gray, crops, flat: Vec::new(), next_row: 0 }
    }
}

impl RowSink for CropSink {
    fn start(&mut self, width: u32, height: u32, layout: Layout) {
        self.layout = layout;
        for crop in &mut self.crops {
            let area = crop.area.unwrap_or(Area { left: 0, top: 0, width, height });
            let Area { width, height, .. } = area;
            crop.state = Some(CropState {
                area,
                luma: LumaRow::new(width),
                small: Resampler::new(width, height),
                large: crop.area.map(|_| (Resampler::new(width, height), Thumbnail::new(width, height))),
            });
        }
    }

    fn row(&mut self, pixels: &[u8]) {
        let y = self.next_row;
        self.next_row += 1;
        let size = self.layout.bytes_per_pixel();
        for crop in &mut self.crops {
            let Some(CropState { area, luma, small, large }) = &mut crop.state else { continue };
            if !(area.top..area.top + area.height).contains(&y) {
                continue;
            }
            let part = &pixels[area.left as usize * size..][..area.width as usize * size];
            let (part, layout) = match crop.background {
                None => (part, self.layout),
                Some(level) => {
                    flatten_row(part, self.layout, level, &mut self.flat);
                    (&self.flat[..], Layout::Rgb)
                }
            };
            luma.fill(part, layout);
            small.row(luma);
            if let Some((large, thumbnail)) = large {
                large.row(luma);
                thumbnail.row(part, layout);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: u32 = 120;

    fn png_file(color: impl Fn(u32, u32) -> [u8; 4]) -> Vec<u8> {
        square_png_file(SIDE, color)
    }

    /// An RGBA PNG, colored by position.
    fn square_png_file(side: u32, color: impl Fn(u32, u32) -> [u8; 4]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, side, side);
        encoder.set_color(png::ColorType::Rgba);
        let pixels: Vec<u8> = (0..side * side).flat_map(|i| color(i % side, i / side)).collect();
        encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
        file
    }

    fn picture(x: u32, y: u32) -> [u8; 4] {
        [(x * y / 40) as u8, ((x / 13 * 7 + y / 17 * 5) * 23) as u8, ((x + y) / 19 * 37) as u8, 255]
    }

    #[track_caller]
    fn check(file: &[u8], expect: &[Variant]) -> QueryImage {
        let image = query_variants(file, &Limits::default()).unwrap();
        let kinds: Vec<Variant> = image.variants.iter().map(|&(kind, _)| kind).collect();
        assert_eq!(kinds, expect);
        assert_eq!(image.low_quality, expect.is_empty());
        assert_eq!(image.facts, analyze(file, &Limits::default()).unwrap());
        let plain = (image.facts.fingerprint, !image.facts.solid_ground);
        assert_eq!(plain, phash(file, &Limits::default()).unwrap());
        image
    }

    #[test]
    fn an_opaque_picture_has_one_variant() {
        let image = check(&png_file(picture), &[Variant::AsIs]);
        assert_eq!((image.facts.width, image.facts.height), (SIDE, SIDE));
        assert_eq!(image.facts.detail.trimmed, None);
    }

    #[test]
    fn a_solid_picture_cannot_be_searched() {
        check(&png_file(|_, _| [90, 90, 90, 255]), &[]);
    }

    #[test]
    fn a_transparent_picture_is_searched_as_networks_show_it() {
        let hole = |x: u32, y: u32| (20..70).contains(&x) && (35..110).contains(&y);
        let punched = png_file(|x, y| {
            let [red, green, blue, _] = picture(x, y);
            [red, green, blue, if hole(x, y) { 0 } else { 255 }]
        });
        let image = check(&punched, &[Variant::AsIs, Variant::OnWhite, Variant::OnBlack]);
        for (at, level) in [(1, 255), (2, 0)] {
            let shown = png_file(|x, y| if hole(x, y) { [level, level, level, 255] } else { picture(x, y) });
            let shown = analyze(&shown, &Limits::default()).unwrap();
            assert_eq!(image.variants[at].1, shown.fingerprint);
            assert_eq!(image.other_details[at - 1].1, shown.detail);
        }
    }

    #[test]
    fn a_turned_picture_is_found_where_that_is_asked_for() {
        let upright = png_file(picture);
        let image = query_variants_turned(&upright, &Limits::default()).unwrap();
        let kinds: Vec<Variant> = image.variants.iter().map(|&(kind, _)| kind).collect();
        assert_eq!(kinds, [[Variant::AsIs].as_slice(), &TURNS.map(Orientation::variant)].concat());
        let end = SIDE - 1;
        for (at, file) in [
            (1, png_file(|x, y| picture(end - x, y))),
            (2, png_file(|x, y| picture(y, end - x))),
            (3, png_file(|x, y| picture(end - x, end - y))),
            (4, png_file(|x, y| picture(end - y, x))),
        ] {
            let stored = analyze(&file, &Limits::default()).unwrap();
            let (kind, fingerprint) = image.variants[at];
            assert!(fingerprint.distance(stored.fingerprint) <= 2, "{kind:?}");
            let detail = &image.other_details[at - 1].1;
            assert!(detail.distance256(&stored.detail) <= 8, "{kind:?}");
            assert!(detail.thumbnail_difference(&stored.detail) < 1.0, "{kind:?}");
        }
    }

    #[test]
    fn a_picture_is_searched_as_its_exif_data_says() {
        let exif = orientation::tests::exif(6, false);
        let stored = png_file(picture);
        let (signature_and_header, rest) = stored.split_at(8 + 25);
        let len = u32::try_from(exif.len()).unwrap().to_be_bytes();
        let sum = crc32fast::hash(&[b"eXIf", &exif[..]].concat()).to_be_bytes();
        let tagged = [signature_and_header, &len, b"eXIf", &exif, &sum, rest].concat();
        let image = query_variants(&tagged, &Limits::default()).unwrap();
        let kinds: Vec<Variant> = image.variants.iter().map(|&(kind, _)| kind).collect();
        assert_eq!(kinds, [Variant::AsIs, Variant::TurnedRight]);
        let as_shown = png_file(|x, y| picture(y, SIDE - 1 - x));
        let shown = analyze(&as_shown, &Limits::default()).unwrap();
        assert!(image.variants[1].1.distance(shown.fingerprint) <= 2);
        // What is stored of an image does not depend on its tag: it is what ImageHash computes.
        assert_eq!(image.facts, analyze(&stored, &Limits::default()).unwrap());
        // Each turn is searched once.
        let image = query_variants_turned(&tagged, &Limits::default()).unwrap();
        assert_eq!(image.variants.len(), 1 + TURNS.len());
        assert_eq!(image.variants[1].0, Variant::TurnedRight);
    }

    #[test]
    fn a_framed_picture_is_searched_without_its_frame() {
        let framed = png_file(|x, y| match ((18..102).contains(&x), (18..102).contains(&y)) {
            (true, true) => picture(x - 18, y - 18),
            _ => [250, 250, 250, 255],
        });
        let image = check(&framed, &[Variant::AsIs, Variant::Trimmed]);
        let inner = analyze(&square_png_file(84, picture), &Limits::default()).unwrap();
        assert!(image.variants[0].1.distance(inner.fingerprint) > 6);
        assert_eq!(image.variants[1].1, inner.fingerprint);
        assert_eq!(image.other_details, [(Variant::Trimmed, inner.detail)]);
    }
}
