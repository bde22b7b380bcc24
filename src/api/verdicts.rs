//! What people say, as JSON: what the API answers, what it is sent, and the lines of files that are exported
//! and imported. Pure.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::base::Timestamp;
use crate::base::ids::{AccountKey, Network, PostKey};
use crate::domain::addresses::{account_url, post_url};
use crate::domain::verdicts::{Claim, Effect, Kind, Verdict, VerdictId};
use crate::proto::view::VerdictView;

/// A verdict as it is listed, exported and imported: a line of JSON each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VerdictLine {
    /// Names it. The same, said again by the same person about the same page, has the same. Left out of what
    /// is imported, it is made anew.
    #[serde(default)]
    pub id: String,
    /// What is said.
    pub verdict: Kind,
    /// The account, by its network and its id there: `twitter:12`; for `artist` and `not_artist`.
    #[serde(default)]
    pub account: Option<String>,
    /// What the account was called then.
    #[serde(default)]
    pub handle: Option<String>,
    /// The post, by its network and its id there: `twitter:20`; for `same` and `different`.
    #[serde(default)]
    pub post: Option<String>,
    /// The image of the post, from 1; `null` means each.
    #[serde(default)]
    pub image: Option<u8>,
    /// For which page it holds; `null`: for all.
    #[serde(default)]
    pub page: Option<String>,
    /// Who said it: the name of the API key, or `console`.
    pub by: String,
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// Why, in the words of whoever said it.
    #[serde(default)]
    pub why: String,
}

impl From<&Verdict> for VerdictLine {
    fn from(verdict: &Verdict) -> VerdictLine {
        let (account, post, image) = named(&verdict.claim);
        VerdictLine {
            id: verdict.id.to_string(),
            verdict: verdict.claim.kind(),
            account,
            handle: Some(verdict.handle.clone()).filter(|handle| !handle.is_empty()),
            post,
            image,
            page: verdict.page.clone(),
            by: verdict.who.clone(),
            at: verdict.at.to_rfc3339(),
            why: verdict.why.clone(),
        }
    }
}

fn named(claim: &Claim) -> (Option<String>, Option<String>, Option<u8>) {
    match claim {
        Claim::Account { account, .. } => (Some(account.to_string()), None, None),
        Claim::Picture { post, image, .. } => (None, Some(post.to_string()), *image),
    }
}

impl VerdictLine {
    /// The verdict that the line says.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn verdict(&self) -> Result<Verdict, String> {
        let claim = match (self.verdict, &self.account, &self.post) {
            (kind @ (Kind::Artist | Kind::NotArtist), Some(account), None) => {
                let (network, native) = key_named(account)?;
                let account = AccountKey::new(network, native);
                Claim::Account { account, is_artists: kind == Kind::Artist }
            }
            (kind @ (Kind::Same | Kind::Different), None, Some(post)) => {
                let (network, native) = key_named(post)?;
                let post = PostKey::new(network, native);
                Claim::Picture { post, image: self.image, is_same: kind == Kind::Same }
            }
            (kind @ (Kind::Artist | Kind::NotArtist), ..) => {
                return Err(format!("\"{}\" is about an \"account\", and about no \"post\"", kind.as_str()));
            }
            (kind @ (Kind::Same | Kind::Different), ..) => {
                return Err(format!("\"{}\" is about a \"post\", and about no \"account\"", kind.as_str()));
            }
        };
        let at = Timestamp::parse_rfc3339(&self.at)
            .ok_or_else(|| "\"at\" is no moment such as 2026-11-30T12:00:00Z".to_owned())?;
        let verdict = Verdict::new(claim, self.page.as_deref(), &self.by, at, &self.why)?;
        let handle = self.handle.clone().unwrap_or_default();
        if handle.len() > MAX_HANDLE_BYTES || handle.chars().any(char::is_control) {
            return Err(format!(
                "\"handle\" is longer than {MAX_HANDLE_BYTES} bytes, or has control characters"
            ));
        }
        Ok(Verdict { handle, ..verdict })
    }
}

/// As long as a handle of any network may be.
const MAX_HANDLE_BYTES: usize = 253;

