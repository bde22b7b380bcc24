//! Which stored images share a part with a query image: codes that look alike, a map on which they agree, and
//! a look at the little pictures.

use std::sync::Arc;

use crate::describe;
use crate::features::{self, ASKED, Feature, Keypoint, Stored, codes_of};
use crate::furniture::Furniture;
use crate::geometry::{Corners, Match, agreement, regions};
use crate::kernel::{self, Hit};
use crate::overlay::{Overlay, Reductions, overlay};
use crate::picture::Gray;

/// Codes look alike where they differ by so many bits at most.
const MOST_BITS: u8 = 11;
/// Keypoints that agree at least, for a closer look.
const LEAST_KEYPOINTS: usize = 3;
/// A query with fewer codes may be missed, whatever it is.
const FEW_CODES: usize = 12;
/// Codes of the mirrored and the inverted form of the query: such copies are rare, and as many codes as of
/// the plain form would make a search three times as long.
const OTHER_FORMS_CODES: usize = 200;
/// A code that more than this part of the searched images have tells nothing of any of them: it is of an
/// app's frame, a watermark, a signature.
const COMMON_PART: f32 = 0.08;
/// So many images may have a code wherever few are searched.
const NOT_YET_COMMON: u32 = 4;

/// Matches of common codes from which on a variant is thought of.
const LEAST_COMMON: usize = 4;
/// The least part of the windows of a variant that look alike, and the least correlation of all of it.
const SHARE_OF_VARIANTS: f32 = 0.9;
const CORRELATION_OF_VARIANTS: f32 = 0.9;

/// Gray levels of a query image, reduced to the size at which its features are looked for. Cheap to clone;
/// takes 314 KB at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryPicture(Arc<Gray>);

impl QueryPicture {
    pub fn new(gray: Gray) -> QueryPicture {
        QueryPicture(Arc::new(gray))
    }
}

/// One form of the query image.
#[derive(Clone, Debug)]
struct Form {
    mirrored: bool,
    inverted: bool,
    points: Vec<Keypoint>,
    codes: Vec<u64>,
    /// Which of the codes are furniture.
    common: Vec<bool>,
}

/// The features of a query image, in the forms in which it is searched: as it is, mirrored, inverted.
#[derive(Clone, Debug)]
pub struct QueryParts {
    forms: Vec<Form>,
    picture: Reductions,
    flipped: Reductions,
}

/// What two pictures share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shared {
    /// They are the same picture, one inside the other.
    Picture,
    /// Both show the same thing somewhere.
    Part,
}

/// A stored image with features that look like some of the query image, and agree on where it lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Its place in the list that was searched.
    pub index: usize,
    pub mirrored: bool,
    pub inverted: bool,
    /// Keypoints that agree, counted apart from each other.
    pub keypoints: usize,
    pub overlay: Overlay,
    pub in_query: Corners,
    pub in_stored: Corners,
}

impl Candidate {
    /// What it is to the query image; `None` where that may be chance. `docs/accuracy.md` tells how the
    /// numbers were chosen.
    pub fn shared(&self) -> Option<Shared> {
        let Overlay { share, windows, of_stored, of_query, .. } = self.overlay;
        if self.keypoints >= 4 && share >= 0.65 && of_stored.max(of_query) >= 0.7 {
            return Some(Shared::Picture);
        }
        let agrees = match self.keypoints {
            0..3 => false,
            3 => share >= 0.7 && windows >= 8,
            4 => share >= 0.6,
            5 => share >= 0.2,
            6 | 7 => share >= 0.1,
            _ => true,
        };
        agrees.then_some(Shared::Part)
    }

    /// The same among the images of a whole database, where a chance of one in a million is met.
    pub fn shared_for_sure(&self) -> Option<Shared> {
        let is_sure = self.keypoints >= 8 && self.overlay.share >= 0.6;
        self.shared().filter(|_| is_sure)
    }
}

impl QueryParts {
    /// Takes some ten milliseconds.
    pub fn of(picture: &QueryPicture) -> QueryParts {
        let gray = &*picture.0;
        let features = features::find(gray, ASKED);
        let flipped = Gray {
            levels: gray.levels.chunks(gray.width.max(1)).flat_map(|row| row.iter().rev().copied()).collect(),
            ..*gray
        };
        let plain = (features.iter()).map(|Feature { point, code, .. }| (*point, *code)).unzip();
        let others = &features[..features.len().min(OTHER_FORMS_CODES)];
        let upright = |turn: f32| turn - turn.floor();
        let mirrored = others.iter().map(|Feature { point, histogram, .. }| {
            let (x, turn) = (gray.width as f32 - 1.0 - point.x, upright(0.5 - point.turn));
            (Keypoint { x, turn, ..*point }, describe::code(&describe::mirrored(histogram)))
        });
        let inverted = others.iter().map(|Feature { point, histogram, .. }| {
            let point = Keypoint { turn: upright(point.turn + 0.5), ..*point };
            (point, describe::code(&describe::inverted(histogram)))
        });
        let form = |mirrored, inverted, (points, codes): (Vec<Keypoint>, Vec<u64>)| {
            let common = vec![false; codes.len()];
            Form { mirrored, inverted, points, codes, common }
        };
        QueryParts {
            forms: vec![
                form(false, false, plain),
                form(true, false, mirrored.unzip()),
                form(false, true, inverted.unzip()),
            ],
            picture: Reductions::of(gray),
            flipped: Reductions::of(&flipped),
        }
    }

