//! Several sources of one network, in order of preference: what one cannot do, the next is asked. All of them
//! list by the same cursors, so an account that was listed by one goes on with another without a gap.

use std::ops::ControlFlow;

use super::client::{
    AccountLookup, NetworkClient, PageSink, PostLister, PostLookup, Presence, SearchedPosts, Turns,
};
use super::error::NetworkError;
use crate::base::ids::{Network, PostKey};
use crate::domain::accounts::{Account, AccountRef, Resolution};
use crate::domain::posts::{ListedPost, PostOutcome, PostState};
use crate::domain::scans::{Cursor, Hold, ListingEnd, ListingPlace};

/// The sources, the preferred one first. Without any, every question fails with `NoCredentials`.
pub struct Sources {
    network: Network,
    sources: Vec<Box<dyn NetworkClient>>,
}

impl Sources {
    pub fn new(network: Network, sources: Vec<Box<dyn NetworkClient>>) -> Sources {
        Sources { network, sources }
    }

    /// The first answer; where none has one, why the preferred source has not.
    fn first<T>(
        &self,
        ask: impl FnMut(&dyn NetworkClient) -> Result<T, NetworkError>,
    ) -> Result<T, NetworkError> {
        self.first_of(self.sources.iter(), ask)
    }

    fn first_of<'a, T>(
        &self,
        sources: impl Iterator<Item = &'a Box<dyn NetworkClient>>,
        mut ask: impl FnMut(&dyn NetworkClient) -> Result<T, NetworkError>,
    ) -> Result<T, NetworkError> {
        let mut why = None;
        for source in sources {
            match ask(source.as_ref()) {
                Err(error) if is_of_the_source(&error) => {
                    tracing::debug!(network = %self.network, %error, "the next source is asked");
                    why.get_or_insert(error);
                }
                answer => return answer,
            }
        }
        Err(why.unwrap_or(NetworkError::NoCredentials { network: self.network }))
    }
}

/// True when another source may do better; what is wrong with the account itself, it would only say again.
fn is_of_the_source(error: &NetworkError) -> bool {
    match error {
        NetworkError::RateLimited { .. }
        | NetworkError::UsageCapped { .. }
        | NetworkError::OverBudget { .. }
        | NetworkError::Unauthorized { .. }
        | NetworkError::Blocked { .. }
        | NetworkError::Refused { .. }
        | NetworkError::Unreadable { .. }
        | NetworkError::Fetch(_)
        | NetworkError::NoCredentials { .. } => true,
        NetworkError::AccountMissing { .. }
        | NetworkError::AccountPrivate { .. }
        | NetworkError::AccountSuspended { .. }
        | NetworkError::AccountClosed { .. }
        | NetworkError::Stopping => false,
    }
}

/// Ties the places of a listing to the source that they are of.
struct OfSource<'a> {
    turns: &'a mut dyn Turns,
    number: usize,
    place: Option<ListingPlace>,
}

impl OfSource<'_> {
    const NAME: &'static str = "source ";

    /// The source of a place, and the place as that source left it.
    fn untie(mut place: ListingPlace) -> Option<(usize, ListingPlace)> {
        let at = place.notes.iter().position(|note| note.starts_with(OfSource::NAME))?;
        let number = place.notes.remove(at).strip_prefix(OfSource::NAME)?.parse().ok()?;
        Some((number, place))
    }
}

impl Turns for OfSource<'_> {
    fn place(&self) -> Option<&ListingPlace> {
        self.place.as_ref()
    }

    fn take(&mut self, posts: Vec<ListedPost>, hold: Hold) -> ControlFlow<()> {
        let hold = match hold {
            Hold::At(mut place) => {
                place.notes.push(format!("{}{}", OfSource::NAME, self.number));
                Hold::At(place)
            }
            other => other,
        };
        self.turns.take(posts, hold)
    }
}

impl NetworkClient for Sources {
    fn network(&self) -> Network {
        self.network
    }
}

impl AccountLookup for Sources {
    fn resolve(&self, refs: &[AccountRef]) -> Result<Vec<Resolution>, NetworkError> {
        self.first(|source| source.resolve(refs))
    }

