//! What the walk saw, for people: every page with its links and what became of each.

use std::time::Duration;

use serde::Serialize;

use crate::base::ErrorChain;
use crate::base::clock::millis;
use crate::domain::accounts::Evidence;
use crate::sites::{Artwork, Identified, Place, SiteError};

/// Every step of one search for links, in order.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Trace {
    pub steps: Vec<Step>,
    /// Pages that may name an account and could not be read, one sentence each.
    pub problems: Vec<String>,
}

/// The outcome of a page that could be read.
pub const READ: &str = "ok";

/// The outcome of a page of unknown make that is no link page, as most are not.
pub(super) const NO_LINK_PAGE: &str = "no_link_page";

/// One page.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    pub url: String,
    pub site: &'static str,
    /// Steps from the artwork's page, which is 0.
    pub depth: u8,
    /// The page that led here; `None` for the artwork's.
    pub from: Option<String>,
    /// `ok`, the name of what went wrong (`SiteError::outcome`), or, of a page of unknown make,
    /// `no_link_page`.
    pub outcome: &'static str,
    /// What went wrong, in a sentence.
    pub error: Option<String>,
    pub elapsed_ms: u64,
    /// In the order of the page.
    pub links: Vec<Link>,
    /// It is the artwork's page, or one that is believed to be its artist's or about them.
    #[serde(skip)]
    pub is_artists: bool,
}

/// One link on a page.
#[derive(Clone, Debug, Serialize)]
pub struct Link {
    pub url: String,
    pub place: Place,
    pub verdict: Verdict,
}

/// What became of a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It names an account.
    Account { account: String, evidence: Evidence },
    /// Its page is read in a later step.
    Followed,
    /// Its page is read only if no stronger link leads to an account.
    Postponed,
    /// It is a page of the artist's on this site, which is not searched.
    Elsewhere(String),
    /// Nothing comes of it, for this reason.
    Ignored(&'static str),
}

impl Step {
    pub(super) fn start(page: &Identified, artwork: &Result<Artwork, SiteError>, elapsed: Duration) -> Step {
        let error = match artwork {
            Ok(artwork) => artwork.images.as_ref().err(),
            Err(error) => Some(error),
        };
        Step::new(page, 0, None, error, elapsed)
    }

    pub(super) fn new(
        page: &Identified,
        depth: u8,
        from: Option<String>,
        error: Option<&SiteError>,
        elapsed: Duration,
    ) -> Step {
        Step {
            url: page.address().to_owned(),
            site: page.site.unwrap_or("plain"),
            depth,
            from,
            outcome: error.map_or(READ, SiteError::outcome),
            error: error.map(|error| ErrorChain(error).to_string()),
            elapsed_ms: millis(elapsed),
            links: Vec::new(),
            is_artists: depth == 0,
        }
    }
}
