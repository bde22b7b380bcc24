//! The artworks that are altered, and the search of one picture for another, as the daemon does it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use image::{Rgba, RgbaImage};

use super::report;
use crate::base::csv;
use crate::commands::hash::load;
use crate::domain::images::{ImageFacts, MatchClass};
use crate::fingerprint::decode::{DecodeError, Layout, Limits, RowSink, decode};
use crate::fingerprint::{QueryImage, query_variants};
use crate::stages::second_stage::judge;

/// The radius within an artist's accounts.
pub const WIDE_RADIUS: u32 = 10;

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchAccuracyError {
    #[error("could not {step} {}", path.display())]
    File { step: &'static str, path: PathBuf, source: io::Error },
    #[error("{} names no artworks", path.display())]
    NoArtworks { path: PathBuf },
    #[error("could not read the artwork {file}")]
    Artwork { file: String, source: crate::commands::hash::FileError },
    #[error("could not make {alteration:?} of {file}")]
    Alter { file: String, alteration: String, source: turbojpeg::Error },
    #[error("could not read {alteration:?} of {file} back")]
    Altered { file: String, alteration: String, source: DecodeError },
    #[error("{} has no marks {:?} and {:?}", path.display(), report::MEASURED, report::PARTS)]
    NoMarks { path: PathBuf },
    #[error("could not print the result")]
    Print { source: io::Error },
}

pub fn file_error(step: &'static str, path: &Path) -> impl FnOnce(io::Error) -> BenchAccuracyError {
    move |source| BenchAccuracyError::File { step, path: path.to_owned(), source }
}

/// An artwork of the material.
pub struct Artwork {
    pub file: String,
    pub group: String,
    pub family: String,
    pub pixels: RgbaImage,
    pub query: QueryImage,
}

impl Artwork {
    pub fn is_transparent(&self) -> bool {
        self.pixels.pixels().any(|pixel| pixel.0[3] < 255)
    }
}

/// Keeps an altered file for other programs: in a folder that is named after the alteration.
///
/// # Errors
/// When it cannot be written.
pub fn keep_file(
    folder: &Path,
    alteration: &str,
    artwork: &Artwork,
    bytes: &[u8],
) -> Result<(), BenchAccuracyError> {
    let folder = folder.join(alteration.replace(['%', ','], "").trim_end().replace(' ', "_"));
    let path = folder.join(format!("{}.jpg", artwork.file));
    fs::create_dir_all(&folder).map_err(file_error("make", &folder))?;
    fs::write(&path, bytes).map_err(file_error("write", &path))
}

/// Both stages of the search, as the daemon does them over an index: the best distance of any form of the
/// query to either form of the stored image, its class, and whether the second stage confirms it. None where
/// either has no fingerprint of good quality.
pub fn search(query: &QueryImage, stored: &ImageFacts) -> Option<(u32, MatchClass, bool)> {
    if !stored.solid_ground {
        return None;
    }
    let forms = query.variants.iter().flat_map(|(_, asked)| {
        let whole = (asked.distance(stored.fingerprint), false);
        let trimmed = stored.detail.trimmed.map(|trimmed| (asked.distance(trimmed), true));
        std::iter::once(whole).chain(trimmed)
    });
    let (distance, is_framed) = forms.min()?;
    let detail = (!is_framed).then(|| stored.detail.clone());
    let (class, second_stage) = judge(distance, query, detail);
    Some((distance, class, second_stage.is_some() && class != MatchClass::Similar))
}

/// # Errors
/// When the manifest or an artwork cannot be read.
pub fn read_material(folder: &Path) -> Result<Vec<Artwork>, BenchAccuracyError> {
    let path = folder.join("manifest.csv");
    let manifest = fs::read_to_string(&path).map_err(file_error("read", &path))?;
    let limits = Limits::default();
    let mut artworks = Vec::new();
    for columns in csv::rows(&manifest) {
        let (Some(file), Some(group)) = (columns.first(), columns.get(7)) else { continue };
        let unreadable = |source| BenchAccuracyError::Artwork { file: file.clone(), source };
        let bytes = load(&folder.join(file), &limits).map_err(unreadable)?;
        let read = |bytes: &[u8]| Ok((pixels(bytes, &limits)?, query_variants(bytes, &limits)?));
        let (pixels, query) = read(&bytes).map_err(|error: DecodeError| unreadable(error.into()))?;
        let family = columns.get(8).cloned().unwrap_or_default();
        artworks.push(Artwork { file: file.clone(), group: group.clone(), family, pixels, query });
    }
    if artworks.is_empty() {
        return Err(BenchAccuracyError::NoArtworks { path });
    }
    Ok(artworks)
}

/// Collects all pixels as RGBA.
#[derive(Default)]
struct Canvas {
    size: (u32, u32),
    layout: Option<Layout>,
    levels: Vec<u8>,
}

impl RowSink for Canvas {
    fn start(&mut self, width: u32, height: u32, layout: Layout) {
        self.size = (width, height);
        self.layout = Some(layout);
    }

    fn row(&mut self, pixels: &[u8]) {
        let Some(layout) = self.layout else { return };
        for pixel in pixels.chunks_exact(layout.bytes_per_pixel()) {
            let Rgba(rgba) = match (layout, pixel) {
                (Layout::Gray, &[level]) => Rgba([level, level, level, 255]),
                (Layout::GrayAlpha, &[level, alpha]) => Rgba([level, level, level, alpha]),
                (Layout::Rgba, &[red, green, blue, alpha]) => Rgba([red, green, blue, alpha]),
                (_, pixel) => Rgba([pixel[0], pixel[1], pixel[2], 255]),
            };
            self.levels.extend(rgba);
        }
    }
}

fn pixels(bytes: &[u8], limits: &Limits) -> Result<RgbaImage, DecodeError> {
    let mut canvas = Canvas::default();
    decode(bytes, limits, &mut canvas)?;
    let (width, height) = canvas.size;
    Ok(RgbaImage::from_raw(width, height, canvas.levels).expect("the decoder gave every row"))
}
