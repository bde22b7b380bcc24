//! Replies of the daemon as text and as JSON. Pure: values in, text out.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use super::command::{SPECS, Spec};
use super::progress::Indexing;
use super::table::{Align, Style, Table, Tone, clean, fit, wrap};
use crate::api::account::{AccountsAnswer, coverage_words};
use crate::api::answers::Answer;
use crate::api::figures::StatsAnswer;
use crate::api::posts::earliest;
use crate::base::ids::Network;
use crate::base::{MicroUsd, Timestamp};
use crate::domain::accounts::{AccountRecord, Evidence};
use crate::domain::addresses::post_url;
use crate::domain::failure::FailureCode;
use crate::domain::images::{MatchClass, Variant};
use crate::proto::admin::AdminReply;
use crate::proto::control::StacksWritten;
use crate::proto::view::{
    MetricView, ProblemView, QueryStatus, QueryView, QueueView, ResultView, ScanState, ScanView, StatsView,
    WorkerView,
};

/// A reply for people; each line ended by a line break.
pub fn text(reply: &AdminReply, style: Style) -> String {
    match reply {
        AdminReply::Progress(inner) => text(inner, style),
        AdminReply::Query(view) => query(view, style),
        AdminReply::Scan(view) => scan(view, style),
        AdminReply::Account(records) => accounts_known(records, style),
        AdminReply::Stats(stats) => self::stats(stats, style),
        AdminReply::Threads(workers) => threads(workers, style),
        AdminReply::Queues(queues) => self::queues(queues, style),
        AdminReply::Metrics(metrics) => self::metrics(metrics, style),
        AdminReply::Health(problems) => health(problems, style),
        AdminReply::Stacks(written) => stacks(written, style),
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
            "network": view.account.as_ref().map(|account| account.network),
            "status": scan_status(&view.state),
            "posts_listed": view.posts_listed,
            "posts_indexed": view.posts_indexed,
            "still_listing": view.still_listing,
            "posts_total": view.posts_total,
            "elapsed_ms": view.elapsed_ms,
            "error": scan_error(&view.state).map(|(code, _)| code.as_str()),
            "error_detail": scan_error(&view.state).map_or("", |(_, detail)| detail),
        }),
        AdminReply::Account(records) => json!(AccountsAnswer::found(records)),
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
        AdminReply::Health(problems) => json!(problems),
        AdminReply::Stacks(StacksWritten::Done { path, processes, threads, silent }) => {
            json!({ "path": path, "processes": processes, "threads": threads, "silent": silent })
        }
        AdminReply::Stacks(StacksWritten::Failed { why }) => {
            json!({ "error": "FAILED", "error_detail": why })
        }
        AdminReply::Stopping => json!({ "status": "stopping" }),
        AdminReply::Refused { code, detail } => json!(Answer::refused(*code, detail.clone())),
        AdminReply::Unavailable { detail } => {
            json!({ "error": "SERVICE_UNAVAILABLE", "error_detail": detail })
        }
    }
}

fn health(problems: &[ProblemView], style: Style) -> String {
    if problems.is_empty() {
        return style.paint(Tone::Good, "All is well.") + "\n";
    }
    let line = |problem: &ProblemView| {
        let tone = if problem.blocking { Tone::Bad } else { Tone::Strong };
        let since = match problem.since_ms {
            0 => String::new(),
            millis => format!(" (for {})", duration(millis)),
        };
        style.paint(tone, &clean(&problem.what)) + &since + "\n"
    };
    problems.iter().map(line).collect()
}

fn stacks(written: &StacksWritten, style: Style) -> String {
    match written {
        StacksWritten::Done { path, processes, threads, silent } => {
            let mut text = format!("{threads} threads of {processes} processes written to {}\n", clean(path));
            for name in silent {
                text += &style.paint(Tone::Bad, &format!("{} does not answer\n", clean(name)));
            }
            text
        }
        StacksWritten::Failed { why } => style.paint(Tone::Bad, &clean(why)) + "\n",
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
        let _ = writeln!(text, "{}", progress(view, None));
        return text;
    }
    if view.error.is_none() {
        text += &results(view, style);
    }
    let total: u64 = view.steps.iter().map(|(_, ms)| ms).sum();
    // What was refused as it was typed took no time.
    if view.error.is_none() || total > 0 {
        let _ = writeln!(text, "{}", style.paint(Tone::Faint, &format!("Took {}.", duration(total))));
    }
    text
}

