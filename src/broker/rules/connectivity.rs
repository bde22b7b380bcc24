//! The network is lost: work waits for it, and nothing fails because of it. Containers notice a loss
//! themselves and hold their requests; the broker leaves them their leases, starts no maintenance, and says
//! so.

use crate::base::ids::ContainerId;
use crate::broker::rules::following;
use crate::broker::turn::Turn;

/// A container lost the network, or has it back, or is gone itself.
pub fn on_change(turn: &mut Turn, container: ContainerId, lost: Option<String>) {
    let before = turn.state.connectivity.is_lost();
    if turn.state.connectivity.is_lost_for(container) {
        turn.renew_all(container);
    }
    turn.state.connectivity.set(container, lost, turn.now.mono);
    if turn.state.connectivity.is_lost() != before {
        following::notify_all(turn);
    }
}
