//! The error codes of the API: public contract. Codes are added, never renamed.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! failure_codes {
    ($( $variant:ident = $name:literal, $text:literal; )*) => {
        /// Why a request failed, as the HTTP API names it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum FailureCode { $( #[doc = $text] $variant, )* }

        impl FailureCode {
            pub const ALL: &[FailureCode] = &[ $( FailureCode::$variant, )* ];

            /// The code in the API, such as `NOT_AN_URL`.
            pub fn as_str(self) -> &'static str {
                match self { $( FailureCode::$variant => $name, )* }
            }

            /// One sentence for people: what is wrong and what to do.
            pub fn explanation(self) -> &'static str {
                match self { $( FailureCode::$variant => $text, )* }
            }
        }
    };
}

failure_codes! {
    NoUrlField = "NO_URL_FIELD", "No URL was given: put the address of the artwork's page in the field \"url\".";
    UrlTooLong = "URL_TOO_LONG", "The URL is longer than 256 characters: give the address of the artwork's page without extra parameters.";
    NotAnUrl = "NOT_AN_URL", "This is not a URL: give the whole address of the artwork's page, starting with https://.";
    UnsupportedWebsite = "UNSUPPORTED_WEBSITE", "This website is not supported.";
    NotAnArtworkPage = "NOT_AN_ARTWORK_PAGE", "This page of a supported website is not the page of an artwork.";
    NoTwitterAccountFound = "NO_TWITTER_ACCOUNT_FOUND", "No account of the artist was found from this page.";
    NoValidTwitterAccountFound = "NO_VALID_TWITTER_ACCOUNT_FOUND", "Accounts of the artist were found, but none can be read: missing, private, suspended or excluded.";
    BlockedByTwitterAccount = "BLOCKED_BY_TWITTER_ACCOUNT", "The artist's account blocks every account this server reads with.";
    ErrorDuringReverseSearch = "ERROR_DURING_REVERSE_SEARCH", "The artwork's image could not be read.";
    QueryImageTooBig = "QUERY_IMAGE_TOO_BIG", "The image is too big.";
    ProcessingError = "PROCESSING_ERROR", "Something went wrong on the server; its operator finds the cause in the log. Try again later.";
    YourIpHasMaxProcessingRequests = "YOUR_IP_HAS_MAX_PROCESSING_REQUESTS", "Your address has as many requests in progress as it may: wait for one to end.";
    CannotGetImage = "CANNOT_GET_IMAGE", "The image could not be fetched or read.";
    InvalidTwitterAccount = "INVALID_TWITTER_ACCOUNT", "This account does not exist, is private or is suspended.";
    TwitterAccountNotIndexed = "TWITTER_ACCOUNT_NOT_INDEXED", "This account has not been indexed yet: scan it first.";
    IdentifierMissing = "IDENTIFIER_MISSING", "Give the field \"identifier\" that the search answered with.";
    ImageMissing = "IMAGE_MISSING", "No image was sent: put it in the body of the request.";
    ApiBudgetExhausted = "API_BUDGET_EXHAUSTED", "The server has spent what it may spend on reading posts: ask again when its budget allows.";
    NoSuchRequest = "NO_SUCH_REQUEST", "There is no such request; it may have been forgotten since it ended.";
    Cancelled = "CANCELLED", "It was cancelled; asked for again after a minute, it begins anew.";
}

impl FailureCode {
    /// True where the request itself was wrong, so that its answer is soon forgotten.
    pub fn is_users_mistake(self) -> bool {
        matches!(
            self,
            FailureCode::NoUrlField
                | FailureCode::UrlTooLong
                | FailureCode::NotAnUrl
                | FailureCode::UnsupportedWebsite
                | FailureCode::NotAnArtworkPage
                | FailureCode::CannotGetImage
                | FailureCode::ImageMissing
                | FailureCode::IdentifierMissing
                | FailureCode::NoSuchRequest
        )
    }
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::tests::check_round_trip;

    #[test]
    fn codes_are_distinct_and_travel() {
        let mut names: Vec<_> = FailureCode::ALL.iter().map(|code| code.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FailureCode::ALL.len());
        for code in FailureCode::ALL {
            check_round_trip(*code);
        }
    }
}
