//! A closer look at what the index has found: what each image is to the query image, and how the
//! answer is made of them.

use std::cmp::Reverse;

use crate::domain::images::{Detail, FoundImage, MatchClass, SecondStage, THUMBNAIL_BYTES};
use crate::domain::parts::PartMatch;
use crate::fingerprint::QueryImage;
use crate::fingerprint::detail::{class_by_distance, class_of};
use crate::proto::work::SearchFound;

/// What all found images may take together. They travel in one message, and on to the front in
/// another with the accounts and the ways to them, each below `MAX_MESSAGE_BYTES`.
const MAX_FOUND_BYTES: usize = 32 * 1024;

/// Compares a stored image with each form of the query image; the likest counts. `distance` is that
/// of the 64-bit fingerprints, which decides where the database knows no more.
pub fn judge(distance: u32, query: &QueryImage, stored: Option<Detail>) -> (MatchClass, Option<SecondStage>) {
    let Some(stored) = stored.filter(|stored| stored.thumbnail.len() == THUMBNAIL_BYTES) else {
        return (class_by_distance(distance), None);
    };
    let forms = query.details().map(|form| (class_of(form, &stored), form.distance256(&stored), form));
    let likest = forms.min_by_key(|&(class, bits, _)| (class, bits));
    let (class, bits, form) = likest.expect("there is always the image as it is");
    let centilevels = (form.thumbnail_difference(&stored) * 100.0).round();
    let second_stage = SecondStage { distance256: bits as u16, thumbnail_centilevels: centilevels as u16 };
    (class, Some(second_stage))
}

/// What an image is, of which a part agrees: what is certain of it as a whole stays.
pub fn with_part(whole: MatchClass, by_part: MatchClass) -> MatchClass {
    if whole == MatchClass::Similar { by_part } else { whole }
}

/// Of `images`, which come nearest first, leaves out those beyond `max_distance` that neither the second
/// stage nor a part confirms: over a whole database, their nearness is chance. Of the others beyond, `most`
/// stay.
pub fn drop_strangers(images: &mut Vec<FoundImage>, max_distance: u32, most: usize) {
    let mut n_similar = 0;
    images.retain(|image| {
        let is_result = image.distance <= max_distance;
        let is_confirmed =
            image.class.is_by_parts() || image.second_stage.is_some() && image.class != MatchClass::Similar;
        n_similar += usize::from(!is_result && is_confirmed);
        is_result || (is_confirmed && n_similar <= most)
    });
}

/// The order of what is less alike: by class; where parts made it, by how much of them agrees; by distance.
pub fn likeness(class: MatchClass, part: Option<&PartMatch>, distance: u32) -> impl Ord + use<> {
    let part = part.filter(|_| class.is_by_parts());
    (class, Reverse(part.map(|part| (part.keypoints, part.agreement))), distance)
}

/// Divides `images`, which come nearest first, into the results, which are within `max_distance`, and the
/// others, to which those that only their parts show belong. As far as they fit a message: of the results the
/// farthest are left out, then of the others the least alike. `cut` says that results are missing already.
pub fn answer(
    mut images: Vec<FoundImage>,
    by_parts: Vec<FoundImage>,
    max_distance: u32,
    mut cut: bool,
) -> SearchFound {
    let n_results = images.partition_point(|image| image.distance <= max_distance);
    let mut similar = images.split_off(n_results);
    similar.extend(by_parts);
    similar.sort_by(|a, b| {
        let likeness = |image: &FoundImage| likeness(image.class, image.part.as_ref(), image.distance);
        likeness(a).cmp(&likeness(b))
    });
    let mut len_bytes = 0;
    let mut fits = |image: &FoundImage| {
        len_bytes += len_bytes_of(image);
        len_bytes <= MAX_FOUND_BYTES
    };
    let n_fitting = images.iter().take_while(|image| fits(image)).count();
    cut |= n_fitting < n_results;
    images.truncate(n_fitting);
    let n_fitting = similar.iter().take_while(|image| fits(image)).count();
    similar.truncate(n_fitting);
    SearchFound { images, similar, cut, ..SearchFound::default() }
}

