//! Posts and their images, from a listing to the database.

use serde::{Deserialize, Serialize};

use crate::base::Timestamp;
use crate::base::ids::{AccountKey, ImageId, PostKey};
use crate::domain::accounts::Account;
use crate::domain::images::{Detail, ImageFacts};

/// When X gave out this id, in milliseconds. Ids have held their time since November 2010 (X's open source
/// generator "Snowflake": 41 bits of milliseconds since its own epoch, above 22 bits of machine and
/// sequence); older ones were counted, and tell nothing.
pub fn snowflake_time(id: &str) -> Option<Timestamp> {
    const EPOCH: i64 = 1_288_834_974_657;
    const FIRST: i64 = 30_000_000_000_000;
    let id: i64 = id.parse().ok()?;
    (id >= FIRST).then(|| Timestamp((id >> 22) + EPOCH))
}

/// Whether a post can still be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PostState {
    Visible,
    /// Its network says clearly that there is no such post any more.
    Deleted,
    /// It is not shown, though it may be there: to us, at present, or by whom we have asked.
    Gone,
    /// The network did not say; the post is shown rather than hidden.
    Unknown,
}

impl PostState {
    /// Whether results leave it out.
    pub fn is_out_of_sight(self) -> bool {
        matches!(self, PostState::Deleted | PostState::Gone)
    }
}

/// What became of a post that was asked for by its id alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookedUpPost {
    pub post: PostKey,
    pub outcome: PostOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PostOutcome {
    /// It is there, with images of its author's own.
    Found { author: Account, post: ListedPost },
    /// There is nothing to index: it is gone, or has no such images. `why` continues the sentence `it ...`.
    Nothing { why: String },
    /// The network did not say clearly: it is to be asked again.
    Unknown,
}

/// A post with images, as a listing found it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedPost {
    pub key: PostKey,
    pub published: Option<Timestamp>,
    /// In the order of the post; empty only where all of them are missing (`incomplete`).
    pub images: Vec<ListedImage>,
    /// Attachments in the post's own list: images, and what is none (videos, somebody else's images).
    pub places: u8,
    /// The network named an image that it did not give: it is to be asked again.
    pub incomplete: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedImage {
    /// What the database keeps: on X what follows `/media/` (`FcvniV_yKc3SOQ.jpg`), else the URL.
    pub name: String,
    /// Where to download it, in the size that is to be fingerprinted.
    pub url: String,
    /// 1-based, in the post's own list of attachments.
    pub position: u8,
}

impl ListedImage {
    /// In the first place, until its post says otherwise (`ListedPost::of`).
    pub fn new(name: impl Into<String>, url: impl Into<String>) -> ListedImage {
        ListedImage { name: name.into(), url: url.into(), position: 1 }
    }
}

/// What stands in one place of a post's own list of attachments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// An image of the author's own.
    Image(ListedImage),
    /// A video, a sound, somebody else's image: nothing to index, but it has its place.
    Other,
    /// An image that the network names and did not give.
    Missing,
}

impl ListedPost {
    /// A post with this list of attachments, as far as a position can count; `None` where nothing of it is to
    /// be indexed.
    pub fn of(
        key: PostKey,
        published: Option<Timestamp>,
        attached: impl IntoIterator<Item = Place>,
    ) -> Option<ListedPost> {
        let mut post = ListedPost { key, published, images: Vec::new(), places: 0, incomplete: false };
        for (position, place) in (1..=u8::MAX).zip(attached) {
            post.places = position;
            match place {
                Place::Image(image) => post.images.push(ListedImage { position, ..image }),
                Place::Other => {}
                Place::Missing => post.incomplete = true,
            }
        }
        (post.incomplete || !post.images.is_empty()).then_some(post)
    }

    /// A post whose attachments are these images and nothing else.
    pub fn of_images(
        key: PostKey,
        published: Option<Timestamp>,
        images: impl IntoIterator<Item = ListedImage>,
    ) -> Option<ListedPost> {
        ListedPost::of(key, published, images.into_iter().map(Place::Image))
    }
}

/// A listed post after its images were fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexedPost {
    pub key: PostKey,
    pub published: Option<Timestamp>,
    pub images: Vec<IndexedImage>,
    /// As of the listed post.
    pub places: u8,
    /// As of the listed post.
    pub incomplete: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexedImage {
    pub name: String,
    /// As of the listed image.
    pub position: u8,
    pub state: ImageState,
}

impl IndexedImage {
    /// In the first place, until its post says otherwise.
    pub fn new(name: impl Into<String>, state: ImageState) -> IndexedImage {
        IndexedImage { name: name.into(), position: 1, state }
    }
}

impl IndexedPost {
    /// A post whose attachments are these images and nothing else, as far as a position can count.
    pub fn of_images(
        key: PostKey,
        published: Option<Timestamp>,
        images: impl IntoIterator<Item = IndexedImage>,
    ) -> IndexedPost {
        let numbered = (1..=u8::MAX).zip(images);
        let images: Vec<IndexedImage> =
            numbered.map(|(position, image)| IndexedImage { position, ..image }).collect();
        let places = images.last().map_or(0, |image| image.position);
        IndexedPost { key, published, images, places, incomplete: false }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImageState {
    Fingerprinted(ImageFacts),
    /// Gone for good (403, 404, 410, or not an image): stored without a fingerprint.
    Lost,
    /// Failed for a reason that may pass: stored without a fingerprint, and its post is retried.
    Failed {
        url: String,
        why: String,
    },
}

/// One stored image, by its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRecord {
    pub image: ImageId,
    pub post: PostKey,
    pub account: AccountKey,
    /// The handle under which the account was seen last; `None` where none is known.
    pub handle: Option<String>,
    /// 1-based.
    pub position: u8,
    /// Attachments of the post, videos among them.
    pub count: u8,
    pub name: String,
    pub published: Option<Timestamp>,
    /// `None` where unknown, as of imported images.
    pub detail: Option<Detail>,
}

/// A post whose images are to be tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPost {
    pub account: AccountKey,
    pub post: ListedPost,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_tell_their_time() {
        let check = |id, expect: Option<&str>| {
            assert_eq!(snowflake_time(id).map(|time| time.to_rfc3339()).as_deref(), expect, "{id}");
        };
        check("1558553189766631429", Some("2022-08-13T20:36:51Z"));
        check("25712847277", None);
        check("nonsense", None);
        check("-1558553189766631429", None);
        check("18446744073709551616", None);
    }
}