    /// Each source is asked about what the ones before it could not tell.
    fn check_accounts(&self, accounts: &[Account]) -> Result<Vec<Presence>, NetworkError> {
        let mut found = vec![Presence::unknown("no source is configured"); accounts.len()];
        for source in &self.sources {
            let open: Vec<usize> = (0..accounts.len())
                .filter(|index| matches!(found[*index], Presence::Unknown { .. }))
                .collect();
            if open.is_empty() {
                break;
            }
            let asked: Vec<Account> = open.iter().map(|index| accounts[*index].clone()).collect();
            for (index, presence) in open.into_iter().zip(source.check_accounts(&asked)?) {
                found[index] = presence;
            }
        }
        Ok(found)
    }
}

impl PostLister for Sources {
    /// What a source delivered before it failed remains valid; the next one begins at the same cursor. A
    /// listing that was left goes on with the source that it was left with: a page's name is of one source.
    fn list_in_turns(
        &self,
        account: &Account,
        cursor: &Cursor,
        turns: &mut dyn Turns,
    ) -> Result<ListingEnd, NetworkError> {
        let left = turns.place().cloned().and_then(OfSource::untie);
        let (begun, mut place) = left.map_or((0, None), |(source, place)| (source, Some(place)));
        let sources = self.sources.iter().enumerate().cycle().skip(begun).take(self.sources.len());
        let mut why = None;
        for (number, source) in sources {
            let mut turns = OfSource { turns: &mut *turns, number, place: place.take() };
            match source.list_in_turns(account, cursor, &mut turns) {
                Err(error) if is_of_the_source(&error) => {
                    tracing::debug!(network = %self.network, %error, "the next source is asked");
                    why.get_or_insert(error);
                }
                answer => return answer,
            }
        }
        Err(why.unwrap_or(NetworkError::NoCredentials { network: self.network }))
    }

    fn list_missed_posts(
        &self,
        account: &Account,
        cursor: &Cursor,
        searched: &SearchedPosts,
        page: &mut PageSink<'_>,
    ) -> Result<ListingEnd, NetworkError> {
        // What a search missed lies anywhere: where the whole timeline can be read without paying, it is.
        let (billed, free): (Vec<_>, Vec<_>) = self.sources.iter().partition(|source| source.is_billed());
        self.first_of(free.into_iter().chain(billed), |source| {
            source.list_missed_posts(account, cursor, searched, page)
        })
    }
}

impl PostLookup for Sources {
    /// Each source is asked about what the ones before it could not tell.
    fn check_posts(&self, posts: &[PostKey]) -> Result<Vec<PostState>, NetworkError> {
        let mut states = vec![PostState::Unknown; posts.len()];
        for source in &self.sources {
            let open: Vec<usize> =
                (0..posts.len()).filter(|index| states[*index] == PostState::Unknown).collect();
            if open.is_empty() {
                break;
            }
            let asked: Vec<PostKey> = open.iter().map(|index| posts[*index].clone()).collect();
            for (index, state) in open.into_iter().zip(source.check_posts(&asked)?) {
                states[index] = state;
            }
        }
        Ok(states)
    }

    /// Free sources first; each is asked only what earlier ones could not answer.
    fn look_posts_up(&self, posts: &[PostKey]) -> Result<Vec<PostOutcome>, NetworkError> {
        let (billed, free): (Vec<_>, Vec<_>) = self.sources.iter().partition(|source| source.is_billed());
        let mut outcomes = vec![PostOutcome::Unknown; posts.len()];
        let mut why = None;
        for source in free.into_iter().chain(billed) {
            let open: Vec<usize> =
                (0..posts.len()).filter(|index| outcomes[*index] == PostOutcome::Unknown).collect();
            let asked: Vec<PostKey> = open.iter().map(|index| posts[*index].clone()).collect();
            match source.look_posts_up(&asked) {
                Ok(found) => {
                    for (index, outcome) in open.into_iter().zip(found) {
                        outcomes[index] = outcome;
                    }
                }
                Err(error) if is_of_the_source(&error) => drop(why.get_or_insert(error)),
                Err(error) => return Err(error),
            }
        }
        match why {
            Some(error) if outcomes.iter().all(|outcome| *outcome == PostOutcome::Unknown) => Err(error),
            Some(_) | None => Ok(outcomes),
        }
    }
}
