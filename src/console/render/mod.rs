//! Replies of the daemon as text, as JSON and as exit statuses, and the console's help. Pure: values in, text
//! out; one file per subject.

pub mod account;
pub mod artist;
pub mod cancelled;
pub mod daemon;
pub mod failure;
pub mod forgotten;
pub mod help;
pub mod query;
pub mod scan;
#[cfg(test)]
mod tests;
pub mod verdicts;
pub mod watches;

use serde_json::{Value, json};

use super::status;
use super::table::{Style, Tone, clean};
use crate::api::account::AccountsAnswer;
use crate::api::answers::Answer;
use crate::api::artist::ArtistAnswer;
use crate::api::credit::{credit_of, credit_of_artist};
use crate::api::figures::StatsAnswer;
use crate::base::counted;
use crate::config::CreditTemplates;
use crate::domain::credit::{Markup, Template};
use crate::domain::failure::FailureCode;
use crate::proto::command::Reply;
use crate::proto::control::StacksWritten;
use crate::proto::front::{FrontAnswer, VerdictsAnswer, WatchesAnswer};
use crate::proto::view::{QueryStatus, QueryView, ScanState};

/// Answers that no command asks for: figures for `/metrics`, and limits, from which the console is exempt.
const UNEXPECTED: &str = "unexpected answer inside the service";

/// The credit that a query's final answer gives, with a line break at its end; `None` where it gives none.
pub fn credit(reply: &Reply, markup: Markup, templates: &CreditTemplates) -> Option<String> {
    let Reply::Answer(FrontAnswer::Query(view)) = reply else { return None };
    if view.status != QueryStatus::End {
        return None;
    }
    let credit = match view.wanted.is_artist() {
        true => credit_of_artist(&artist_answer(view), &view.subject),
        false => credit_of(&Answer::from(view), Some(&view.subject)),
    };
    let template = Template::or_built_in(templates.of(markup), markup, "en");
    (!credit.is_empty()).then(|| template.fill(&credit, markup) + "\n")
}

/// A reply for people; each line ended by a line break.
pub fn text(reply: &Reply, style: Style) -> String {
    match reply {
        Reply::Progress(answer) | Reply::Answer(answer) => match answer {
            FrontAnswer::Query(view) if view.wanted.is_artist() => artist::artist(view, style),
            FrontAnswer::Query(view) | FrontAnswer::Search { view, .. } => query::query(view, style),
            FrontAnswer::Scan(view) => scan::scan(view, style),
            FrontAnswer::Account(records) => account::accounts_known(records, style),
            FrontAnswer::Forgetting(view) => forgotten::forgetting(view, style),
            FrontAnswer::Tombstones { tombstones, more } => forgotten::list(tombstones, *more, style),
            FrontAnswer::Lifted { mark } => forgotten::lifted(*mark, style),
            FrontAnswer::Stats(stats) => daemon::stats(stats, style),
            FrontAnswer::Threads(workers) => daemon::threads(workers, style),
            FrontAnswer::Queues(queues) => daemon::queues(queues, style),
            FrontAnswer::Metrics { steps, counters, .. } => {
                daemon::metrics(steps, counters.as_deref(), style)
            }
            FrontAnswer::Health(problems) => daemon::health(problems, style),
            FrontAnswer::Verdicts(answer) => verdicts::verdicts(answer, style),
            FrontAnswer::Watches(answer) => watches::watches(answer, style),
            FrontAnswer::Refused { code, detail } => failure::failure(*code, detail, style),
            FrontAnswer::NotNow { why } => unavailable(why, style),
            FrontAnswer::Counters(_)
            | FrontAnswer::Picture { .. }
            | FrontAnswer::Feed { .. }
            | FrontAnswer::Overloaded => unavailable(UNEXPECTED, style),
        },
        Reply::Cancelled(answer) => cancelled::cancelled(answer, style),
        Reply::Stacks(written) => daemon::stacks(written, style),
        Reply::Exported { path, .. } if path.as_os_str() == "-" => String::new(),
        Reply::Exported { path, verdicts } => {
            format!("Wrote {} into {}.\n", counted(*verdicts, "verdict"), clean(&path.display().to_string()))
        }
        Reply::Version(version) => format!("{}\n", clean(version)),
        Reply::Stopping => "The daemon is stopping.\n".to_owned(),
        Reply::Unavailable { detail } => unavailable(detail, style),
    }
}

fn unavailable(why: &str, style: Style) -> String {
    style.paint(Tone::Bad, &clean(why)) + "\n"
}

