//! The network is lost: work waits for it, and nothing fails because of it. Containers notice a loss themselves and
//! hold their requests; the broker leaves them their leases, starts no maintenance, and says so. Pure; part of `State`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::clock::Monotonic;
use crate::base::ids::{ContainerId, QueryId};
use crate::broker::books::items::Item;
use crate::broker::state::{Effect, Now, State};
use crate::proto::view::{ProblemView, QueryStatus};

/// Maintenance that was due looks again after this.
pub(in crate::broker) const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Which containers have lost it.
#[derive(Debug, Default)]
pub struct NetworkState {
    lost: BTreeMap<ContainerId, (Monotonic, String)>,
    /// When the last of them had it back.
    back: Option<Monotonic>,
}

impl NetworkState {
    pub fn is_lost(&self) -> bool {
        !self.lost.is_empty()
    }

    pub fn is_lost_for(&self, container: ContainerId) -> bool {
        self.lost.contains_key(&container)
    }

    pub fn containers(&self) -> impl Iterator<Item = ContainerId> {
        self.lost.keys().copied()
    }

    /// How long this item has been worked on in vain, the time without a network left out.
    pub fn age_of(&self, item: &Item, now: Monotonic) -> Duration {
        now.since(self.back.map_or(item.arrived, |back| back.max(item.arrived)))
    }

    pub fn problem(&self, now: Monotonic) -> Option<ProblemView> {
        let (since, why) = self.lost.values().min_by_key(|(since, _)| *since)?;
        let since_ms = u64::try_from(now.since(*since).as_millis()).unwrap_or(u64::MAX);
        let what = format!("the network is lost; work waits until it is back: {why}");
        Some(ProblemView { what, since_ms, blocking: false })
    }

    fn set(&mut self, container: ContainerId, lost: Option<String>, now: Monotonic) {
        match lost {
            Some(why) => {
                self.lost.entry(container).or_insert((now, why));
            }
            None => {
                if self.lost.remove(&container).is_some() && self.lost.is_empty() {
                    self.back = Some(now);
                }
            }
        }
    }
}

