//! The networks that can be read without a key: Bluesky and two servers of the Fediverse. Who is there and what they
//! posted; one file per network, each a pure function from a request to an answer, in the shapes of the
//! published lexicons and of Mastodon's published contract.

mod bluesky;
mod fxtwitter;
mod mastodon;
pub(super) mod twitter;

use std::time::Duration;

use super::picture::ArtId::*;
use super::picture::Change::Same;
use super::picture::Picture::{self, Art, Drawn};
use crate::base::Timestamp;
use crate::demo::world::Site;

/// Every site of this folder.
pub(super) const SITES: &[Site] = &[bluesky::SITE, mastodon::SITE, fxtwitter::SITE];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenNetwork {
    Bluesky,
    Mastodon,
}

/// Of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenState {
    Open,
    /// Its owner asks not to be shown (Bluesky) or indexed (Mastodon) to those who are not logged in.
    OptedOut,
    Suspended,
    /// Its owner moved to the account with this handle.
    Moved(&'static str),
}

#[derive(Clone, Debug)]
pub struct OpenAccount {
    pub network: OpenNetwork,
    /// `name.example`, or `user@server`.
    pub handle: &'static str,
    /// The DID; on Mastodon the user's name in the case of its URI.
    pub native: &'static str,
    pub links: &'static [&'static str],
    pub state: OpenState,
    /// Posts, the `n`-th at `first + n * every`.
    pub posts: usize,
    first: &'static str,
    every_hours: u64,
    /// Posts with known pictures, by their number; all others are made up.
    featured: &'static [(usize, &'static [Picture])],
    /// The image host has lost the pictures of this post; they are elsewhere.
    pub lost: Option<usize>,
}

/// What is attached to a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attached {
    Pictures,
    /// Pictures beside a quoted post.
    PicturesAndQuote,
    Video,
    /// The post is another account's, passed on.
    Repost,
}

impl OpenAccount {
    pub fn moment(&self, number: usize) -> Timestamp {
        let first = Timestamp::parse_rfc3339(self.first).unwrap_or(Timestamp(0));
        first.plus(Duration::from_secs(number as u64 * self.every_hours * 3600))
    }

    pub fn attached(&self, number: usize) -> Attached {
        match number {
            n if self.featured_at(n).is_some() => Attached::Pictures,
            n if n % 10 == 3 => Attached::PicturesAndQuote,
            n if n % 17 == 5 => Attached::Video,
            n if n % 23 == 9 => Attached::Repost,
            _ => Attached::Pictures,
        }
    }

    /// The pictures of a post, in its order.
    pub fn pictures(&self, number: usize) -> Vec<Picture> {
        if let Some(pictures) = self.featured_at(number) {
            return pictures.to_vec();
        }
        let count = match number {
            // More than the four of old: a gallery on Bluesky.
            n if n % 29 == 7 && self.network == OpenNetwork::Bluesky => 7,
            n if n % 7 == 2 => 3,
            _ => 1,
        };
        // Few enough to be drawn quickly, however many posts there are.
        let base = 7000 + 100 * self.handle.len() as u64;
        (0..count).map(|position| Drawn(base + ((number * 3 + position) % 60) as u64)).collect()
    }

    fn featured_at(&self, number: usize) -> Option<&'static [Picture]> {
        self.featured.iter().find(|(slot, _)| *slot == number).map(|(_, pictures)| *pictures)
    }

    /// `user` of `user@server`.
    pub fn user(&self) -> &'static str {
        self.handle.split('@').next().unwrap_or_default()
    }

    /// `server` of `user@server`.
    pub fn server(&self) -> &'static str {
        self.handle.split('@').nth(1).unwrap_or_default()
    }

    /// The stable id of a post, as the network has it.
    pub fn post_id(&self, number: usize) -> String {
        match self.network {
            OpenNetwork::Bluesky => {
                format!("at://{}/app.bsky.feed.post/{}", self.native, bluesky::record(number))
            }
            OpenNetwork::Mastodon => {
                format!(
                    "https://{}/users/{}/statuses/{}",
                    self.server(),
                    self.native,
                    mastodon::status_id(self, number)
                )
            }
        }
    }
}

/// Everybody. Sorrel is on Bluesky only; Rowan is on X, too, and posted the dragon first on Mastodon.
pub fn accounts() -> Vec<OpenAccount> {
    use OpenNetwork::{Bluesky, Mastodon};
    let account = |network, handle, native, links, state| OpenAccount {
        network,
        handle,
        native,
        links,
        state,
        posts: 0,
        first: "2023-08-01T08:00:00Z",
        every_hours: 96,
        featured: &[],
        lost: None,
    };
    vec![
        OpenAccount {
            posts: 130,
            featured: &[(20, &[Art(Dragon, Same)]), (60, &[Drawn(7001), Art(SwordInTheStone, Same)])],
            lost: Some(60),
            ..account(
                Bluesky,
                "demo-rowan.bsky.social",
                "did:plc:demorowan000000000000000",
                &["https://x.com/demo_rowan"],
                OpenState::Open,
            )
        },
        OpenAccount {
            posts: 90,
            featured: &[(30, &[Art(EileenVeryHappy, Same)])],
            ..account(
                Bluesky,
                "demo-sorrel.bsky.social",
                "did:plc:demosorrel00000000000000",
                &[],
                OpenState::Open,
            )
        },
        account(
            Bluesky,
            "demo-willow.bsky.social",
            "did:plc:demowillow00000000000000",
            &[],
            OpenState::OptedOut,
        ),
        account(
            Bluesky,
            "demo-cedar.bsky.social",
            "did:plc:democedar000000000000000",
            &[],
            OpenState::Suspended,
        ),
        OpenAccount {
            posts: 5000,
            first: "2023-05-01T08:00:00Z",
            every_hours: 5,
            ..account(
                Bluesky,
                "demo-atlas.bsky.social",
                "did:plc:demoatlas000000000000000",
                &[],
                OpenState::Open,
            )
        },
        OpenAccount {
            posts: 70,
            first: "2022-11-06T08:00:00Z",
            featured: &[(15, &[Art(Dragon, Same)])],
            ..account(
                Mastodon,
                "demo_rowan@mastodon.art",
                "demo_rowan",
                &["https://twitter.com/demo_rowan"],
                OpenState::Open,
            )
        },
        account(
            Mastodon,
            "demo_rowan@mastodon.social",
            "demo_rowan",
            &[],
            OpenState::Moved("demo_rowan@mastodon.art"),
        ),
        account(Mastodon, "demo_willow@mastodon.art", "demo_willow", &[], OpenState::OptedOut),
        account(Mastodon, "demo_cedar@mastodon.art", "demo_cedar", &[], OpenState::Suspended),
        OpenAccount {
            posts: 5000,
            first: "2022-11-06T08:00:00Z",
            every_hours: 5,
            ..account(Mastodon, "demo_atlas@mastodon.art", "demo_atlas", &[], OpenState::Open)
        },
    ]
}
