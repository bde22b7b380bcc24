//! What becomes of work whose worker died: it goes to another, and what kills its workers is found out.
//!
//! We cannot tell which leased item crashed the process, so all of them are suspects. A batch of posts is
//! taken apart. An item that was there at two deaths has one more chance, and **shares no process with
//! another such**: so what was only near when a process died twice does not die with its neighbor a third
//! time.

use crate::base::ids::ContainerId;
use crate::base::roles::Stage;
use crate::broker::books::items::{Item, ItemId, MAX_DEATHS, stage_of};
use crate::broker::state::State;
use crate::proto::work::Work;

/// Whether a worker of this process may have the item now.
pub fn may_share(state: &State, item: &Item, container: ContainerId) -> bool {
    let is_there = || {
        state
            .leases
            .iter()
            .any(|(_, lease)| lease.worker.container == container && lease.item.is_on_its_last_chance())
    };
    !item.is_on_its_last_chance() || !is_there()
}

/// The worker died or fell silent: the item goes to another. Unless it has taken too many along: then it is
/// handed back with the reason, to be given up.
pub fn requeue(state: &mut State, mut item: Item, why: &str) -> Option<(Item, String)> {
    item.deaths += 1;
    if item.deaths >= MAX_DEATHS {
        let why = format!("{MAX_DEATHS} workers were lost over it, the last because {why}");
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