fn accounts(view: &QueryView, style: Style) -> String {
    let mut table = Table::new([
        ("account", Align::Left),
        ("on", Align::Left),
        ("because", Align::Left),
        ("found by way of", Align::Flexible),
    ]);
    for account in &view.accounts {
        let way = account.chain.last().cloned().unwrap_or_default();
        let (name, network) = (format!("@{}", account.handle), network_name(account.key.network));
        table.row([name, network.to_owned(), evidence(account.evidence).to_owned(), way]);
    }
    table.render(style) + "\n"
}

fn results(view: &QueryView, style: Style) -> String {
    let mut text = match view.results.len() {
        0 => "None of the artist's indexed posts shows this artwork.\n".to_owned(),
        1 => style.paint(Tone::Good, "Found 1 post.") + "\n",
        count => style.paint(Tone::Good, &format!("Found {count} posts.")) + "\n",
    };
    let tables = [found_table(&view.results), found_table(&view.similar)];
    let all_fit = tables.iter().all(|table| table.fits(style.width));
    for ((results, table), title) in
        [&view.results, &view.similar].into_iter().zip(tables).zip(["", "Less alike:\n"])
    {
        if !results.is_empty() {
            text += title;
            text += &if all_fit { table.render(style) } else { found_in_lines(results, style) };
        }
    }
    text
}

fn found_table(results: &[ResultView]) -> Table {
    let mut table = Table::new([
        ("post", Align::Flexible),
        ("image", Align::Left),
        ("distance", Align::Right),
        ("", Align::Left),
        ("published", Align::Left),
    ]);
    let earliest = earliest(results).filter(|_| results.len() > 1);
    for result in results {
        let first = if Some(&result.post) == earliest { ", first" } else { "" };
        table.row([
            post_url(&result.post, result.handle.as_deref()),
            format!("{}/{}", result.position, result.count),
            result.distance.to_string(),
            format!("{}{}", verdict(result.class), turn(result.variant)),
            result.published.map_or_else(String::new, |moment| day(moment) + first),
        ]);
    }
    table
}

/// For narrow terminals: an address that is cut is worth nothing, so it has a line of its own.
fn found_in_lines(results: &[ResultView], style: Style) -> String {
    let mut text = String::new();
    let earliest = earliest(results).filter(|_| results.len() > 1);
    for result in results {
        let image = format!("image {}/{}", result.position, result.count);
        let distance = format!("distance {}", result.distance);
        let first = if Some(&result.post) == earliest { ", first" } else { "" };
        let published = result.published.map(|moment| format!("published {}{first}", day(moment)));
        let facts = [Some(verdict(result.class).to_owned()), Some(image), Some(distance), published];
        let facts: Vec<String> = facts.into_iter().flatten().collect();
        let facts = format!("  {}", fit(&facts.join(", "), style.width.saturating_sub(2)));
        let _ = writeln!(
            text,
            "{}\n{}",
            clean(&post_url(&result.post, result.handle.as_deref())),
            style.paint(Tone::Faint, &facts)
        );
    }
    text
}

fn day(moment: Timestamp) -> String {
    moment.to_rfc3339().chars().take(10).collect()
}

/// How the image had to be turned to match, as an addition to the verdict.
fn turn(variant: Variant) -> &'static str {
    match variant {
        Variant::Mirrored => ", mirrored",
        Variant::TurnedRight => ", turned right",
        Variant::UpsideDown => ", upside down",
        Variant::TurnedLeft => ", turned left",
        Variant::AsIs | Variant::OnWhite | Variant::OnBlack | Variant::Trimmed => "",
    }
}

