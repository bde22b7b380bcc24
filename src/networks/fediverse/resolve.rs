//! Following an account or a post of the Fediverse from server to server: the one that its name points to may
//! speak another API, know it as another server's, or say that the account moved.

use std::collections::{BTreeMap, BTreeSet};

use super::address::is_note;
use crate::base::ids::{AccountKey, Network, PostKey};
use crate::domain::accounts::{AccountRef, Resolution, ResolutionOutcome};
use crate::domain::posts::PostOutcome;
use crate::networks::error::NetworkError;

/// Servers that one look-up of accounts asks at most, and one check of posts: a stranger's page may name any
/// number of them.
const MAX_SERVERS: usize = 10;

/// An account may be passed on so often: from the server that a page names to the account's own, and from the
/// API that was tried to the one that it has.
const MAX_HOPS: usize = 3;

/// The servers that were asked.
#[derive(Debug, Default)]
pub struct Servers(BTreeSet<String>);

impl Servers {
    /// # Errors
    /// `Refused` for one that would be too many.
    pub fn may_ask(&mut self, host: &str, endpoint: &'static str) -> Result<(), NetworkError> {
        if self.0.contains(host) || self.0.len() < MAX_SERVERS {
            self.0.insert(host.to_owned());
            return Ok(());
        }
        let why = format!("{host} was not asked: {MAX_SERVERS} other servers were named before it");
        Err(NetworkError::Refused { endpoint, why })
    }
}

/// What is said of an account.
pub enum Said {
    /// What becomes of it, and the account that it moved to.
    Outcome(ResolutionOutcome, Option<AccountRef>),
    /// It is to be asked for otherwise: its server has another API, or it is another server's.
    Elsewhere(AccountRef),
}

/// An API of the Fediverse. Each reads the accounts of a network of its own.
pub trait Dialect {
    fn speaks_for(&self) -> Network;

    /// Asks for an account by this API. One that is taken for Mastodon's may be asked of any dialect: what
    /// its server speaks is not known yet.
    ///
    /// # Errors
    /// When the server could not be asked.
    fn look_up(&self, asked: &AccountRef, servers: &mut Servers) -> Result<Said, NetworkError>;

    /// Asks for a post of its network by its address.
    ///
    /// # Errors
    /// When the server could not be asked.
    fn look_post_up(&self, post: &PostKey, servers: &mut Servers) -> Result<Shown, NetworkError>;
}

/// What a server shows of a post.
pub enum Shown {
    Outcome(PostOutcome),
    /// It is another server's, at this address: that server's word counts, and it has the post itself.
    Elsewhere(String),
}

impl Shown {
    /// There is nothing to index: `why` continues the sentence `it ...`.
    pub fn nothing(why: impl Into<String>) -> Shown {
        Shown::Outcome(PostOutcome::Nothing { why: why.into() })
    }
}

/// Asks for posts by these dialects, each on the server of its address; one that does not answer leaves the
/// posts of others be.
///
/// # Errors
/// Only `Stopping`.
pub fn look_posts_up(dialects: &[&dyn Dialect], posts: &[PostKey]) -> Result<Vec<PostOutcome>, NetworkError> {
    let mut servers = Servers::default();
    let outcome = |post: &PostKey| match look_post_up(dialects, post, &mut servers) {
        Err(NetworkError::Stopping) => Err(NetworkError::Stopping),
        Err(error) => {
            tracing::debug!(%error, %post, "post not looked up");
            Ok(PostOutcome::Unknown)
        }
        found => found,
    };
    posts.iter().map(outcome).collect()
}

fn look_post_up(
    dialects: &[&dyn Dialect],
    post: &PostKey,
    servers: &mut Servers,
) -> Result<PostOutcome, NetworkError> {
    let nothing = |why: &str| Ok(PostOutcome::Nothing { why: why.to_owned() });
    let mut post = post.clone();
    for _ in 0..2 {
        let Some(dialect) = dialects.iter().find(|dialect| dialect.speaks_for() == post.network) else {
            return nothing("is on a network that is switched off here");
        };
        match dialect.look_post_up(&post, servers)? {
            Shown::Outcome(outcome) => return Ok(outcome),
            Shown::Elsewhere(address) => {
                let network = if is_note(&address) { Network::Misskey } else { Network::Mastodon };
                post = PostKey::new(network, address);
            }
        }
    }
    nothing("is shown by servers that do not have it")
}

