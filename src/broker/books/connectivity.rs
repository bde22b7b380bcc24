//! Which containers have lost the network, and since when. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::base::clock::Monotonic;
use crate::base::ids::ContainerId;
use crate::broker::books::items::Item;
use crate::proto::view::ProblemView;

#[derive(Debug, Default)]
pub struct Connectivity {
    lost: BTreeMap<ContainerId, (Monotonic, String)>,
    /// When the last of them had it back.
    back: Option<Monotonic>,
}

impl Connectivity {
    pub fn is_lost(&self) -> bool {
        !self.lost.is_empty()
    }

    pub fn is_lost_for(&self, container: ContainerId) -> bool {
        self.lost.contains_key(&container)
    }

    /// The containers without a network.
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

    /// Notes that a container has lost the network, for this reason, or has it.
    pub fn set(&mut self, container: ContainerId, lost: Option<String>, now: Monotonic) {
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
