//! The scan of an account.

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use super::failure::failure;
use crate::base::counted;
use crate::console::progress::Indexing;
use crate::console::table::{Style, Tone, clean};
use crate::console::words::duration;
use crate::domain::failure::FailureCode;
use crate::proto::view::{ScanState, ScanView};

pub fn scan(view: &ScanView, style: Style) -> String {
    let name = clean(&view.handle);
    match &view.state {
        ScanState::Failed { code, detail } => failure(*code, detail, style),
        ScanState::Deferred { detail } => failure(FailureCode::ApiBudgetExhausted, detail, style),
        ScanState::Done => format!(
            "{} {} with images indexed, took {}.\n",
            style.paint(Tone::Good, &format!("@{name} is up to date:")),
            counted(view.posts_indexed, "post"),
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

/// For programs.
pub fn scan_json(view: &ScanView) -> Value {
    json!({
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
    })
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

/// What keeps a scan from being done, and the code that says so.
fn scan_error(state: &ScanState) -> Option<(FailureCode, &str)> {
    match state {
        ScanState::Failed { code, detail } => Some((*code, detail)),
        ScanState::Deferred { detail } => Some((FailureCode::ApiBudgetExhausted, detail)),
        ScanState::Resolving | ScanState::Running | ScanState::Done => None,
    }
}
