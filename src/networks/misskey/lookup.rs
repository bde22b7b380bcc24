//! Looking accounts up on their home servers, and asking whether notes still exist.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::address::{self, Own, is_id};
use super::client::{
    LOGIN_NEEDED, MisskeyClient, NOT_INDEXED, Refusal, SHOW_USER, SHOWN_TO_NOBODY, Told, WANTS_SIGNIN,
};
use super::listing::listed_alone;
use super::wire::{Note, User};
use crate::base::ids::{AccountKey, Network, PostKey};
use crate::base::{ErrorChain, Timestamp};
use crate::domain::accounts::{Account, AccountRef, Resolution, ResolutionOutcome};
use crate::domain::posts::{PostOutcome, PostState};
use crate::fetch::Response;
use crate::networks::asking::{Effort, Entries, read_json, read_list};
use crate::networks::client::{AccountLookup, PostLookup, Presence};
use crate::networks::error::NetworkError;
use crate::networks::fediverse::address::{Name, server};
use crate::networks::fediverse::resolve::{self, Dialect, Said, Servers, Shown};

const SHOW_NOTE: &str = "notes/show";

/// Accounts that are asked about at once.
const BATCH: usize = 25;

const GONE: &str = "is gone, or cannot be seen by everybody";

impl Dialect for MisskeyClient {
    fn speaks_for(&self) -> Network {
        Network::Misskey
    }

    fn look_up(&self, asked: &AccountRef, servers: &mut Servers) -> Result<Said, NetworkError> {
        let missing = || Ok(Said::Outcome(ResolutionOutcome::Missing, None));
        let (host, question) = match asked {
            AccountRef::Handle { handle, .. } => match Name::parse(handle) {
                Some(name) => (name.host, json!({ "username": name.user, "host": null })),
                None => return missing(),
            },
            AccountRef::Id(key) => match address::user(&key.native) {
                Some(own) => (own.host, json!({ "userId": own.id })),
                None => return missing(),
            },
        };
        servers.may_ask(&host, SHOW_USER)?;
        // What is only taken for Mastodon's came here because nobody reads that: it may be no server of ours.
        if asked.network() == Network::Mastodon && !self.is_misskey(&host)? {
            return Ok(Said::Elsewhere(asked.clone()));
        }
        Ok(match self.ask_user(&host, &question)? {
            Told::User(user) => self.said_of(&user, &host)?,
            Told::Nobody => Said::Outcome(self.missing(&host), None),
            Told::LoginNeeded => {
                Said::Outcome(ResolutionOutcome::Closed { why: LOGIN_NEEDED.to_owned() }, None)
            }
            // Servers change their software.
            Told::Silent => match self.softwares.of(&host, &self.asker)? {
                Some(software) if !software.is_misskey => {
                    Said::Elsewhere(asked.clone().on(Network::Mastodon))
                }
                Some(_) | None => {
                    let why = "is on a server that does not answer as Misskey does".to_owned();
                    Said::Outcome(ResolutionOutcome::Closed { why }, None)
                }
            },
        })
    }

    fn look_post_up(&self, post: &PostKey, servers: &mut Servers) -> Result<Shown, NetworkError> {
        let Some(own) = address::note(&post.native) else {
            return Ok(Shown::nothing("has an address that does not tell its id"));
        };
        servers.may_ask(&own.host, SHOW_NOTE)?;
        let note = match self.ask_note(&own, Effort::LOOKUP)? {
            Ok(note) => note,
            Err(Refusal::Nothing) => return Ok(Shown::nothing(GONE)),
            Err(Refusal::LoginNeeded) => return Ok(Shown::nothing(LOGIN_NEEDED)),
            Err(Refusal::Parameter | Refusal::Silent) => {
                return Ok(Shown::nothing("is on a server that does not answer as Misskey does"));
            }
        };
        let is_its_own = note.user.as_ref().is_some_and(|user| user.other_host().is_none());
        match note.uri.clone().filter(|_| !is_its_own) {
            Some(uri) => Ok(Shown::Elsewhere(uri)),
            None => self.outcome_of_note(&note, &own).map(Shown::Outcome),
        }
    }
}

impl AccountLookup for MisskeyClient {
    fn resolve(&self, refs: &[AccountRef]) -> Result<Vec<Resolution>, NetworkError> {
        resolve::resolve(&[self], refs)
    }

