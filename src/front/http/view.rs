//! The answers of the API as JSON: public contract. Fields are added, never renamed or left out.

use serde::Serialize;

use crate::base::ids::Network;
use crate::config::{Limits, Maintenance};
use crate::proto::data::{Evidence, MatchClass, Variant};
use crate::proto::failure::FailureCode;
use crate::proto::view::{AccountView, QueryStatus, QueryView, ResultView, StatsView};

use super::url_parameter::MAX_URL_CHARS;

/// The answer of `/query` and `/search`, whatever happened: always all fields.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// `null` when the request was not accepted.
    pub status: Option<&'static str>,
    /// An account is indexed for the first time: this takes minutes.
    pub has_first_time_scan: bool,
    /// Accounts of the artist on Twitter/X.
    pub twitter_accounts: Vec<AccountAnswer>,
    /// Closest first; filled at the end.
    pub results: Vec<ResultAnswer>,
    pub error: Option<&'static str>,

    // From here on: not in the original's API.
    /// What is too far away for a result, but within the wider radius: by class, then distance.
    pub similar: Vec<ResultAnswer>,
    /// What exactly went wrong, for people. Empty without an error.
    pub error_detail: String,
    /// The artwork's image, once known.
    pub image_url: Option<String>,
    /// Steps entered so far, the present one last.
    pub steps: Vec<StepAnswer>,
    /// Requests before this one in the queue it waits in.
    pub queue_position: Option<u32>,
    /// Posts with images listed and indexed so far for this query.
    pub posts_listed: u64,
    pub posts_indexed: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountAnswer {
    pub account_name: String,
    pub account_id: String,
    pub url: String,
    /// The pages that led to the account, the artwork's page first.
    pub chain: Vec<String>,
    /// Why the account is believed to be the artist's.
    pub evidence: Option<Evidence>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ResultAnswer {
    pub tweet_id: String,
    pub account_id: String,
    /// `1/4`: the first of four images.
    pub image_position: String,
    /// Bits, 0 = identical.
    pub distance: u32,
    /// `null` where the query does not know the account's name.
    pub account_name: Option<String>,
    pub url: String,
    pub image_url: String,
    /// Which form of the artwork matched.
    pub variant: Variant,
    /// What the image is to the artwork.
    pub class: MatchClass,
    /// Of the second stage, in bits of 256; `null` where the distance alone decided the class.
    pub distance256: Option<u16>,
    /// Mean difference of the colors, in levels of 255; `null` with the one above.
    pub thumbnail_difference: Option<f64>,
    /// When it was posted, RFC 3339.
    pub published: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepAnswer {
    pub step: &'static str,
    pub ms: u64,
}

/// The answer of `/search`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SearchAnswer {
    #[serde(flatten)]
    pub answer: Answer,
    /// What to ask `GET /search` for; `null` when the search was not accepted.
    pub identifier: Option<String>,
}

impl Answer {
    /// A request that was not accepted.
    pub fn refused(code: FailureCode, detail: String) -> Answer {
        Answer {
            status: None,
            has_first_time_scan: false,
            twitter_accounts: Vec::new(),
            results: Vec::new(),
            error: Some(code.as_str()),
            similar: Vec::new(),
            error_detail: if detail.is_empty() { code.explanation().to_owned() } else { detail },
            image_url: None,
            steps: Vec::new(),
            queue_position: None,
            posts_listed: 0,
            posts_indexed: 0,
        }
    }

    /// True when nothing will change any more.
    pub fn is_final(&self) -> bool {
        self.status.is_none() || self.status == Some(QueryStatus::End.as_str())
    }
}

impl From<&QueryView> for Answer {
    fn from(view: &QueryView) -> Answer {
        Answer {
            status: Some(view.status.as_str()),
            has_first_time_scan: view.has_first_time_scan,
            twitter_accounts: view
                .accounts
                .iter()
                .filter(|account| account.key.network == Network::Twitter)
                .map(AccountAnswer::from)
                .collect(),
            results: on_twitter(&view.results),
            similar: on_twitter(&view.similar),
            error: view.error.map(FailureCode::as_str),
            error_detail: match view.error {
                Some(code) if view.error_detail.is_empty() => code.explanation().to_owned(),
                _ => view.error_detail.clone(),
            },
            image_url: view.image_url.clone(),
            steps: view.steps.iter().map(|&(step, ms)| StepAnswer { step: step.as_str(), ms }).collect(),
            queue_position: view.queue_position,
            posts_listed: view.posts_listed,
            posts_indexed: view.posts_indexed,
        }
    }
}

fn on_twitter(results: &[ResultView]) -> Vec<ResultAnswer> {
    let on_twitter = results.iter().filter(|result| result.post.network == Network::Twitter);
    on_twitter.map(ResultAnswer::from).collect()
}

impl From<&AccountView> for AccountAnswer {
    fn from(account: &AccountView) -> AccountAnswer {
        AccountAnswer {
            account_name: account.handle.clone(),
            account_id: account.key.native.clone(),
            url: format!("https://x.com/{}", account.handle),
            chain: account.chain.clone(),
            evidence: account.evidence,
        }
    }
}

impl From<&ResultView> for ResultAnswer {
    fn from(result: &ResultView) -> ResultAnswer {
        ResultAnswer {
            tweet_id: result.post.native.clone(),
            account_id: result.account.native.clone(),
            image_position: format!("{}/{}", result.position, result.count),
            distance: result.distance,
            account_name: result.handle.clone(),
            url: post_url(result),
            image_url: image_url(&result.image_name),
            variant: result.variant,
            class: result.class,
            distance256: result.second_stage.map(|numbers| numbers.distance256),
            thumbnail_difference: result
                .second_stage
                .map(|numbers| f64::from(numbers.thumbnail_centilevels) / 100.0),
            published: result.published.map(|moment| moment.to_rfc3339()),
        }
    }
}

/// The post's page. X finds a post by its number alone, whatever stands for the name; `i` is what
/// it uses itself.
pub fn post_url(result: &ResultView) -> String {
    let name = result.handle.as_deref().unwrap_or("i");
    format!("https://x.com/{name}/status/{}", result.post.native)
}

/// Where the stored image is served: names are what follows `/media/`, whole URLs are kept.
fn image_url(name: &str) -> String {
    if name.contains("://") { name.to_owned() } else { format!("https://pbs.twimg.com/media/{name}") }
}

/// The answer of `/stats`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StatsAnswer {
    pub indexed_tweets_count: u64,
    pub indexed_accounts_count: u64,
    pub processing_user_requests_count: u64,
    pub processing_scan_requests_count: u64,
    /// Posts listed but not yet indexed.
    pub pending_tweets_count: u64,
}

