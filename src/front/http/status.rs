//! How the server is: its figures, the limits of the caller, whether it lives and takes queries.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::caller::Caller;
use super::error::HttpError;
use super::state::{Api, READY_AGE};
use crate::api::errors::ErrorBody;
use crate::api::figures::{
    ConfigAnswer, HealthAnswer, NotReadyAnswer, ProblemAnswer, ReadyAnswer, ReadyDetails, StatsAnswer,
};
use crate::api::limits::{MAX_URL_CHARS, STATS_AGE};
use crate::base::ids::Networks;
use crate::config::{Limits, Maintenance};
use crate::proto::view::ProblemView;

/// Figures, up to 3 seconds old
#[utoipa::path(
    get, path = "/stats", tag = "server",
    responses((status = 200, body = StatsAnswer), (status = 503, body = ErrorBody))
)]
pub(super) async fn stats(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<StatsAnswer>, HttpError> {
    let stats = StatsAnswer::from(api.stats(STATS_AGE).await?);
    Ok(Json(if caller.may_see_spending() { stats } else { stats.without_spending() }))
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
#[utoipa::path(get, path = "/healthz", tag = "server", responses((status = 200, body = HealthAnswer)))]
pub(super) async fn healthz() -> Json<HealthAnswer> {
    Json(HealthAnswer { status: "ok" })
}

/// Whether the service can take queries
///
/// That is, the broker answers and nothing keeps it from accepting them. What is wrong is told in any case;
/// addresses in `http.monitor_ips` are shown the reasons and the figures behind it.
#[utoipa::path(
    get, path = "/readyz", tag = "server",
    responses(
        (status = 200, body = ReadyAnswer),
        (status = 503, body = NotReadyAnswer),
    )
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
    let problems = problems.into_iter().map(|problem| shown_to(caller.monitor, problem)).collect();
    let details = match caller.monitor {
        true => Some(ReadyDetails::from(&api.stats(READY_AGE).await?)),
        false => None,
    };
    Ok((status, Json(ReadyAnswer { status: word, problems, details })).into_response())
}

/// Strangers are told the state, `the database has to wait`, without the reason behind the colon.
fn shown_to(monitor: bool, problem: ProblemView) -> ProblemAnswer {
    let ProblemView { mut what, since_ms, blocking } = problem;
    if !monitor && let Some(end) = what.find(": ") {
        what.truncate(end);
    }
    ProblemAnswer { what, since_ms, blocking }
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
        let whole = "the database has to wait: could not open /srv/aotf/aotf.db";
        let problem = ProblemView { what: whole.to_owned(), since_ms: 7, blocking: true };
        assert_eq!(shown_to(true, problem.clone()).what, whole);
        assert_eq!(shown_to(false, problem).what, "the database has to wait");
    }
}