    /// Those of one server at once. Suspended accounts are missing from its answer as deleted ones are.
    fn check_accounts(&self, accounts: &[Account]) -> Result<Vec<Presence>, NetworkError> {
        let mut found = vec![Presence::unknown("its id on its server is not known"); accounts.len()];
        let mut by_server: BTreeMap<String, Vec<(usize, String)>> = BTreeMap::new();
        for (index, account) in accounts.iter().enumerate() {
            let own = address::user(&account.key.native);
            if let Some(own) = own.filter(|_| account.key.network == Network::Misskey) {
                by_server.entry(own.host).or_default().push((index, own.id));
            }
        }
        for (host, asked) in by_server {
            for batch in asked.chunks(BATCH) {
                match self.ask_presence(&host, batch) {
                    Ok(answers) => {
                        for ((index, _), presence) in batch.iter().zip(answers) {
                            found[*index] = presence;
                        }
                    }
                    Err(NetworkError::Stopping) => return Err(NetworkError::Stopping),
                    Err(error) => {
                        // The rest of its accounts would meet the same.
                        let why = ErrorChain(&error).to_string();
                        for (index, _) in &asked {
                            if matches!(found[*index], Presence::Unknown { .. }) {
                                found[*index] = Presence::unknown(&why);
                            }
                        }
                        break;
                    }
                }
            }
        }
        Ok(found)
    }
}

impl PostLookup for MisskeyClient {
    fn check_posts(&self, posts: &[PostKey]) -> Result<Vec<PostState>, NetworkError> {
        let mut states = Vec::with_capacity(posts.len());
        let mut servers = Servers::default();
        let mut silent = BTreeSet::new();
        for post in posts {
            let own = Some(post).filter(|post| post.network == Network::Misskey);
            let own = own.and_then(|post| address::note(&post.native));
            let Some(own) = own.filter(|own| !silent.contains(&own.host)) else {
                states.push(PostState::Unknown);
                continue;
            };
            let note =
                servers.may_ask(&own.host, SHOW_NOTE).and_then(|()| self.ask_note(&own, Effort::CHECK));
            states.push(match note {
                Ok(Ok(note)) if note.is_public() => PostState::Visible,
                Ok(Err(Refusal::Nothing)) => PostState::Deleted,
                // What its author no longer shows to everybody is not to be shown here.
                Ok(Ok(_)) => PostState::Gone,
                Ok(Err(Refusal::LoginNeeded | Refusal::Parameter | Refusal::Silent)) => PostState::Unknown,
                Err(NetworkError::Stopping) => return Err(NetworkError::Stopping),
                Err(error) => {
                    tracing::debug!(%error, %post, "note not checked");
                    silent.insert(own.host);
                    PostState::Unknown
                }
            });
        }
        Ok(states)
    }

    fn look_posts_up(&self, posts: &[PostKey]) -> Result<Vec<PostOutcome>, NetworkError> {
        resolve::look_posts_up(&[self], posts)
    }
}

impl MisskeyClient {
    fn is_misskey(&self, host: &str) -> Result<bool, NetworkError> {
        Ok(self.softwares.of(host, &self.asker)?.is_some_and(|software| software.is_misskey))
    }

    /// What it means that a server says that there is no such account.
    fn missing(&self, host: &str) -> ResolutionOutcome {
        match self.open.shows(host) {
            true => ResolutionOutcome::Missing,
            false => ResolutionOutcome::Closed { why: SHOWN_TO_NOBODY.to_owned() },
        }
    }

    fn said_of(&self, user: &User, host: &str) -> Result<Said, NetworkError> {
        if let Some(home) = user.other_host() {
            // It is another server's, which alone has all of its notes.
            let name = server(home).and_then(|home| Name::parse(&format!("{}@{home}", user.username)));
            return Ok(name.map_or_else(
                || Said::Outcome(ResolutionOutcome::Missing, None),
                |name| Said::Elsewhere(resolve::named(name)),
            ));
        }
        let successor = user.moved_to.as_deref().and_then(successor);
        Ok(Said::Outcome(self.outcome_of(user, host)?, successor))
    }

    /// What becomes of an account of this server.
    fn outcome_of(&self, user: &User, host: &str) -> Result<ResolutionOutcome, NetworkError> {
        let name = Name::parse(&format!("{}@{host}", user.username));
        let Some(name) = name.filter(|_| is_id(&user.id)) else { return Ok(ResolutionOutcome::Missing) };
        if user.is_suspended == Some(true) {
            return Ok(ResolutionOutcome::Suspended);
        }
        if user.wants_signin == Some(true) {
            return Ok(ResolutionOutcome::Closed { why: WANTS_SIGNIN.to_owned() });
        }
        if self.is_not_indexed(host, &name.user)? {
            return Ok(ResolutionOutcome::Closed { why: NOT_INDEXED.to_owned() });
        }
        let own = Own { host: host.to_owned(), id: user.id.clone() };
        Ok(ResolutionOutcome::Readable(Account {
            key: AccountKey::new(Network::Misskey, own.user()),
            handle: name.to_string(),
            posts: user.notes_count,
        }))
    }

