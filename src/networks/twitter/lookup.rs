//! Looking accounts up by handle or id, and asking whether they are still there.

use std::collections::HashMap;

use serde_json::Value;

use super::ask::{PATIENT, Question, Reads, Said};
use super::client::TwitterClient;
use super::pool::Endpoint;
use super::problem::{self, Meaning};
use super::wire::{Answer, User};
use crate::base::ErrorChain;
use crate::base::clock::Monotonic;
use crate::base::ids::{AccountKey, Network};
use crate::domain::accounts::{Account, AccountRef, Resolution, ResolutionOutcome};
use crate::networks::asking::Entries;
use crate::networks::client::{AccountLookup, Presence};
use crate::networks::error::NetworkError;

/// Accounts or posts in one request.
pub(super) const BATCH: usize = 100;

/// What is read of an account beside its id, name and handle.
const USER_FIELDS: &str = "protected,public_metrics";

impl AccountLookup for TwitterClient {
    /// What was said minutes ago is not asked again (`known.rs`).
    fn resolve(&self, refs: &[AccountRef]) -> Result<Vec<Resolution>, NetworkError> {
        let now = Monotonic::now();
        let known: Vec<Option<ResolutionOutcome>> = {
            let mut memory = self.known();
            refs.iter().map(|asked| memory.find(asked, now)).collect()
        };
        let unknown = refs.iter().zip(&known).filter(|(_, known)| known.is_none());
        let unknown: Vec<AccountRef> = unknown.map(|(asked, _)| asked.clone()).collect();
        let mut fresh = self.resolve_now(&unknown)?.into_iter();
        let each = refs.iter().zip(known);
        Ok(each
            .filter_map(|(asked, known)| match known {
                Some(outcome) => Some(Resolution { asked: asked.clone(), outcome }),
                None => fresh.next(),
            })
            .collect())
    }

    fn check_accounts(&self, accounts: &[Account]) -> Result<Vec<Presence>, NetworkError> {
        let mut found = vec![Presence::unknown("no number of X"); accounts.len()];
        let asked: Vec<usize> = (0..accounts.len())
            .filter(|index| {
                let key = &accounts[*index].key;
                key.network == Network::Twitter && is_id(&key.native)
            })
            .collect();
        for batch in asked.chunks(BATCH) {
            let ids: Vec<&str> = batch.iter().map(|index| accounts[*index].key.native.as_str()).collect();
            let answer = self.look_users_up(&ids);
            for (index, id) in batch.iter().zip(&ids) {
                found[*index] = match &answer {
                    Ok(answer) => presence_of(id, answer),
                    Err(NetworkError::Stopping) => return Err(NetworkError::Stopping),
                    Err(error) => Presence::unknown(ErrorChain(error)),
                };
            }
        }
        Ok(found)
    }
}

/// An account, and what the request calls it.
type Named<'a> = (&'a AccountRef, &'a str);

impl TwitterClient {
    /// As `resolve`, of X itself, whatever was said before.
    pub(super) fn resolve_now(&self, refs: &[AccountRef]) -> Result<Vec<Resolution>, NetworkError> {
        let mut known: HashMap<&AccountRef, ResolutionOutcome> = HashMap::new();
        let mut by_handle: Vec<(&AccountRef, &str)> = Vec::new();
        let mut by_id: Vec<(&AccountRef, &str)> = Vec::new();
        for asked in refs {
            let fits = match asked {
                AccountRef::Handle { network: Network::Twitter, handle } if is_handle(handle) => {
                    Some((&mut by_handle, handle.as_str()))
                }
                AccountRef::Id(AccountKey { network: Network::Twitter, native }) if is_id(native) => {
                    Some((&mut by_id, native.as_str()))
                }
                AccountRef::Handle { .. } | AccountRef::Id(_) => None,
            };
            // One malformed name would make X refuse the whole batch.
            let Some((batch, name)) = fits else {
                known.insert(asked, ResolutionOutcome::Missing);
                continue;
            };
            if !batch.iter().any(|(other, _)| *other == asked) {
                batch.push((asked, name));
            }
        }
        for (endpoint, parameter, wanted) in
            [(Endpoint::UsersByName, "usernames", by_handle), (Endpoint::UsersById, "ids", by_id)]
        {
            for batch in wanted.chunks(BATCH) {
                let mut left_out = self.resolve_batch(endpoint, parameter, batch, &mut known)?;
                if !left_out.is_empty() {
                    // X names what it does not give, so this is a fault of the moment.
                    left_out = self.resolve_batch(endpoint, parameter, &left_out, &mut known)?;
                }
                for (asked, _) in left_out {
                    let why = "is left out of X's answer, which does not say why".to_owned();
                    known.insert(asked, ResolutionOutcome::Closed { why });
                }
            }
        }
        Ok(refs
            .iter()
            .map(|asked| Resolution {
                asked: asked.clone(),
                outcome: known.get(asked).cloned().unwrap_or(ResolutionOutcome::Missing),
            })
            .collect())
    }

