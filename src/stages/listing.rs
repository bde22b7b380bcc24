//! Steps A and B, and the small look-ups that other stages need: all that speaks with a network's API.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::link_finder::pause;
use super::worker::{Lease, StageError, StageWorker, unexpected_answer, unexpected_work};
use crate::base::clock::Monotonic;
use crate::base::ids::{Network, PostKey, ScanId};
use crate::base::{ErrorChain, Reaction, StopSignal, Timestamp};
use crate::broker::client::{LeaseHandle, StageClient, Unavailable};
use crate::domain::accounts::{AccountRef, Resolution, ResolutionOutcome};
use crate::domain::failure::FailureCode;
use crate::domain::posts::{ListedPost, LookedUpPost, PostState};
use crate::domain::reads::{PaidReads, ReadWish, Reserved};
use crate::domain::scans::{Hold, ListingPlace, Searched};
use crate::networks::{Meter, NetworkClient, NetworkError, SearchedPosts, Stopping, Turns, Waiter};
use crate::proto::stage::{Answer, Question};
use crate::proto::work::{StageOutput, Work};

/// A worker's clients, one per network, all waiting through the same `VisibleWaiter`.
pub struct Listing {
    pub clients: Vec<Box<dyn NetworkClient>>,
    pub waiter: Arc<VisibleWaiter>,
}

impl StageWorker for Listing {
    fn run(&mut self, work: Work, lease: &Lease<'_>) -> Result<StageOutput, StageError> {
        let _visible = self.waiter.during(lease);
        match work {
            Work::Resolve { refs } => self.resolve(&refs).map(StageOutput::Resolved),
            Work::CheckPosts { posts } => {
                let mut states = vec![PostState::Unknown; posts.len()];
                for network in Network::ALL {
                    let Some(client) = self.client(network) else { continue };
                    let (places, asked): (Vec<_>, Vec<_>) =
                        posts.iter().cloned().enumerate().filter(|(_, post)| post.network == network).unzip();
                    if asked.is_empty() {
                        continue;
                    }
                    let answers = client.check_posts(&asked).map_err(stage_error)?;
                    for (place, answer) in places.into_iter().zip(answers) {
                        if let Some(state) = states.get_mut(place) {
                            *state = answer;
                        }
                    }
                }
                Ok(StageOutput::Checked(states))
            }
            Work::LookUpPosts { posts } => self.look_up(&posts).map(StageOutput::LookedUp),
            Work::ListPosts { scan, account, cursor, searched, place } => {
                let network = account.key.network;
                let client = self.client(network).ok_or_else(|| {
                    let why = format!("The account {}.", switched_off(network));
                    StageError::failed(FailureCode::ProcessingError, why)
                })?;
                let searched = searched.map(|searched| searched_posts(scan, searched, lease)).transpose()?;
                let mut pages = Pages { lease, place, left: None };
                let end = match searched {
                    None => client.list_in_turns(&account, &cursor, &mut pages),
                    Some(searched) => {
                        let mut page = |posts| pages.take(posts, Hold::Here);
                        client.list_missed_posts(&account, &cursor, &searched, &mut page)
                    }
                };
                match pages.left {
                    Some(error) => Err(error),
                    None => end.map(StageOutput::Listed).map_err(stage_error),
                }
            }
            other => Err(unexpected_work(&other)),
        }
    }
}

impl Listing {
    /// Asks each network about its own accounts. One that cannot be asked at all (its allowance is used up,
    /// its keys are refused) does not spoil what the others know.
    fn resolve(&self, refs: &[AccountRef]) -> Result<Vec<Resolution>, StageError> {
        let mut resolutions = Vec::with_capacity(refs.len());
        let mut given_up = None;
        for network in Network::ALL {
            let asked: Vec<_> = refs.iter().filter(|asked| asked.network() == network).cloned().collect();
            if asked.is_empty() {
                continue;
            }
            let all = |why: &str| -> Vec<Resolution> {
                let outcome = ResolutionOutcome::Unasked { why: why.to_owned() };
                asked
                    .iter()
                    .map(|asked| Resolution { asked: asked.clone(), outcome: outcome.clone() })
                    .collect()
            };
            let knows = |client: &&dyn NetworkClient| client.may_know(network);
            let client = self.client(network).or_else(|| self.clients.iter().map(AsRef::as_ref).find(knows));
            match client.map(|client| client.resolve(&asked)) {
                Some(Ok(found)) => resolutions.extend(found),
                Some(Err(error)) if error.reaction() == Reaction::GiveUp => {
                    resolutions.extend(all(&format!("could not be looked up ({})", ErrorChain(&error))));
                    given_up = Some(error);
                }
                Some(Err(error)) => return Err(stage_error(error)),
                None => resolutions.extend(all(&switched_off(network))),
            }
        }
        let is_readable = |one: &Resolution| matches!(one.outcome, ResolutionOutcome::Readable(_));
        match given_up {
            Some(error) if !resolutions.iter().any(is_readable) => Err(stage_error(error)),
            Some(_) | None => Ok(resolutions),
        }
    }