    /// One answer for each of these accounts of a server.
    fn ask_presence(&self, host: &str, asked: &[(usize, String)]) -> Result<Vec<Presence>, NetworkError> {
        let ids: Vec<&str> = asked.iter().map(|(_, id)| id.as_str()).collect();
        let users: Vec<User> = match self.call(host, SHOW_USER, &json!({ "userIds": ids }), Effort::LOOKUP)? {
            Ok((url, response)) => read_list::<Entries>(&url, &response)?.read::<User>().flatten().collect(),
            Err(refusal) => {
                let why = format!("{host} does not say who is there ({refusal:?})");
                return Err(NetworkError::Refused { endpoint: SHOW_USER, why });
            }
        };
        if !users.is_empty() {
            self.open.note(host);
        }
        let presence = |id: &&str| {
            Ok(match users.iter().find(|user| user.id == **id) {
                Some(user) if user.other_host().is_some() => {
                    Presence::unknown("it is another server's account")
                }
                Some(user) if user.is_suspended == Some(true) => Presence::Suspended,
                Some(user) if user.wants_signin == Some(true) => Presence::OptedOut,
                Some(user) if self.is_not_indexed(host, &user.username)? => Presence::OptedOut,
                Some(_) => Presence::Present,
                None if self.open.shows(host) => Presence::Missing,
                None => Presence::unknown(format!("{host} shows none of those that were asked for")),
            })
        };
        ids.iter().map(presence).collect()
    }

    /// Whether the account's page keeps search engines out, and that is respected.
    fn is_not_indexed(&self, host: &str, user: &str) -> Result<bool, NetworkError> {
        // A name stands in an address.
        let name = Name::parse(&format!("{user}@{host}")).filter(|_| self.settings.respect_noindex);
        let page = name.map(|name| self.page(host, &name.user)).transpose()?.flatten();
        Ok(page.is_some_and(|page| says_noindex(&page)))
    }

    fn ask_note(&self, own: &Own, effort: Effort) -> Result<Result<Note, Refusal>, NetworkError> {
        Ok(match self.call(&own.host, SHOW_NOTE, &json!({ "noteId": own.id }), effort)? {
            Ok((url, response)) => Ok(read_json::<Note>(&url, &response)?),
            Err(refusal) => Err(refusal),
        })
    }

    fn outcome_of_note(&self, note: &Note, own: &Own) -> Result<PostOutcome, NetworkError> {
        let nothing = |why: String| Ok(PostOutcome::Nothing { why });
        if !note.is_public() {
            return nothing(GONE.to_owned());
        }
        if note.is_renote() {
            return nothing("repeats another's note".to_owned());
        }
        // The author that comes with a note is not described whole.
        let author = match self.ask_user(&own.host, &json!({ "userId": note.user_id }))? {
            Told::User(user) if user.id == note.user_id && user.other_host().is_none() => user,
            Told::User(_) | Told::Nobody | Told::LoginNeeded | Told::Silent => {
                return nothing("is by an account that is not shown".to_owned());
            }
        };
        let account = match self.outcome_of(&author, &own.host)? {
            ResolutionOutcome::Readable(account) => account,
            refused => {
                let why = refused.refusal().unwrap_or("is not to be read");
                return nothing(format!("is by an account that {why}"));
            }
        };
        let shown_from = author.shown_from(Timestamp::now());
        match listed_alone(note, own, shown_from, self.settings.is_full_size()) {
            Some(post) => Ok(PostOutcome::Found { author: account, post }),
            None => nothing("has no images".to_owned()),
        }
    }
}

/// The account that another one moved to: by its actor's URI, in old versions by its name.
fn successor(moved_to: &str) -> Option<AccountRef> {
    match moved_to.starts_with("https://") {
        true => Some(resolve::acting_as(moved_to)),
        false => Name::parse(moved_to).map(resolve::named),
    }
}

/// Whether the head of a page keeps search engines out. That is how a user's switch for it shows to others:
/// the API says it of one's own account only.
fn says_noindex(page: &Response) -> bool {
    /// The head is no longer than this; what follows is the user's own text.
    const MOST_BYTES: usize = 64 * 1024;
    let text = String::from_utf8_lossy(&page.body[..page.body.len().min(MOST_BYTES)]).to_ascii_lowercase();
    let head = text.split("</head").next().unwrap_or_default();
    head.split("<meta").skip(1).any(|tag| {
        let tag = tag.split('>').next().unwrap_or_default();
        let has = |text: &str| tag.contains(text);
        (has("name=\"robots\"") || has("name='robots'") || has("name=robots")) && has("noindex")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_page_keeps_search_engines_out() {
        let check = |body: &'static str, expect: bool| {
            let page = Response {
                status: 200,
                url: "https://a.example/@ann".parse().unwrap(),
                headers: Vec::new(),
                body: body.into(),
            };
            assert_eq!(says_noindex(&page), expect, "{body}");
        };
        check(r#"<html><head><meta name="robots" content="noindex"></head>"#, true);
        check(r#"<META NAME='robots' CONTENT='nofollow, noindex'/>"#, true);
        check(r#"<meta content="noindex" name="robots">"#, true);
        check(
            r#"<head><meta name="robots" content="noai"></head><meta name="robots" content="noindex">"#,
            false,
        );
        check(r#"<meta name="description" content="noindex robots">"#, false);
        check("", false);
    }
}