/// A reply for programs: the JSON of the HTTP API where it has one.
pub fn as_json(reply: &Reply) -> Value {
    let unavailable = |why: &str| json!({ "error": "SERVICE_UNAVAILABLE", "error_detail": why });
    match reply {
        Reply::Progress(answer) | Reply::Answer(answer) | Reply::Cancelled(answer) => match answer {
            FrontAnswer::Query(view) if view.wanted.is_artist() => json!(artist_answer(view)),
            FrontAnswer::Query(view) | FrontAnswer::Search { view, .. } => json!(Answer::from(view)),
            FrontAnswer::Scan(view) => scan::scan_json(view),
            FrontAnswer::Account(records) => json!(AccountsAnswer::found(records)),
            FrontAnswer::Forgetting(view) => forgotten::forgetting_json(view),
            FrontAnswer::Tombstones { tombstones, .. } => forgotten::list_json(tombstones),
            FrontAnswer::Lifted { mark } => json!({ "lifted": mark.to_string() }),
            FrontAnswer::Stats(stats) => json!(StatsAnswer::from(*stats)),
            FrontAnswer::Threads(workers) => daemon::threads_json(workers),
            FrontAnswer::Queues(queues) => daemon::queues_json(queues),
            FrontAnswer::Metrics { steps, .. } => json!(steps),
            FrontAnswer::Health(problems) => json!(problems),
            FrontAnswer::Verdicts(answer) => verdicts::verdicts_json(answer),
            FrontAnswer::Watches(answer) => watches::watches_json(answer),
            FrontAnswer::Refused { code, detail } => json!(Answer::refused(*code, detail.clone())),
            FrontAnswer::NotNow { why } => unavailable(why),
            FrontAnswer::Counters(_)
            | FrontAnswer::Picture { .. }
            | FrontAnswer::Feed { .. }
            | FrontAnswer::Overloaded => unavailable(UNEXPECTED),
        },
        Reply::Stacks(StacksWritten::Done { path, processes, threads, silent }) => {
            json!({ "path": path, "processes": processes, "threads": threads, "silent": silent })
        }
        Reply::Stacks(StacksWritten::Failed { why }) => json!({ "error": "FAILED", "error_detail": why }),
        Reply::Exported { path, verdicts } => json!({ "path": path, "verdicts": verdicts }),
        Reply::Version(version) => json!({ "version": version }),
        Reply::Stopping => json!({ "status": "stopping" }),
        Reply::Unavailable { detail } => unavailable(detail),
    }
}

fn artist_answer(view: &QueryView) -> ArtistAnswer {
    ArtistAnswer::of(view, view.wanted.resolves())
}

/// The exit status that a reply means.
pub fn status_of(reply: &Reply) -> u8 {
    match reply {
        Reply::Progress(answer) | Reply::Answer(answer) => match answer {
            FrontAnswer::Query(view) | FrontAnswer::Search { view, .. } => status_of_query(view),
            FrontAnswer::Scan(view) => match view.state {
                ScanState::Failed { .. } | ScanState::Deferred { .. } => status::REQUEST_FAILED,
                ScanState::Resolving | ScanState::Running | ScanState::Done => status::OK,
            },
            FrontAnswer::Account(records) if records.is_empty() => status::NOTHING_FOUND,
            FrontAnswer::Health(problems) if !problems.is_empty() => status::REQUEST_FAILED,
            FrontAnswer::Verdicts(VerdictsAnswer::Unknown) => status::NOTHING_FOUND,
            FrontAnswer::Verdicts(VerdictsAnswer::Wrong { .. }) => status::REQUEST_FAILED,
            FrontAnswer::Watches(WatchesAnswer::Unknown) => status::NOTHING_FOUND,
            FrontAnswer::Watches(WatchesAnswer::Wrong { .. }) => status::REQUEST_FAILED,
            FrontAnswer::Verdicts(_) | FrontAnswer::Watches(_) => status::OK,
            FrontAnswer::Refused { .. } => status::REQUEST_FAILED,
            FrontAnswer::NotNow { .. }
            | FrontAnswer::Counters(_)
            | FrontAnswer::Picture { .. }
            | FrontAnswer::Feed { .. }
            | FrontAnswer::Overloaded => status::UNREACHABLE,
            FrontAnswer::Account(_)
            | FrontAnswer::Forgetting(_)
            | FrontAnswer::Tombstones { .. }
            | FrontAnswer::Lifted { .. }
            | FrontAnswer::Stats(_)
            | FrontAnswer::Threads(_)
            | FrontAnswer::Queues(_)
            | FrontAnswer::Metrics { .. }
            | FrontAnswer::Health(_) => status::OK,
        },
        Reply::Cancelled(answer) if cancelled::is_cancelled(answer) => status::OK,
        Reply::Cancelled(_) => status::NOTHING_FOUND,
        Reply::Stacks(StacksWritten::Failed { .. }) => status::REQUEST_FAILED,
        Reply::Stacks(StacksWritten::Done { .. })
        | Reply::Exported { .. }
        | Reply::Version(_)
        | Reply::Stopping => status::OK,
        Reply::Unavailable { .. } => status::UNREACHABLE,
    }
}

fn status_of_query(view: &QueryView) -> u8 {
    match view.error {
        Some(FailureCode::NoTwitterAccountFound | FailureCode::NoValidTwitterAccountFound) => {
            status::NOTHING_FOUND
        }
        Some(_) => status::REQUEST_FAILED,
        None if view.wanted.is_artist() => status::OK,
        None if view.status == QueryStatus::End && view.results.is_empty() => status::NOTHING_FOUND,
        None => status::OK,
    }
}
