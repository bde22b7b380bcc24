//! What asking the daemon comes to.

/// A credit, ready to be sent.
pub type Outcome = Result<String, Failure>;

/// Why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No page of an artwork that the daemon can read.
    NotSupported,
    /// A page of a site that the daemon knows, without an artwork: most likely it is gone.
    NoArtwork,
    /// The page could be read, the picture on it could not.
    ArtworkUnreadable,
    Nobody,
    PictureUnknown,
    PictureUnreadable,
    PictureTooBig,
    /// The key may not search by image.
    PicturesOff,
    Budget,
    /// Not within the time that a bot waits.
    GoesOn,
    /// Something went wrong with this one search.
    Failed,
    /// The daemon does not answer, to this or anything else.
    Unavailable,
    /// The bot ends.
    Stopping,
}

impl Failure {
    /// That of an error code of the daemon's API, in an answer about a link.
    pub fn of_link(code: Option<&str>) -> Failure {
        match Failure::of_picture(code) {
            Failure::PictureUnreadable => Failure::ArtworkUnreadable,
            failure => failure,
        }
    }

    /// That of an error code in an answer about a picture.
    pub fn of_picture(code: Option<&str>) -> Failure {
        match code {
            None
            | Some(
                "NO_TWITTER_ACCOUNT_FOUND" | "NO_VALID_TWITTER_ACCOUNT_FOUND" | "BLOCKED_BY_TWITTER_ACCOUNT",
            ) => Failure::Nobody,
            Some("UNSUPPORTED_WEBSITE" | "NOT_AN_URL" | "URL_TOO_LONG") => Failure::NotSupported,
            Some("NOT_AN_ARTWORK_PAGE") => Failure::NoArtwork,
            Some("ERROR_DURING_REVERSE_SEARCH" | "CANNOT_GET_IMAGE" | "IMAGE_MISSING") => {
                Failure::PictureUnreadable
            }
            Some("QUERY_IMAGE_TOO_BIG") => Failure::PictureTooBig,
            Some("API_BUDGET_EXHAUSTED") => Failure::Budget,
            Some(_) => Failure::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_told_by_what_was_asked_about() {
        for (code, link, picture) in [
            (Some("CANNOT_GET_IMAGE"), Failure::ArtworkUnreadable, Failure::PictureUnreadable),
            (Some("ERROR_DURING_REVERSE_SEARCH"), Failure::ArtworkUnreadable, Failure::PictureUnreadable),
            (Some("NOT_AN_ARTWORK_PAGE"), Failure::NoArtwork, Failure::NoArtwork),
            (Some("UNSUPPORTED_WEBSITE"), Failure::NotSupported, Failure::NotSupported),
            (Some("PROCESSING_ERROR"), Failure::Failed, Failure::Failed),
            (None, Failure::Nobody, Failure::Nobody),
        ] {
            assert_eq!((Failure::of_link(code), Failure::of_picture(code)), (link, picture), "{code:?}");
        }
    }
}
