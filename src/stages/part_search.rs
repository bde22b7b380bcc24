//! Which stored images share a part with the query image: their features are read from the database page by
//! page and compared some thousands at a time, and the best are kept. It changes the class of images that
//! were found as wholes and are only similar, and adds those that nothing but their parts shows.

use std::collections::{BTreeMap, BTreeSet};

use super::second_stage::{likeness, with_part};
use super::stored_images::{Ask, Candidate, Prints, describe, each_fingerprint, prints_of};
use super::worker::{StageError, unexpected_answer};
use crate::base::ids::{AccountNo, ImageId};
use crate::domain::images::{FoundImage, MatchClass};
use crate::domain::parts::{PartMatch, Parts, PartsState};
use crate::fingerprint::QueryImage;
use crate::fingerprint::parts::FoundPart;
use crate::proto::stage::{Answer, MAX_PARTS_PER_QUESTION, Question};

/// Images that are compared at once. Their features take 2 KB each, so a worker holds 17 MB of them at most.
const MAX_COMPARED: usize = 8192;

/// Images that nothing but their parts shows, at most.
const MAX_BY_PARTS: usize = 50;

/// Images of the whole database that are compared at most: each answer holds the features of some twenty.
const MAX_CANDIDATES: usize = 400;

/// Which of these images share a part with the query image. The stage looks here whether its lease still
/// holds.
pub type Compare<'a> = &'a dyn Fn(&[Parts]) -> Result<Vec<FoundPart>, StageError>;

/// Looks through accounts. `images` are those that were found as wholes, of which the ones that share a part
/// are told so; the others come back.
///
/// # Errors
/// As `Lease::ask`.
pub fn in_accounts(
    accounts: &[AccountNo],
    query: &QueryImage,
    images: &mut [FoundImage],
    ask: Ask<'_>,
    compare: Compare<'_>,
) -> Result<(Vec<FoundImage>, PartsState), StageError> {
    in_accounts_by(MAX_COMPARED, accounts, query, images, ask, compare)
}

fn in_accounts_by(
    at_once: usize,
    accounts: &[AccountNo],
    query: &QueryImage,
    images: &mut [FoundImage],
    ask: Ask<'_>,
    compare: Compare<'_>,
) -> Result<(Vec<FoundImage>, PartsState), StageError> {
    let mut kept = Kept::beside(images);
    let mut batch = Batch::default();
    let (mut n_images, mut n_with) = (0_u64, 0_u64);
    for &account in accounts {
        each_fingerprint(account, ask, |prints| n_images += prints.len() as u64)?;
        let mut after = ImageId(0);
        loop {
            let (found, next) = match ask(Question::AccountParts { account, after })? {
                Answer::AccountParts { images, next } => (images, next),
                answer => return Err(unexpected_answer(&answer)),
            };
            for (image, whole, trimmed, parts) in found {
                // What another version has computed cannot be compared.
                if !parts.are_current() {
                    continue;
                }
                n_with += 1;
                batch.images.push((image, whole, trimmed));
                batch.parts.push(parts);
                if batch.images.len() >= at_once {
                    batch.compare(query, &mut kept, compare)?;
                }
            }
            match next {
                Some(next) if next > after => after = next,
                _ => break,
            }
        }
    }
    batch.compare(query, &mut kept, compare)?;
    let by_parts = kept.tell(query, images, ask)?;
    // Images that were stored while this went on are in one count and not in the other.
    let state = match n_images.saturating_sub(n_with) {
        0 => PartsState::Searched,
        images_without => PartsState::Incomplete { images_without },
    };
    Ok((by_parts, state))
}