/// As people call it.
fn network_name(network: Network) -> &'static str {
    match network {
        Network::Twitter => "X",
        Network::Bluesky => "Bluesky",
        Network::Mastodon => "Mastodon",
    }
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
        ScanState::Deferred { detail } => failure(FailureCode::ApiBudgetExhausted, detail, style),
        ScanState::Done => format!(
            "{} {} posts with images indexed, took {}.\n",
            style.paint(Tone::Good, &format!("@{name} is up to date:")),
            view.posts_indexed,
            duration(view.elapsed_ms)
        ),
        ScanState::Resolving | ScanState::Running => scan_progress(view, None) + "\n",
    }
}

/// Where a scan is, on one line; where it passes on a terminal, of so many columns.
pub fn scan_progress(view: &ScanView, width: Option<usize>) -> String {
    let begin = format!("@{}, {}: ", clean(&view.handle), duration(view.elapsed_ms));
    let figures = match view.state {
        ScanState::Resolving => "looking the account up".to_owned(),
        ScanState::Running | ScanState::Deferred { .. } | ScanState::Done | ScanState::Failed { .. } => {
            let indexing = Indexing {
                listed: view.posts_listed,
                indexed: view.posts_indexed,
                still_listing: view.still_listing,
                total: view.posts_total,
                elapsed_ms: view.elapsed_ms,
            };
            match indexing.show(width.map(|width| width.saturating_sub(begin.width()))) {
                none if none.is_empty() => "looking for new posts".to_owned(),
                figures => figures,
            }
        }
    };
    begin + &figures
}

fn scan_status(state: &ScanState) -> &'static str {
    match state {
        ScanState::Resolving => "RESOLVING",
        ScanState::Running => "RUNNING",
        ScanState::Deferred { .. } => "DEFERRED",
        ScanState::Done => "END",
        ScanState::Failed { .. } => "FAILED",
    }
}

/// Each account with its history, the present owner of the name first.
fn accounts_known(records: &[AccountRecord], style: Style) -> String {
    if records.is_empty() {
        return "No account of this name or id is known here: scan it first.\n".to_owned();
    }
    let mut text = String::new();
    for (number, record) in records.iter().enumerate() {
        let state = &record.state;
        let name = record
            .handles
            .first()
            .map_or("(not looked up yet)".to_owned(), |seen| format!("@{}", seen.handle));
        if number == 1 {
            text += "\nThe same name belonged to:\n";
        }
        let _ = writeln!(text, "{}", style.paint(Tone::Strong, &format!("{name}, {}", state.key)));
        let mut table = Table::new([("", Align::Left), ("", Align::Flexible)]);
        let day = |moment: Timestamp| moment.to_rfc3339().chars().take(10).collect::<String>();
        let listed =
            |at: Option<Timestamp>| at.map_or_else(String::new, |at| format!(", last on {}", day(at)));
        let mut row = |name: &str, value: String| table.row([format!("  {name}"), value]);
        let by_search = coverage_words(record.search_coverage, state.search_listed_at.is_some());
        row("by search", by_search + &listed(state.search_listed_at));
        let by_timeline = coverage_words(record.timeline_coverage, state.timeline_listed_at.is_some());
        row("by timeline", by_timeline + &listed(state.timeline_listed_at));
        if let (Some(oldest), Some(newest)) = (record.oldest_seen, record.newest_seen) {
            row("posts seen", format!("from {} to {}", day(oldest), day(newest)));
        }
        if let Some(posts) = record.stated_posts {
            row("posts it has", posts.to_string());
        }
        row("posts read", record.posts_read.to_string());
        row("known since", day(record.known_since));
        row("searched by", format!("{} queries", record.uses));
        for seen in &record.handles {
            let span = format!("from {} to {}", day(seen.first_seen), day(seen.last_seen));
            row(&format!("@{}", seen.handle), span);
        }
        text += table.render(style).split_once('\n').map_or("", |(_, rows)| rows);
    }
    text
}

/// What keeps a scan from being done, and the code that says so.
fn scan_error(state: &ScanState) -> Option<(FailureCode, &str)> {
    match state {
        ScanState::Failed { code, detail } => Some((*code, detail)),
        ScanState::Deferred { detail } => Some((FailureCode::ApiBudgetExhausted, detail)),
        ScanState::Resolving | ScanState::Running | ScanState::Done => None,
    }
}

