//! What clients send as JSON.

use serde::Deserialize;
use utoipa::ToSchema;

/// Pages to ask for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    /// Addresses of artworks' pages, 100 at most.
    pub urls: Vec<String>,
    /// Only the artists' accounts on these: `twitter`, `bluesky`, `mastodon`.
    pub networks: Option<Vec<String>>,
    /// The webhook that gets each final answer.
    pub webhook: Option<String>,
}

/// A search for an image at an address, as JSON.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchByUrl {
    /// Address of the image file. The server fetches it.
    pub url: String,
    /// Look in the posts of this account only.
    pub account_name: Option<String>,
    /// Also look for it mirrored, turned by a quarter and upside down.
    #[serde(default)]
    pub turned: bool,
    /// Look in posts on these only: `twitter`, `bluesky`, `mastodon`.
    pub networks: Option<Vec<String>>,
}
