//! The answers of the API as JSON: public contract. Fields are added, never renamed or left out.

use serde::Serialize;
use utoipa::ToSchema;

use crate::base::MicroUsd;
use crate::base::ids::{Network, PostKey};
use crate::domain::accounts::Evidence;
use crate::domain::addresses::{account_url, image_url, post_url};
use crate::domain::failure::FailureCode;
use crate::domain::images::{MatchClass, Variant};
use crate::proto::view::{AccountView, QueryStatus, QueryView, ResultView, StatsView};

/// The answer of `/query` and `/search`, whatever happened: always all fields.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Answer {
    /// `WAIT_LINK_FINDER`, `LINK_FINDER`, `WAIT_INDEX_ACCOUNTS_TWEETS`, `INDEX_ACCOUNTS_TWEETS`,
    /// `WAIT_IMAGE_REVERSE_SEARCH`, `IMAGE_REVERSE_SEARCH` or `END`; `null` when the request was not accepted.
    pub status: Option<&'static str>,
    /// An account is indexed for the first time: this takes minutes.
    pub has_first_time_scan: bool,
    /// Accounts of the artist on Twitter/X.
    pub twitter_accounts: Vec<AccountAnswer>,
    /// Closest first; filled at the end.
    pub results: Vec<ResultAnswer>,
    /// A code that `/errors` explains.
    pub error: Option<&'static str>,

    // From here on: not in the original's API.
    /// Names the query for `GET /queries?ids=`; the same page has always the same. `null` when the
    /// request was not accepted.
    pub id: Option<String>,
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
    /// Milliseconds that it will probably wait there; `null` where it does not wait or nothing is known.
    pub estimated_wait_ms: Option<u64>,
    /// The server has lost the network: the request waits until it is back.
    pub waits_for_network: bool,
    /// Posts with images listed and indexed so far for this query.
    pub posts_listed: u64,
    pub posts_indexed: u64,
    /// Accounts of the artist on all networks.
    pub accounts: Vec<NetworkAccountAnswer>,
    /// What was found on all networks; closest first.
    pub posts: Vec<PostAnswer>,
    /// What is too far away for a result, on all networks: by class, then distance.
    pub similar_posts: Vec<PostAnswer>,
}

/// An account on any network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct NetworkAccountAnswer {
    #[schema(value_type = String)]
    pub network: Network,
    /// Stable: the number on X, the DID on Bluesky, the actor's URI on Mastodon.
    pub id: String,
    pub handle: String,
    pub url: String,
    /// The pages that led to the account, the artwork's page first.
    pub chain: Vec<String>,
    /// Why the account is believed to be the artist's.
    #[schema(value_type = Option<String>)]
    pub evidence: Option<Evidence>,
}

/// An image of a post on any network.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PostAnswer {
    #[schema(value_type = String)]
    pub network: Network,
    /// Stable: the number on X, the `at://` URI on Bluesky, the post's URI on Mastodon.
    pub id: String,
    pub account_id: String,
    /// `null` where the query does not know the account's name.
    pub handle: Option<String>,
    pub url: String,
    pub image_url: String,
    pub thumbnail_url: String,
    /// `1/4`: the first of four images.
    pub image_position: String,
    /// Bits, 0 = identical.
    pub distance: u32,
    /// Which form of the artwork matched.
    #[schema(value_type = String)]
    pub variant: Variant,
    /// What the image is to the artwork.
    #[schema(value_type = String)]
    pub class: MatchClass,
    /// Of the second stage, in bits of 256; `null` where the distance alone decided the class.
    pub distance256: Option<u16>,
    /// Mean difference of the colors, in levels of 255; `null` with the one above.
    pub thumbnail_difference: Option<f64>,
    /// When it was posted, RFC 3339.
    pub published: Option<String>,
    /// Of the copies found, this one was posted first.
    pub earliest: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AccountAnswer {
    pub account_name: String,
    pub account_id: String,
    /// Where the account is: `twitter`.
    pub network: &'static str,
    /// Its page.
    pub url: String,
    /// The pages that led to the account, the artwork's page first.
    pub chain: Vec<String>,
    /// Why the account is believed to be the artist's: `mutual`, `profile_field`, `curated`, `profile_text`,
    /// `work_text` or `same_handle`.
    #[schema(value_type = Option<String>)]
    pub evidence: Option<Evidence>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ResultAnswer {
    pub tweet_id: String,
    pub account_id: String,
    /// `1/4`: the first of four images.
    pub image_position: String,
    /// Bits, 0 = identical.
    pub distance: u32,
    /// `null` where the query does not know the account's name.
    pub account_name: Option<String>,
    /// Where the post is: `twitter`.
    pub network: &'static str,
    /// The post's page.
    pub url: String,
    /// The posted image, and a small form of it (the same where its host has none).
    pub image_url: String,
    pub thumbnail_url: String,
    /// Which form of the artwork matched: `as_is`, `on_white`, `on_black` or `trimmed`.
    #[schema(value_type = String)]
    pub variant: Variant,
    /// What the image is to the artwork: `identical`, `recompressed`, `edited_or_variant` or `similar`.
    #[schema(value_type = String)]
    pub class: MatchClass,
    /// Of the second stage, in bits of 256; `null` where the distance alone decided the class.
    pub distance256: Option<u16>,
    /// Mean difference of the colors, in levels of 255; `null` with the one above.
    pub thumbnail_difference: Option<f64>,
    /// When it was posted, RFC 3339.
    pub published: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct StepAnswer {
    pub step: &'static str,
    pub ms: u64,
}

/// The answer of `/search`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SearchAnswer {
    #[serde(flatten)]
    pub answer: Answer,
    /// What to ask `GET /search` for; `null` when the search was not accepted.
    pub identifier: Option<String>,
}

/// One query of `/queries`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BatchEntry {
    /// The page that was asked for; `null` where it is not known.
    pub url: Option<String>,
    #[serde(flatten)]
    pub answer: Answer,
}

