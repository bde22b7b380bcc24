//! Looking accounts up on their home servers, and asking whether posts still exist.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use url::Url;

use super::address::{ActorPath, actor_path, name_of_actor, shown_status_id, status_id};
use super::client::{LOGIN_NEEDED, LOOKUP, MastodonClient, NOT_INDEXED, Told};
use super::listing::{StillUnfinished, listed_alone};
use super::wire::{Account as WireAccount, Authored, Problem, Status, Webfinger};
use crate::base::ErrorChain;
use crate::base::ids::{AccountKey, MAX_KEY_BYTES, Network, PostKey};
use crate::domain::accounts::{Account, AccountRef, Resolution, ResolutionOutcome};
use crate::domain::posts::{PostOutcome, PostState};
use crate::fetch::{Response, json};
use crate::networks::asking::{Effort, read_json};
use crate::networks::client::{AccountLookup, PostLookup, Presence};
use crate::networks::error::NetworkError;
use crate::networks::fediverse::address::{Name, server_of};
use crate::networks::fediverse::resolve::{self, Dialect, Said, Servers, Shown};

const BY_NUMBER: &str = "accounts/:id";
const STATUS: &str = "statuses/:id";
const WEBFINGER: &str = "webfinger";

const GONE: &str = "is gone, or cannot be seen by everybody";

impl Dialect for MastodonClient {
    fn speaks_for(&self) -> Network {
        Network::Mastodon
    }

    fn look_up(&self, asked: &AccountRef, servers: &mut Servers) -> Result<Said, NetworkError> {
        let host = match asked {
            AccountRef::Handle { handle, .. } => Name::parse(handle).map(|name| name.host),
            AccountRef::Id(key) => server_of(&key.native),
        };
        let known = host.and_then(|host| self.softwares().known(&host));
        if known.is_some_and(|software| software.is_misskey) {
            return Ok(Said::Elsewhere(asked.clone().on(Network::Misskey)));
        }
        let (told, home) = self.find(asked, servers)?;
        if let Told::OfMisskey(name) = told {
            let handle = name.to_string();
            return Ok(Said::Elsewhere(AccountRef::Handle { network: Network::Misskey, handle }));
        }
        let (outcome, moved) = self.outcome_of(told, &home);
        Ok(Said::Outcome(outcome, moved.map(resolve::named)))
    }

    fn look_post_up(&self, post: &PostKey, servers: &mut Servers) -> Result<Shown, NetworkError> {
        let Some((host, id)) = server_of(&post.native).zip(shown_status_id(&post.native)) else {
            return Ok(Shown::nothing("has an address that does not tell its number"));
        };
        servers.may_ask(&host, LOOKUP)?;
        let path = format!("/api/v1/statuses/{id}");
        let (url, response) = self.call(&host, &path, STATUS, &[], Effort::LOOKUP)?;
        match response.status {
            200..=299 => {}
            401 | 403 => return Ok(Shown::nothing(LOGIN_NEEDED)),
            404 | 410 => return Ok(Shown::nothing(GONE)),
            status => {
                return Err(NetworkError::Refused { endpoint: STATUS, why: format!("status {status}") });
            }
        }
        let status = read_json::<Status>(&url, &response)?;
        if status.is_boost() {
            return Ok(Shown::nothing("repeats another's post"));
        }
        if server_of(&status.uri).is_some_and(|server| server != host) {
            return Ok(Shown::Elsewhere(status.uri));
        }
        let authored = read_json::<Authored>(&url, &response)?;
        Ok(Shown::Outcome(self.outcome_of_post(&status, authored, &host)))
    }
}

impl AccountLookup for MastodonClient {
    fn resolve(&self, refs: &[AccountRef]) -> Result<Vec<Resolution>, NetworkError> {
        resolve::resolve(&[self], refs)
    }

    /// Each on its own server; one that cannot be asked is not asked again.
    fn check_accounts(&self, accounts: &[Account]) -> Result<Vec<Presence>, NetworkError> {
        let mut silent: BTreeMap<String, String> = BTreeMap::new();
        let mut found = Vec::with_capacity(accounts.len());
        for account in accounts {
            let host = server_of(&account.key.native).filter(|_| account.key.network == Network::Mastodon);
            let name = Name::parse(&account.handle).or_else(|| name_of_actor(&account.key.native));
            let (Some(host), Some(name)) = (host, name) else {
                found.push(Presence::unknown("its name on its server is not known"));
                continue;
            };
            if let Some(why) = silent.get(&host) {
                found.push(Presence::unknown(why));
                continue;
            }
            found.push(match self.ask_presence(&host, &name.user, &account.key.native) {
                Ok(presence) => presence,
                Err(NetworkError::Stopping) => return Err(NetworkError::Stopping),
                Err(error) => {
                    let why = ErrorChain(&error).to_string();
                    silent.insert(host, why.clone());
                    Presence::Unknown { why }
                }
            });
        }
        Ok(found)
    }
}

