//! What a search asks the database about stored images: their fingerprints, and the posts of those it has
//! found.

use std::collections::HashMap;

use super::second_stage;
use super::worker::{StageError, unexpected_answer};
use crate::base::Fingerprint;
use crate::base::ids::{AccountNo, ImageId, PostKey};
use crate::domain::images::{FoundImage, Variant};
use crate::domain::posts::ImageRecord;
use crate::fingerprint::QueryImage;
use crate::proto::stage::{Answer, MAX_FINGERPRINTS_PER_ANSWER, MAX_IMAGES_PER_QUESTION, Question};

/// Posts of which one question asks the images: few enough for an answer that holds all of them.
const POSTS_PER_QUESTION: usize = 20;

/// The way to the database.
pub type Ask<'a> = &'a dyn Fn(Question) -> Result<Answer, StageError>;

/// An image with its fingerprint, and that of what its border frames.
pub type Prints = (ImageId, Fingerprint, Option<Fingerprint>);

/// An image that a search has found. In the order of preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    pub distance: u32,
    /// It was found by what its border frames, of which the database knows no detail.
    pub is_framed: bool,
    pub variant: Variant,
    pub image: ImageId,
}

impl Candidate {
    /// As far as the image is from the variant that is nearest to it; `None` where there is no variant.
    pub fn nearest(query: &QueryImage, (image, whole, trimmed): Prints) -> Option<Candidate> {
        let prints = [Some((false, whole)), trimmed.map(|inner| (true, inner))];
        let form = |(is_framed, print): (bool, Fingerprint)| {
            query.variants.iter().map(move |&(kind, fingerprint)| {
                let variant = if is_framed { Variant::Trimmed } else { kind };
                Candidate { distance: fingerprint.distance(print), is_framed, variant, image }
            })
        };
        prints.into_iter().flatten().flat_map(form).min()
    }
}

/// Hands on the fingerprints of an account, an answer at a time.
///
/// # Errors
/// As `Lease::ask`.
pub fn each_fingerprint(
    account: AccountNo,
    ask: Ask<'_>,
    mut take: impl FnMut(&[Prints]),
) -> Result<(), StageError> {
    let mut after = ImageId(0);
    loop {
        let found = match ask(Question::AccountFingerprints { account, after })? {
            Answer::Fingerprints(found) => found,
            answer => return Err(unexpected_answer(&answer)),
        };
        take(&found);
        match found.last() {
            Some(&(last, ..)) if found.len() == MAX_FINGERPRINTS_PER_ANSWER => after = last,
            _ => return Ok(()),
        }
    }
}

/// The fingerprints of these images, in no order; images that are stored no more are left out.
///
/// # Errors
/// As `Lease::ask`.
pub fn prints_of(images: &[ImageId], ask: Ask<'_>) -> Result<Vec<Prints>, StageError> {
    let mut prints = Vec::with_capacity(images.len());
    let mut posts: Vec<PostKey> = records_of(images, ask)?.into_values().map(|record| record.post).collect();
    posts.sort_unstable();
    posts.dedup();
    for asked in posts.chunks(POSTS_PER_QUESTION) {
        match ask(Question::PostImages(asked.to_vec()))? {
            Answer::PostImages(found) => {
                let wanted = found.into_iter().filter(|(_, _, image, ..)| images.contains(image));
                prints.extend(wanted.map(|(_, _, image, whole, trimmed)| (image, whole, trimmed)));
            }
            answer => return Err(unexpected_answer(&answer)),
        }
    }
    Ok(prints)
}

/// Asks the database for the posts of the candidates, and classes them.
///
/// # Errors
/// As `Lease::ask`.
pub fn describe(
    candidates: &[Candidate],
    query: &QueryImage,
    ask: Ask<'_>,
) -> Result<Vec<FoundImage>, StageError> {
    let images: Vec<ImageId> = candidates.iter().map(|candidate| candidate.image).collect();
    let mut records = records_of(&images, ask)?;
    let found =
        candidates.iter().filter_map(|near| Some(found_image(near, records.remove(&near.image)?, query)));
    Ok(found.collect())
}

/// What is stored of these images; of those that are stored no more, nothing.
fn records_of(images: &[ImageId], ask: Ask<'_>) -> Result<HashMap<ImageId, ImageRecord>, StageError> {
    let mut all = HashMap::with_capacity(images.len());
    let mut rest = images;
    while !rest.is_empty() {
        let asked = rest.get(..MAX_IMAGES_PER_QUESTION).unwrap_or(rest);
        let (records, looked_up) = match ask(Question::Images(asked.to_vec()))? {
            Answer::Images { records, looked_up } => (records, looked_up),
            answer => return Err(unexpected_answer(&answer)),
        };
        // A part at least, whatever the answer says: it must come to an end.
        rest = &rest[(looked_up as usize).clamp(1, asked.len())..];
        all.extend(records.into_iter().map(|record| (record.image, record)));
    }
    Ok(all)
}

fn found_image(candidate: &Candidate, record: ImageRecord, query: &QueryImage) -> FoundImage {
    let detail = record.detail.filter(|_| !candidate.is_framed);
    let (class, second_stage) = second_stage::judge(candidate.distance, query, detail);
    FoundImage {
        image: record.image,
        post: record.post,
        account: record.account,
        handle: record.handle,
        position: record.position,
        count: record.count,
        name: record.name,
        published: record.published,
        distance: candidate.distance,
        variant: candidate.variant,
        class,
        second_stage,
        part: None,
        said_same: false,
    }
}