impl From<StatsView> for StatsAnswer {
    fn from(stats: StatsView) -> StatsAnswer {
        StatsAnswer {
            indexed_tweets_count: stats.store.posts,
            indexed_accounts_count: stats.store.accounts,
            processing_user_requests_count: stats.queries_in_progress,
            processing_scan_requests_count: stats.scans_in_progress,
            pending_tweets_count: stats.posts_pending,
        }
    }
}

/// The answer of `/config`: what applies to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ConfigAnswer {
    /// Queries in progress for one address.
    pub limit_per_ip_address: u32,
    pub ip_can_bypass_limit: bool,
    pub ip_can_use_advanced: bool,
    /// Days between automatic updates of an account; `null` when there are none.
    pub update_accounts_frequency: Option<u64>,
    /// Characters.
    pub max_illust_url_size: usize,
}

impl ConfigAnswer {
    pub fn new(limits: &Limits, maintenance: &Maintenance, unlimited: bool, advanced: bool) -> ConfigAnswer {
        ConfigAnswer {
            limit_per_ip_address: limits.max_processing_requests_per_ip,
            ip_can_bypass_limit: unlimited,
            ip_can_use_advanced: advanced,
            update_accounts_frequency: maintenance.auto_update.map(|every| every.as_secs() / 86_400),
            max_illust_url_size: MAX_URL_CHARS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::fake::sample_view;

    #[test]
    fn a_finished_query_as_json() {
        let json = serde_json::to_string_pretty(&Answer::from(&sample_view())).unwrap();
        assert_eq!(json, include_str!("golden/query_end.json").trim_end());
    }

    #[test]
    fn a_refusal_has_all_fields_too() {
        let refused = SearchAnswer {
            answer: Answer::refused(FailureCode::IdentifierMissing, String::new()),
            identifier: None,
        };
        let json = serde_json::to_string_pretty(&refused).unwrap();
        assert_eq!(json, include_str!("golden/search_refused.json").trim_end());
    }

    #[test]
    fn image_names_become_addresses() {
        assert_eq!(image_url("a_B-1.jpg"), "https://pbs.twimg.com/media/a_B-1.jpg");
        assert_eq!(image_url("https://i.example/a.png"), "https://i.example/a.png");
    }
}
