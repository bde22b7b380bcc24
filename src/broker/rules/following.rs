//! Fronts that listen to queries: they are sent a query's state at once, at each change, and at its end.

use crate::base::ids::{ContainerId, QueryId};
use crate::broker::rules::views::query_view;
use crate::broker::state::State;
use crate::broker::turn::Turn;
use crate::broker::vocabulary::Effect;
use crate::proto::front::BrokerToFront;
use crate::proto::view::QueryStatus;

pub fn on_follow(turn: &mut Turn, front: ContainerId, id: QueryId) {
    // A query that was forgotten meanwhile has nothing to show.
    let Some(view) = query_view(turn.state, id, turn.now) else { return };
    if view.status != QueryStatus::End {
        turn.state.followers.entry(id).or_default().insert(front);
    }
    turn.effects.push(Effect::ToFront { to: front, message: BrokerToFront::Changed { view } });
}

pub fn on_unfollow(state: &mut State, front: ContainerId, id: QueryId) {
    if let Some(listeners) = state.followers.get_mut(&id) {
        listeners.remove(&front);
        if listeners.is_empty() {
            state.followers.remove(&id);
        }
    }
}

pub fn on_front_lost(state: &mut State, front: ContainerId) {
    state.followers.retain(|_, listeners| {
        listeners.remove(&front);
        !listeners.is_empty()
    });
}

/// A query changed: its listeners are shown how.
pub fn notify(turn: &mut Turn, id: QueryId) {
    let Some(query) = turn.state.queries.get_mut(&id) else {
        return turn.contradiction("a query changed that is not known");
    };
    query.head.version += 1;
    // Mostly nobody listens.
    let Some(listeners) = turn.state.followers.get(&id) else { return };
    if let Some(view) = query_view(turn.state, id, turn.now) {
        for front in listeners {
            let message = BrokerToFront::Changed { view: view.clone() };
            turn.effects.push(Effect::ToFront { to: *front, message });
        }
    }
}

/// What every query shows has changed.
pub fn notify_all(turn: &mut Turn) {
    let live = turn.state.queries.iter().filter(|(_, query)| query.is_live());
    let live: Vec<QueryId> = live.map(|(id, _)| *id).collect();
    for query in live {
        notify(turn, query);
    }
}
