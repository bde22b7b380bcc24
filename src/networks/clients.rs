//! The clients of the configured networks, made once and shared by all workers of a process.

use std::sync::Arc;

use super::bluesky::BlueskyClient;
use super::dialects::OfFediverse;
use super::fxtwitter::FxTwitterClient;
use super::mastodon::MastodonClient;
use super::misskey::MisskeyClient;
use super::sources::Sources;
use super::twitter::TwitterClient;
use super::{Meter, NetworkClient, Waiter};
use crate::base::ids::Network;
use crate::config::Settings;
use crate::fetch::Fetch;

/// One client of each network.
pub struct Clients {
    twitter: TwitterClient,
    /// The second source of X, and whether it is asked first.
    fxtwitter: Option<(FxTwitterClient, bool)>,
    bluesky: BlueskyClient,
    mastodon: MastodonClient,
    misskey: MisskeyClient,
}

impl Clients {
    pub fn new(fetch: &Arc<dyn Fetch>, settings: &Settings, waiter: &Arc<dyn Waiter>) -> Clients {
        let second = &settings.twitter.fxtwitter;
        let fxtwitter = second.enabled.then(|| {
            let client = FxTwitterClient::new(Arc::clone(fetch), &settings.twitter, Arc::clone(waiter));
            (client, second.preferred)
        });
        let mastodon = MastodonClient::new(Arc::clone(fetch), &settings.mastodon, Arc::clone(waiter));
        let misskey = MisskeyClient::new(Arc::clone(fetch), &settings.misskey, Arc::clone(waiter));
        Clients {
            fxtwitter,
            twitter: TwitterClient::new(Arc::clone(fetch), &settings.twitter, Arc::clone(waiter)),
            bluesky: BlueskyClient::new(Arc::clone(fetch), &settings.bluesky, Arc::clone(waiter)),
            misskey: misskey.with_softwares(mastodon.softwares()),
            mastodon,
        }
    }

    /// Those of the wanted networks, for a worker that waits in its own way.
    pub fn of(
        &self,
        networks: &[Network],
        waiter: &Arc<dyn Waiter>,
        meter: &Arc<dyn Meter>,
    ) -> Vec<Box<dyn NetworkClient>> {
        let has = |network| networks.contains(&network);
        let client = |network: &Network| -> Box<dyn NetworkClient> {
            let waiter = Arc::clone(waiter);
            match network {
                Network::Twitter => {
                    let paid =
                        Box::new(self.twitter.with_waiter(Arc::clone(&waiter)).with_meter(Arc::clone(meter)));
                    match &self.fxtwitter {
                        None => paid,
                        Some((second, is_preferred)) => {
                            let mut sources: Vec<Box<dyn NetworkClient>> =
                                vec![paid, Box::new(second.with_waiter(waiter))];
                            if *is_preferred {
                                sources.reverse();
                            }
                            Box::new(Sources::new(Network::Twitter, sources))
                        }
                    }
                }
                Network::Bluesky => Box::new(self.bluesky.with_waiter(waiter)),
                Network::Mastodon => Box::new(OfFediverse::new(
                    self.mastodon.with_waiter(Arc::clone(&waiter)),
                    has(Network::Misskey).then(|| self.misskey.with_waiter(waiter)),
                )),
                Network::Misskey => Box::new(OfFediverse::new(
                    self.misskey.with_waiter(Arc::clone(&waiter)),
                    has(Network::Mastodon).then(|| self.mastodon.with_waiter(waiter)),
                )),
            }
        };
        networks.iter().map(client).collect()
    }
}