fn key_named(text: &str) -> Result<(Network, &str), String> {
    let named = text.split_once(':').and_then(|(network, id)| Some((Network::from_name(network)?, id)));
    named.ok_or_else(|| format!("{text:?} is no network and id, such as twitter:12"))
}

/// The verdicts of a file, one on each line; empty lines are nothing.
///
/// # Errors
/// Every line that is none, by its number from 1, with what is wrong.
pub fn parse_lines(text: &str) -> Result<Vec<Verdict>, Vec<(usize, String)>> {
    let (mut verdicts, mut wrong) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match read_line(line).and_then(|line| line.verdict()) {
            Ok(verdict) => verdicts.push(verdict),
            Err(why) => wrong.push((index + 1, why)),
        }
    }
    if wrong.is_empty() { Ok(verdicts) } else { Err(wrong) }
}

/// Unknown fields are refused here: the list's lines have one more, and its description says the same of both.
fn read_line(line: &str) -> Result<VerdictLine, String> {
    let read = serde_json::from_str::<VerdictLine>(line).map_err(|error| error.to_string())?;
    let (given, known) = (serde_json::from_str::<Value>(line), serde_json::to_value(&read));
    if let (Ok(Value::Object(given)), Ok(known)) = (given, known)
        && let Some(stray) = given.keys().find(|name| known.get(name.as_str()).is_none())
    {
        return Err(format!("unknown field {stray:?}"));
    }
    Ok(read)
}

/// A line of a file.
pub fn line(verdict: &Verdict) -> String {
    let mut line = serde_json::to_string(&VerdictLine::from(verdict)).expect("plain values have a JSON form");
    line.push('\n');
    line
}

/// The place in the list after this verdict.
pub fn cursor(verdict: &Verdict) -> String {
    format!("{}-{}", verdict.at.0, verdict.id)
}

/// The place that a cursor means.
pub fn cursor_named(text: &str) -> Option<(Timestamp, VerdictId)> {
    let (at, id) = text.rsplit_once('-')?;
    Some((Timestamp(at.parse().ok()?), VerdictId::parse(id)?))
}

/// What somebody says: `POST /verdicts`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerdictRequest {
    /// What is said.
    pub verdict: Kind,
    /// The account: its id with its network (`twitter:12`), the address of its page, or its name where it is
    /// known here.
    pub account: Option<String>,
    /// The post: its address as answers show it, or its id with its network (`twitter:20`).
    pub post: Option<String>,
    /// The image of the post, from 1; each, where it is left out.
    pub image: Option<u8>,
    /// For which page it holds: the artwork's or, of an account, one of the artist's. Only `not_artist` can do
    /// without, and holds for all pages then.
    pub page: Option<String>,
    /// Why, 500 characters at most, on one line.
    #[serde(default)]
    pub why: String,
}

/// The answer of `POST /verdicts` and `DELETE /verdicts/ID`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct VerdictAnswer {
    /// What was said, or taken back.
    pub verdict: VerdictLine,
    /// It was not said before; false too of what was taken back.
    pub new: bool,
    /// What others say that contradicts it: while both stand, neither acts.
    pub conflicts: Vec<VerdictLine>,
}

/// One of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ListedVerdict {
    #[serde(flatten)]
    pub line: VerdictLine,
    /// Another verdict contradicts it: while both stand, neither acts.
    pub conflict: bool,
}

/// The answer of `GET /verdicts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct VerdictsList {
    /// Newest first.
    pub verdicts: Vec<ListedVerdict>,
    /// What to ask for in `before` to see those that were said before these; `null` after the last.
    pub next: Option<String>,
}

impl VerdictsList {
    pub fn of(verdicts: &[(Verdict, bool)], more: bool) -> VerdictsList {
        let listed = verdicts
            .iter()
            .map(|(verdict, conflict)| ListedVerdict { line: verdict.into(), conflict: *conflict });
        let next = verdicts.last().filter(|_| more).map(|(verdict, _)| cursor(verdict));
        VerdictsList { verdicts: listed.collect(), next }
    }
}

