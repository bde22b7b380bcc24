//! The answers of `/stats` and `/config`.

use serde::Serialize;
use utoipa::ToSchema;

use crate::base::MicroUsd;
use crate::proto::view::StatsView;

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