/// The answer of `/queries`: an entry for each question, in its order.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BatchAnswer {
    pub queries: Vec<BatchEntry>,
}

/// The final answer as JSON, as a webhook gets it.
pub fn answer_json(view: &QueryView) -> Vec<u8> {
    let entry = BatchEntry { url: Some(view.subject.clone()), answer: Answer::from(view) };
    serde_json::to_vec(&entry).expect("an answer has only string keys")
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
            id: None,
            similar: Vec::new(),
            error_detail: if detail.is_empty() { code.explanation().to_owned() } else { detail },
            image_url: None,
            steps: Vec::new(),
            queue_position: None,
            estimated_wait_ms: None,
            waits_for_network: false,
            posts_listed: 0,
            posts_indexed: 0,
            accounts: Vec::new(),
            posts: Vec::new(),
            similar_posts: Vec::new(),
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
            id: Some(view.id.clone()),
            similar: on_twitter(&view.similar),
            error: view.error.map(FailureCode::as_str),
            error_detail: match view.error {
                Some(code) if view.error_detail.is_empty() => code.explanation().to_owned(),
                _ => view.error_detail.clone(),
            },
            image_url: view.image_url.clone(),
            steps: view.steps.iter().map(|&(step, ms)| StepAnswer { step: step.as_str(), ms }).collect(),
            queue_position: view.queue_position,
            estimated_wait_ms: view.estimated_wait_ms,
            waits_for_network: view.waits_for_network,
            posts_listed: view.posts_listed,
            posts_indexed: view.posts_indexed,
            accounts: view.accounts.iter().map(NetworkAccountAnswer::from).collect(),
            posts: posts(&view.results),
            similar_posts: view.similar.iter().map(|result| PostAnswer::new(result, false)).collect(),
        }
    }
}

fn posts(results: &[ResultView]) -> Vec<PostAnswer> {
    let earliest = earliest(results);
    results.iter().map(|result| PostAnswer::new(result, Some(&result.post) == earliest)).collect()
}

/// The post among these that was published first; `None` where no date is known. What only resembles the
/// artwork is no copy of it.
pub fn earliest(results: &[ResultView]) -> Option<&PostKey> {
    let copies = results.iter().filter(|result| result.class != MatchClass::Similar);
    let dated = copies.filter_map(|result| Some((result.published?, &result.post)));
    dated.min_by_key(|(published, _)| *published).map(|(_, post)| post)
}

impl PostAnswer {
    fn new(result: &ResultView, earliest: bool) -> PostAnswer {
        let numbers = ResultAnswer::from(result);
        PostAnswer {
            network: result.post.network,
            id: numbers.tweet_id,
            account_id: numbers.account_id,
            handle: numbers.account_name,
            url: numbers.url,
            image_url: numbers.image_url,
            thumbnail_url: numbers.thumbnail_url,
            image_position: numbers.image_position,
            distance: numbers.distance,
            variant: numbers.variant,
            class: numbers.class,
            distance256: numbers.distance256,
            thumbnail_difference: numbers.thumbnail_difference,
            published: numbers.published,
            earliest,
        }
    }
}