/// What a person said that has acted on an answer, or would have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SaidAnswer {
    pub id: String,
    /// What was said.
    pub verdict: Kind,
    /// The account, by its network and its id there; `null` where it is about a post.
    pub account: Option<String>,
    /// What the account was called then.
    pub handle: Option<String>,
    /// The post, by its network and its id there; `null` where it is about an account.
    pub post: Option<String>,
    /// The image of the post, from 1; `null` means each.
    pub image: Option<u8>,
    /// The page of the account or the post.
    pub url: String,
    /// When it was said.
    #[schema(format = DateTime)]
    pub at: String,
    /// Why, in the words of whoever said it: anything, to be shown as text.
    pub why: String,
    /// What came of it.
    pub effect: Effect,
}

impl From<&VerdictView> for SaidAnswer {
    fn from(view: &VerdictView) -> SaidAnswer {
        let (account, post, image) = named(&view.claim);
        let url = match &view.claim {
            Claim::Account { account, .. } => account_url(account, &view.handle),
            Claim::Picture { post, .. } => post_url(post, None),
        };
        SaidAnswer {
            id: view.id.to_string(),
            verdict: view.claim.kind(),
            account,
            handle: Some(view.handle.clone()).filter(|handle| !handle.is_empty()),
            post,
            image,
            url,
            at: view.at.to_rfc3339(),
            why: view.why.clone(),
            effect: view.effect,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::samples::sample_verdict;

    #[test]
    fn what_is_exported_is_imported_as_it_was() {
        let post = PostKey::new(Network::Mastodon, "https://s.example/users/ann/statuses/1");
        let claim = Claim::Picture { post, image: Some(3), is_same: true };
        let at = Timestamp(1_790_000_000_000);
        let other =
            Verdict::new(claim, Some("https://a.example/1"), "console", at, "\"she\" says <so>").unwrap();
        let said = vec![sample_verdict(), other];
        let text = said.iter().map(line).collect::<String>();
        assert_eq!(text.lines().count(), 2);
        assert_eq!(parse_lines(&text).unwrap(), said);
        // The id is made of what is said, whatever the line claims.
        let claimed = text.replace(&said[0].id.to_string(), "0000000000000000");
        assert_eq!(parse_lines(&claimed).unwrap(), said);
        assert_eq!(cursor_named(&cursor(&said[0])), Some((said[0].at, said[0].id)));
        for wrong in ["", "1", "1-2", "x-0000000000000000", "--1-0000000000000000"] {
            assert_eq!(cursor_named(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn bad_lines_are_told_by_number() {
        let good = line(&sample_verdict());
        let check = |bad: &str, expect: &str| {
            let wrong = parse_lines(&format!("{good}\n{bad}\n{good}")).unwrap_err();
            assert_eq!(wrong.len(), 1, "{wrong:?}");
            let (number, why) = &wrong[0];
            assert!(*number == 3 && why.contains(expect), "{wrong:?}");
        };
        check("nonsense", "expected");
        check("[1]", "invalid");
        check(r#"{"verdict":"artist"}"#, "missing field");
        check(r#"{"verdict":"maybe","by":"a","at":"2026-01-01T00:00:00Z"}"#, "unknown variant");
        check(
            r#"{"verdict":"artist","by":"a","at":"2026-01-01T00:00:00Z","post":"twitter:1"}"#,
            "an \"account\"",
        );
        check(
            r#"{"verdict":"same","by":"a","at":"2026-01-01T00:00:00Z","account":"twitter:1"}"#,
            "a \"post\"",
        );
        check(r#"{"verdict":"not_artist","by":"a","at":"yesterday","account":"twitter:1"}"#, "no moment");
        check(
            r#"{"verdict":"not_artist","by":"a","at":"2026-01-01T00:00:00Z","account":"12"}"#,
            "twitter:12",
        );
        check(
            r#"{"verdict":"artist","by":"a","at":"2026-01-01T00:00:00Z","account":"twitter:1"}"#,
            "for a page",
        );
        check(
            r#"{"verdict":"not_artist","by":"a","at":"2026-01-01T00:00:00Z","account":"twitter:1","whom":1}"#,
            "unknown field",
        );
    }
}