impl PostLookup for MastodonClient {
    fn check_posts(&self, posts: &[PostKey]) -> Result<Vec<PostState>, NetworkError> {
        let mut states = Vec::with_capacity(posts.len());
        let mut servers = Servers::default();
        let mut silent = BTreeSet::new();
        for post in posts {
            let place = match post.network {
                Network::Mastodon => server_of(&post.native).zip(status_id(&post.native)),
                Network::Twitter | Network::Bluesky | Network::Misskey => None,
            };
            let Some((host, id)) = place.filter(|(host, _)| !silent.contains(host)) else {
                states.push(PostState::Unknown);
                continue;
            };
            let answer = servers.may_ask(&host, LOOKUP).and_then(|()| {
                let path = format!("/api/v1/statuses/{id}");
                self.call(&host, &path, STATUS, &[], Effort::CHECK)
            });
            states.push(match answer {
                Ok((_, response)) if response.is_success() => PostState::Visible,
                // What is no server of this kind any more answers with a page.
                Ok((_, response)) if matches!(response.status, 404 | 410) => {
                    match json::names_error(&response.body) {
                        true => PostState::Deleted,
                        false => PostState::Gone,
                    }
                }
                Ok(_) => PostState::Unknown,
                Err(NetworkError::Stopping) => return Err(NetworkError::Stopping),
                Err(error) => {
                    // Its other posts would meet the same.
                    tracing::debug!(%error, %post, "post not checked");
                    silent.insert(host);
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

impl MastodonClient {
    fn outcome_of_post(&self, status: &Status, authored: Authored, host: &str) -> PostOutcome {
        let nothing = |why: &str| PostOutcome::Nothing { why: why.to_owned() };
        if !authored.is_public() {
            return nothing(GONE);
        }
        let author = match self.outcome_of(Told::Account(Box::new(authored.account)), host).0 {
            ResolutionOutcome::Readable(author) => author,
            refused => {
                let why = refused.refusal().unwrap_or("is not to be read");
                return PostOutcome::Nothing { why: format!("is by an account that {why}") };
            }
        };
        match listed_alone(status, host, self.settings.is_original()) {
            Ok(Some(post)) => PostOutcome::Found { author, post },
            Ok(None) => nothing("has no images"),
            Err(StillUnfinished) => PostOutcome::Unknown,
        }
    }

    /// What is said of the account, and the server that said it.
    fn find(&self, asked: &AccountRef, servers: &mut Servers) -> Result<(Told, String), NetworkError> {
        let nobody = Ok((Told::Nobody, String::new()));
        let actor = match asked {
            AccountRef::Handle { network: Network::Mastodon, handle } => {
                return Name::parse(handle).map_or(nobody, |name| self.find_named(&name, servers));
            }
            AccountRef::Id(AccountKey { network: Network::Mastodon, native }) => native,
            AccountRef::Handle { .. } | AccountRef::Id(_) => return nobody,
        };
        let host = match actor_path(actor) {
            Some(ActorPath::Named(name)) => match self.find_named(&name, servers)? {
                // What looks like a name may be a number: Misskey's `/users/9bq`.
                (Told::Nobody | Told::Silent, _) => name.host,
                found => return Ok(found),
            },
            Some(ActorPath::Numbered { host, id }) => {
                servers.may_ask(&host, LOOKUP)?;
                return Ok((self.ask_number(&host, &id)?, host));
            }
            Some(ActorPath::Opaque { host }) => host,
            None => return nobody,
        };
        servers.may_ask(&host, LOOKUP)?;
        match self.webfinger(&host, actor)? {
            // Its server is that of the URI, whatever the answer says.
            Some(name) if name.host == host => self.find_named(&name, servers),
            Some(_) | None => nobody,
        }
    }

    /// Asks for the account on the server of its name or, where that only hands out names, on the one that it
    /// points to. Returns what was said, and the server that said it.
    fn find_named(&self, name: &Name, servers: &mut Servers) -> Result<(Told, String), NetworkError> {
        servers.may_ask(&name.host, LOOKUP)?;
        let first = match self.ask_account(&name.host, &name.user)? {
            told @ (Told::Nobody | Told::Silent) => told,
            told => return Ok((self.misskeys_own(told, &name.host)?, name.host.clone())),
        };
        let Some(home) = self.webfinger(&name.host, &format!("acct:{name}"))? else {
            return Ok((Told::Nobody, name.host.clone()));
        };
        if home.host == name.host {
            return Ok((self.named_if_silent(first, &home)?, home.host));
        }
        servers.may_ask(&home.host, LOOKUP)?;
        let told = self.ask_account(&home.host, &home.user)?;
        let told = self.misskeys_own(told, &home.host)?;
        Ok((self.named_if_silent(told, &home)?, home.host))
    }

    /// Of a server that has the account, but does not answer as others do: what it is.
    fn named_if_silent(&self, told: Told, home: &Name) -> Result<Told, NetworkError> {
        let Told::Silent = told else { return Ok(told) };
        Ok(match self.softwares().of(&home.host, &self.asker)? {
            Some(software) if software.is_misskey => Told::OfMisskey(home.clone()),
            Some(software) => Told::Unreadable {
                why: format!("is on a server of a kind that is not read ({})", software.name),
            },
            None => {
                Told::Unreadable { why: "is on a server that does not answer as Mastodon does".to_owned() }
            }
        })
    }

    /// Of Misskey's forks some offer a part of Mastodon's API, too, and are asked by their own. They are told
    /// by their actors, whose URIs end in an id where others have the name.
    fn misskeys_own(&self, told: Told, host: &str) -> Result<Told, NetworkError> {
        let Told::Account(account) = &told else { return Ok(told) };
        let own = account.actor().and_then(name_of_actor).filter(|name| name.host == host);
        if own.is_none_or(|name| name.user.eq_ignore_ascii_case(account.user())) {
            return Ok(told);
        }
        let is_misskey = self.softwares().of(host, &self.asker)?.is_some_and(|software| software.is_misskey);
        let name = Name::parse(&format!("{}@{host}", account.user())).filter(|_| is_misskey);
        Ok(name.map_or(told, Told::OfMisskey))
    }

    /// Asks one server for one of its own accounts.
    pub(super) fn ask_account(&self, host: &str, user: &str) -> Result<Told, NetworkError> {
        let path = "/api/v1/accounts/lookup";
        let (url, response) = self.call(host, path, LOOKUP, &[("acct", user)], Effort::LOOKUP)?;
        told(&url, &response, LOOKUP)
    }

    /// The same by the server's own number of the account.
    pub(super) fn ask_number(&self, host: &str, id: &str) -> Result<Told, NetworkError> {
        let path = format!("/api/v1/accounts/{id}");
        let (url, response) = self.call(host, &path, BY_NUMBER, &[], Effort::LOOKUP)?;
        told(&url, &response, BY_NUMBER)
    }

    /// The account that a server says is meant by `acct:user@server`, or by an actor's URI.
    fn webfinger(&self, host: &str, resource: &str) -> Result<Option<Name>, NetworkError> {
        let path = "/.well-known/webfinger";
        let (_, response) = self.call(host, path, WEBFINGER, &[("resource", resource)], Effort::LOOKUP)?;
        if !response.is_success() {
            return Ok(None);
        }
        Ok(json::parse::<Webfinger>(&response.body).ok().and_then(|finger| home_of(&finger)))
    }

    /// What becomes of an account, and the name of its successor.
    fn outcome_of(&self, told: Told, home: &str) -> (ResolutionOutcome, Option<Name>) {
        let account = match told {
            Told::Account(account) => account,
            Told::Nobody | Told::Silent | Told::OfMisskey(_) => return (ResolutionOutcome::Missing, None),
            Told::Unreadable { why } => return (ResolutionOutcome::Closed { why }, None),
            Told::Suspended => return (ResolutionOutcome::Suspended, None),
            Told::LoginNeeded => return (ResolutionOutcome::Closed { why: LOGIN_NEEDED.to_owned() }, None),
        };
        let moved = account.moved.as_ref().and_then(|moved| successor(moved, home));
        if account.suspended == Some(true) {
            return (ResolutionOutcome::Suspended, moved);
        }
        if !self.may_be_indexed(&account) {
            return (ResolutionOutcome::Closed { why: NOT_INDEXED.to_owned() }, moved);
        }
        (readable(&account, home), moved)
    }

    /// What its owner wishes, as far as the settings respect it. Who wants no tab of media on the profile
    /// does not want the pictures collected.
    pub(super) fn may_be_indexed(&self, account: &WireAccount) -> bool {
        let hidden = self.settings.respect_noindex && account.noindex == Some(true);
        let unlisted = account.indexable == Some(false) || account.show_media == Some(false);
        !(hidden || self.settings.respect_indexable && unlisted)
    }

    /// Missing is only an account of which the server's API itself says so: a website that took over the
    /// server's name answers 404 as well, but not in JSON.
    fn ask_presence(&self, host: &str, user: &str, actor: &str) -> Result<Presence, NetworkError> {
        let path = "/api/v1/accounts/lookup";
        let (url, response) = self.call(host, path, LOOKUP, &[("acct", user)], Effort::LOOKUP)?;
        let problem = || json::parse::<Problem>(&response.body).ok();
        Ok(match response.status {
            200..=299 => {
                let account = read_json::<WireAccount>(&url, &response)?;
                if account.actor() != Some(actor) {
                    Presence::unknown("its name belongs to another account now")
                } else if account.suspended == Some(true) {
                    Presence::Suspended
                } else if !self.may_be_indexed(&account) {
                    Presence::OptedOut
                } else {
                    Presence::Present
                }
            }
            404 if problem().is_some() => Presence::Missing,
            410 if problem().is_some() => Presence::Suspended,
            status => Presence::unknown(format!("{host} answered with status {status}")),
        })
    }
}

/// What a server's answer about one of its accounts means.
fn told(url: &Url, response: &Response, endpoint: &'static str) -> Result<Told, NetworkError> {
    let is_page = response.body.trim_ascii_start().starts_with(b"<");
    match response.status {
        200..=299 => match read_json::<WireAccount>(url, response) {
            Ok(account) => Ok(Told::Account(Box::new(account))),
            // Some website that answers everything with a page.
            Err(_) if is_page => Ok(Told::Silent),
            Err(error) => Err(error),
        },
        401 | 403 if is_page => {
            let why = format!("status {} with a web page: it lets no programs in", response.status);
            Err(NetworkError::Refused { endpoint, why })
        }
        401 | 403 => Ok(Told::LoginNeeded),
        410 => Ok(Told::Suspended),
        404 if json::parse::<Problem>(&response.body).is_ok() => Ok(Told::Nobody),
        _ => Ok(Told::Silent),
    }
}

/// The account as the index knows it; missing when the server speaks for another one's account.
fn readable(account: &WireAccount, home: &str) -> ResolutionOutcome {
    let actor = account.actor().filter(|actor| server_of(actor).as_deref() == Some(home));
    let name = Name::parse(&format!("{}@{home}", account.user()));
    let (Some(actor), Some(name)) = (actor, name) else { return ResolutionOutcome::Missing };
    if actor.len() > MAX_KEY_BYTES {
        let why = format!("has an id of more than {MAX_KEY_BYTES} bytes, which cannot be stored");
        return ResolutionOutcome::Closed { why };
    }
    ResolutionOutcome::Readable(Account {
        key: AccountKey::new(Network::Mastodon, actor),
        handle: name.to_string(),
        posts: account.statuses_count,
    })
}

/// The name of the account that another one moved to. `home` is the server of the one that moved.
fn successor(moved: &serde_json::Value, home: &str) -> Option<Name> {
    let account = WireAccount::deserialize(moved).ok()?;
    match account.acct.contains('@') {
        true => Name::parse(&account.acct),
        false => Name::parse(&format!("{}@{home}", account.acct)),
    }
}

/// The account that a webfinger answer points to, in the name that its own server has for it.
fn home_of(finger: &Webfinger) -> Option<Name> {
    let actor = finger.links.iter().find(|link| {
        link.rel.as_deref() == Some("self")
            && link.r#type.as_deref().is_some_and(|kind| kind.contains("activity+json"))
    })?;
    let host = server_of(actor.href.as_deref()?)?;
    let subject = finger.subject.as_deref()?.strip_prefix("acct:")?;
    let user = subject.split('@').next()?;
    Name::parse(&format!("{user}@{host}"))
}
