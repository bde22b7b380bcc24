//! The results log: one JSON object per line for each query that ended, for statistics and for finding out
//! later what was answered. Written only if the operator asks for it; it holds what users asked for.
//!
//! Each line has the keys of the original's `results.log` too (`input`, `status`,
//! `twitter_accounts`, `tweet_id` in `results` of X, `ip_address`, which is not known here), so
//! that programs that read that one read this one.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::base::Timestamp;
use crate::base::ids::Network;
use crate::domain::forgotten::Subject;
use crate::proto::view::QueryView;

/// The longest line that is read as one: an answer has some kilobytes.
const LONGEST_LINE: u64 = 1 << 20;

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

    /// Takes accounts and posts out of the lines that name them. The file is written anew beside itself, and put
    /// in its own place. Those that were rotated away are the operator's.
    pub fn forget(&mut self, subjects: &[Subject]) {
        match self.write_without(subjects) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::error!(
                path = %self.path.display(), %error,
                "what was forgotten is still in the results log: remove it by hand"
            ),
        }
    }

    fn write_without(&self, subjects: &[Subject]) -> io::Result<()> {
        let mut lines = BufReader::new(File::open(&self.path)?);
        let beside = self.path.with_extension("forgetting");
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        let mut out = BufWriter::new(file);
        let mut line = Vec::new();
        let mut has_changed = false;
        while (&mut lines).take(LONGEST_LINE).read_until(b'\n', &mut line)? > 0 {
            match without(&line, subjects) {
                Some(changed) => {
                    has_changed = true;
                    out.write_all(changed.as_bytes())?;
                }
                None => out.write_all(&line)?,
            }
            line.clear();
        }
        if !has_changed {
            return std::fs::remove_file(&beside);
        }
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        std::fs::rename(&beside, &self.path)
    }

    fn open(&self) -> io::Result<File> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)
    }
}

/// The line without what names one of these; `None` where it names none.
fn without(line: &[u8], subjects: &[Subject]) -> Option<String> {
    let text = std::str::from_utf8(line).ok()?;
    let is_meant = |subject: &&Subject| match subject {
        Subject::Account(key) => text.contains(&key.native),
        Subject::Post(key) => text.contains(&key.native),
    };
    if !subjects.iter().any(|subject| is_meant(&subject)) {
        return None;
    }
    let mut entry: serde_json::Value = serde_json::from_str(text).ok()?;
    let is = |value: &serde_json::Value, key: &str, id: &str| value.get(key).is_some_and(|found| found == id);
    let names = |value: &serde_json::Value| {
        // The accounts of X that the original listed have no network in their lines.
        let network = value.get("network").and_then(serde_json::Value::as_str).unwrap_or("twitter");
        subjects.iter().any(|subject| {
            subject.network().as_str() == network
                && match subject {
                    Subject::Account(key) => is(value, "account_id", &key.native),
                    Subject::Post(key) => is(value, "post_id", &key.native),
                }
        })
    };
    let mut has_changed = false;
    for list in ["accounts", "results", "twitter_accounts"] {
        if let Some(values) = entry.get_mut(list).and_then(serde_json::Value::as_array_mut) {
            let before = values.len();
            values.retain(|value| !names(value));
            has_changed |= values.len() < before;
        }
    }
    has_changed.then(|| format!("{entry}\n"))
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
    fn what_is_forgotten_leaves_the_lines_that_name_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("results.jsonl");
        let mut log = ResultsLog::new(&path);
        log.forget(&[Subject::Account(AccountKey::new(Network::Twitter, "12"))]);
        assert!(!path.exists(), "nothing was there");
        let now = Timestamp::from_secs(1_700_000_000);
        log.append(&[view("a", None)], now);
        std::fs::write(&path, std::fs::read_to_string(&path).unwrap() + "no JSON 12\n").unwrap();
        let before = std::fs::read_to_string(&path).unwrap();
        log.forget(&[Subject::Account(AccountKey::new(Network::Bluesky, "12"))]);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), before, "another network's");
        log.forget(&[Subject::Account(AccountKey::new(Network::Twitter, "12"))]);
        let text = std::fs::read_to_string(&path).unwrap();
        let (first, rest) = text.split_once('\n').unwrap();
        let line: serde_json::Value = serde_json::from_str(first).unwrap();
        assert_eq!((&line["accounts"], &line["twitter_accounts"]), (&json!([]), &json!([])));
        assert_eq!((&line["asked"], rest), (&"a".into(), "no JSON 12\n"));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
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