    /// The codes of the image as it is, the most telling first.
    pub fn codes(&self) -> &[u64] {
        &self.forms[0].codes
    }

    /// The same, with the codes that the images of many artists have counting for nothing.
    pub fn without(mut self, furniture: &Furniture) -> QueryParts {
        for form in &mut self.forms {
            form.common = form.codes.iter().map(|&code| furniture.has(code)).collect();
        }
        self
    }

    /// It shows too little for features to be found by: gradients, flat shapes. The fingerprint of the whole
    /// picture remains.
    pub fn are_too_few(&self) -> bool {
        self.codes().len() < FEW_CODES
    }

    /// The stored images that are worth a closer look, in the order of the list, each by the form of the
    /// query that agrees best. `stored`: what [`of_stored`](crate::of_stored) gave for the images that are
    /// searched, some thousands at a time, since features that many of them have count for nothing. What is
    /// damaged or of another version is passed over.
    pub fn candidates(&self, stored: &[impl AsRef<[u8]>]) -> Vec<Candidate> {
        let mut found: Vec<Candidate> =
            self.forms.iter().flat_map(|form| self.candidates_of(form, stored)).collect();
        let rank = |one: &Candidate| (one.shared().is_none(), one.shared(), std::cmp::Reverse(one.keypoints));
        found.sort_by_key(|one| (one.index, rank(one)));
        found.dedup_by_key(|one| one.index);
        found
    }

    fn candidates_of(&self, form: &Form, stored: &[impl AsRef<[u8]>]) -> Vec<Candidate> {
        let mut found = Vec::new();
        for of_image in hits(form, stored) {
            let index = of_image.index;
            let Some(image) = Stored::read(stored[index].as_ref()) else { continue };
            let telling = self.candidate(form, index, &image, &of_image.telling);
            if telling.is_some_and(|one| one.shared().is_some()) || of_image.common.len() < LEAST_COMMON {
                found.extend(telling);
                continue;
            }
            // Variants of one drawing have everything in common. Unlike those of an app's frame, they look
            // alike.
            let all = [of_image.telling, of_image.common].concat();
            let all = self.candidate(form, index, &image, &all);
            let is_variant = |one: &Candidate| {
                one.shared() == Some(Shared::Picture)
                    && one.overlay.share >= SHARE_OF_VARIANTS
                    && one.overlay.whole >= CORRELATION_OF_VARIANTS
            };
            found.extend(all.filter(is_variant).or(telling));
        }
        found
    }

    fn candidate(&self, form: &Form, index: usize, image: &Stored, hits: &[Hit]) -> Option<Candidate> {
        let query = if form.mirrored { &self.flipped } else { &self.picture };
        let pair = |hit: &Hit| Match {
            stored: image.points[usize::from(hit.stored)],
            asked: form.points[usize::from(hit.asked)],
        };
        let matches: Vec<Match> = hits.iter().map(pair).collect();
        let agreed = agreement(&matches, LEAST_KEYPOINTS)?;
        let overlay = overlay(image, query, &agreed.map, form.inverted);
        let (mut in_query, in_stored) = regions((image.width, image.height), query.size(), &agreed.map);
        if form.mirrored {
            in_query.iter_mut().for_each(|corner| corner[0] = 1000 - corner[0]);
        }
        Some(Candidate {
            index,
            mirrored: form.mirrored,
            inverted: form.inverted,
            keypoints: agreed.keypoints,
            overlay,
            in_query,
            in_stored,
        })
    }
}

/// What of an image looks like some of the query.
struct HitsOf {
    index: usize,
    /// By codes that tell something of it.
    telling: Vec<Hit>,
    /// By codes that many of the images have.
    common: Vec<Hit>,
}

/// By image, where there are enough for a closer look.
fn hits(form: &Form, stored: &[impl AsRef<[u8]>]) -> Vec<HitsOf> {
    let asked = &form.codes;
    let mut codes = Vec::new();
    let mut near = Vec::new();
    let mut hits: Vec<(usize, Hit)> = Vec::new();
    // How many images have each code, and which one was counted last.
    let mut met = vec![(0_u32, usize::MAX); asked.len()];
    for (index, parts) in stored.iter().enumerate() {
        if codes_of(parts.as_ref(), &mut codes).is_none() {
            continue;
        }
        near.clear();
        kernel::nearest(&codes, asked, MOST_BITS, &mut near);
        for hit in &near {
            let (count, last) = &mut met[usize::from(hit.asked)];
            *count += u32::from(*last != index);
            *last = index;
            hits.push((index, *hit));
        }
    }
    let most = ((stored.len() as f32 * COMMON_PART) as u32).max(NOT_YET_COMMON);
    let is_common = |hit: &Hit| {
        let asked = usize::from(hit.asked);
        form.common[asked] || met[asked].0 > most
    };
    hits.chunk_by(|a, b| a.0 == b.0)
        .filter(|of_image| of_image.len() >= LEAST_KEYPOINTS)
        .map(|of_image| {
            let (common, telling) = of_image.iter().map(|(_, hit)| *hit).partition(is_common);
            HitsOf { index: of_image[0].0, telling, common }
        })
        .collect()
}
