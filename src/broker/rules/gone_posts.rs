//! Posts that their network says are gone: they are removed, if that is wanted. Nothing keeps them from coming back,
//! since networks say the same of accounts that are closed for a while.
//!
//! They are noticed when they are found for a query, and when an account is listed again: a post that is
//! stored, and that the listing should have shown by its date, is suspected. Listings leave out posts for
//! other reasons too, so that nothing is removed by a suspicion: the post is looked for, and its network
//! decides.

use crate::base::ids::{AccountKey, ImageId, PostKey};
use crate::broker::books::items::Owner;
use crate::broker::books::relisted::{Relisted, Relisting};
use crate::broker::turn::Turn;
use crate::broker::vocabulary::Pending;
use crate::domain::posts::PostState;
use crate::domain::scans::Priority;
use crate::proto::stage::{Answer, MAX_STORED_POSTS, Question};
use crate::proto::work::Work;
use crate::storekeeper::orders::ToStorekeeper;

/// Posts whose removal is ordered at once.
const REMOVED_AT_A_TIME: usize = 200;
/// Posts that one listing may have looked for; the next one goes on with others.
const MAX_SUSPECTS: usize = 96;
/// Posts that are looked for at once, beside a witness: as many as one request to Bluesky holds.
const CHECKED_AT_A_TIME: usize = 24;

/// Posts were looked for on their network. What it did not say clearly counts for nothing.
pub fn on_checked(turn: &mut Turn, states: &[(PostKey, PostState)]) {
    if !turn.state.policy.remove_deleted {
        return;
    }
    let gone = states.iter().filter(|(_, state)| *state == PostState::Deleted);
    let gone: Vec<PostKey> = gone.map(|(post, _)| post.clone()).collect();
    for posts in gone.chunks(REMOVED_AT_A_TIME) {
        let ticket = turn.expect(Pending::GoneRemoved);
        turn.send_to_store(ToStorekeeper::RemovePosts { ticket, posts: posts.to_vec() });
    }
}

/// An account that was listed before was listed again: what is stored of it is compared with what was shown.
pub fn on_relisted(turn: &mut Turn, account: AccountKey, relisted: Relisted) {
    let policy = &turn.state.policy;
    if policy.remove_deleted && policy.may_look_for_posts(account.network) && relisted.has_span() {
        compare(turn, Relisting { account, relisted, after: ImageId(0), suspects: Vec::new() });
    }
}

fn compare(turn: &mut Turn, relisting: Relisting) {
    let question = Question::StoredPosts { account: relisting.account.clone(), after: relisting.after };
    turn.ask_store(Pending::StoredPosts(Box::new(relisting)), question);
}

/// The database told a piece of what it has of the account. Where it cannot, the next listing comes.
pub fn on_stored_posts(turn: &mut Turn, mut relisting: Relisting, answer: Answer) {
    let Answer::StoredPosts(posts) = answer else { return };
    let is_last = posts.len() < MAX_STORED_POSTS;
    for (image, native, published) in posts {
        relisting.after = relisting.after.max(image);
        if relisting.suspects.len() >= MAX_SUSPECTS || !relisting.relisted.misses(&native, published) {
            continue;
        }
        let post = PostKey { network: relisting.account.network, native };
        // Of several images, the first has it noted.
        if !turn.state.forgotten.names_post(&post) && turn.state.suspects.note(&post) {
            relisting.suspects.push(post);
        }
    }
    if !is_last && relisting.suspects.len() < MAX_SUSPECTS {
        return compare(turn, relisting);
    }
    for suspects in relisting.suspects.chunks(CHECKED_AT_A_TIME) {
        let posts = suspects.iter().chain(relisting.relisted.witness()).cloned().collect();
        turn.enqueue(Owner::Retries, Work::CheckPosts { posts }, Priority::Maintenance, 1);
    }
}

/// Suspected posts were looked for.
pub fn on_suspects_checked(turn: &mut Turn, states: &[(PostKey, PostState)]) {
    for (post, _) in states.iter().filter(|(_, state)| *state == PostState::Unknown) {
        turn.state.suspects.forget(post);
    }
    on_checked(turn, states);
}

/// They could not be looked for: the next listing suspects them again.
pub fn on_suspects_unchecked(turn: &mut Turn, posts: &[PostKey]) {
    for post in posts {
        turn.state.suspects.forget(post);
    }
}
