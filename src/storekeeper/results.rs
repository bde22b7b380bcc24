//! The results log: one JSON object per line for each query that ended, for statistics and for finding out
//! later what was answered. Written only if the operator asks for it; it holds what users asked for.
//!
//! Each line has the keys of the original's `results.log` too (`input`, `status`,
//! `twitter_accounts`, `tweet_id` in `results` of X, `ip_address`, which is not known here), so
//! that programs that read that one read this one.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::base::Timestamp;
use crate::base::ids::Network;
use crate::proto::view::QueryView;

/// An open log. Rotating it is left to the system's tools: it is opened anew for every batch of lines.
#[derive(Debug)]
pub struct ResultsLog {
    path: PathBuf,
    /// The last attempt failed, which was told.
    failed: bool,
}

impl ResultsLog {
    pub fn new(path: &Path) -> ResultsLog {
        ResultsLog { path: path.to_owned(), failed: false }
    }

    /// Appends a line for each. What cannot be written is lost, and told once: an answer is worth more than
    /// its record.
    pub fn append(&mut self, results: &[QueryView], now: Timestamp) {
        let lines: String = results.iter().map(|view| line(view, now)).collect();
        match self.open().and_then(|mut file| file.write_all(lines.as_bytes())) {
            Ok(()) => self.failed = false,
            Err(error) if !self.failed => {
                self.failed = true;
                tracing::error!(path = %self.path.display(), %error, "the results log cannot be written");
            }
            Err(_) => {}
        }
    }

    fn open(&self) -> io::Result<File> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)
    }
}

fn line(view: &QueryView, now: Timestamp) -> String {
    let accounts = view.accounts.iter().map(|account| {
        json!({
            "network": account.key.network.as_str(),
            "account_id": account.key.native,
            "account_name": account.handle,
        })
    });
    let on_twitter = view.accounts.iter().filter(|account| account.key.network == Network::Twitter);
    let twitter_accounts =
        on_twitter.map(|account| json!({ "account_id": account.key.native, "account_name": account.handle }));
    let results = view.results.iter().map(|result| {
        let is_on_twitter = result.post.network == Network::Twitter;
        json!({
            "tweet_id": is_on_twitter.then_some(&result.post.native),
            "network": result.post.network.as_str(),
            "post_id": result.post.native,
            "account_id": result.account.native,
            "image_position": format!("{}/{}", result.position, result.count),
            "distance": result.distance,
            "class": result.class.as_str(),
        })
    });
    let entry = json!({
        "at": now.to_rfc3339(),
        "asked": view.subject,
        "error": view.error.map(|code| code.as_str()),
        "error_detail": view.error_detail,
        "has_first_time_scan": view.has_first_time_scan,
        "ms": view.steps.iter().map(|(_, ms)| ms).sum::<u64>(),
        "accounts": accounts.collect::<Vec<_>>(),
        "results": results.collect::<Vec<_>>(),
        "similar": view.similar.len(),
        "input": view.subject,
        "ip_address": null,
        "status": view.status.as_str(),
        "twitter_accounts": twitter_accounts.collect::<Vec<_>>(),
    });
    format!("{entry}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::AccountKey;
    use crate::domain::failure::FailureCode;
    use crate::proto::view::{AccountView, QueryStatus};

    fn view(subject: &str, error: Option<FailureCode>) -> QueryView {
        QueryView {
            has_first_time_scan: true,
            accounts: vec![AccountView {
                key: AccountKey::new(Network::Twitter, "12"),
                handle: "jane".to_owned(),
                evidence: None,
                chain: vec![],
            }],
            error,
            steps: vec![(QueryStatus::LinkFinder, 30), (QueryStatus::IndexAccounts, 12)],
            ..QueryView::sample_ended("q", subject)
        }
    }

    #[test]
    fn every_answer_is_a_line_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("logs/results.jsonl");
        let mut log = ResultsLog::new(&path);
        let now = Timestamp::from_secs(1_700_000_000);
        log.append(&[view("a\nb", None)], now);
        log.append(&[view("c", Some(FailureCode::ApiBudgetExhausted))], now);
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(
            (&lines[0]["asked"], &lines[0]["ms"], &lines[0]["error"]),
            (&"a\nb".into(), &42.into(), &serde_json::Value::Null)
        );
        // As the original wrote it.
        assert_eq!(
            (&lines[0]["input"], &lines[0]["status"], &lines[0]["twitter_accounts"][0]["account_id"]),
            (&"a\nb".into(), &"END".into(), &"12".into())
        );
        assert_eq!(
            (&lines[1]["error"], &lines[1]["accounts"][0]["account_name"]),
            (&"API_BUDGET_EXHAUSTED".into(), &"jane".into())
        );
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
