//! The daemon's own state: sizes, workers, queues, times, troubles.

use serde_json::{Value, json};

use crate::base::{MicroUsd, counted};
use crate::console::table::{Align, Style, Table, Tone, clean};
use crate::console::words::{duration, micros};
use crate::proto::control::StacksWritten;
use crate::proto::view::{
    CountersView, LAG_BOUNDS_DAYS, MediaCountsView, MetricView, PostLagsView, ProblemView, QueueView,
    StatsView, WorkerView,
};

pub fn stats(stats: &StatsView, style: Style) -> String {
    let mut table = Table::new([("", Align::Left), ("", Align::Right)]);
    for (name, value) in [
        ("accounts indexed", stats.store.accounts),
        ("posts indexed", stats.store.posts),
        ("images indexed", stats.store.images),
        ("images with local features", stats.store.parts),
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
    table.render_rows(style)
}

pub fn threads(workers: &[WorkerView], style: Style) -> String {
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

pub fn queues(queues: &[QueueView], style: Style) -> String {
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

/// How long steps take; how far posts lie from their pages, and what networks' counts of media are worth,
/// once either is known.
pub fn metrics(metrics: &[MetricView], counters: Option<&CountersView>, style: Style) -> String {
    let mut text = steps(metrics, style);
    let Some(CountersView { post_lags, media_counts, .. }) = counters else { return text };
    if *post_lags != PostLagsView::default() {
        let mut table =
            Table::new([("posts found, by their distance from the page", Align::Left), ("", Align::Right)]);
        table.row(["named on the page".to_owned(), post_lags.named.to_string()]);
        for (days, count) in LAG_BOUNDS_DAYS.iter().zip(post_lags.within) {
            let days = if *days == 1 { "within a day".to_owned() } else { format!("within {days} days") };
            table.row([days, count.to_string()]);
        }
        table.row(["beyond".to_owned(), post_lags.beyond.to_string()]);
        table.row(["without a date".to_owned(), post_lags.undated.to_string()]);
        text += "\n";
        text += &table.render(style);
    }
    let MediaCountsView { equal, more_stated, fewer_stated, contradicted, is_trusted } = *media_counts;
    if equal + more_stated + fewer_stated > 0 {
        let mut table =
            Table::new([("accounts of X, by its count of their media", Align::Left), ("", Align::Right)]);
        table.row(["as many were found".to_owned(), equal.to_string()]);
        table.row(["  of these, posts were missed all the same".to_owned(), contradicted.to_string()]);
        table.row(["fewer were found".to_owned(), more_stated.to_string()]);
        table.row(["more were found".to_owned(), fewer_stated.to_string()]);
        text += "\n";
        text += &table.render(style);
        if !is_trusted {
            text += "These counts were wrong too often: timelines are read as if there were none.\n";
        }
    }
    text
}

fn steps(metrics: &[MetricView], style: Style) -> String {
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

pub fn health(problems: &[ProblemView], style: Style) -> String {
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

pub fn stacks(written: &StacksWritten, style: Style) -> String {
    match written {
        StacksWritten::Done { path, processes, threads, silent } => {
            let mut text = format!(
                "{} of {} written to {}\n",
                counted(*threads, "thread"),
                counted(*processes, "process"),
                clean(path)
            );
            for name in silent {
                text += &style.paint(Tone::Bad, &format!("{} does not answer\n", clean(name)));
            }
            text
        }
        StacksWritten::Failed { why } => style.paint(Tone::Bad, &clean(why)) + "\n",
    }
}

/// Workers, for programs.
pub fn threads_json(workers: &[WorkerView]) -> Value {
    workers
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
        .collect()
}

/// Queues, for programs.
pub fn queues_json(queues: &[QueueView]) -> Value {
    queues
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
        .collect()
}
