//! Accounts whose turn it is to be scanned again, as maintenance finds them.

use crate::broker::books::items::Owner;
use crate::broker::rules::{admission, scans};
use crate::broker::turn::Turn;
use crate::domain::accounts::{Account, AccountRef, AccountState, Resolution, ResolutionOutcome};
use crate::domain::scans::{Priority, Reach};
use crate::proto::work::Work;

/// Scans accounts again, under the handles that they have now: they may have been renamed, or were
/// imported without a handle.
pub fn start(turn: &mut Turn, mut accounts: Vec<(Account, AccountState)>, priority: Priority) {
    // What is being removed is still in the database.
    accounts.retain(|(account, _)| !turn.state.forgotten.names_account(&account.key));
    let networks = accounts.iter().map(|(account, _)| account.key.network);
    if admission::look_up_refused(turn.state, networks, turn.now).is_some() {
        // The scans keep their place until there is money for them.
        for (account, state) in accounts {
            scans::start(turn, account, state, Reach::Whole, priority, None);
        }
        return;
    }
    let refs = accounts.iter().map(|(account, _)| AccountRef::Id(account.key.clone())).collect();
    let number = turn.state.next_number();
    turn.state.updates.insert(number, (priority, accounts));
    turn.enqueue(Owner::Updates(number), Work::Resolve { refs }, priority, 0);
}

/// Accounts that are gone, or show nothing, are left alone until their next turn.
pub fn on_resolved(turn: &mut Turn, number: u64, resolutions: &[Resolution]) {
    let Some((priority, accounts)) = turn.state.updates.remove(&number) else {
        return turn.contradiction("accounts were looked up for an update that is not known");
    };
    for (account, state) in accounts {
        let found = resolutions.iter().find_map(|resolution| match &resolution.outcome {
            ResolutionOutcome::Readable(found) if found.key == account.key => Some(found.clone()),
            _ => None,
        });
        if let Some(found) = found.filter(|found| turn.state.why_left_out(found).is_none()) {
            scans::start(turn, found, state, Reach::Whole, priority, None);
        }
    }
}
