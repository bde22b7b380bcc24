//! The sections of the networks that can be read without paying: `[bluesky]`, `[mastodon]` and
//! `[twitter.fxtwitter]`.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bluesky {
    /// Base URL of the public API.
    pub api_url: String,
    /// Size of the images that are downloaded for indexing: `thumbnail` or `fullsize`.
    pub image_size: String,
    /// Leave out accounts that ask not to be shown to those who are not logged in.
    pub respect_no_unauthenticated: bool,
}

impl Default for Bluesky {
    fn default() -> Bluesky {
        Bluesky {
            api_url: "https://public.api.bsky.app".to_owned(),
            image_size: "fullsize".to_owned(),
            respect_no_unauthenticated: true,
        }
    }
}

impl Bluesky {
    pub fn is_full_size(&self) -> bool {
        self.image_size == "fullsize"
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mastodon {
    /// Size of the images that are downloaded for indexing: `small` or `original`.
    pub image_size: String,
    /// Leave out accounts that opted out of search engines.
    pub respect_noindex: bool,
    /// Leave out accounts whose posts may not be searched. Mastodon's own default is that they may not.
    pub respect_indexable: bool,
}

impl Default for Mastodon {
    fn default() -> Mastodon {
        Mastodon { image_size: "small".to_owned(), respect_noindex: true, respect_indexable: true }
    }
}

impl Mastodon {
    pub fn is_original(&self) -> bool {
        self.image_size == "original"
    }
}

/// A server with the API of FxTwitter: a second source for X, which reads it without the paid API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FxTwitter {
    pub enabled: bool,
    /// Base URL of the API: somebody's, or one's own.
    pub base_url: String,
    /// Ask it before the paid API, not after.
    pub preferred: bool,
    /// Requests started per second at most.
    pub requests_per_second: u32,
}

impl Default for FxTwitter {
    fn default() -> FxTwitter {
        FxTwitter {
            enabled: false,
            base_url: "https://api.fxtwitter.com".to_owned(),
            preferred: false,
            requests_per_second: 2,
        }
    }
}
