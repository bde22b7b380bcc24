//! Work waits for a network that is lost.

use std::time::Duration;

use crate::base::Timestamp;
use crate::base::clock::Monotonic;
use crate::base::ids::ContainerId;
use crate::base::ids::{AskId, Networks};
use crate::base::roles::{Role, Stage};
use crate::broker::rules::views::query_view;
use crate::broker::state::State;
use crate::broker::vocabulary::{Effect, Event, Now, Policy};
use crate::proto::front::{BrokerToFront, Client, FrontAnswer, FrontQuestion};
use crate::proto::stage::{BrokerToStage, StageToBroker};
use crate::proto::view::{QueryStatus, QueryView};
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
            whole: false,
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
        query_view(&self.state, id, now).unwrap()
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
