//! Replies of the daemon as text and as JSON. Pure: values in, text out.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::command::{SPECS, Spec};
use super::table::{Align, Style, Table, Tone, clean};
use crate::front::http::view::{Answer, StatsAnswer, post_url};
use crate::proto::admin::AdminReply;
use crate::proto::data::{Evidence, MatchClass};
use crate::proto::failure::FailureCode;
use crate::proto::view::{
    MetricView, QueryStatus, QueryView, QueueView, ResultView, ScanState, ScanView, StatsView, WorkerView,
};

/// A reply for people; each line ended by a line break.
pub fn text(reply: &AdminReply, style: Style) -> String {
    match reply {
        AdminReply::Progress(inner) => text(inner, style),
        AdminReply::Query(view) => query(view, style),
        AdminReply::Scan(view) => scan(view, style),
        AdminReply::Stats(stats) => self::stats(stats, style),
        AdminReply::Threads(workers) => threads(workers, style),
        AdminReply::Queues(queues) => self::queues(queues, style),
        AdminReply::Metrics(metrics) => self::metrics(metrics, style),
        AdminReply::Stopping => "The daemon is stopping.\n".to_owned(),
        AdminReply::Refused { code, detail } => failure(*code, detail, style),
        AdminReply::Unavailable { detail } => style.paint(Tone::Bad, &clean(detail)) + "\n",
    }
}

/// A reply for programs: the JSON of the HTTP API where it has one.
pub fn as_json(reply: &AdminReply) -> Value {
    match reply {
        AdminReply::Progress(inner) => as_json(inner),
        AdminReply::Query(view) => json!(Answer::from(view)),
        AdminReply::Scan(view) => json!({
            "account_name": view.handle,
            "account_id": view.account.as_ref().map(|account| &account.native),
            "status": scan_status(&view.state),
            "posts_listed": view.posts_listed,
            "posts_indexed": view.posts_indexed,
            "posts_total": view.posts_total,
            "elapsed_ms": view.elapsed_ms,
            "error": match &view.state { ScanState::Failed { code, .. } => Some(code.as_str()), _ => None },
            "error_detail": match &view.state { ScanState::Failed { detail, .. } => detail.as_str(), _ => "" },
        }),
        AdminReply::Stats(stats) => json!(StatsAnswer::from(*stats)),
        AdminReply::Threads(workers) => workers
            .iter()
            .map(|worker| {
                json!({
                    "role": worker.role.as_str(),
                    "pid": worker.pid,
                    "worker": worker.worker,
                    "doing": worker.doing,
                    "request": worker.request,
                    "since_ms": worker.since_ms,
                    "attempt": worker.attempt,
                })
            })
            .collect(),
        AdminReply::Queues(queues) => queues
            .iter()
            .map(|queue| {
                json!({
                    "queue": queue.stage.as_str(),
                    "waiting_user": queue.waiting_user,
                    "waiting_maintenance": queue.waiting_maintenance,
                    "leased": queue.leased,
                    "oldest_ms": queue.oldest_ms,
                })
            })
            .collect(),
        AdminReply::Metrics(metrics) => json!(metrics),
        AdminReply::Stopping => json!({ "status": "stopping" }),
        AdminReply::Refused { code, detail } => json!(Answer::refused(*code, detail.clone())),
        AdminReply::Unavailable { detail } => {
            json!({ "error": "SERVICE_UNAVAILABLE", "error_detail": detail })
        }
    }
}

fn query(view: &QueryView, style: Style) -> String {
    let mut text = String::new();
    if let Some(code) = view.error {
        text += &failure(code, &view.error_detail, style);
    }
    if !view.accounts.is_empty() {
        text += &accounts(view, style);
    }
    if view.status != QueryStatus::End {
        let _ = writeln!(text, "{}", progress(view));
        return text;
    }
    if view.error.is_none() {
        text += &results(view, style);
    }
    let total: u64 = view.steps.iter().map(|(_, ms)| ms).sum();
    let _ = writeln!(text, "{}", style.paint(Tone::Faint, &format!("Took {}.", duration(total))));
    text
}

fn accounts(view: &QueryView, style: Style) -> String {
    let mut table = Table::new([
        ("account", Align::Left),
        ("because", Align::Left),
        ("found by way of", Align::Flexible),
    ]);
    for account in &view.accounts {
        let way = account.chain.last().cloned().unwrap_or_default();
        table.row([format!("@{}", account.handle), evidence(account.evidence).to_owned(), way]);
    }
    table.render(style) + "\n"
}

