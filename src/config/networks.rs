//! The sections `[bluesky]`, `[mastodon]` and `[misskey]`: networks that can be read without paying.

use serde::{Deserialize, Serialize};

use super::section::section;
use super::values::base_url;

section! {
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Bluesky {
        /// Base URL of the public API.
        api_url: String = "https://public.api.bsky.app".to_owned(), text(base_url);
        /// Size of the images that are downloaded for indexing: `thumbnail` or `fullsize`.
        image_size: String = "fullsize".to_owned(), one_of(&["thumbnail", "fullsize"]);
        /// Leave out accounts that ask not to be shown to those who are not logged in.
        respect_no_unauthenticated: bool = true, switch();
    }
}

impl Bluesky {
    pub fn is_full_size(&self) -> bool {
        self.image_size == "fullsize"
    }
}

section! {
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Mastodon {
        /// Size of the images that are downloaded for indexing: `small` or `original`.
        image_size: String = "small".to_owned(), one_of(&["small", "original"]);
        /// Leave out accounts that opted out of search engines.
        respect_noindex: bool = true, switch();
        /// Leave out accounts whose posts may not be searched. Mastodon's own default is that they may not.
        respect_indexable: bool = true, switch();
    }
}

impl Mastodon {
    pub fn is_original(&self) -> bool {
        self.image_size == "original"
    }
}

section! {
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Misskey {
        /// Size of the images that are downloaded for indexing: `thumbnail` or `fullsize`.
        image_size: String = "thumbnail".to_owned(), one_of(&["thumbnail", "fullsize"]);
        /// Leave out accounts that opted out of search engines.
        respect_noindex: bool = true, switch();
    }
}

impl Misskey {
    pub fn is_full_size(&self) -> bool {
        self.image_size == "fullsize"
    }
}
