//! What asking the daemon comes to.

/// A credit, ready to be sent.
pub type Outcome = Result<String, Failure>;

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No page of an artwork that the daemon can read.
    NotSupported,
    Nobody,
    PictureUnknown,
    PictureUnreadable,
    PictureTooBig,
    /// The key may not search by image.
    PicturesOff,
    Budget,
    /// Not within the time that a bot waits.
    GoesOn,
    Unavailable,
    /// The bot ends.
    Stopping,
}

impl Failure {
    /// That of an error code of the daemon's API.
    pub fn of_code(code: Option<&str>) -> Failure {
        match code {
            None
            | Some(
                "NO_TWITTER_ACCOUNT_FOUND" | "NO_VALID_TWITTER_ACCOUNT_FOUND" | "BLOCKED_BY_TWITTER_ACCOUNT",
            ) => Failure::Nobody,
            Some("UNSUPPORTED_WEBSITE" | "NOT_AN_ARTWORK_PAGE" | "NOT_AN_URL" | "URL_TOO_LONG") => {
                Failure::NotSupported
            }
            Some("ERROR_DURING_REVERSE_SEARCH" | "CANNOT_GET_IMAGE" | "IMAGE_MISSING") => {
                Failure::PictureUnreadable
            }
            Some("QUERY_IMAGE_TOO_BIG") => Failure::PictureTooBig,
            Some("API_BUDGET_EXHAUSTED") => Failure::Budget,
            Some(_) => Failure::Unavailable,
        }
    }
}