fn results(view: &QueryView, style: Style) -> String {
    let mut text = match view.results.len() {
        0 => "None of the artist's indexed posts shows this artwork.\n".to_owned(),
        1 => style.paint(Tone::Good, "Found 1 post.") + "\n",
        count => style.paint(Tone::Good, &format!("Found {count} posts.")) + "\n",
    };
    if !view.results.is_empty() {
        text += &found(&view.results, style);
    }
    if !view.similar.is_empty() {
        text += "Less alike:\n";
        text += &found(&view.similar, style);
    }
    text
}

fn found(results: &[ResultView], style: Style) -> String {
    let mut table = Table::new([
        ("post", Align::Flexible),
        ("image", Align::Left),
        ("distance", Align::Right),
        ("", Align::Left),
        ("published", Align::Left),
    ]);
    for result in results {
        table.row([
            post_url(result),
            format!("{}/{}", result.position, result.count),
            result.distance.to_string(),
            verdict(result.class).to_owned(),
            result
                .published
                .map_or_else(String::new, |moment| moment.to_rfc3339().chars().take(10).collect()),
        ]);
    }
    table.render(style)
}

/// A class in words, the same as on the web page.
fn verdict(class: MatchClass) -> &'static str {
    match class {
        MatchClass::Identical => "identical",
        MatchClass::Recompressed => "recompressed",
        MatchClass::EditedOrVariant => "edited or variant",
        MatchClass::Similar => "similar",
    }
}

fn evidence(evidence: Option<Evidence>) -> &'static str {
    match evidence {
        Some(Evidence::Mutual) => "linked both ways",
        Some(Evidence::ProfileField) => "named in profile",
        Some(Evidence::Curated) => "known to curators",
        Some(Evidence::ProfileText) => "linked from profile",
        Some(Evidence::WorkText) => "linked from artwork",
        Some(Evidence::SameHandle) => "same name",
        None => "",
    }
}

fn scan(view: &ScanView, style: Style) -> String {
    let name = clean(&view.handle);
    match &view.state {
        ScanState::Failed { code, detail } => failure(*code, detail, style),
        ScanState::Done => format!(
            "{} {} posts with images indexed, took {}.\n",
            style.paint(Tone::Good, &format!("@{name} is up to date:")),
            view.posts_indexed,
            duration(view.elapsed_ms)
        ),
        ScanState::Resolving | ScanState::Running => scan_progress(view) + "\n",
    }
}

/// Where a scan is, on one line.
pub fn scan_progress(view: &ScanView) -> String {
    let (name, spent) = (clean(&view.handle), duration(view.elapsed_ms));
    match view.state {
        ScanState::Resolving => format!("@{name}, {spent}: looking the account up"),
        ScanState::Running | ScanState::Done | ScanState::Failed { .. } => {
            let of =
                view.posts_total.map_or_else(String::new, |total| format!("; the account has {total} posts"));
            format!(
                "@{name}, {spent}: {} of {} posts with images indexed{of}",
                view.posts_indexed, view.posts_listed
            )
        }
    }
}

fn scan_status(state: &ScanState) -> &'static str {
    match state {
        ScanState::Resolving => "RESOLVING",
        ScanState::Running => "RUNNING",
        ScanState::Done => "END",
        ScanState::Failed { .. } => "FAILED",
    }
}

/// Where a running query is, on one line.
pub fn progress(view: &QueryView) -> String {
    let spent = view.steps.last().map_or(0, |(_, ms)| *ms);
    let mut line = format!("{}, {}", step_name(view.status), duration(spent));
    if let Some(before) = view.queue_position.filter(|before| *before > 0) {
        let _ = write!(line, ", {before} before this one");
    }
    if view.posts_listed > 0 && view.status == QueryStatus::IndexAccounts {
        let _ = write!(line, ", {} of {} posts with images indexed", view.posts_indexed, view.posts_listed);
    }
    line
}

/// A step in words.
pub fn step_name(status: QueryStatus) -> &'static str {
    match status {
        QueryStatus::WaitLinkFinder => "waiting to look for the artist's accounts",
        QueryStatus::LinkFinder => "looking for the artist's accounts",
        QueryStatus::WaitIndexAccounts => "waiting to index their posts",
        QueryStatus::IndexAccounts => "indexing their posts",
        QueryStatus::WaitReverseSearch => "waiting to search the image",
        QueryStatus::ReverseSearch => "searching the image",
        QueryStatus::End => "done",
    }
}

