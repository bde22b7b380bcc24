//! The answers of `/stats`, `/config`, `/healthz` and `/readyz`.

use serde::Serialize;
use utoipa::openapi::schema::{OneOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::base::MicroUsd;
use crate::base::ids::Network;
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
    /// Dollars billed for reads, by UTC day and month. These and the three below are told to addresses
    /// in `limits.advanced_ips` or `http.monitor_ips` and to advanced API keys: others get `null`.
    pub spent_today_usd: Option<f64>,
    pub spent_month_usd: Option<f64>,
    /// What may still be spent today; `null` is without limit.
    pub left_today_usd: Option<f64>,
    /// What may be spent in a UTC day and month; `null` is without limit.
    pub budget_day_usd: Option<f64>,
    pub budget_month_usd: Option<f64>,
    /// Scans that wait for another day's budget.
    pub deferred_scans_count: u64,
    /// How much of the fingerprint index is there; below 100 while it is made anew.
    pub index_percent: u64,
    /// Images whose local features are known, by which crops and screenshots are found.
    pub images_with_parts_count: u64,
    /// What these features take in the database.
    pub parts_bytes: u64,
}

impl StatsAnswer {
    /// The same for whoever may not know what is spent.
    pub fn without_spending(self) -> StatsAnswer {
        StatsAnswer {
            spent_today_usd: None,
            spent_month_usd: None,
            left_today_usd: None,
            budget_day_usd: None,
            budget_month_usd: None,
            ..self
        }
    }
}

impl From<StatsView> for StatsAnswer {
    fn from(stats: StatsView) -> StatsAnswer {
        StatsAnswer {
            indexed_tweets_count: stats.store.posts,
            indexed_accounts_count: stats.store.accounts,
            processing_user_requests_count: stats.queries_in_progress,
            processing_scan_requests_count: stats.scans_in_progress,
            pending_tweets_count: stats.posts_pending,
            spent_today_usd: Some(stats.spending.today.usd()),
            spent_month_usd: Some(stats.spending.month.usd()),
            left_today_usd: stats.spending.left_today().map(MicroUsd::usd),
            budget_day_usd: stats.spending.daily_limit.map(MicroUsd::usd),
            budget_month_usd: stats.spending.monthly_limit.map(MicroUsd::usd),
            deferred_scans_count: stats.spending.scans_waiting,
            index_percent: stats.index.percent(),
            images_with_parts_count: stats.store.parts,
            parts_bytes: stats.store.part_bytes,
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
    #[schema(value_type = Vec<Network>)]
    pub networks: Vec<String>,
}

/// The answer of `/healthz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct HealthAnswer {
    /// `ok`.
    pub status: &'static str,
}

/// The answer of `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReadyAnswer {
    /// `ready`, or `not ready` while queries cannot be accepted.
    pub status: &'static str,
    pub problems: Vec<ProblemAnswer>,
    /// For addresses in `http.monitor_ips` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<ReadyDetails>,
}

/// What `/readyz` answers with status 503: why queries cannot be accepted, or that nobody can tell.
pub struct NotReadyAnswer;

impl PartialSchema for NotReadyAnswer {
    fn schema() -> RefOr<Schema> {
        OneOfBuilder::new()
            .item(Ref::from_schema_name("ReadyAnswer"))
            .item(Ref::from_schema_name("ErrorBody"))
            .into()
    }
}

impl ToSchema for NotReadyAnswer {}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProblemAnswer {
    /// For people; the reason, behind a colon, is for addresses in `http.monitor_ips`.
    pub what: String,
    /// Milliseconds that it has been so.
    pub since_ms: u64,
    /// It keeps queries from being accepted.
    pub blocking: bool,
}

/// The figures behind `/readyz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReadyDetails {
    pub queries_in_progress: u64,
    pub scans_in_progress: u64,
    pub posts_pending: u64,
    pub posts_to_retry: u64,
    pub database_bytes: Option<u64>,
    pub index_bytes: Option<u64>,
}

impl From<&StatsView> for ReadyDetails {
    fn from(stats: &StatsView) -> ReadyDetails {
        ReadyDetails {
            queries_in_progress: stats.queries_in_progress,
            scans_in_progress: stats.scans_in_progress,
            posts_pending: stats.posts_pending,
            posts_to_retry: stats.store.retries,
            database_bytes: stats.sizes.database_bytes,
            index_bytes: stats.sizes.index_bytes,
        }
    }
}
