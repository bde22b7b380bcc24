//! What becomes of work whose worker died: it goes to another, and what kills its workers is found out.
//!
//! We cannot tell which leased item crashed the process, so all of them are suspects. A batch of posts is
//! taken apart. A suspect **shares no process with another** at its next tries: so what was only near when a
//! process died does not die with its neighbor until it is given up.
//!
//! Work whose worker fell silent, which is found out minutes later, gets one more worker, not two. The deaths
//! over a query, and over the listings and posts of a scan, are written down with it, so that they count also
//! after a restart.

use crate::base::ids::ContainerId;
use crate::base::roles::Stage;
use crate::broker::books::items::{Item, ItemId, MAX_DEATHS, stage_of};
use crate::broker::state::State;
use crate::proto::work::Work;

/// Whether a worker of this process may have the item now.
pub fn may_share(state: &State, item: &Item, container: ContainerId) -> bool {
    let is_there = || {
        state.leases.iter().any(|(_, lease)| lease.worker.container == container && lease.item.is_suspect())
    };
    !item.is_suspect() || !is_there()
}

/// How a worker was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Its process ended.
    Died,
    /// It was silent until its lease ran out.
    Hung,
}

impl Loss {
    pub fn as_str(self) -> &'static str {
        match self {
            Loss::Died => "its process ended",
            Loss::Hung => "its lease ran out",
        }
    }
}

/// A worker was lost: the item goes to another. Unless it has taken too many along: then it is handed back
/// with the reason, to be given up.
pub fn requeue(state: &mut State, mut item: Item, loss: Loss) -> Option<(Item, String)> {
    item.deaths += 1;
    if loss == Loss::Hung && std::mem::replace(&mut item.has_hung, true) {
        let why = "two workers were silent over it until their leases ran out".to_owned();
        return Some((item, why));
    }
    if item.deaths >= MAX_DEATHS {
        let why = format!("{MAX_DEATHS} workers were lost over it, the last because {}", loss.as_str());
        return Some((item, why));
    }
    // The posts of a batch go on one by one, so that only the one that kills is given up.
    if !split_batch(state, &item) {
        state.queues.entry(stage_of(&item.work)).or_default().push(item);
    }
    None
}

/// Puts the posts of a batch back one by one. False if there is nothing to split.
pub fn split_batch(state: &mut State, item: &Item) -> bool {
    let Work::IndexPosts { scan, step, account, posts } = &item.work else { return false };
    if posts.len() < 2 {
        return false;
    }
    for post in posts {
        let id = ItemId(state.next_number());
        let posts = vec![post.clone()];
        let work = Work::IndexPosts { scan: *scan, step: *step, account: account.clone(), posts };
        let single = Item { id, work, ..item.clone() };
        state.queues.entry(Stage::Indexing).or_default().push(single);
    }
    true
}
