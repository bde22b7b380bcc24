//! Posts that are indexed apart from any scan: those of which an image failed, and those that are noted by
//! their ids alone, or lack an image, which are looked up first.

use crate::base::ids::{PostKey, ScanId};
use crate::broker::books::items::Owner;
use crate::broker::turn::Turn;
use crate::broker::vocabulary::{Effect, Pending};
use crate::domain::accounts::Account;
use crate::domain::addresses::post_url;
use crate::domain::posts::{IndexedPost, ListedPost, LookedUpPost, PostOutcome, RetryPost};
use crate::domain::scans::{ListingStep, Priority};
use crate::proto::work::Work;
use crate::storekeeper::orders::ToStorekeeper;

/// Indexes these posts again.
pub fn retry(turn: &mut Turn, posts: Vec<RetryPost>) {
    for RetryPost { account, post } in posts {
        if turn.state.forgotten.names_account(&account) || turn.state.forgotten.names_post(&post.key) {
            continue;
        }
        index_apart(turn, Account { key: account, handle: String::new(), posts: None }, post);
    }
}

/// Finds out what these posts show, and whose they are.
pub fn look_up(turn: &mut Turn, posts: Vec<PostKey>) {
    // Noted by hand, it may be: what is forgotten is not asked for, nor paid.
    let (forgotten, posts): (Vec<_>, Vec<_>) =
        posts.into_iter().partition(|post| turn.state.forgotten.names_post(post));
    if !forgotten.is_empty() {
        turn.send_to_store(ToStorekeeper::SettleWanted { posts: forgotten });
    }
    if posts.is_empty() {
        return;
    }
    turn.enqueue(Owner::Retries, Work::LookUpPosts { posts }, Priority::Maintenance, 1);
}

/// Posts that exist are indexed, and settled once they are stored; for those that do not, nothing is left to
/// do. Posts that could not be looked up have their turn again.
pub fn on_looked_up(turn: &mut Turn, posts: Vec<LookedUpPost>) {
    let mut settled = Vec::new();
    for LookedUpPost { post: key, outcome } in posts {
        let why = match outcome {
            PostOutcome::Found { author, post } => match turn.state.why_left_out(&author) {
                Some(reason) => format!("is by an account that {}", reason.why()),
                // It lacks an image still, and has its turn again.
                None if post.images.is_empty() => continue,
                None => {
                    index_apart(turn, author, post);
                    continue;
                }
            },
            PostOutcome::Nothing { why } => why,
            PostOutcome::Unknown => continue,
        };
        let work = format!("index the post {}", post_url(&key, None));
        turn.effects.push(Effect::WorkFailed { work, why: format!("it {why}") });
        settled.push(key);
    }
    if !settled.is_empty() {
        turn.send_to_store(ToStorekeeper::SettleWanted { posts: settled });
    }
}

fn index_apart(turn: &mut Turn, account: Account, post: ListedPost) {
    turn.enqueue(Owner::Retries, work_apart(account, post), Priority::Maintenance, 1);
}

/// The indexing of a post for which no listing waits.
pub fn work_apart(account: Account, post: ListedPost) -> Work {
    Work::IndexPosts { scan: ScanId(0), step: ListingStep::Timeline, account, posts: vec![post] }
}

pub fn on_indexed(turn: &mut Turn, account: Account, posts: Vec<IndexedPost>) {
    let complete = posts.iter().filter(|post| !post.incomplete);
    let keys = complete.map(|post| post.key.clone()).collect();
    let ticket = turn.expect(Pending::PostsApart { account: account.key.clone(), posts: keys });
    turn.send_to_store(ToStorekeeper::StorePosts { ticket, account, posts });
}