/// Asks for accounts by these dialects. A moved account is followed by its successor, once: its older posts
/// stay where they are.
///
/// # Errors
/// Only `Stopping`: a server that cannot be asked is no reason to give up the accounts of others.
pub fn resolve(dialects: &[&dyn Dialect], refs: &[AccountRef]) -> Result<Vec<Resolution>, NetworkError> {
    let mut resolutions = Vec::with_capacity(refs.len());
    let mut servers = Servers::default();
    let mut known: BTreeMap<&AccountRef, Vec<ResolutionOutcome>> = BTreeMap::new();
    for asked in refs {
        if !known.contains_key(asked) {
            known.insert(asked, resolve_one(dialects, asked, &mut servers)?);
        }
        let outcomes = known.get(asked).into_iter().flatten().cloned();
        resolutions.extend(outcomes.map(|outcome| Resolution { asked: asked.clone(), outcome }));
    }
    Ok(resolutions)
}

/// One outcome or, for a moved account, two.
fn resolve_one(
    dialects: &[&dyn Dialect],
    asked: &AccountRef,
    servers: &mut Servers,
) -> Result<Vec<ResolutionOutcome>, NetworkError> {
    let (outcome, successor) = ask(dialects, asked, servers)?;
    let (key, handle) = match &outcome {
        ResolutionOutcome::Readable(account) => (Some(&account.key), account.handle.as_str()),
        ResolutionOutcome::Missing
        | ResolutionOutcome::Private
        | ResolutionOutcome::Suspended
        | ResolutionOutcome::Closed { .. }
        | ResolutionOutcome::Unasked { .. } => (None, asked.name()),
    };
    let is_another = |successor: &AccountRef| match successor {
        AccountRef::Handle { handle: other, .. } => other != handle,
        AccountRef::Id(other) => key.is_none_or(|key| key.native != other.native),
    };
    let mut outcomes = Vec::with_capacity(2);
    let successor = successor.filter(is_another);
    outcomes.push(outcome);
    if let Some(successor) = successor {
        outcomes.push(ask(dialects, &successor, servers)?.0);
    }
    Ok(outcomes)
}

fn ask(
    dialects: &[&dyn Dialect],
    asked: &AccountRef,
    servers: &mut Servers,
) -> Result<(ResolutionOutcome, Option<AccountRef>), NetworkError> {
    let only = |outcome| Ok((outcome, None));
    let speaker = |network| dialects.iter().find(|dialect| dialect.speaks_for() == network);
    let mut dialect = match speaker(asked.network()) {
        None if asked.network() == Network::Mastodon => dialects.first(),
        known => known,
    };
    let mut asked = asked.clone();
    for _ in 0..MAX_HOPS {
        let Some(asking) = dialect else { return only(switched_off(asked.network())) };
        match asking.look_up(&asked, servers) {
            Ok(Said::Outcome(outcome, successor)) => return Ok((outcome, successor)),
            Ok(Said::Elsewhere(other)) => {
                dialect = speaker(other.network());
                asked = other;
            }
            Err(NetworkError::Stopping) => return Err(NetworkError::Stopping),
            Err(error) => {
                let why = format!("could not be looked up ({error})");
                return only(ResolutionOutcome::Closed { why });
            }
        }
    }
    only(ResolutionOutcome::Closed { why: "is passed on from server to server".to_owned() })
}

fn switched_off(network: Network) -> ResolutionOutcome {
    let why = format!(
        "is on a network that is switched off here ({network}: it is not among the networks of the configuration)"
    );
    ResolutionOutcome::Unasked { why }
}

/// The account of this name on a server of which nothing is known yet.
pub fn named(name: impl ToString) -> AccountRef {
    AccountRef::Handle { network: Network::Mastodon, handle: name.to_string() }
}

/// The same by its actor's URI.
pub fn acting_as(actor: impl Into<String>) -> AccountRef {
    AccountRef::Id(AccountKey::new(Network::Mastodon, actor))
}