/// What a found image takes in a message, at most, with a handle in place of one that is not known here.
fn len_bytes_of(image: &FoundImage) -> usize {
    const NUMBERS: usize = 48;
    const HANDLE: usize = 16;
    const PART: usize = 56;
    let handle = image.handle.as_ref().map_or(HANDLE, String::len);
    let part = image.part.map_or(0, |_| PART);
    NUMBERS + part + image.post.native.len() + image.account.native.len() + handle + image.name.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Fingerprint;
    use crate::base::ids::{AccountKey, ImageId, Network, PostKey};
    use crate::domain::images::{ImageFacts, Variant};
    use crate::domain::parts::Region;
    use crate::fingerprint::parts::QueryPicture;
    use crate::proto::MAX_MESSAGE_BYTES;
    use crate::proto::work::StageOutput;

    fn detail(phash256: [u64; 4], level: u8) -> Detail {
        Detail { phash256, thumbnail: vec![level; THUMBNAIL_BYTES], trimmed: None }
    }

    fn query() -> QueryImage {
        QueryImage {
            variants: vec![],
            low_quality: false,
            facts: ImageFacts {
                fingerprint: Fingerprint(0),
                solid_ground: true,
                width: 1,
                height: 1,
                detail: detail([0; 4], 100),
                parts: None,
            },
            other_details: vec![(Variant::OnWhite, detail([u64::MAX; 4], 200))],
            picture: QueryPicture::default(),
        }
    }

    fn stored(phash256: [u64; 4], level: u8) -> Option<Detail> {
        Some(detail(phash256, level))
    }

    #[track_caller]
    fn check(distance: u32, stored: Option<Detail>, class: MatchClass, numbers: Option<(u16, u16)>) {
        let (found, second_stage) = judge(distance, &query(), stored);
        assert_eq!(found, class);
        let found = second_stage.map(|numbers| (numbers.distance256, numbers.thumbnail_centilevels));
        assert_eq!(found, numbers);
    }

    #[test]
    fn the_likest_form_counts() {
        check(9, stored([0; 4], 100), MatchClass::Identical, Some((0, 0)));
        check(9, stored([u64::MAX; 4], 200), MatchClass::Identical, Some((0, 0)));
        check(0, stored([u64::MAX, u64::MAX, u64::MAX, !7], 201), MatchClass::Recompressed, Some((3, 100)));
        check(0, stored([0, 0, 0, 0xff_ffff], 100), MatchClass::EditedOrVariant, Some((24, 0)));
        check(0, stored([0, 0, 0, u64::MAX], 100), MatchClass::Similar, Some((64, 0)));
    }

    #[test]
    fn without_detail_the_distance_decides() {
        check(0, None, MatchClass::Recompressed, None);
        check(4, None, MatchClass::Similar, None);
        let odd = Detail { phash256: [0; 4], thumbnail: vec![1, 2], trimmed: None };
        check(4, Some(odd), MatchClass::Similar, None);
    }

    fn found(distance: u32, class: MatchClass) -> FoundImage {
        FoundImage {
            image: ImageId(u64::MAX),
            post: PostKey::new(Network::Twitter, "18446744073709551615"),
            account: AccountKey::new(Network::Twitter, "18446744073709551615"),
            handle: Some("a".repeat(15)),
            position: 1,
            count: 1,
            name: "FcvniV_yKc3SOQ.jpg".into(),
            published: Some(crate::base::Timestamp(i64::MAX)),
            distance,
            variant: Variant::AsIs,
            class,
            second_stage: Some(SecondStage { distance256: 256, thumbnail_centilevels: 25_500 }),
            part: None,
            said_same: false,
        }
    }

    fn by_part(distance: u32, class: MatchClass, keypoints: u16) -> FoundImage {
        let far = Region([[-3000, 3000]; 4]);
        let part = PartMatch { keypoints, in_query: far, in_stored: far, ..PartMatch::sample() };
        FoundImage { part: Some(part), ..found(distance, class) }
    }

    #[test]
    fn strangers_are_dropped_beyond_the_distance_only() {
        let (edited, similar) = (MatchClass::EditedOrVariant, MatchClass::Similar);
        let bare = FoundImage { second_stage: None, ..found(8, MatchClass::Recompressed) };
        let mut images = vec![
            found(6, similar),
            found(7, similar),
            found(7, edited),
            bare,
            found(9, edited),
            found(9, edited),
        ];
        drop_strangers(&mut images, 6, 2);
        let left: Vec<_> = images.iter().map(|image| (image.distance, image.class)).collect();
        assert_eq!(left, [(6, similar), (7, edited), (9, edited)]);
        // The part confirms where the second stage knows nothing.
        let inside = FoundImage { second_stage: None, ..by_part(9, MatchClass::InsideAnother, 4) };
        let mut images = vec![found(8, similar), inside.clone()];
        drop_strangers(&mut images, 6, 2);
        assert_eq!(images, [inside]);
    }

    #[test]
    fn what_is_beyond_the_distance_is_sorted_by_class() {
        let (edited, similar) = (MatchClass::EditedOrVariant, MatchClass::Similar);
        let images = vec![found(2, similar), found(6, edited), found(7, similar), found(8, edited)];
        let inside = MatchClass::InsideAnother;
        let by_parts =
            vec![by_part(3, MatchClass::PartInCommon, 90), by_part(30, inside, 20), by_part(20, inside, 21)];
        let answer = answer(images, by_parts, 6, false);
        let short = |images: &[FoundImage]| -> Vec<_> {
            images.iter().map(|image| (image.distance, image.class)).collect()
        };
        assert_eq!(short(&answer.images), [(2, similar), (6, edited)]);
        let common = (3, MatchClass::PartInCommon);
        let expect = [(8, edited), (20, inside), (30, inside), common, (7, similar)];
        assert_eq!(short(&answer.similar), expect);
        assert!(!answer.cut);
    }

    #[test]
    fn an_answer_always_fits_a_message() {
        let mut images = vec![found(0, MatchClass::Similar); 1000];
        images.extend(vec![found(10, MatchClass::Similar); 50]);
        let answer = answer(images, vec![by_part(30, MatchClass::InsideAnother, 9); 50], 6, false);
        assert!(answer.cut && answer.images.len() > 200 && answer.similar.is_empty());
        let len_bytes = postcard::to_stdvec(&StageOutput::Found(answer)).unwrap().len();
        assert!(len_bytes < MAX_MESSAGE_BYTES / 3 * 2, "{len_bytes}");
        // Those that only parts show count as what they take.
        let many = vec![by_part(64, MatchClass::PartInCommon, u16::MAX); 1000];
        let answer = super::answer(Vec::new(), many, 6, false);
        assert!(!answer.cut && answer.similar.len() > 150);
        let len_bytes = postcard::to_stdvec(&StageOutput::Found(answer)).unwrap().len();
        assert!(len_bytes < MAX_MESSAGE_BYTES / 3 * 2, "{len_bytes}");
    }
}
