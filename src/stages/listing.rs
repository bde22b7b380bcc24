//! Steps A and B, and the small look-ups that other stages need: all that speaks with a network's API.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::link_finder::pause;
use super::worker::{Lease, StageError, StageWorker, unexpected_work};
use crate::base::ids::Network;
use crate::base::{ErrorChain, Reaction, StopSignal, Timestamp};
use crate::broker::client::{LeaseHandle, StageClient};
use crate::networks::{NetworkClient, NetworkError, Stopping, Waiter};
use crate::proto::data::{PostState, Resolution, ResolutionOutcome, StageOutput, Work};

/// A worker's clients, one per network, all waiting through the same `VisibleWaiter`.
pub struct Listing {
    pub clients: Vec<Box<dyn NetworkClient>>,
    pub waiter: Arc<VisibleWaiter>,
}

impl StageWorker for Listing {
    fn run(&mut self, work: Work, lease: &Lease<'_>) -> Result<StageOutput, StageError> {
        let _visible = self.waiter.during(lease);
        match work {
            Work::Resolve { refs } => {
                let mut resolutions = Vec::with_capacity(refs.len());
                for network in Network::ALL {
                    let asked: Vec<_> =
                        refs.iter().filter(|asked| asked.network() == network).cloned().collect();
                    if asked.is_empty() {
                        continue;
                    }
                    match self.client(network) {
                        Some(client) => resolutions.extend(client.resolve(&asked).map_err(stage_error)?),
                        // Accounts on a network that is switched off are as good as missing.
                        None => resolutions.extend(
                            asked
                                .into_iter()
                                .map(|asked| Resolution { asked, outcome: ResolutionOutcome::Missing }),
                        ),
                    }
                }
                Ok(StageOutput::Resolved(resolutions))
            }
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
            Work::ListPosts { account, cursor, .. } => {
                let network = account.key.network;
                let client = self
                    .client(network)
                    .ok_or_else(|| stage_error(NetworkError::NoCredentials { network }))?;
                let mut left = None;
                let end =
                    client.list_posts(&account, &cursor, &mut |posts, read| match lease.page(posts, read) {
                        Ok(()) => ControlFlow::Continue(()),
                        Err(error) => {
                            left = Some(error);
                            ControlFlow::Break(())
                        }
                    });
                match left {
                    Some(error) => Err(error),
                    None => end.map(StageOutput::Listed).map_err(stage_error),
                }
            }
            other => Err(unexpected_work(&other)),
        }
    }
}

impl Listing {
    fn client(&self, network: Network) -> Option<&dyn NetworkClient> {
        self.clients.iter().map(AsRef::as_ref).find(|client| client.network() == network)
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
        loop {
            let left = until.since(Timestamp::now());
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
