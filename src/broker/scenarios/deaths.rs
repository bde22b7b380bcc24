//! Only the work that kills its workers is given up.

use crate::base::Timestamp;
use crate::base::clock::Monotonic;
use crate::base::ids::ContainerId;
use crate::base::ids::{AskId, Networks};
use crate::base::roles::Role;
use crate::base::roles::Stage;
use crate::broker::books::items::MAX_DEATHS;
use crate::broker::books::query::{Outcome, Phase, Query};
use crate::broker::state::State;
use crate::broker::vocabulary::{Effect, Event, Now, Policy};
use crate::domain::failure::FailureCode;
use crate::domain::images::IndexProgress;
use crate::proto::front::{Client, FrontQuestion};
use crate::proto::stage::{BrokerToStage, StageToBroker};
use crate::proto::work::LeaseOutcome;
use crate::proto::work::Work;
use crate::storekeeper::orders::{AcceptedRequest, FromStorekeeper, JournalEntry, ToStorekeeper};

const FRONT: ContainerId = ContainerId(9);
const WORKERS: u16 = 4;

/// A broker and one process of link finders, which dies at once when one of them gets the poison.
struct World {
    state: State,
    now: u64,
    process: u32,
    deaths: u32,
    /// Then the poison is none any more.
    most_deaths: u32,
    journal: Vec<JournalEntry>,
    /// Pages that were given to workers.
    leased: Vec<String>,
}

impl World {
    fn new() -> World {
        let state = State::new(Policy::plain(), Now { mono: Monotonic(0), wall: Timestamp(0) });
        World {
            state,
            now: 0,
            process: 100,
            deaths: 0,
            most_deaths: u32::MAX,
            journal: Vec::new(),
            leased: Vec::new(),
        }
    }

    fn container(&self) -> ContainerId {
        ContainerId(self.process)
    }

    fn handle(&mut self, event: Event) {
        let mut effects = Vec::new();
        let now = Now { mono: Monotonic(self.now), wall: Timestamp(0) };
        self.state.handle(event, now, &mut effects);
        let mut dies = false;
        for effect in effects {
            match effect {
                Effect::ToStore(ToStorekeeper::Journal { ticket, entry }) => {
                    self.journal.push(entry);
                    self.handle(Event::FromStore(FromStorekeeper::Journaled { ticket }));
                }
                Effect::ToStage { message: BrokerToStage::Lease { work, .. }, .. } => {
                    let Work::FindLinks { url, .. } = work else { continue };
                    dies |= url.ends_with("poison") && self.deaths < self.most_deaths;
                    self.leased.push(url);
                }
                _ => {}
            }
        }
        if dies {
            self.deaths += 1;
            self.handle(Event::StageLost(self.container()));
            self.process += 1;
            self.start();
        }
    }

    fn start(&mut self) {
        let workers = vec![vec![Stage::LinkFinder]; usize::from(WORKERS)];
        let hello = StageToBroker::Hello { role: Role::LinkFinder, pid: 1, workers };
        self.handle(Event::FromStage(self.container(), hello));
        let process = self.process;
        for worker in 0..WORKERS {
            // Those of a process that died meanwhile are silent.
            if process == self.process {
                self.handle(Event::FromStage(self.container(), StageToBroker::Ready { worker }));
            }
        }
    }

    fn pass(&mut self, ticks: u32) {
        for _ in 0..ticks {
            self.now += 100;
            self.handle(Event::Tick);
        }
    }

    /// How each query has failed, that has.
    fn failures(&self) -> Vec<(String, FailureCode, String)> {
        let failure = |query: &Query| match &query.phase {
            Phase::Ended(Outcome::Failed { code, why, .. }) => {
                Some((query.head.subject.clone(), *code, why.clone()))
            }
            _ => None,
        };
        self.state.queries.values().filter_map(failure).collect()
    }

    fn ask(&mut self, ask: u64, page: &str) {
        let url = format!("https://a.example/{page}");
        let question = FrontQuestion::Query {
            url,
            client: Client::Exempt,
            whole: false,
            webhook: None,
            networks: Networks::default(),
        };
        self.handle(Event::FrontAsked { front: FRONT, ask: AskId(ask), question, blob: None });
    }
}

/// Wherever the poison stands among work that takes long.
#[test]
fn what_is_near_the_poison_survives_it() {
    for place in 0..u64::from(WORKERS) {
        let mut world = World::new();
        for ask in 0..u64::from(WORKERS) {
            world.ask(ask, &if ask == place { "poison".to_owned() } else { ask.to_string() });
        }
        world.start();
        world.pass(100);
        // What is worked on leaves the process, and the poison has its last chance at the latest.
        while let Some(lease) = { world.state.leases.iter().map(|(id, _)| id).next() } {
            let outcome = LeaseOutcome::Retry { after_ms: 100_000, why: "w".into() };
            let report = StageToBroker::Report { lease, outcome, elapsed_micros: 1 };
            world.handle(Event::FromStage(world.container(), report));
            world.pass(10);
        }
        assert_eq!(world.deaths, MAX_DEATHS, "place {place}");
        let ended: Vec<_> = world
            .state
            .queries
            .values()
            .filter(|query| !query.is_live())
            .map(|query| query.head.subject.clone())
            .collect();
        assert_eq!(ended, ["https://a.example/poison"], "place {place}");
    }
}

/// A worker that spins is found out after minutes: a third is not lost to the same work.
#[test]
fn what_two_workers_hang_in_is_given_up() {
    let mut world = World::new();
    world.ask(0, "spins");
    world.start();
    for lease in 1..=2 {
        assert_eq!((world.leased.len(), world.failures().len()), (lease, 0));
        world.now += 200_000;
        world.handle(Event::Tick);
    }
    assert_eq!(world.leased.len(), 2);
    let [(url, code, why)] = &world.failures()[..] else { panic!("{:?}", world.failures()) };
    assert_eq!((url.as_str(), *code), ("https://a.example/spins", FailureCode::ProcessingError));
    assert!(why.contains("two workers were silent"), "{why}");
}

/// The journal counts the deaths: work that kills does not begin anew with each broker.
#[test]
fn a_restart_forgives_no_death() {
    let mut world = World::new();
    world.most_deaths = 2;
    world.ask(0, "poison");
    world.start();
    world.pass(100);
    assert_eq!((world.deaths, world.failures().len()), (2, 0));
    let written = world.journal.into_iter().filter_map(|entry| match entry {
        JournalEntry::Accepted { request, .. } => Some(request),
        _ => None,
    });
    let written: Vec<_> = written.collect();
    let deaths = |request: &AcceptedRequest| match request {
        AcceptedRequest::Query { deaths, .. } => *deaths,
        other => panic!("{other:?}"),
    };
    assert_eq!(written.iter().map(deaths).collect::<Vec<_>>(), [0, 1, 2]);

    let mut successor = World::new();
    successor.handle(Event::FromStore(FromStorekeeper::Opened {
        counts: Default::default(),
        unfinished: written.into_iter().next_back().into_iter().collect(),
        ledger: Default::default(),
        index: IndexProgress::default(),
        marks: Vec::new(),
        removals_left: Vec::new(),
        watches: Vec::new(),
    }));
    successor.start();
    successor.pass(100);
    assert_eq!((successor.deaths, successor.leased.len()), (1, 1));
    assert_eq!(successor.failures()[0].1, FailureCode::ProcessingError);
}
