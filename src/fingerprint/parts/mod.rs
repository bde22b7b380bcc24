//! Local features: what finds a picture that was cropped, framed, pasted into another or turned.

mod constants;
mod describe;
mod features;
mod geometry;
mod kernel;
mod picture;
mod pyramid;

use crate::domain::images::MatchClass;
use crate::domain::parts::{PartMatch, Parts, Region};
use features::{Feature, Keypoint, QUERY_CODES, QUERY_KEYPOINTS, Stored, codes_of};
use geometry::{Match, Overlay, Reductions, agreement, overlay, regions};
pub use picture::{Gray, Reducer};

pub const STORED_AREA: u32 = features::STORED_AREA;
pub const QUERY_AREA: u32 = features::QUERY_AREA;

/// Gray levels of a query image, reduced to the size at which its features are looked for. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryPicture(pub std::sync::Arc<Gray>);

/// A stored image that shares a part with the query image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundPart {
    /// Its place in the list that was searched.
    pub index: usize,
    /// [`MatchClass::InsideAnother`] or [`MatchClass::PartInCommon`].
    pub class: MatchClass,
    pub part: PartMatch,
}

/// Codes are taken for the same where they differ by so many bits at most.
pub const MOST_BITS: u8 = 10;

/// What is stored of an image.
pub fn of_stored(gray: &Gray) -> Parts {
    features::of_stored(gray)
}

/// One form of the query image.
struct Form {
    mirrored: bool,
    inverted: bool,
    points: Vec<Keypoint>,
    codes: Vec<u64>,
    picture: Reductions,
}

/// The features of a query image, in the forms in which it is searched.
pub struct QueryParts {
    forms: Vec<Form>,
}

/// Everything that is known of a candidate, for choosing rules.
#[derive(Clone, Copy, Debug)]
pub struct Evidence {
    pub index: usize,
    pub mirrored: bool,
    pub inverted: bool,
    pub keypoints: usize,
    pub overlay: Overlay,
    pub in_query: Region,
    pub in_stored: Region,
}

impl Evidence {
    pub fn class(&self) -> Option<MatchClass> {
        let Overlay { share, of_stored, of_query, .. } = self.overlay;
        if self.keypoints >= 4 && share >= 0.7 && of_stored.max(of_query) >= 0.6 {
            Some(MatchClass::InsideAnother)
        } else if self.keypoints >= 6 || self.keypoints >= 4 && share >= 0.5 {
            Some(MatchClass::PartInCommon)
        } else {
            None
        }
    }
}

impl QueryParts {
    /// Takes some ten milliseconds.
    pub fn of(picture: &QueryPicture) -> QueryParts {
        let gray = &*picture.0;
        let features = features::find(gray, QUERY_KEYPOINTS, 2, QUERY_CODES);
        let reductions = Reductions::of(gray);
        let flipped = Gray {
            levels: gray.levels.chunks_exact(gray.width).flat_map(|row| row.iter().rev().copied()).collect(),
            ..*gray
        };
        let flipped = Reductions::of(&flipped);
        let width = gray.width as f32;
        let mut forms = Vec::new();
        for (mirrored, inverted) in [(false, false), (true, false), (false, true), (true, true)] {
            let form = features.iter().map(|Feature { point, histogram }| {
                let (mut point, mut histogram) = (*point, *histogram);
                if mirrored {
                    point.x = width - 1.0 - point.x;
                    point.turn = 0.5 - point.turn;
                    histogram = describe::mirrored(&histogram);
                }
                if inverted {
                    point.turn += 0.5;
                    histogram = describe::inverted(&histogram);
                }
                point.turn -= point.turn.floor();
                (point, describe::code(&histogram))
            });
            let (points, codes) = form.unzip();
            let picture = if mirrored { flipped.clone() } else { reductions.clone() };
            forms.push(Form { mirrored, inverted, points, codes, picture });
        }
        QueryParts { forms }
    }

    pub fn n_codes(&self) -> usize {
        self.forms[0].codes.len()
    }

    /// It shows too little for features to be found by: gradients, flat shapes. The fingerprint of the whole
    /// picture remains.
    pub fn are_too_few(&self) -> bool {
        self.forms[0].codes.len() < 12
    }

    pub fn evidence(&self, stored: &[Parts], n_forms: usize, least: usize, drop: bool) -> Vec<Evidence> {
        let mut found: Vec<Evidence> = Vec::new();
        for form in &self.forms[..n_forms] {
            let new = form.search(stored, least, drop);
            found.extend(new);
        }
        found.sort_by(|a, b| a.index.cmp(&b.index).then(b.keypoints.cmp(&a.keypoints)));
        found.dedup_by_key(|one| one.index);
        found
    }

    /// The stored images that share a part with the query image, in the order of the list. `stored` are images
    /// of the accounts that are searched, some thousands at a time: features that many of them have count for
    /// nothing. What is damaged or of another version is passed over.
    pub fn search(&self, stored: &[Parts]) -> Vec<FoundPart> {
        let found = self.evidence(stored, 4, 4, true);
        found.iter().filter_map(|one| {
            Some(FoundPart { index: one.index, class: one.class()?, part: PartMatch {
                keypoints: one.keypoints as u16,
                agreement: (one.overlay.share * 100.0) as u8,
                mirrored: one.mirrored, inverted: one.inverted, in_query: one.in_query, in_stored: one.in_stored } })
        }).collect()
    }
}

impl Form {
    fn search(&self, stored: &[Parts], least: usize, drop: bool) -> Vec<Evidence> {
        let mut codes = Vec::new();
        let mut near = Vec::new();
        // Which codes of each image look like which of the query.
        let mut hits: Vec<(u32, kernel::Hit)> = Vec::new();
        let mut met = vec![0_u32; self.codes.len()];
        let mut met_by = vec![u32::MAX; self.codes.len()];
        for (index, parts) in stored.iter().enumerate() {
            if codes_of(parts, &mut codes).is_none() {
                continue;
            }
            near.clear();
            kernel::nearest(&codes, &self.codes, MOST_BITS, &mut near);
            for hit in &near {
                let asked = usize::from(hit.asked);
                if met_by[asked] != index as u32 {
                    met_by[asked] = index as u32;
                    met[asked] += 1;
                }
                hits.push((index as u32, *hit));
            }
        }
        let common = (stored.len() as f32 * 0.08).max(4.0);
        if drop {
            hits.retain(|hit| met[usize::from(hit.1.asked)] as f32 <= common);
        }
        let mut found = Vec::new();
        for of_image in hits.chunk_by(|a, b| a.0 == b.0) {
            if of_image.len() < least {
                continue;
            }
            let index = of_image[0].0 as usize;
            let Some(image) = Stored::read(&stored[index]) else { continue };
            let matches: Vec<Match> = of_image
                .iter()
                .map(|(_, hit)| Match {
                    stored: image.points[usize::from(hit.stored)],
                    asked: self.points[usize::from(hit.asked)],
                    distance: hit.bits,
                })
                .collect();
            let Some(agreed) = agreement(&matches, least) else { continue };
            let overlay = overlay(&image, &self.picture, &agreed.map, self.inverted);
            let (mut in_query, in_stored) = regions(&image, &self.picture, &agreed.map);
            if self.mirrored {
                in_query.0.iter_mut().for_each(|corner| corner[0] = 1000 - corner[0]);
            }
            found.push(Evidence {
                index,
                mirrored: self.mirrored,
                inverted: self.inverted,
                keypoints: agreed.keypoints,
                overlay,
                in_query,
                in_stored,
            });
        }
        found
    }
}
