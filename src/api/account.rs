//! What is known of an account, as JSON and in words: the same for the HTTP API and the console. Pure.

use serde::Serialize;

use super::answers::WindowAnswer;
use super::names::FailureCodeName;
use crate::base::ids::Network;
use crate::domain::accounts::AccountRecord;
use crate::domain::scans::Coverage;

/// The answer of `/account`.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct AccountsAnswer {
    /// Whoever has the handle now first; empty where no account is known by it.
    pub accounts: Vec<KnownAccountAnswer>,
    #[schema(value_type = Option<FailureCodeName>)]
    pub error: Option<&'static str>,
    pub error_detail: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct KnownAccountAnswer {
    #[schema(value_type = Network)]
    pub network: &'static str,
    pub account_id: String,
    /// The present one; `null` for an imported account that was not looked up yet.
    pub account_name: Option<String>,
    pub known_since: String,
    /// What the network said last.
    pub stated_posts: Option<u64>,
    /// `never`, `complete`, `latest 3200`, `sampled`, `skipped`, or `unknown` where another program began it.
    pub search_coverage: String,
    pub search_listed_at: Option<String>,
    pub timeline_coverage: String,
    pub timeline_listed_at: Option<String>,
    /// Spans of time of which its posts were listed, where it was never listed whole.
    pub windows: Vec<WindowAnswer>,
    pub newest_post_seen: Option<String>,
    pub oldest_post_seen: Option<String>,
    pub posts_read: u64,
    /// Photos and films that the network said it has, after it was last searched whole; `null` where it does
    /// not tell.
    pub stated_media: Option<u64>,
    /// Those that were found: an equal number says that none is missing.
    pub found_media: Option<u64>,
    pub queries: u64,
    pub handles: Vec<HandleAnswer>,
}

#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct HandleAnswer {
    pub account_name: String,
    pub first_seen: String,
    pub last_seen: String,
}

impl AccountsAnswer {
    pub fn found(records: &[AccountRecord]) -> AccountsAnswer {
        AccountsAnswer {
            accounts: records.iter().map(KnownAccountAnswer::from).collect(),
            error: None,
            error_detail: String::new(),
        }
    }
}

impl From<&AccountRecord> for KnownAccountAnswer {
    fn from(record: &AccountRecord) -> KnownAccountAnswer {
        let state = &record.state;
        let moment = |moment: Option<crate::base::Timestamp>| moment.map(|moment| moment.to_rfc3339());
        KnownAccountAnswer {
            network: state.key.network.as_str(),
            account_id: state.key.native.clone(),
            account_name: record.handles.first().map(|seen| seen.handle.clone()),
            known_since: record.known_since.to_rfc3339(),
            stated_posts: record.state.stated_posts,
            search_coverage: coverage_name(record.search_coverage, state.search_listed_at.is_some()),
            search_listed_at: moment(state.search_listed_at),
            timeline_coverage: coverage_name(record.timeline_coverage, state.timeline_listed_at.is_some()),
            timeline_listed_at: moment(state.timeline_listed_at),
            windows: state.windows.iter().map(WindowAnswer::from).collect(),
            newest_post_seen: moment(record.newest_seen),
            oldest_post_seen: moment(record.oldest_seen),
            posts_read: record.posts_read,
            stated_media: record.stated_media,
            found_media: record.found_media,
            queries: record.uses,
            handles: record
                .handles
                .iter()
                .map(|seen| HandleAnswer {
                    account_name: seen.handle.clone(),
                    first_seen: seen.first_seen.to_rfc3339(),
                    last_seen: seen.last_seen.to_rfc3339(),
                })
                .collect(),
        }
    }
}

fn coverage_name(coverage: Option<Coverage>, listed: bool) -> String {
    match coverage {
        None if !listed => "never".to_owned(),
        None => "unknown".to_owned(),
        Some(Coverage::Complete) => "complete".to_owned(),
        Some(Coverage::LimitedTo(posts)) => format!("latest {posts}"),
        Some(Coverage::Sampled) => "sampled".to_owned(),
        Some(Coverage::Skipped) => "skipped".to_owned(),
    }
}

/// What a listing covers, in a sentence's part.
pub fn coverage_words(coverage: Option<Coverage>, listed: bool) -> String {
    match coverage {
        None if !listed => "not listed yet".to_owned(),
        None => "listed, beginning where another program had stopped".to_owned(),
        Some(Coverage::Complete) => "all posts".to_owned(),
        Some(Coverage::LimitedTo(posts)) => {
            format!("the latest {posts} posts, which is all the network shows")
        }
        Some(Coverage::Sampled) => "samples, which showed that the search had missed nothing".to_owned(),
        Some(Coverage::Skipped) => "not read (scan.timeline)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::samples::sample_record;
    use crate::base::Timestamp;

    #[test]
    fn coverage_is_told_for_each_listing() {
        let mut record = sample_record();
        record.search_coverage = None;
        record.timeline_coverage = Some(Coverage::LimitedTo(3200));
        record.state.search_listed_at = None;
        let answer = KnownAccountAnswer::from(&record);
        assert_eq!(
            (answer.search_coverage.as_str(), answer.timeline_coverage.as_str()),
            ("never", "latest 3200")
        );
        record.state.search_listed_at = Some(Timestamp(0));
        assert_eq!(KnownAccountAnswer::from(&record).search_coverage, "unknown");
    }
}
