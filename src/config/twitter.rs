//! The section `[twitter]`: how X is read, and what that may cost.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::secret::Secret;
use super::section::{Section, section};
use super::values::{MILLISECOND, SECOND, base_url, bearer_token};
use crate::base::{MicroUsd, Timestamp};

section! {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Twitter {
        /// Base URL of the API.
        api_url: String = "https://api.x.com".to_owned(), text(base_url);
        credentials: Vec<TwitterCredential> = Vec::new(), parts(read_credential);
        /// Size of the images that are downloaded for indexing: `small`, `medium`, `large` or `orig`.
        image_size: String = "small".to_owned(), one_of(&["small", "medium", "large", "orig"]);
        /// Oldest date that the full-archive search is asked for.
        search_start: String = "2006-03-21T00:00:00Z".to_owned(), text(date_and_time);
        /// Name of the parameter that selects a post's fields, to begin with: `post.fields` or
        /// `tweet.fields`. Where X does not heed it, the other is used.
        fields_parameter: String = "post.fields".to_owned(), one_of(&["post.fields", "tweet.fields"]);
        /// Ask the free oEmbed endpoint whether a post still exists, and the paid API only where it does not
        /// tell.
        oembed_first: bool = true, switch();
        /// Least time between two searches with one key, which X demands beside its windows.
        search_interval: Duration = SECOND, duration(MILLISECOND, 0..=60_000) as "search_interval_ms";
        budget: Budget = Budget::default(), part(Budget::read);
        /// A second source, which reads X without the paid API.
        fxtwitter: FxTwitter = FxTwitter::default(), part(FxTwitter::read);
    }
}

impl Twitter {
    /// Some source of X is configured.
    pub fn can_be_read(&self) -> bool {
        !self.credentials.is_empty() || self.fxtwitter.enabled
    }
}

section! {
    /// What reads of the API cost, and how much may be spent.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Budget {
        /// For a UTC day; `None` is without limit.
        daily: Option<MicroUsd> = Some(MicroUsd(5_000_000)), usd_or_unlimited() as "daily_usd";
        /// For a calendar month in UTC.
        monthly: Option<MicroUsd> = Some(MicroUsd(100_000_000)), usd_or_unlimited() as "monthly_usd";
        /// Price of one post. It is billed once a UTC day, however often it is read.
        post_read: MicroUsd = MicroUsd(5_000), usd() as "post_read_usd";
        /// The same for an account.
        user_read: MicroUsd = MicroUsd(10_000), usd() as "user_read_usd";
    }
}

section! {
    /// A server with the API of FxTwitter: a second source for X, which reads it without the paid API.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub struct FxTwitter {
        enabled: bool = false, switch();
        /// Base URL of the API: somebody's, or one's own.
        base_url: String = "https://api.fxtwitter.com".to_owned(), text(base_url);
        /// Ask it before the paid API, not after.
        preferred: bool = false, switch();
        /// Requests started per second at most.
        requests_per_second: u32 = 2, number(1..=1000);
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TwitterCredential {
    pub bearer_token: Secret,
}

fn read_credential(section: &mut Section<'_>, _others: &[TwitterCredential]) -> TwitterCredential {
    let mut bearer_token_read = Secret::new("");
    let token = |text: &str| bearer_token(text).map(Secret::new);
    section.secret("bearer_token", "bearer_token_file", &mut bearer_token_read, token);
    TwitterCredential { bearer_token: bearer_token_read }
}

fn date_and_time(text: &str) -> Result<String, String> {
    match Timestamp::parse_rfc3339(text) {
        Some(moment) => Ok(moment.to_rfc3339()),
        None => Err("must be a date and time, 2006-03-21T00:00:00Z".to_owned()),
    }
}