impl State {
    /// A container lost the network, or has it back, or is gone itself.
    pub(in crate::broker) fn network_changed(
        &mut self,
        container: ContainerId,
        lost: Option<String>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let before = self.network.is_lost();
        if self.network.is_lost_for(container) {
            self.renew_all(container, now);
        }
        self.network.set(container, lost, now.mono);
        if self.network.is_lost() == before {
            return;
        }
        let live = self.queries.iter().filter(|(_, query)| query.status != QueryStatus::End);
        let live: Vec<QueryId> = live.map(|(id, _)| *id).collect();
        for query in live {
            self.query_changed(query, now, effects);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;
    use crate::base::ids::{AskId, Networks};
    use crate::base::roles::{Role, Stage};
    use crate::broker::state::{Event, Policy};
    use crate::proto::front::{BrokerToFront, Client, FrontAnswer, FrontQuestion};
    use crate::proto::stage::{BrokerToStage, StageToBroker};
    use crate::proto::view::QueryView;
    use crate::proto::work::{LeaseOutcome, MaintenanceTask};
    use crate::storekeeper::orders::{FromStorekeeper, ToStorekeeper};

    const FINDER: ContainerId = ContainerId(5);
    const FRONT: ContainerId = ContainerId(9);

    struct Broker {
        state: State,
        now: u64,
        maintained: usize,
    }

    impl Broker {
        fn new() -> Broker {
            let policy = Policy {
                maintenance: vec![(MaintenanceTask::RetryPosts, Duration::from_secs(600))],
                ..Policy::plain()
            };
            let now = Now { mono: Monotonic(0), wall: Timestamp(0) };
            let mut broker = Broker { state: State::new(policy, now), now: 0, maintained: 0 };
            let workers = vec![vec![Stage::LinkFinder], vec![Stage::Maintenance]];
            broker.tell(StageToBroker::Hello { role: Role::LinkFinder, pid: 1, workers });
            broker.tell(StageToBroker::Ready { worker: 0 });
            broker.tell(StageToBroker::Ready { worker: 1 });
            broker
        }

        fn handle(&mut self, event: Event) -> Vec<Effect> {
            let mut effects = Vec::new();
            let now = Now { mono: Monotonic(self.now), wall: Timestamp(0) };
            self.state.handle(event, now, &mut effects);
            effects
        }

        fn tell(&mut self, message: StageToBroker) -> Vec<Effect> {
            self.handle(Event::FromStage(FINDER, message))
        }

        fn pass(&mut self, time: Duration) {
            let end = self.now + u64::try_from(time.as_millis()).unwrap();
            while self.now < end {
                self.now = (self.now + 1000).min(end);
                let effects = self.handle(Event::Tick);
                let leased = |effect: &&Effect| {
                    matches!(effect, Effect::ToStage { message: BrokerToStage::Lease { worker: 1, .. }, .. })
                };
                self.maintained += effects.iter().filter(leased).count();
            }
        }

        /// Begins a query and gives the lease of its first work.
        fn query(&mut self) -> crate::base::ids::LeaseId {
            let question = FrontQuestion::Query {
                url: "https://a.example/1".into(),
                client: Client::Exempt,
                webhook: None,
                networks: Networks::default(),
            };
            let asked = Event::FrontAsked { front: FRONT, ask: AskId(1), question, blob: None };
            let effects = self.handle(asked);
            for effect in &effects {
                if let Effect::ToStore(ToStorekeeper::Journal { ticket, .. }) = effect {
                    self.handle(Event::FromStore(FromStorekeeper::Journaled { ticket: *ticket }));
                }
            }
            lease_in(&effects).unwrap()
        }

        fn view(&mut self) -> QueryView {
            let id = *self.state.queries.keys().next().unwrap();
            let now = Now { mono: Monotonic(self.now), wall: Timestamp(0) };
            self.state.query_view(id, now).unwrap()
        }
    }

    fn lease_in(effects: &[Effect]) -> Option<crate::base::ids::LeaseId> {
        effects.iter().find_map(|effect| match effect {
            Effect::ToStage { message: BrokerToStage::Lease { worker: 0, lease, .. }, .. } => Some(*lease),
            _ => None,
        })
    }

    #[test]
    fn work_keeps_its_lease_and_its_patience_while_the_network_is_lost() {
        let mut broker = Broker::new();
        let lease = broker.query();
        broker.pass(Duration::from_secs(5));
        broker.tell(StageToBroker::Network { lost: Some("nothing answers".into()) });
        assert!(broker.view().waits_for_network);
        // Hours without a word of the worker: it waits.
        broker.pass(Duration::from_secs(5 * 3600));
        assert_eq!(broker.maintained, 0, "maintenance waits too");
        let asked =
            Event::FrontAsked { front: FRONT, ask: AskId(2), question: FrontQuestion::Health, blob: None };
        let told = broker.handle(asked).into_iter().find_map(|effect| match effect {
            Effect::ToFront {
                message: BrokerToFront::Answer { answer: FrontAnswer::Health(problems), .. },
                ..
            } => Some(problems),
            _ => None,
        });
        let told = told.unwrap();
        assert!(told.iter().any(|one| one.what.contains("nothing answers") && !one.blocking), "{told:?}");
        let asked =
            Event::FrontAsked { front: FRONT, ask: AskId(3), question: FrontQuestion::Threads, blob: None };
        let doing = broker.handle(asked).into_iter().find_map(|effect| match effect {
            Effect::ToFront {
                message: BrokerToFront::Answer { answer: FrontAnswer::Threads(threads), .. },
                ..
            } => threads.into_iter().find_map(|thread| thread.doing),
            _ => None,
        });
        assert!(doing.as_deref().unwrap().starts_with("waits for the network"), "{doing:?}");

        broker.tell(StageToBroker::Network { lost: None });
        assert!(!broker.view().waits_for_network);
        // What was held up is not given up at its first failure.
        let outcome = LeaseOutcome::Retry { after_ms: 1000, why: "w".into() };
        broker.tell(StageToBroker::Report { lease, outcome, elapsed_micros: 1 });
        assert_eq!(broker.view().error, None);
        broker.pass(Duration::from_secs(120));
        assert!(broker.maintained > 0);
        // Patience counts from there.
        for _ in 0..100 {
            let mut effects = broker.tell(StageToBroker::Ready { worker: 0 });
            broker.now += 5000;
            effects.extend(broker.handle(Event::Tick));
            if let Some(lease) = lease_in(&effects) {
                let outcome = LeaseOutcome::Retry { after_ms: 1000, why: "w".into() };
                broker.tell(StageToBroker::Report { lease, outcome, elapsed_micros: 1 });
            }
        }
        assert_eq!(broker.view().status, QueryStatus::End);
    }

    #[test]
    fn a_container_that_ends_takes_its_loss_along() {
        let mut broker = Broker::new();
        broker.query();
        broker.tell(StageToBroker::Network { lost: Some("w".into()) });
        broker.handle(Event::StageLost(FINDER));
        assert!(!broker.view().waits_for_network);
    }
}