    /// Asks about the accounts of one request. Returns those that the answer neither gives nor names as a
    /// problem.
    fn resolve_batch<'a>(
        &self,
        endpoint: Endpoint,
        parameter: &str,
        batch: &[Named<'a>],
        known: &mut HashMap<&'a AccountRef, ResolutionOutcome>,
    ) -> Result<Vec<Named<'a>>, NetworkError> {
        let names: Vec<&str> = batch.iter().map(|(_, name)| *name).collect();
        let parameters = [(parameter, &*names.join(",")), ("user.fields", USER_FIELDS)];
        let url = self.url(endpoint, endpoint.as_str(), &parameters)?;
        let place = url.to_string();
        let reads = Reads::Named(names.len());
        let question = Question { endpoint, url, subject: None, patience: PATIENT, reads };
        let answer = self.answer_only(&question)?;
        let (users, all_read) = users_of(&answer);
        let mut left_out = Vec::new();
        for (asked, name) in batch {
            let user = users.iter().find(|user| match asked {
                AccountRef::Handle { .. } => user.username.eq_ignore_ascii_case(name),
                AccountRef::Id(_) => user.id == *name,
            });
            let outcome = match user {
                Some(user) => Some(outcome_of(user)),
                None => why_absent(name, &answer, all_read).map_err(|why| NetworkError::Unreadable {
                    url: place.clone(),
                    why: format!("{name}: {why}"),
                })?,
            };
            match outcome {
                Some(outcome) => {
                    self.known().keep(asked, &outcome, Monotonic::now());
                    known.insert(*asked, outcome);
                }
                None => left_out.push((*asked, *name)),
            }
        }
        Ok(left_out)
    }

    /// An answer without a subject of its own: anything else is the request's fault.
    pub(super) fn answer_only(&self, question: &Question<'_>) -> Result<Answer, NetworkError> {
        let said = self.ask(question, &mut Vec::new())?;
        self.only_answer(question.endpoint, said)
    }

    /// What was said to a question without a subject.
    pub(super) fn only_answer(&self, endpoint: Endpoint, said: Said) -> Result<Answer, NetworkError> {
        let refused = |why: String| NetworkError::Refused { endpoint: endpoint.as_str(), why };
        match said {
            Said::Answer(answer) => Ok(answer),
            Said::Invalid { why, .. } => Err(refused(why)),
            Said::Missing | Said::Suspended | Said::Hidden => Err(refused("nothing to be seen".to_owned())),
        }
    }

    pub(super) fn look_users_up(&self, ids: &[&str]) -> Result<Answer, NetworkError> {
        let endpoint = Endpoint::UsersById;
        let parameters = [("ids", &*ids.join(",")), ("user.fields", USER_FIELDS)];
        let url = self.url(endpoint, endpoint.as_str(), &parameters)?;
        let reads = Reads::Named(ids.len());
        self.answer_only(&Question { endpoint, url, subject: None, patience: PATIENT, reads })
    }
}

/// The accounts of an answer, and whether some of them could not be read.
fn users_of(answer: &Answer) -> (Vec<User>, bool) {
    let users: Vec<User> = answer.read().flatten().collect();
    let all_read = answer.data.as_ref().map_or(0, Entries::len) == users.len();
    (users, all_read)
}

/// Missing is only an account that the answer names as such.
fn presence_of(id: &str, answer: &Answer) -> Presence {
    let is_it = |value: &Value| value.get("id").and_then(Value::as_str) == Some(id);
    if let Some(user) = answer.read::<Value>().flatten().find(is_it) {
        let is_protected = user.get("protected").and_then(Value::as_bool) == Some(true);
        return if is_protected { Presence::Private } else { Presence::Present };
    }
    let Some(own) = answer.errors.iter().find(|problem| problem::concerns(problem, id)) else {
        return Presence::unknown("X did not mention it");
    };
    match problem::meaning_of(own) {
        Some(Meaning::NotFound) => Presence::Missing,
        Some(Meaning::Suspended) => Presence::Suspended,
        Some(Meaning::NotVisible) => Presence::Private,
        Some(
            Meaning::RateLimited
            | Meaning::UsageCapped
            | Meaning::Unauthorized
            | Meaning::Invalid
            | Meaning::Fault,
        )
        | None => Presence::unknown(own.detail.as_deref().unwrap_or("an unknown problem")),
    }
}

/// What became of an account that the answer holds.
fn outcome_of(user: &User) -> ResolutionOutcome {
    if user.protected == Some(true) {
        return ResolutionOutcome::Private;
    }
    ResolutionOutcome::Readable(Account {
        key: AccountKey::new(Network::Twitter, user.id.clone()),
        handle: user.username.to_ascii_lowercase(),
        posts: user.posts(),
    })
}

/// Why the answer does not hold the account `name`; `None` if it does not mention it, `Err` with the reason
/// if that may change.
fn why_absent(name: &str, answer: &Answer, all_read: bool) -> Result<Option<ResolutionOutcome>, String> {
    let Some(own) = answer.errors.iter().find(|problem| problem::concerns(problem, name)) else {
        // It may be one of those that could not be read.
        return if all_read { Ok(None) } else { Err("unreadable".to_owned()) };
    };
    match problem::meaning_of(own) {
        Some(Meaning::Suspended) => Ok(Some(ResolutionOutcome::Suspended)),
        Some(Meaning::NotVisible) => Ok(Some(ResolutionOutcome::Private)),
        Some(Meaning::NotFound) => Ok(Some(ResolutionOutcome::Missing)),
        Some(
            Meaning::RateLimited
            | Meaning::UsageCapped
            | Meaning::Unauthorized
            | Meaning::Invalid
            | Meaning::Fault,
        )
        | None => Err(own.detail.clone().unwrap_or_else(|| "an unknown problem".to_owned())),
    }
}

/// X's own grammar, which refuses everything longer.
fn is_handle(text: &str) -> bool {
    (1..=15).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

pub(super) fn is_id(text: &str) -> bool {
    (1..=19).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}