fn failure(code: FailureCode, detail: &str, style: Style) -> String {
    let mut text = format!("{}: {}\n", style.paint(Tone::Bad, code.as_str()), code.explanation());
    if !detail.is_empty() && detail != code.explanation() {
        let _ = writeln!(text, "{}", style.paint(Tone::Faint, &clean(detail)));
    }
    text
}

fn stats(stats: &StatsView, style: Style) -> String {
    let mut table = Table::new([("", Align::Left), ("", Align::Right)]);
    for (name, value) in [
        ("accounts indexed", stats.store.accounts),
        ("posts indexed", stats.store.posts),
        ("images indexed", stats.store.images),
        ("posts to be tried again", stats.store.retries),
        ("queries in progress", stats.queries_in_progress),
        ("scans in progress", stats.scans_in_progress),
        ("posts waiting to be indexed", stats.posts_pending),
    ] {
        table.row([name.to_owned(), value.to_string()]);
    }
    // A header of empty titles says nothing.
    table.render(style).split_once('\n').map_or_else(String::new, |(_, rows)| rows.to_owned())
}

fn threads(workers: &[WorkerView], style: Style) -> String {
    let mut table = Table::new([
        ("process", Align::Left),
        ("pid", Align::Right),
        ("worker", Align::Right),
        ("since", Align::Right),
        ("try", Align::Right),
        ("request", Align::Flexible),
        ("doing", Align::Flexible),
    ]);
    for worker in workers {
        let busy = worker.doing.is_some();
        table.row([
            worker.role.to_string(),
            worker.pid.to_string(),
            worker.worker.to_string(),
            duration(worker.since_ms),
            if busy { worker.attempt.to_string() } else { String::new() },
            worker.request.clone().unwrap_or_default(),
            worker.doing.clone().unwrap_or_else(|| "waits for work".to_owned()),
        ]);
    }
    table.render(style)
}

fn queues(queues: &[QueueView], style: Style) -> String {
    let mut table = Table::new([
        ("queue", Align::Left),
        ("users", Align::Right),
        ("maintenance", Align::Right),
        ("in work", Align::Right),
        ("oldest", Align::Right),
    ]);
    for queue in queues {
        let waits = queue.waiting_user + queue.waiting_maintenance > 0;
        table.row([
            queue.stage.to_string(),
            queue.waiting_user.to_string(),
            queue.waiting_maintenance.to_string(),
            queue.leased.to_string(),
            if waits { duration(queue.oldest_ms) } else { String::new() },
        ]);
    }
    table.render(style)
}

fn metrics(metrics: &[MetricView], style: Style) -> String {
    let mut table = Table::new([
        ("step", Align::Flexible),
        ("count", Align::Right),
        ("mean", Align::Right),
        ("p50", Align::Right),
        ("p95", Align::Right),
        ("p99", Align::Right),
    ]);
    for metric in metrics {
        table.row([
            metric.step.clone(),
            metric.count.to_string(),
            micros(metric.mean_micros),
            micros(metric.p50_micros),
            micros(metric.p95_micros),
            micros(metric.p99_micros),
        ]);
    }
    table.render(style)
}

/// `help`.
pub fn help(style: Style) -> String {
    let mut table = Table::new([("", Align::Left), ("", Align::Flexible)]);
    for spec in SPECS {
        table.row([spec.usage(), spec.summary.to_owned()]);
    }
    table.render(style).split_once('\n').map_or_else(String::new, |(_, rows)| rows.to_owned())
}