    fn look_up(&self, posts: &[PostKey]) -> Result<Vec<LookedUpPost>, StageError> {
        let mut looked_up = Vec::with_capacity(posts.len());
        for network in Network::ALL {
            let asked: Vec<_> = posts.iter().filter(|post| post.network == network).cloned().collect();
            if asked.is_empty() {
                continue;
            }
            let client = self.client(network).ok_or_else(|| {
                let why = format!("it {}", switched_off(network));
                StageError::failed(FailureCode::CannotGetImage, why)
            })?;
            let outcomes = client.look_posts_up(&asked).map_err(stage_error)?;
            let answers = asked.into_iter().zip(outcomes);
            looked_up.extend(answers.map(|(post, outcome)| LookedUpPost { post, outcome }));
        }
        Ok(looked_up)
    }

    fn client(&self, network: Network) -> Option<&dyn NetworkClient> {
        self.clients.iter().map(AsRef::as_ref).find(|client| client.network() == network)
    }
}

/// Why nothing of this network can be asked, as the end of a sentence.
fn switched_off(network: Network) -> String {
    let remedy = match network {
        Network::Twitter => {
            "it has no key or other source in [twitter], or is not among the networks of the configuration"
        }
        Network::Bluesky | Network::Mastodon | Network::Misskey => {
            "it is not among the networks of the configuration"
        }
    };
    format!("is on a network that is switched off here ({network}: {remedy})")
}

/// Where the pages of a listing go: to the broker, which may want the listing to be left.
struct Pages<'a> {
    lease: &'a Lease<'a>,
    place: Option<Box<ListingPlace>>,
    /// Why the listing was left.
    left: Option<StageError>,
}

impl Turns for Pages<'_> {
    fn place(&self) -> Option<&ListingPlace> {
        self.place.as_deref()
    }

    fn take(&mut self, posts: Vec<ListedPost>, hold: Hold) -> ControlFlow<()> {
        match self.lease.page(posts, hold) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.left = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}

/// What the scan's search has listed, from the broker.
fn searched_posts(scan: ScanId, searched: Searched, lease: &Lease<'_>) -> Result<SearchedPosts, StageError> {
    let mut ids = Vec::new();
    loop {
        let from = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        match lease.ask(Question::SearchedPosts { scan, from })? {
            Answer::SearchedPosts(more) if more.is_empty() => {
                let Searched { since, media, counts_are_trusted } = searched;
                return Ok(SearchedPosts { since, ids, media, counts_are_trusted });
            }
            Answer::SearchedPosts(more) => ids.extend(more),
            answer => return Err(unexpected_answer(&answer)),
        }
    }
}

fn stage_error(error: NetworkError) -> StageError {
    let why = ErrorChain(&error).to_string();
    match error.reaction() {
        Reaction::GiveUp => StageError::failed(error.failure_code(), why),
        Reaction::Stop => StageError::Left,
        reaction => StageError::Retry { after: pause(reaction), why },
    }
}

/// The broker keeps the ledger: it says what may be read, and is told at once what was.
impl Meter for VisibleWaiter {
    fn reserve(&self, wish: ReadWish) -> Result<u64, NetworkError> {
        let lease = *self.current.lock().unwrap_or_else(PoisonError::into_inner);
        // Nothing is asked outside of a lease.
        let lease = lease.ok_or(NetworkError::Stopping)?;
        match self.client.reserve(lease, wish) {
            Ok(Reserved::Granted { reads }) => Ok(reads),
            Ok(Reserved::Refused { why }) => Err(NetworkError::OverBudget { why }),
            Err(Unavailable) => Err(NetworkError::Stopping),
        }
    }

    fn paid(&self, reads: PaidReads) {
        let lease = *self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lease) = lease {
            self.client.paid(lease, reads);
        }
    }
}

/// How often a worker that waits for a network says so, which keeps its lease.
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);

/// Waits out a network's limits so that `threads` shows it and a stop interrupts it.
pub struct VisibleWaiter {
    client: Arc<StageClient>,
    stop: StopSignal,
    /// The lease that is being worked on.
    current: Mutex<Option<LeaseHandle>>,
}

impl VisibleWaiter {
    pub fn new(client: Arc<StageClient>, stop: StopSignal) -> Arc<VisibleWaiter> {
        Arc::new(VisibleWaiter { client, stop, current: Mutex::new(None) })
    }

    /// Waits belong to this lease until the returned value is dropped.
    fn during<'a>(&'a self, lease: &Lease<'_>) -> impl Drop + use<'a> {
        self.set(Some(lease.handle()));
        Forget(self)
    }

    fn set(&self, lease: Option<LeaseHandle>) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = lease;
    }
}

struct Forget<'a>(&'a VisibleWaiter);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.0.set(None);
    }
}

impl Waiter for VisibleWaiter {
    fn wait_until(&self, until: Timestamp, why: &str) -> Result<(), Stopping> {
        // Measured once: a wall clock that is set back meanwhile must not prolong the wait.
        let deadline = Monotonic::now().plus(until.since(Timestamp::now()));
        loop {
            let left = deadline.since(Monotonic::now());
            if left.is_zero() {
                return Ok(());
            }
            // Short pauses between requests are no news.
            if left > Duration::from_secs(2) {
                let lease = *self.current.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(lease) = lease {
                    let what = format!("waits for {why} until {until}");
                    self.client.doing(lease, what).map_err(|_| Stopping)?;
                }
            }
            if self.stop.wait(left.min(SIGN_OF_LIFE)) {
                return Err(Stopping);
            }
        }
    }
}
