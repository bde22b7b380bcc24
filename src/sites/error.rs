//! What can go wrong with a page, each outcome of its own kind: gone, login needed, blocked, changed.

use std::time::Duration;

use crate::base::Reaction;
use crate::fetch::FetchError;

/// Why a page could not be read. Every variant names the page.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SiteError {
    #[error("{url} is gone")]
    Gone { url: String },
    #[error("{url} is shown to logged-in users only: {why}")]
    LoginNeeded { url: String, why: String },
    /// A challenge page or a refusal of programs where the content was expected.
    #[error("{url} is blocked for programs (status {status})")]
    Blocked { url: String, status: u16 },
    /// The site's structure is not what its reader knows: the reader must be mended.
    #[error("the layout of {url} has changed: {missing} is missing")]
    LayoutChanged { url: String, missing: String },
    /// The page exists, but there is no picture on it: literature, a journal, a video, a position beyond the
    /// last.
    #[error("{url} shows no picture: {why}")]
    NoPicture { url: String, why: String },
    #[error("{url} answered with status {status}")]
    Unavailable { url: String, status: u16 },
    #[error("could not fetch {url}")]
    Fetch { url: String, source: FetchError },
    #[error("{url} was not fetched: the search for links may fetch {limit} pages")]
    TooManyPages { url: String, limit: u32 },
    #[error("{url} was not fetched: the search for links may take {} s", limit.as_secs())]
    OutOfTime { url: String, limit: Duration },
}

impl SiteError {
    /// What the caller should do.
    pub fn reaction(&self) -> Reaction {
        match self {
            SiteError::Fetch { source, .. } => source.reaction(),
            SiteError::Unavailable { .. } | SiteError::OutOfTime { .. } => Reaction::Backoff,
            // A block is lifted by silence, not by trying.
            SiteError::Blocked { .. }
            | SiteError::Gone { .. }
            | SiteError::LoginNeeded { .. }
            | SiteError::LayoutChanged { .. }
            | SiteError::NoPicture { .. }
            | SiteError::TooManyPages { .. } => Reaction::GiveUp,
        }
    }

    /// The outcome's name in metrics and traces.
    pub fn outcome(&self) -> &'static str {
        match self {
            SiteError::Gone { .. } => "gone",
            SiteError::LoginNeeded { .. } => "login_needed",
            SiteError::Blocked { .. } => "blocked",
            SiteError::LayoutChanged { .. } => "layout_changed",
            SiteError::NoPicture { .. } => "no_picture",
            SiteError::Unavailable { .. } => "unavailable",
            SiteError::Fetch { .. } => "fetch_failed",
            SiteError::TooManyPages { .. } => "too_many_pages",
            SiteError::OutOfTime { .. } => "out_of_time",
        }
    }

    /// The same, said of the page at `page`: for requests whose own URL must not be shown.
    pub(super) fn without_address(mut self, page: &str) -> SiteError {
        match &mut self {
            SiteError::Gone { url }
            | SiteError::LoginNeeded { url, .. }
            | SiteError::Blocked { url, .. }
            | SiteError::LayoutChanged { url, .. }
            | SiteError::NoPicture { url, .. }
            | SiteError::Unavailable { url, .. }
            | SiteError::TooManyPages { url, .. }
            | SiteError::OutOfTime { url, .. } => page.clone_into(url),
            SiteError::Fetch { url, source } => {
                page.clone_into(url);
                match source {
                    FetchError::Forbidden { url, .. }
                    | FetchError::Timeout { url, .. }
                    | FetchError::TooBig { url, .. }
                    | FetchError::TooManyRedirects { url, .. }
                    | FetchError::BrokenOff { url, .. } => page.clone_into(url),
                    // These name the host alone.
                    FetchError::Unreachable { .. } | FetchError::Paused { .. } | FetchError::Stopping => {}
                }
            }
        }
        self
    }

    /// True where nothing stands at the address: no link was missed because of it.
    pub fn is_gone(&self) -> bool {
        matches!(self, SiteError::Gone { .. })
    }
}

/// The field or selector that a parser did not find. Parsers know no URL; `on` adds it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is missing")]
pub struct Missing(pub String);

impl Missing {
    pub fn new(what: impl Into<String>) -> Missing {
        Missing(what.into())
    }

    pub fn on(self, url: impl Into<String>) -> SiteError {
        SiteError::LayoutChanged { url: url.into(), missing: self.0 }
    }
}

/// What a parser met in place of what it looked for. Parsers know no URL; `on` adds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The site's own words for it, with a status of success.
    Gone,
    LoginNeeded(&'static str),
    NoPicture(&'static str),
    Missing(Missing),
}

impl From<Missing> for Fault {
    fn from(missing: Missing) -> Fault {
        Fault::Missing(missing)
    }
}

impl Fault {
    pub fn on(self, url: impl Into<String>) -> SiteError {
        let url = url.into();
        match self {
            Fault::Gone => SiteError::Gone { url },
            Fault::LoginNeeded(why) => SiteError::LoginNeeded { url, why: why.to_owned() },
            Fault::NoPicture(why) => SiteError::NoPicture { url, why: why.to_owned() },
            Fault::Missing(missing) => missing.on(url),
        }
    }
}
