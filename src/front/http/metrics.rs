//! `GET /metrics`: what the broker and this process count, in Prometheus's text format. `docs/operations.md`
//! says what each metric means.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::caller::Caller;
use super::error::{Closed, HttpError};
use super::state::{ASK_DEADLINE, Api};
use super::traffic::BOUNDS_MICROS;
use crate::api::errors::ErrorBody;
use crate::api::limits::STATS_AGE;
use crate::front::broker::measured_steps;
use crate::proto::front::{FrontAnswer, FrontQuestion};
use crate::proto::view::{
    CountersView, LAG_BOUNDS_DAYS, METRIC_BOUNDS_MICROS, MediaCountsView, MetricView, PostLagsView,
    QueueView, SitePagesView, SpendingView, StatsView,
};

/// Everything for Prometheus
///
/// For addresses in `http.monitor_ips`.
#[utoipa::path(
    get, path = "/metrics", tag = "server",
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        (status = 403, body = ErrorBody), (status = 503, body = ErrorBody),
    )
)]
pub(super) async fn metrics(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, HttpError> {
    if !caller.monitor {
        return Err(HttpError::Forbidden(Closed::Metrics));
    }
    let mut text = Text::default();
    text.traffic(&api);
    // The broker may be away: what this process knows is worth the more then.
    let known = gather(&api).await;
    text.gauge("aotf_broker_up", "1 while the broker answers", &[("", f64::from(u8::from(known.is_ok())))]);
    if let Ok(known) = known {
        text.figures(&known.stats);
        text.queues(&known.queues);
        text.counters(&known.counters);
        text.steps(&known.steps);
    }
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text.0).into_response())
}

struct Known {
    stats: StatsView,
    queues: Vec<QueueView>,
    counters: CountersView,
    steps: Vec<MetricView>,
}

async fn gather(api: &Api) -> Result<Known, HttpError> {
    let stats = api.stats(STATS_AGE).await?;
    let FrontAnswer::Queues(queues) = api.ask(FrontQuestion::Queues, None).await? else {
        return Err(HttpError::Unexpected);
    };
    let FrontAnswer::Counters(counters) = api.ask(FrontQuestion::Counters, None).await? else {
        return Err(HttpError::Unexpected);
    };
    let steps = tokio::time::timeout(ASK_DEADLINE, measured_steps(&*api.broker))
        .await
        .map_err(|_| HttpError::BrokerSlow)??;
    Ok(Known { stats, queues, counters, steps })
}