/// Looks at images of the whole database that are alike at first sight, and tells of those that share a part.
///
/// # Errors
/// As `Lease::ask`.
pub fn among_alike(
    images: &mut [FoundImage],
    max_distance: u32,
    ask: Ask<'_>,
    compare: Compare<'_>,
) -> Result<(), StageError> {
    let is_open = |image: &&FoundImage| image.distance > max_distance || image.class == MatchClass::Similar;
    let open: Vec<ImageId> = images.iter().filter(is_open).map(|image| image.image).collect();
    let (ids, all) = parts_of(&open, ask)?;
    for FoundPart { index, class, part } in compare(&all)? {
        let image = ids.get(index).and_then(|id| images.iter_mut().find(|image| image.image == *id));
        if let Some(image) = image {
            tell_part(image, class, part);
        }
    }
    Ok(())
}

/// Looks at the candidates among all images of the database, as [`in_accounts`] looks at those of accounts.
/// `compare` is to be strict: there are many strangers.
///
/// # Errors
/// As `Lease::ask`.
pub fn in_everything(
    candidates: &[ImageId],
    query: &QueryImage,
    images: &mut [FoundImage],
    ask: Ask<'_>,
    compare: Compare<'_>,
) -> Result<Vec<FoundImage>, StageError> {
    let mut kept = Kept::beside(images);
    let (ids, parts) = parts_of(candidates, ask)?;
    let found = compare(&parts)?;
    let shown: Vec<ImageId> = found.iter().filter_map(|found| ids.get(found.index)).copied().collect();
    let prints = prints_of(&shown, ask)?;
    for FoundPart { index, class, part } in found {
        let prints = ids.get(index).and_then(|id| prints.iter().find(|(image, ..)| image == id));
        if let Some(candidate) = prints.and_then(|prints| Candidate::nearest(query, *prints)) {
            kept.add(Hit { candidate, class, part });
        }
    }
    kept.tell(query, images, ask)
}

/// The features of the first of these images, as far as they can be compared, each with its image.
fn parts_of(images: &[ImageId], ask: Ask<'_>) -> Result<(Vec<ImageId>, Vec<Parts>), StageError> {
    let (mut ids, mut all) = (Vec::new(), Vec::new());
    for asked in images.chunks(MAX_PARTS_PER_QUESTION).take(MAX_CANDIDATES / MAX_PARTS_PER_QUESTION) {
        match ask(Question::PartsOf(asked.to_vec()))? {
            Answer::PartsOf(found) => {
                for (image, parts) in found.into_iter().filter(|(_, parts)| parts.are_current()) {
                    ids.push(image);
                    all.push(parts);
                }
            }
            answer => return Err(unexpected_answer(&answer)),
        }
    }
    Ok((ids, all))
}

/// Tells of an image that was found as a whole that a part of it agrees. Of a copy that is no news.
fn tell_part(image: &mut FoundImage, class: MatchClass, part: PartMatch) {
    image.class = with_part(image.class, class);
    if !image.class.shows_artwork() {
        image.part = Some(part);
    }
}

/// Images whose features wait to be compared.
#[derive(Default)]
struct Batch {
    images: Vec<Prints>,
    parts: Vec<Parts>,
}

impl Batch {
    fn compare(
        &mut self,
        query: &QueryImage,
        kept: &mut Kept,
        compare: Compare<'_>,
    ) -> Result<(), StageError> {
        if self.images.is_empty() {
            return Ok(());
        }
        for FoundPart { index, class, part } in compare(&self.parts)? {
            let prints = self.images.get(index);
            if let Some(candidate) = prints.and_then(|prints| Candidate::nearest(query, *prints)) {
                kept.add(Hit { candidate, class, part });
            }
        }
        self.images.clear();
        self.parts.clear();
        Ok(())
    }
}

/// An image that shares a part with the query image.
struct Hit {
    candidate: Candidate,
    class: MatchClass,
    part: PartMatch,
}

struct Kept {
    /// Images that were found as wholes.
    known: BTreeSet<ImageId>,
    /// Those of them that share a part.
    agreeing: BTreeMap<ImageId, (MatchClass, PartMatch)>,
    /// The best of the others.
    others: Vec<Hit>,
}

