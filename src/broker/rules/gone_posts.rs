//! Posts that their network says are gone: they are removed, if that is wanted. Nothing keeps them from coming back,
//! since networks say the same of accounts that are closed for a while.

use crate::base::ids::PostKey;
use crate::broker::turn::Turn;
use crate::broker::vocabulary::Pending;
use crate::domain::posts::PostState;
use crate::storekeeper::orders::ToStorekeeper;

/// Posts whose removal is ordered at once.
const REMOVED_AT_A_TIME: usize = 200;

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