/// `help COMMAND`.
pub fn help_of(spec: &Spec, style: Style) -> String {
    let mut text = format!("{}\n{}.\n", style.paint(Tone::Strong, &spec.usage()), capitalized(spec.summary));
    if !spec.details.is_empty() {
        let _ = writeln!(text, "{}", spec.details);
    }
    let _ = writeln!(text, "Example: {}", spec.example);
    text
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Milliseconds as people say them: `34 ms`, `1.2 s`, `2 min 05 s`, `3 h 07 min`.
pub fn duration(millis: u64) -> String {
    let secs = Duration::from_millis(millis).as_secs();
    match secs {
        0 => format!("{millis} ms"),
        1..60 => format!("{}.{} s", secs, millis % 1000 / 100),
        60..3600 => format!("{} min {:02} s", secs / 60, secs % 60),
        _ => format!("{} h {:02} min", secs / 3600, secs % 3600 / 60),
    }
}

fn micros(micros: u64) -> String {
    match micros {
        0..1000 => format!("{micros} us"),
        1000..10_000 => format!("{}.{} ms", micros / 1000, micros % 1000 / 100),
        _ => duration(micros / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::fake::{sample_stats, sample_view, sample_view_at};
    use crate::proto::roles::{Role, Stage};

    const PLAIN: Style = Style { colors: false, width: 100 };

    #[track_caller]
    fn check(reply: &AdminReply, expect: &str) {
        assert_eq!(text(reply, PLAIN), expect);
    }

    #[test]
    fn a_finished_query() {
        let mut view = sample_view();
        view.accounts.truncate(1);
        view.results.truncate(2);
        check(
            &AdminReply::Query(view),
            "\
account       because           found by way of
@jane_paints  named in profile  https://a.example/jane

Found 2 posts.
post                                                   image  distance                published
https://x.com/jane_paints/status/18446744073709551615  1/4           0  recompressed  2022-09-16
https://x.com/i/status/20                              2/2           5  similar
Less alike:
post                                 image  distance                     published
https://x.com/jane_paints/status/21  1/1           8  edited or variant
Took 1 min 06 s.
",
        );
    }

    #[test]
    fn a_running_query() {
        let mut view = sample_view_at(QueryStatus::IndexAccounts, 3);
        view.accounts.clear();
        check(
            &AdminReply::Query(view),
            "indexing their posts, 1 min 05 s, 100 of 412 posts with images indexed\n",
        );
    }

    #[test]
    fn a_failed_query() {
        let mut view = sample_view_at(QueryStatus::End, 3);
        view.accounts.clear();
        view.steps.truncate(1);
        view.error = Some(FailureCode::UnsupportedWebsite);
        view.error_detail = "no site for a.example\x1b[2J".to_owned();
        check(
            &AdminReply::Query(view),
            "UNSUPPORTED_WEBSITE: This website is not supported.\nno site for a.example\u{fffd}[2J\nTook 1 ms.\n",
        );
    }

    #[test]
    fn tables_of_the_daemon() {
        check(
            &AdminReply::Stats(sample_stats()),
            "\
accounts indexed                3
posts indexed                1234
images indexed               2000
posts to be tried again         0
queries in progress             2
scans in progress               1
posts waiting to be indexed     5
",
        );
        let worker = |doing: Option<&str>| WorkerView {
            role: Role::LinkFinder,
            pid: 4711,
            worker: 0,
            stages: vec![Stage::LinkFinder],
            doing: doing.map(str::to_owned),
            request: doing.map(|_| "q7".to_owned()),
            since_ms: 1500,
            attempt: 1,
        };
        check(
            &AdminReply::Threads(vec![worker(None), worker(Some("find links of https://a.example/"))]),
            "\
process       pid  worker  since  try  request  doing
link-finder  4711       0  1.5 s                waits for work
link-finder  4711       0  1.5 s    1  q7       find links of https://a.example/
",
        );
        check(
            &AdminReply::Queues(vec![QueueView {
                stage: Stage::Indexing,
                waiting_user: 3,
                waiting_maintenance: 0,
                leased: 2,
                oldest_ms: 65_000,
            }]),
            "\
queue     users  maintenance  in work      oldest
indexing      3            0        2  1 min 05 s
",
        );
        check(
            &AdminReply::Metrics(vec![MetricView {
                step: "fingerprint".to_owned(),
                count: 12,
                mean_micros: 950,
                p50_micros: 900,
                p95_micros: 1500,
                p99_micros: 1_250_000,
            }]),
            "\
step         count    mean     p50     p95    p99
fingerprint     12  950 us  900 us  1.5 ms  1.2 s
",
        );
    }

    #[test]
    fn scans() {
        let mut view = ScanView {
            handle: "jane".to_owned(),
            account: None,
            state: ScanState::Running,
            posts_listed: 40,
            posts_indexed: 10,
            posts_total: Some(900),
            elapsed_ms: 2300,
        };
        check(
            &AdminReply::Scan(view.clone()),
            "@jane, 2.3 s: 10 of 40 posts with images indexed; the account has 900 posts\n",
        );
        view.state = ScanState::Done;
        check(&AdminReply::Scan(view), "@jane is up to date: 10 posts with images indexed, took 2.3 s.\n");
    }

    #[test]
    fn help_fits_a_narrow_terminal() {
        let text = help(Style { colors: false, width: 60 });
        assert_eq!(text.lines().count(), SPECS.len());
        assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
        for spec in SPECS {
            assert!(help_of(spec, PLAIN).contains(spec.example));
        }
    }

    #[test]
    fn json_of_a_query_is_that_of_the_api() {
        let json = serde_json::to_string_pretty(&as_json(&AdminReply::Query(sample_view()))).unwrap();
        assert_eq!(json, include_str!("../http/golden/query_end.json").trim_end());
    }
}
