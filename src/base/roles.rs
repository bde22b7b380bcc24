//! The kinds of processes and the kinds of work, by name.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A kind of process. The name is what `ps` shows: `aotf container <role>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    Broker,
    Front,
    Console,
    LinkFinder,
    IndexWatcher,
    ReverseSearch,
    Listing,
    Indexing,
    Maintenance,
}

impl Role {
    pub const ALL: [Role; 9] = [
        Role::Broker,
        Role::Front,
        Role::Console,
        Role::LinkFinder,
        Role::IndexWatcher,
        Role::ReverseSearch,
        Role::Listing,
        Role::Indexing,
        Role::Maintenance,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Role::Broker => "broker",
            Role::Front => "front",
            Role::Console => "console",
            Role::LinkFinder => "link-finder",
            Role::IndexWatcher => "index-watcher",
            Role::ReverseSearch => "reverse-search",
            Role::Listing => "listing",
            Role::Indexing => "indexing",
            Role::Maintenance => "maintenance",
        }
    }

    pub fn from_name(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A kind of work, with a queue of its own. A worker says which kinds it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stage {
    /// Step 1: artwork page to image URLs, candidate accounts, date.
    LinkFinder,
    /// Step 2: which accounts must be scanned first.
    IndexWatcher,
    /// Step 3: image to stored images.
    ReverseSearch,
    /// Small look-ups with a network: resolve handles, check that posts exist.
    Lookup,
    /// Step A: list an account's posts by search.
    SearchListing,
    /// Step B: list an account's posts by timeline.
    TimelineListing,
    /// Step C: download and fingerprint.
    Indexing,
    /// Updates, cursor resets, retries.
    Maintenance,
    /// Final answers to webhooks.
    Delivery,
}

impl Stage {
    pub const ALL: [Stage; 9] = [
        Stage::LinkFinder,
        Stage::IndexWatcher,
        Stage::ReverseSearch,
        Stage::Lookup,
        Stage::SearchListing,
        Stage::TimelineListing,
        Stage::Indexing,
        Stage::Maintenance,
        Stage::Delivery,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Stage::LinkFinder => "link_finder",
            Stage::IndexWatcher => "index_watcher",
            Stage::ReverseSearch => "reverse_search",
            Stage::Lookup => "lookup",
            Stage::SearchListing => "search_listing",
            Stage::TimelineListing => "timeline_listing",
            Stage::Indexing => "indexing",
            Stage::Maintenance => "maintenance",
            Stage::Delivery => "delivery",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