/// Where a running query is, on one line; where it passes on a terminal, of so many columns.
pub fn progress(view: &QueryView, width: Option<usize>) -> String {
    let spent = view.steps.last().map_or(0, |(_, ms)| *ms);
    let mut line = format!("{}, {}", step_name(view.status), duration(spent));
    if let Some(before) = view.queue_position.filter(|before| *before > 0) {
        let _ = write!(line, ", {before} before this one");
    }
    let indexing = Indexing {
        listed: view.posts_listed,
        indexed: view.posts_indexed,
        still_listing: view.still_listing,
        total: view.posts_total,
        elapsed_ms: spent,
    };
    if view.posts_listed > 0 && view.status == QueryStatus::IndexAccounts {
        line += ": ";
        line += &indexing.show(width.map(|width| width.saturating_sub(line.width())));
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
    // Many details are the explanation and more.
    let explanation = match detail.strip_prefix(code.explanation()) {
        Some(_) => detail,
        None => code.explanation(),
    };
    let first = wrap(&format!("{code}: {}", clean(explanation)), style.width);
    let mut text = match first.strip_prefix(code.as_str()) {
        Some(rest) => format!("{}{rest}\n", style.paint(Tone::Bad, code.as_str())),
        None => first + "\n",
    };
    if !detail.is_empty() && detail != explanation {
        let _ = writeln!(text, "{}", style.paint(Tone::Faint, &wrap(&clean(detail), style.width)));
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
    if !stats.index.is_complete() {
        table.row(["index being made anew".to_owned(), format!("{} %", stats.index.percent())]);
    }
    let spending = &stats.spending;
    let of = |spent: MicroUsd, limit: Option<MicroUsd>| match limit {
        Some(limit) => format!("{spent} of {limit}"),
        None => spent.to_string(),
    };
    table.row(["spent on reads today".to_owned(), of(spending.today, spending.daily_limit)]);
    table.row(["spent on reads this month".to_owned(), of(spending.month, spending.monthly_limit)]);
    if let Some(left) = spending.left_today() {
        table.row(["left to spend today".to_owned(), left.to_string()]);
    }
    if spending.scans_waiting > 0 {
        table.row(["scans waiting for another day".to_owned(), spending.scans_waiting.to_string()]);
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
        table.row([spec.short_usage(), spec.summary.to_owned()]);
    }
    let list = table.render(style).split_once('\n').map_or_else(String::new, |(_, rows)| rows.to_owned());
    let more =
        wrap("`help COMMAND` shows its options and examples. Tab completes what you type.", style.width);
    format!("{list}\n{}\n", style.paint(Tone::Faint, &more))
}

/// `help COMMAND`.
pub fn help_of(spec: &Spec, style: Style) -> String {
    let mut text = format!("{}\n{}.\n", style.paint(Tone::Strong, &spec.usage()), capitalized(spec.summary));
    if !spec.details.is_empty() {
        let _ = writeln!(text, "{}", wrap(spec.details, style.width));
    }
    let mut examples = Table::new([("", Align::Left), ("", Align::Left)]);
    for (line, purpose) in spec.examples {
        examples.row([format!("  {line}"), (*purpose).to_owned()]);
    }
    text += if spec.examples.len() == 1 { "Example:\n" } else { "Examples:\n" };
    if examples.fits(style.width) {
        text += examples.render(style).split_once('\n').map_or("", |(_, rows)| rows);
    } else {
        for (line, purpose) in spec.examples {
            let _ = writeln!(text, "  {line}\n      {}", wrap(purpose, style.width));
        }
    }
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
    use crate::base::roles::{Role, Stage};
    use crate::front::fake::{sample_stats, sample_view, sample_view_at};

    const PLAIN: Style = Style { colors: false, width: 100 };

    #[track_caller]
    fn check(reply: &AdminReply, expect: &str) {
        assert_eq!(text(reply, PLAIN), expect);
    }

    #[test]
    fn a_finished_query() {
        let mut view = sample_view();
        view.results[0].post.native = "184467440737095".to_owned();
        check(
            &AdminReply::Query(view),
            "\
account        on       because           found by way of
@jane_paints   X        named in profile  https://a.example/jane
@jane.example  Bluesky

Found 3 posts.
post                                              image  distance                published
https://x.com/jane_paints/status/184467440737095  1/4           0  recompressed  2022-09-16
https://x.com/i/status/20                         2/2           5  similar
https://bsky.app/profile/did:plc:abc/post/3k      1/1           1  identical     2022-09-15, first
Less alike:
post                                 image  distance                     published
https://x.com/jane_paints/status/21  1/1           8  edited or variant
Took 1 min 06 s.
",
        );
    }

    #[test]
    fn an_address_is_never_cut() {
        let mut view = sample_view();
        view.results.truncate(1);
        view.similar.clear();
        let shown = query(&view, Style { colors: false, width: 60 });
        let expect = "\
https://x.com/jane_paints/status/18446744073709551615
  recompressed, image 1/4, distance 0, published 2022-09-16
";
        assert!(shown.contains(expect), "{shown}");
    }

    #[test]
    fn a_running_query() {
        let mut view = sample_view_at(QueryStatus::IndexAccounts, 3);
        view.accounts.clear();
        check(
            &AdminReply::Query(view),
            "indexing their posts, 1 min 05 s: 100 of 412+ posts with images indexed, at least 3 min 22 s left \
             (9000 posts in all)\n",
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
    fn an_account_and_who_had_its_name_before() {
        let record = crate::api::samples::sample_record();
        let mut before = record.clone();
        before.state.key.native = "12".to_owned();
        before.handles.truncate(0);
        before.timeline_coverage = None;
        before.state.timeline_listed_at = None;
        check(
            &AdminReply::Account(vec![record, before]),
            "\
@jane_paints, twitter:783214
  by search     all posts, last on 2026-05-03
  by timeline   samples, which showed that the search had missed nothing, last on 2026-05-03
  posts seen    from 2012-02-01 to 2026-05-02
  posts it has  4120
  posts read    1031
  known since   2025-01-01
  searched by   7 queries
  @jane_paints  from 2026-01-05 to 2026-05-03
  @jane_draws   from 2025-01-01 to 2025-12-05

The same name belonged to:
(not looked up yet), twitter:12
  by search     all posts, last on 2026-05-03
  by timeline   not listed yet
  posts seen    from 2012-02-01 to 2026-05-02
  posts it has  4120
  posts read    1031
  known since   2025-01-01
  searched by   7 queries
",
        );
        check(&AdminReply::Account(vec![]), "No account of this name or id is known here: scan it first.\n");
    }

    #[test]
    fn tables_of_the_daemon() {
        check(
            &AdminReply::Stats(sample_stats()),
            "\
accounts indexed                            3
posts indexed                            1234
images indexed                           2000
posts to be tried again                     0
queries in progress                         2
scans in progress                           1
posts waiting to be indexed                 5
index being made anew                    25 %
spent on reads today           $1.25 of $5.00
spent on reads this month              $20.00
left to spend today                     $3.75
scans waiting for another day               1
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
                sum_micros: 0,
                at_most: vec![],
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
            still_listing: true,
            posts_total: Some(900),
            elapsed_ms: 2300,
        };
        check(
            &AdminReply::Scan(view.clone()),
            "@jane, 2.3 s: 10 of 40+ posts with images indexed, at least 6.9 s left (900 posts in all)\n",
        );
        view.state = ScanState::Done;
        check(&AdminReply::Scan(view), "@jane is up to date: 10 posts with images indexed, took 2.3 s.\n");
    }

    #[test]
    fn help_fits_a_narrow_terminal() {
        let text = help(Style { colors: false, width: 60 });
        assert_eq!(text.lines().count(), SPECS.len() + 3);
        assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
        let usual = Style { colors: false, width: 80 };
        assert!(!help(usual).contains('…'), "{}", help(usual));
        for spec in SPECS {
            let text = help_of(spec, usual);
            assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
            assert!(spec.examples.iter().all(|(line, _)| text.contains(line)), "{text}");
        }
    }

    #[test]
    fn json_of_a_query_is_that_of_the_api() {
        let json = serde_json::to_string_pretty(&as_json(&AdminReply::Query(sample_view()))).unwrap();
        assert_eq!(json, include_str!("../api/golden/query_end.json").trim_end());
    }
}
