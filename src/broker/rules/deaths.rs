//! What becomes of work whose worker died: it goes to another, and what kills its workers is found out. Pure; part of
//! `State`.
//!
//! Nobody knows which of its items took a process along, so each of them is suspected. A batch of posts is taken apart.
//! An item that was there at two deaths has one more chance, and **shares no process with another such**: so what was only
//! near when a process died twice does not die with its neighbor a third time.

use std::time::Duration;

use crate::base::ids::ContainerId;
use crate::base::roles::Stage;
use crate::broker::books::items::{Item, ItemId, MAX_DEATHS, stage_of};
use crate::broker::state::{Effect, Now, State};
use crate::domain::failure::FailureCode;
use crate::proto::work::Work;

/// An item on its last chance rests for so long when another such is in the process that could take it.
pub(in crate::broker) const REST: Duration = Duration::from_millis(500);

impl Item {
    /// One more death, and it is given up.
    fn is_on_its_last_chance(&self) -> bool {
        self.deaths + 1 >= MAX_DEATHS
    }
}

impl State {
    /// Whether a worker of this process may have the item now.
    pub(in crate::broker) fn may_share(&self, item: &Item, container: ContainerId) -> bool {
        let is_there = || {
            self.leases()
                .iter()
                .any(|(_, lease)| lease.worker.container == container && lease.item.is_on_its_last_chance())
        };
        !item.is_on_its_last_chance() || !is_there()
    }

    /// The worker died or fell silent: the item goes to another, unless it has taken too many along.
    pub(in crate::broker) fn item_survived_its_worker(
        &mut self,
        mut item: Item,
        why: &str,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        item.deaths += 1;
        if item.deaths >= MAX_DEATHS {
            let why = format!("{MAX_DEATHS} workers were lost over it, the last because {why}");
            self.fail_item(item, FailureCode::ProcessingError, why, now, effects);
        } else if self.split_batch(&item) {
            // Its posts go on one by one, so that only the one that kills is given up.
        } else {
            let stage = stage_of(&item.work);
            self.queues.entry(stage).or_default().push(item);
        }
    }

    /// Puts the posts of a batch back one by one. False if there is nothing to split.
    pub(in crate::broker) fn split_batch(&mut self, item: &Item) -> bool {
        let Work::IndexPosts { scan, step, account, posts } = &item.work else { return false };
        if posts.len() < 2 {
            return false;
        }
        for post in posts {
            let id = ItemId(self.next_number());
            let work = Work::IndexPosts {
                scan: *scan,
                step: *step,
                account: account.clone(),
                posts: vec![post.clone()],
            };
            let single = Item { id, work, ..item.clone() };
            self.queues.entry(Stage::Indexing).or_default().push(single);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;
    use crate::base::clock::Monotonic;
    use crate::base::ids::{AskId, Networks};
    use crate::base::roles::Role;
    use crate::broker::state::{Event, Policy};
    use crate::proto::front::{Client, FrontQuestion};
    use crate::proto::stage::{BrokerToStage, StageToBroker};
    use crate::proto::view::QueryStatus;
    use crate::proto::work::LeaseOutcome;
    use crate::storekeeper::orders::{FromStorekeeper, ToStorekeeper};

    const FRONT: ContainerId = ContainerId(9);
    const WORKERS: u16 = 4;

    /// A broker and one process of link finders, which dies at once when one of them gets the poison.
    struct World {
        state: State,
        now: u64,
        process: u32,
        deaths: u32,
    }

    impl World {
        fn new() -> World {
            let state = State::new(Policy::plain(), Now { mono: Monotonic(0), wall: Timestamp(0) });
            World { state, now: 0, process: 100, deaths: 0 }
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
                    Effect::ToStore(ToStorekeeper::Journal { ticket, .. }) => {
                        self.handle(Event::FromStore(FromStorekeeper::Journaled { ticket }));
                    }
                    Effect::ToStage { message: BrokerToStage::Lease { work, .. }, .. } => {
                        dies |= matches!(&work, Work::FindLinks { url, .. } if url.ends_with("poison"));
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

        fn ask(&mut self, ask: u64, page: &str) {
            let url = format!("https://a.example/{page}");
            let question = FrontQuestion::Query {
                url,
                client: Client::Exempt,
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
            while let Some(lease) = { world.state.leases().iter().map(|(id, _)| id).next() } {
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
                .filter(|query| query.status == QueryStatus::End)
                .map(|query| query.subject.clone())
                .collect();
            assert_eq!(ended, ["https://a.example/poison"], "place {place}");
        }
    }
}