/// The text as it grows. Labels are written as `name="value",name="value"`.
#[derive(Default)]
struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, about: &str) {
        let _ = write!(self.0, "# HELP {name} {about}\n# TYPE {name} {kind}\n");
    }

    fn line(&mut self, name: &str, labels: &str, value: impl std::fmt::Display) {
        let _ = match labels {
            "" => writeln!(self.0, "{name} {value}"),
            labels => writeln!(self.0, "{name}{{{labels}}} {value}"),
        };
    }

    fn gauge(&mut self, name: &str, about: &str, values: &[(&str, f64)]) {
        self.head(name, "gauge", about);
        for (labels, value) in values {
            self.line(name, labels, value);
        }
    }

    fn counter(&mut self, name: &str, about: &str, values: impl IntoIterator<Item = (String, u64)>) {
        self.head(name, "counter", about);
        for (labels, value) in values {
            self.line(name, &labels, value);
        }
    }

    /// One histogram; `at_most` counts what took at most as long as the bound of the same place.
    fn histogram(
        &mut self,
        name: &str,
        labels: &str,
        bounds_micros: &[u64],
        at_most: &[u64],
        count: u64,
        sum: u64,
    ) {
        let comma = if labels.is_empty() { "" } else { "," };
        for (bound, value) in bounds_micros.iter().zip(at_most) {
            let bound = seconds(*bound);
            self.line(&format!("{name}_bucket"), &format!("{labels}{comma}le=\"{bound}\""), value);
        }
        self.line(&format!("{name}_bucket"), &format!("{labels}{comma}le=\"+Inf\""), count);
        self.line(&format!("{name}_sum"), labels, seconds(sum));
        self.line(&format!("{name}_count"), labels, count);
    }

    fn traffic(&mut self, api: &Api) {
        let info = format!("version=\"{}\"", env!("CARGO_PKG_VERSION"));
        self.gauge("aotf_build_info", "Always 1; the version is in its label", &[(&info, 1.0)]);
        let started = api.started.0 as f64 / 1000.0;
        self.gauge(
            "aotf_front_start_time_seconds",
            "When the front process started, seconds since 1970",
            &[("", started)],
        );
        self.counter(
            "aotf_http_requests_total",
            "Requests answered, by endpoint and status",
            api.traffic.answered().into_iter().flat_map(|(path, by_status)| {
                by_status
                    .into_iter()
                    .map(move |(status, count)| (format!("path=\"{path}\",status=\"{status}\""), count))
            }),
        );
        let name = "aotf_http_request_duration_seconds";
        self.head(name, "histogram", "From a request's headers to the beginning of its answer");
        let took = api.traffic.durations();
        let count = took.at_most.last().copied().unwrap_or_default();
        self.histogram(name, "", &BOUNDS_MICROS, &took.at_most, count, took.sum_micros);
        self.gauge("aotf_http_connections", "Open connections", &[("", api.connections.open() as f64)]);
        let streams = api.http.max_event_streams as usize - api.streams.available_permits();
        self.gauge("aotf_http_event_streams", "Open event streams", &[("", streams as f64)]);
        let refused = api.connections.refused();
        self.counter(
            "aotf_http_connections_refused_total",
            "Connections turned away because there were too many",
            [(String::new(), refused)],
        );
    }

    fn figures(&mut self, stats: &StatsView) {
        for (name, about, value) in [
            ("aotf_accounts", "Accounts in the database", stats.store.accounts),
            ("aotf_posts", "Posts in the database", stats.store.posts),
            ("aotf_images", "Images in the database", stats.store.images),
            ("aotf_images_with_parts", "Images whose local features are known", stats.store.parts),
            ("aotf_parts_bytes", "What these features take in the database", stats.store.part_bytes),
            (
                "aotf_posts_to_retry",
                "Posts of which an image failed and will be tried again",
                stats.store.retries,
            ),
            (
                "aotf_queries_in_progress",
                "Queries and searches that have not ended",
                stats.queries_in_progress,
            ),
            ("aotf_scans_in_progress", "Accounts that are being scanned", stats.scans_in_progress),
            ("aotf_posts_pending", "Posts listed and not yet stored", stats.posts_pending),
        ] {
            self.gauge(name, about, &[("", value as f64)]);
        }
        for (name, about, value) in [
            ("aotf_database_bytes", "Size of the database's files", stats.sizes.database_bytes),
            ("aotf_index_bytes", "Size of the fingerprint index", stats.sizes.index_bytes),
        ] {
            if let Some(value) = value {
                self.gauge(name, about, &[("", value as f64)]);
            }
        }
        self.spending(&stats.spending);
    }

    /// Money: by UTC day and month, so these fall back to nothing when a new one begins.
    fn spending(&mut self, spending: &SpendingView) {
        const DAY: &str = "period=\"day\"";
        const MONTH: &str = "period=\"month\"";
        self.gauge(
            "aotf_api_spent_usd",
            "Dollars billed for reads of the API",
            &[(DAY, spending.today.usd()), (MONTH, spending.month.usd())],
        );
        let left = spending.left_today().map(|left| (DAY, left.usd()));
        self.gauge(
            "aotf_api_left_usd",
            "Dollars that may still be spent today; missing where there is no limit",
            &left.into_iter().collect::<Vec<_>>(),
        );
        self.head("aotf_api_reads", "gauge", "What was read and billed, by kind");
        for (kind, day, month) in [
            ("posts", spending.reads_today.posts, spending.reads_month.posts),
            ("users", spending.reads_today.users, spending.reads_month.users),
        ] {
            self.line("aotf_api_reads", &format!("kind=\"{kind}\",{DAY}"), day);
            self.line("aotf_api_reads", &format!("kind=\"{kind}\",{MONTH}"), month);
        }
        let waiting = spending.scans_waiting as f64;
        self.gauge(
            "aotf_scans_waiting_for_budget",
            "Scans put off to another day's budget",
            &[("", waiting)],
        );
    }

    fn queues(&mut self, queues: &[QueueView]) {
        let mut each = |name: &str, about: &str, value: fn(&QueueView) -> f64, labels: &str| {
            self.head(name, "gauge", about);
            for queue in queues {
                self.line(name, &format!("stage=\"{}\"{labels}", queue.stage), value(queue));
            }
        };
        each("aotf_work_in_progress", "Work items that workers hold", |queue| queue.leased as f64, "");
        each(
            "aotf_queue_oldest_seconds",
            "Age of the oldest work item that waits",
            |queue| queue.oldest_ms as f64 / 1000.0,
            "",
        );
        self.head("aotf_queue_length", "gauge", "Work items that wait, by who waits for them");
        for queue in queues {
            for (who, count) in [("user", queue.waiting_user), ("maintenance", queue.waiting_maintenance)] {
                self.line(
                    "aotf_queue_length",
                    &format!("stage=\"{}\",priority=\"{who}\"", queue.stage),
                    count,
                );
            }
        }
    }

    fn counters(&mut self, counters: &CountersView) {
        self.counter(
            "aotf_query_errors_total",
            "Queries and searches that ended with an error, by its code",
            counters.failures.iter().map(|(code, count)| (format!("code=\"{code}\""), *count)),
        );
        self.counter(
            "aotf_process_starts_total",
            "Processes that reported to the broker; each after the first is a restart",
            counters.starts.iter().map(|(role, count)| (format!("role=\"{role}\""), *count)),
        );
        self.counter(
            "aotf_messages_dropped_total",
            "Messages between processes that made no sense",
            [(String::new(), counters.messages_dropped)],
        );
        let waiting = counters.deliveries_waiting as f64;
        self.gauge("aotf_webhook_deliveries_waiting", "Final answers not yet delivered", &[("", waiting)]);
        self.sites(&counters.sites);
        self.post_lags(&counters.post_lags);
        self.media_counts(&counters.media_counts);
    }

    fn post_lags(&mut self, lags: &PostLagsView) {
        let within = LAG_BOUNDS_DAYS.iter().zip(lags.within);
        let within = within.map(|(days, count)| (format!("{days} days"), count));
        let others = [("named", lags.named), ("beyond", lags.beyond), ("undated", lags.undated)];
        let others = others.map(|(name, count)| (name.to_owned(), count));
        self.counter(
            "aotf_found_posts_total",
            "Queries that found the artwork, by how far the earliest post lies from the date of the page",
            within.chain(others).map(|(distance, count)| (format!("distance=\"{distance}\""), count)),
        );
    }

    fn media_counts(&mut self, counts: &MediaCountsView) {
        let MediaCountsView { equal, more_stated, fewer_stated, contradicted, is_trusted } = *counts;
        let outcomes = [
            ("equal", equal),
            ("more_stated", more_stated),
            ("fewer_stated", fewer_stated),
            ("contradicted", contradicted),
        ];
        self.counter(
            "aotf_media_counts_total",
            "Accounts searched whole, by how the network's count of their media relates to what was found",
            outcomes.map(|(outcome, count)| (format!("outcome=\"{outcome}\""), count)),
        );
        let trusted = f64::from(u8::from(is_trusted));
        self.gauge(
            "aotf_media_counts_trusted",
            "1 while an equal count shortens the reading of a timeline",
            &[("", trusted)],
        );
    }

    fn sites(&mut self, sites: &[SitePagesView]) {
        let name = "aotf_site_pages";
        self.head(
            name,
            "gauge",
            "Pages of the last day: read, and changed, which their reader does not understand",
        );
        for site in sites {
            let labels = |outcome: &str| format!("site=\"{}\",outcome=\"{outcome}\"", escaped(&site.site));
            self.line(name, &labels("read"), site.read);
            self.line(name, &labels("changed"), site.changed);
        }
        let name = "aotf_site_changed";
        self.head(name, "gauge", "1 while so many pages of the site are not understood that health warns");
        for site in sites {
            let label = format!("site=\"{}\"", escaped(&site.site));
            self.line(name, &label, u8::from(site.is_broken));
        }
    }

    fn steps(&mut self, steps: &[MetricView]) {
        let name = "aotf_step_duration_seconds";
        self.head(name, "histogram", "How long steps take, by their name");
        for step in steps {
            let labels = format!("step=\"{}\"", escaped(&step.step));
            self.histogram(name, &labels, &METRIC_BOUNDS_MICROS, &step.at_most, step.count, step.sum_micros);
        }
    }
}

fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

/// For a label's value.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