impl Kept {
    /// Nothing yet, beside images that were found as wholes.
    fn beside(images: &[FoundImage]) -> Kept {
        let known = images.iter().map(|image| image.image).collect();
        Kept { known, agreeing: BTreeMap::new(), others: Vec::new() }
    }

    /// Tells of the images that were found as wholes which share a part, and gives the others.
    fn tell(
        mut self,
        query: &QueryImage,
        images: &mut [FoundImage],
        ask: Ask<'_>,
    ) -> Result<Vec<FoundImage>, StageError> {
        for image in images {
            if let Some((class, part)) = self.agreeing.remove(&image.image) {
                tell_part(image, class, part);
            }
        }
        let candidates: Vec<Candidate> = self.others.iter().map(|hit| hit.candidate).collect();
        let mut by_parts = describe(&candidates, query, ask)?;
        for image in &mut by_parts {
            if let Some(hit) = self.others.iter().find(|hit| hit.candidate.image == image.image) {
                // Whatever else it is, it was found by its part.
                (image.class, image.part) = (hit.class, Some(hit.part));
            }
        }
        Ok(by_parts)
    }

    fn add(&mut self, hit: Hit) {
        let image = hit.candidate.image;
        if self.known.contains(&image) {
            self.agreeing.insert(image, (hit.class, hit.part));
            return;
        }
        let rank = |hit: &Hit| (likeness(hit.class, Some(&hit.part), hit.candidate.distance), hit.candidate);
        let place = self.others.partition_point(|other| rank(other) <= rank(&hit));
        if place < MAX_BY_PARTS {
            self.others.insert(place, hit);
            self.others.truncate(MAX_BY_PARTS);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::base::Fingerprint;
    use crate::base::ids::{AccountKey, Network, PostKey};
    use crate::domain::images::{Detail, ImageFacts, THUMBNAIL_BYTES, Variant};
    use crate::domain::parts::PARTS_VERSION;
    use crate::domain::posts::ImageRecord;
    use crate::fingerprint::parts::QueryPicture;

    /// An image whose fingerprint is its number, and how many keypoints it shares with the query image.
    /// `None`: its features are not known.
    #[derive(Clone, Copy)]
    struct Stored(u64, Option<u8>);

    const SHARES_NOTHING: u8 = 0;
    const INSIDE: u8 = 100;

    fn query() -> QueryImage {
        let detail = Detail { phash256: [0; 4], thumbnail: vec![0; THUMBNAIL_BYTES], trimmed: None };
        QueryImage {
            variants: vec![(Variant::AsIs, Fingerprint(0)), (Variant::OnWhite, Fingerprint(u64::MAX))],
            low_quality: false,
            facts: ImageFacts {
                fingerprint: Fingerprint(0),
                solid_ground: true,
                width: 1,
                height: 1,
                detail,
                parts: None,
            },
            other_details: Vec::new(),
            picture: QueryPicture::default(),
        }
    }

    fn record(image: ImageId) -> ImageRecord {
        ImageRecord {
            image,
            post: PostKey::new(Network::Twitter, image.0.to_string()),
            account: AccountKey::new(Network::Twitter, "1"),
            handle: None,
            position: 1,
            count: 1,
            name: "a.jpg".to_owned(),
            published: None,
            detail: None,
        }
    }

    fn found(image: u64, class: MatchClass) -> FoundImage {
        let ImageRecord { image, post, account, handle, position, count, name, published, .. } =
            record(ImageId(image));
        FoundImage {
            image,
            post,
            account,
            handle,
            position,
            count,
            name,
            published,
            distance: 8,
            variant: Variant::AsIs,
            class,
            second_stage: None,
            part: None,
            said_same: false,
        }
    }

    /// Account 1 has these images, two in an answer; every other answer has none.
    fn database(stored: &[Stored], question: Question) -> Result<Answer, StageError> {
        let beyond = |after: ImageId| stored.iter().filter(move |image| image.0 > after.0);
        let parts = |keypoints| Parts(vec![PARTS_VERSION, keypoints]);
        Ok(match question {
            Question::AccountFingerprints { account: AccountNo(1), after } => Answer::Fingerprints(
                beyond(after).map(|image| (ImageId(image.0), Fingerprint(image.0), None)).collect(),
            ),
            Question::AccountParts { account: AccountNo(1), after } => {
                let page: Vec<&Stored> = beyond(after).take(2).collect();
                let images = page
                    .iter()
                    .filter_map(|image| Some((ImageId(image.0), Fingerprint(image.0), None, parts(image.1?))))
                    .collect();
                let next = page.last().filter(|_| page.len() == 2).map(|image| ImageId(image.0));
                Answer::AccountParts { images, next }
            }
            Question::PartsOf(ids) => Answer::PartsOf(
                stored
                    .iter()
                    .filter_map(|image| Some((ImageId(image.0), parts(image.1?))))
                    .filter(|(image, _)| ids.contains(image))
                    .collect(),
            ),
            Question::PostImages(posts) => {
                let of_post = |post: PostKey| {
                    let image = post.native.parse().unwrap();
                    (post, 1, ImageId(image), Fingerprint(image), None)
                };
                Answer::PostImages(posts.into_iter().map(of_post).collect())
            }
            Question::Images(ids) => {
                let looked_up = ids.len() as u32;
                Answer::Images { records: ids.into_iter().map(record).collect(), looked_up }
            }
            other => panic!("{other:?}"),
        })
    }

    fn compare(stored: &[Parts]) -> Vec<FoundPart> {
        let share = |(index, parts): (usize, &Parts)| {
            let keypoints = parts.0[1];
            let class =
                if keypoints >= INSIDE { MatchClass::InsideAnother } else { MatchClass::PartInCommon };
            let part = PartMatch { keypoints: u16::from(keypoints), ..PartMatch::sample() };
            (keypoints > SHARES_NOTHING).then_some(FoundPart { index, class, part })
        };
        stored.iter().enumerate().filter_map(share).collect()
    }

    /// An image by its number, with its class, its distance and the keypoints it shares.
    type Short = (u64, MatchClass, u32, u16);

    fn searched(
        at_once: usize,
        stored: &[Stored],
        images: &mut [FoundImage],
    ) -> (Vec<Short>, PartsState, Vec<usize>) {
        let compared = RefCell::new(Vec::new());
        let compare = |parts: &[Parts]| {
            compared.borrow_mut().push(parts.len());
            Ok(compare(parts))
        };
        let ask = |question| database(stored, question);
        let (found, state) =
            in_accounts_by(at_once, &[AccountNo(1)], &query(), images, &ask, &compare).unwrap();
        let short = |image: &FoundImage| {
            (image.image.0, image.class, image.distance, image.part.map_or(0, |part| part.keypoints))
        };
        (found.iter().map(short).collect(), state, compared.into_inner())
    }

    #[test]
    fn images_that_only_their_parts_show_are_added_best_first() {
        let (inside, common) = (MatchClass::InsideAnother, MatchClass::PartInCommon);
        let stored = [
            Stored(1, Some(5)),
            Stored(3, Some(SHARES_NOTHING)),
            Stored(7, Some(INSIDE)),
            Stored(8, Some(9)),
            Stored(!1, Some(INSIDE + 1)),
        ];
        let expect = [(!1, inside, 1, 101), (7, inside, 3, 100), (8, common, 1, 9), (1, common, 1, 5)];
        for (at_once, batches) in [(100, vec![5]), (5, vec![5]), (2, vec![2, 2, 1]), (1, vec![1; 5])] {
            let (found, state, compared) = searched(at_once, &stored, &mut []);
            assert_eq!(found, expect);
            assert_eq!((state, compared), (PartsState::Searched, batches));
        }
    }

    #[test]
    fn images_without_features_are_counted() {
        let stored = [Stored(1, None), Stored(2, None), Stored(3, Some(SHARES_NOTHING)), Stored(4, None)];
        let (found, state, compared) = searched(10, &stored, &mut []);
        assert_eq!((found, compared), (Vec::new(), vec![1]));
        assert_eq!(state, PartsState::Incomplete { images_without: 3 });
    }

    #[test]
    fn an_account_with_many_copies_fills_no_answer() {
        let stored: Vec<Stored> =
            (1..=200).map(|n| Stored(n, Some(if n == 200 { INSIDE } else { 7 }))).collect();
        let (found, ..) = searched(16, &stored, &mut []);
        assert_eq!((found.len(), found[0].0), (MAX_BY_PARTS, 200));
    }

    #[test]
    fn what_was_found_as_a_whole_is_never_made_less_or_identical() {
        let classes = MatchClass::ALL;
        let stored: Vec<Stored> = (1..=classes.len() as u64).map(|n| Stored(n, Some(INSIDE))).collect();
        let mut images: Vec<FoundImage> = (1..).zip(classes).map(|(n, class)| found(n, class)).collect();
        let (others, ..) = searched(10, &stored, &mut images);
        assert!(others.is_empty(), "each image once");
        for (image, class) in images.iter().zip(classes) {
            let expect = if class == MatchClass::Similar { MatchClass::InsideAnother } else { class };
            assert_eq!(image.class, expect);
            assert_eq!(image.part.is_some(), !class.shows_artwork(), "{class:?}");
        }
    }

    #[test]
    fn over_everything_only_what_is_open_is_compared() {
        let mut images = vec![
            FoundImage { distance: 3, ..found(1, MatchClass::Recompressed) },
            FoundImage { distance: 5, ..found(2, MatchClass::Similar) },
            found(3, MatchClass::Similar),
            found(4, MatchClass::Similar),
            found(5, MatchClass::EditedOrVariant),
        ];
        let stored =
            [Stored(2, Some(9)), Stored(3, Some(SHARES_NOTHING)), Stored(4, None), Stored(5, Some(INSIDE))];
        let ask = |question| {
            if let Question::PartsOf(ids) = &question {
                assert_eq!(ids, &[2, 3, 4, 5].map(ImageId));
            }
            database(&stored, question)
        };
        among_alike(&mut images, 6, &ask, &|parts| Ok(compare(parts))).unwrap();
        let (common, similar) = (MatchClass::PartInCommon, MatchClass::Similar);
        let classes: Vec<_> = images.iter().map(|image| (image.class, image.part.is_some())).collect();
        let edited = (MatchClass::EditedOrVariant, true);
        let copy = (MatchClass::Recompressed, false);
        assert_eq!(classes, [copy, (common, true), (similar, false), (similar, false), edited]);
    }

    #[test]
    fn candidates_of_the_whole_database_are_told_as_those_of_accounts() {
        let stored =
            [Stored(1, Some(5)), Stored(3, Some(SHARES_NOTHING)), Stored(7, Some(INSIDE)), Stored(8, None)];
        let mut images = vec![found(1, MatchClass::Similar)];
        let candidates = [1, 3, 7, 8, 9].map(ImageId);
        let ask = |question| database(&stored, question);
        let compare = |parts: &[Parts]| Ok(compare(parts));
        let others = in_everything(&candidates, &query(), &mut images, &ask, &compare).unwrap();
        let short = |image: &FoundImage| (image.image.0, image.class, image.distance, image.part.is_some());
        assert_eq!(others.iter().map(short).collect::<Vec<_>>(), [(7, MatchClass::InsideAnother, 3, true)]);
        assert_eq!((images[0].class, images[0].part.is_some()), (MatchClass::PartInCommon, true));
    }

    #[test]
    fn a_lease_that_is_gone_ends_it() {
        let stored = [Stored(1, Some(INSIDE))];
        let ask = |question| database(&stored, question);
        let compare = |_: &[Parts]| Err(StageError::Left);
        let left = in_accounts(&[AccountNo(1)], &query(), &mut [], &ask, &compare);
        assert_eq!(left.unwrap_err(), StageError::Left);
    }
}
