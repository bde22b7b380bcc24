//! Watches: what each of them is waiting for, and when its accounts are looked at next. Pure.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::base::clock::Monotonic;
use crate::base::ids::{AccountKey, ContainerId, QueryId};
use crate::broker::vocabulary::Asker;
use crate::domain::watches::{FeedEntry, Watch, WatchId};

/// All watches. They are few, and all in memory.
#[derive(Debug, Default)]
pub struct Watches {
    all: BTreeMap<WatchId, Watched>,
    /// Queries that watches have begun for the artists of their pages, until they have ended: also those
    /// whose watches were ended meanwhile.
    pub artists: BTreeSet<QueryId>,
    /// Fronts that have asked for a feed: they are told when one changes.
    pub fronts: BTreeSet<ContainerId>,
}

/// A watch, and what is under way for it.
#[derive(Debug)]
pub struct Watched {
    pub watch: Watch,
    /// When its accounts are looked at next.
    pub due: Monotonic,
    pub errand: Errand,
    /// Why it found no account, or hears of nothing, as a sentence.
    pub problem: Option<String>,
    pub telling: Telling,
    /// What its webhook is told after that, the earliest first.
    pub news: VecDeque<FeedEntry>,
    /// When the feed is to be read for more; `None` while nothing has been stored since.
    pub news_due: Option<Monotonic>,
    /// When the feed was read for its webhook.
    pub news_read: Option<Monotonic>,
    /// Who waits until it is kept, and whether they began it; `None` once it is.
    pub begun_by: Option<Vec<(Asker, bool)>>,
}

/// How the accounts of a watch are found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    None,
    /// This query finds the artist of its page.
    Artist(QueryId),
    /// Accounts are being looked up with their networks.
    LookUp,
}

/// How far a watch's webhook is told: of one thing after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Telling {
    Idle,
    /// The feed is being read.
    Reading,
    /// It is told of this.
    Under(Box<FeedEntry>),
}

impl Watched {
    pub fn new(watch: Watch, due: Monotonic) -> Watched {
        Watched {
            watch,
            due,
            errand: Errand::None,
            problem: None,
            telling: Telling::Idle,
            news: VecDeque::new(),
            news_due: None,
            news_read: None,
            begun_by: None,
        }
    }

    /// Whether it would survive a restart.
    pub fn is_kept(&self) -> bool {
        self.begun_by.is_none()
    }

    fn next_due(&self) -> Monotonic {
        self.news_due.map_or(self.due, |news| news.min(self.due))
    }
}

impl Watches {
    pub fn add(&mut self, watched: Watched) {
        self.all.insert(watched.watch.id, watched);
    }

    pub fn remove(&mut self, id: WatchId) -> Option<Watched> {
        self.all.remove(&id)
    }

    pub fn get(&self, id: WatchId) -> Option<&Watched> {
        self.all.get(&id)
    }

    pub fn get_mut(&mut self, id: WatchId) -> Option<&mut Watched> {
        self.all.get_mut(&id)
    }

    /// Those beyond this one, in the order of their ids.
    pub fn after(&self, id: Option<WatchId>) -> impl Iterator<Item = &Watched> {
        let from = match id {
            Some(id) => std::ops::Bound::Excluded(id),
            None => std::ops::Bound::Unbounded,
        };
        self.all.range((from, std::ops::Bound::Unbounded)).map(|(_, watched)| watched)
    }

    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// The earliest moment at which accounts of one are looked at.
    pub fn next_due(&self) -> Option<Monotonic> {
        self.all.values().map(Watched::next_due).min()
    }

    /// Those that watch this account.
    pub fn of_account(&self, account: &AccountKey) -> Vec<WatchId> {
        self.ids_where(|watched| watched.watch.has(account))
    }

    /// Those that wait for the artist of their page, each with its query.
    pub fn awaiting_artists(&self) -> Vec<(WatchId, QueryId)> {
        let awaiting = self.all.iter().filter_map(|(id, watched)| match watched.errand {
            Errand::Artist(query) => Some((*id, query)),
            Errand::None | Errand::LookUp => None,
        });
        awaiting.collect()
    }

    pub fn ids_where(&self, is_meant: impl Fn(&Watched) -> bool) -> Vec<WatchId> {
        self.all.iter().filter(|(_, watched)| is_meant(watched)).map(|(id, _)| *id).collect()
    }
}
