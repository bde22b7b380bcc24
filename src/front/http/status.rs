//! How the server is: its figures, the limits of the caller, whether it lives and takes queries.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::caller::Caller;
use super::error::HttpError;
use super::state::{Api, READY_AGE};
use crate::api::errors::ErrorBody;
use crate::api::figures::{ConfigAnswer, StatsAnswer};
use crate::api::limits::{MAX_URL_CHARS, STATS_AGE};
use crate::base::ids::Networks;
use crate::config::{Limits, Maintenance};
use crate::proto::view::ProblemView;

/// Figures, up to 3 seconds old
#[utoipa::path(
    get, path = "/stats", tag = "server",
    responses((status = 200, body = StatsAnswer), (status = 503, body = ErrorBody))
)]
pub(super) async fn stats(State(api): State<Arc<Api>>) -> Result<Json<StatsAnswer>, HttpError> {
    Ok(Json(api.stats(STATS_AGE).await?.into()))
}

/// The limits that apply to the caller
#[utoipa::path(get, path = "/config", tag = "server", responses((status = 200, body = ConfigAnswer)))]
pub(super) async fn config(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
) -> Json<ConfigAnswer> {
    let networks = caller.networks.that_are_in(&api.networks);
    Json(config_answer(&api.limits, &api.maintenance, networks.as_ref(), &caller))
}

/// Whether this process answers
#[utoipa::path(get, path = "/healthz", tag = "server", responses((status = 200, body = serde_json::Value)))]
pub(super) async fn healthz() -> Response {
    Json(json!({ "status": "ok" })).into_response()
}

/// Whether the service can take queries
///
/// That is, the broker answers and nothing keeps it from accepting them. What is wrong is told in any case;
/// addresses in `http.monitor_ips` are shown the reasons and the figures behind it.
#[utoipa::path(
    get, path = "/readyz", tag = "server",
    responses((status = 200, body = serde_json::Value), (status = 503, body = serde_json::Value))
)]
pub(super) async fn readyz(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, HttpError> {
    let problems = api.problems().await?;
    let blocked = problems.iter().any(|problem| problem.blocking);
    let (status, word) = match blocked {
        true => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
        false => (StatusCode::OK, "ready"),
    };
    // The reasons name files, hosts and addresses of pages.
    let problems: Vec<_> = problems.into_iter().map(|problem| shown_to(caller.monitor, problem)).collect();
    let mut ready = json!({ "status": word, "problems": problems });
    if caller.monitor {
        let stats = api.stats(READY_AGE).await?;
        ready["details"] = json!({
            "queries_in_progress": stats.queries_in_progress,
            "scans_in_progress": stats.scans_in_progress,
            "posts_pending": stats.posts_pending,
            "posts_to_retry": stats.store.retries,
            "database_bytes": stats.sizes.database_bytes,
            "index_bytes": stats.sizes.index_bytes,
        });
    }
    Ok((status, Json(ready)).into_response())
}

/// Strangers are told the state, `the database has to wait`, without the reason behind the colon.
fn shown_to(monitor: bool, mut problem: ProblemView) -> ProblemView {
    if !monitor && let Some(end) = problem.what.find(": ") {
        problem.what.truncate(end);
    }
    problem
}

fn config_answer(
    limits: &Limits,
    maintenance: &Maintenance,
    networks: Option<&Networks>,
    caller: &Caller,
) -> ConfigAnswer {
    let of_key = caller.key.as_ref().map(|key| key.max_processing_requests);
    ConfigAnswer {
        limit_per_ip_address: of_key.unwrap_or(limits.max_processing_requests_per_ip),
        ip_can_bypass_limit: caller.unlimited,
        ip_can_use_advanced: caller.advanced,
        update_accounts_frequency: maintenance.auto_update.map(|every| every.as_secs() / 86_400),
        max_illust_url_size: MAX_URL_CHARS,
        networks: networks.into_iter().flat_map(Networks::iter).map(|network| network.to_string()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_for_those_who_watch() {
        let problem = |what: &str| ProblemView { what: what.to_owned(), since_ms: 7, blocking: true };
        let whole = problem("the database has to wait: could not open /srv/aotf/aotf.db");
        assert_eq!(shown_to(true, whole.clone()), whole);
        assert_eq!(shown_to(false, whole), problem("the database has to wait"));
    }
}
