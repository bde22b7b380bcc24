//! Posts and their images, from a listing to the database.

use serde::{Deserialize, Serialize};

use crate::base::Timestamp;
use crate::base::ids::{AccountKey, ImageId, PostKey};
use crate::domain::accounts::Account;
use crate::domain::images::{Detail, ImageFacts};

/// Whether a post can still be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PostState {
    Visible,
    Gone,
    /// The network did not say; the post is shown rather than hidden.
    Unknown,
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
    /// In the order of the post; never empty.
    pub images: Vec<ListedImage>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedImage {
    /// What the database keeps: on X what follows `/media/` (`FcvniV_yKc3SOQ.jpg`), else the URL.
    pub name: String,
    /// Where to download it, in the size that is to be fingerprinted.
    pub url: String,
}

/// A listed post after its images were fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexedPost {
    pub key: PostKey,
    pub published: Option<Timestamp>,
    pub images: Vec<IndexedImage>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexedImage {
    pub name: String,
    pub state: ImageState,
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
    /// 1-based.
    pub position: u8,
    /// Images in the post.
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