impl From<&AccountView> for NetworkAccountAnswer {
    fn from(account: &AccountView) -> NetworkAccountAnswer {
        NetworkAccountAnswer {
            network: account.key.network,
            id: account.key.native.clone(),
            handle: account.handle.clone(),
            url: account_url(&account.key, &account.handle),
            chain: account.chain.clone(),
            evidence: account.evidence,
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
            network: account.key.network.as_str(),
            url: account_url(&account.key, &account.handle),
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
            network: result.post.network.as_str(),
            url: post_url(&result.post, result.handle.as_deref()),
            thumbnail_url: thumbnail_url(&image_url(&result.account, &result.image_name)),
            image_url: image_url(&result.account, &result.image_name),
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

/// The small form that X and Bluesky serve beside an image; other hosts have only one.
fn thumbnail_url(image_url: &str) -> String {
    if image_url.starts_with("https://pbs.twimg.com/media/") && !image_url.contains('?') {
        return format!("{image_url}?name=small");
    }
    if image_url.starts_with("https://cdn.bsky.app/") {
        return image_url.replacen("feed_fullsize", "feed_thumbnail", 1);
    }
    image_url.to_owned()
}

/// The answer of `/stats`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct StatsAnswer {
    pub indexed_tweets_count: u64,
    pub indexed_accounts_count: u64,
    pub processing_user_requests_count: u64,
    pub processing_scan_requests_count: u64,
    /// Posts listed but not yet indexed.
    pub pending_tweets_count: u64,
    /// Dollars billed for reads, by UTC day and month.
    pub spent_today_usd: f64,
    pub spent_month_usd: f64,
    /// What may still be spent today; `null` is without limit.
    pub left_today_usd: Option<f64>,
    /// Scans that wait for another day's budget.
    pub deferred_scans_count: u64,
    /// How much of the fingerprint index is there; below 100 while it is made anew.
    pub index_percent: u64,
}

impl From<StatsView> for StatsAnswer {
    fn from(stats: StatsView) -> StatsAnswer {
        StatsAnswer {
            indexed_tweets_count: stats.store.posts,
            indexed_accounts_count: stats.store.accounts,
            processing_user_requests_count: stats.queries_in_progress,
            processing_scan_requests_count: stats.scans_in_progress,
            pending_tweets_count: stats.posts_pending,
            spent_today_usd: stats.spending.today.usd(),
            spent_month_usd: stats.spending.month.usd(),
            left_today_usd: stats.spending.left_today().map(MicroUsd::usd),
            deferred_scans_count: stats.spending.scans_waiting,
            index_percent: stats.index.percent(),
        }
    }
}

/// The answer of `/config`: what applies to the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ConfigAnswer {
    /// Queries in progress for one address, or for the API key.
    pub limit_per_ip_address: u32,
    pub ip_can_bypass_limit: bool,
    /// May search by image and name webhooks.
    pub ip_can_use_advanced: bool,
    /// Days between automatic updates of an account; `null` when there are none.
    pub update_accounts_frequency: Option<u64>,
    /// Characters.
    pub max_illust_url_size: usize,
    /// Those that this server searches for the caller.
    pub networks: Vec<String>,
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
    fn images_have_small_forms_on_some_hosts() {
        let check = |image: &str, thumbnail: &str| assert_eq!(thumbnail_url(image), thumbnail);
        check("https://pbs.twimg.com/media/a_B-1.jpg", "https://pbs.twimg.com/media/a_B-1.jpg?name=small");
        check("https://i.example/a.png", "https://i.example/a.png");
        let bluesky = "https://cdn.bsky.app/img/feed_fullsize/plain/did:plc:a/b@jpeg";
        check(bluesky, "https://cdn.bsky.app/img/feed_thumbnail/plain/did:plc:a/b@jpeg");
    }

    #[test]
    fn the_earliest_copy_is_told() {
        let check = |copies: &[(Option<i64>, MatchClass)], expect: Option<usize>| {
            let template = sample_view().results[0].clone();
            let results: Vec<ResultView> = copies
                .iter()
                .enumerate()
                .map(|(index, (published, class))| ResultView {
                    post: PostKey::new(Network::ALL[index % 3], index.to_string()),
                    published: published.map(crate::base::Timestamp),
                    class: *class,
                    ..template.clone()
                })
                .collect();
            let marked: Vec<usize> = posts(&results)
                .iter()
                .enumerate()
                .filter(|(_, post)| post.earliest)
                .map(|(n, _)| n)
                .collect();
            assert_eq!(marked, Vec::from_iter(expect), "{copies:?}");
        };
        let copy = MatchClass::Recompressed;
        check(&[(Some(5), copy), (Some(3), copy), (Some(4), copy)], Some(1));
        check(&[(Some(5), copy), (Some(3), MatchClass::Similar)], Some(0));
        check(&[(None, copy), (Some(3), copy)], Some(1));
        check(&[(None, copy)], None);
        check(&[], None);
    }
}
