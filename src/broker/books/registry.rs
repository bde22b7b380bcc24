//! Which containers and workers there are, and which wait for work. Pure.

use std::collections::{BTreeMap, VecDeque};

use crate::base::clock::Monotonic;
use crate::base::ids::{ContainerId, LeaseId, WorkerId};
use crate::base::roles::{Role, Stage};

#[derive(Debug)]
pub struct Container {
    pub role: Role,
    pub pid: u32,
    pub workers: Vec<Worker>,
}

impl Container {
    /// A container whose worker `i` takes work of `stages[i]`; none of them is ready yet.
    pub fn new(role: Role, pid: u32, stages: Vec<Vec<Stage>>, now: Monotonic) -> Container {
        let away = |stages| Worker { stages, state: WorkerState::Away, since: now };
        Container { role, pid, workers: stages.into_iter().map(away).collect() }
    }
}

#[derive(Debug)]
pub struct Worker {
    /// The kinds of work it takes.
    pub stages: Vec<Stage>,
    pub state: WorkerState,
    pub since: Monotonic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerState {
    /// Has not said that it is ready, or lost its lease and has not reported yet.
    Away,
    /// Its work was cancelled, and it has not reported yet.
    Leaving,
    Ready,
    Leased(LeaseId),
}

#[derive(Debug, Default)]
pub struct Registry {
    containers: BTreeMap<ContainerId, Container>,
    /// Ready workers, the longest-waiting first.
    ready: VecDeque<WorkerId>,
    /// Processes of each role that were seen, and the last one's number.
    starts: BTreeMap<Role, (u64, u32)>,
}

impl Registry {
    pub fn join(&mut self, id: ContainerId, container: Container) {
        self.leave(id);
        self.note_start(container.role, container.pid);
        self.containers.insert(id, container);
    }

    /// A process of this role has reported; the same one again is no news.
    pub fn note_start(&mut self, role: Role, pid: u32) {
        let (count, last) = self.starts.entry(role).or_insert((0, pid));
        if *count == 0 || *last != pid {
            (*count, *last) = (*count + 1, pid);
        }
    }

    /// How many processes of each role have reported so far.
    pub fn starts(&self) -> impl Iterator<Item = (Role, u64)> {
        self.starts.iter().map(|(role, (count, _))| (*role, *count))
    }

    /// Workers that take work of this stage.
    pub fn workers_of(&self, stage: Stage) -> usize {
        let workers = self.containers.values().flat_map(|container| &container.workers);
        workers.filter(|worker| worker.stages.contains(&stage)).count()
    }

    /// Those of them that wait for work.
    pub fn ready_for(&self, stage: Stage) -> usize {
        let ready = self.ready.iter().filter_map(|id| self.worker(*id));
        ready.filter(|worker| worker.stages.contains(&stage)).count()
    }

    pub fn leave(&mut self, id: ContainerId) {
        self.containers.remove(&id);
        self.ready.retain(|worker| worker.container != id);
    }

    /// The container's role and process number.
    pub fn identity(&self, id: ContainerId) -> Option<(Role, u32)> {
        self.containers.get(&id).map(|container| (container.role, container.pid))
    }

    /// The worker waits for work; unknown workers are ignored.
    pub fn set_ready(&mut self, id: WorkerId, now: Monotonic) {
        if let Some(worker) = self.worker_mut(id)
            && worker.state != WorkerState::Ready
        {
            worker.state = WorkerState::Ready;
            worker.since = now;
            self.ready.push_back(id);
        }
    }

    /// The longest-waiting ready worker that takes work of this stage; it is no longer ready.
    pub fn take_ready(&mut self, stage: Stage) -> Option<WorkerId> {
        let index = self
            .ready
            .iter()
            .position(|id| self.worker(*id).is_some_and(|worker| worker.stages.contains(&stage)))?;
        self.ready.remove(index)
    }

    /// It was taken for nothing, and is the next again.
    pub fn give_back(&mut self, id: WorkerId) {
        self.ready.push_front(id);
    }

    pub fn set_leased(&mut self, id: WorkerId, lease: LeaseId, now: Monotonic) {
        if let Some(worker) = self.worker_mut(id) {
            worker.state = WorkerState::Leased(lease);
            worker.since = now;
        }
    }

    /// The worker's lease ran out; it is heard of again when it reports.
    pub fn set_away(&mut self, id: WorkerId, now: Monotonic) {
        if let Some(worker) = self.worker_mut(id) {
            worker.state = WorkerState::Away;
            worker.since = now;
        }
    }

    /// The worker's item was cancelled; it is heard of again when it has left it.
    pub fn set_leaving(&mut self, id: WorkerId, now: Monotonic) {
        if let Some(worker) = self.worker_mut(id) {
            worker.state = WorkerState::Leaving;
            worker.since = now;
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (ContainerId, &Container)> {
        self.containers.iter().map(|(id, container)| (*id, container))
    }

    fn worker(&self, id: WorkerId) -> Option<&Worker> {
        self.containers.get(&id.container)?.workers.get(usize::from(id.index))
    }

    fn worker_mut(&mut self, id: WorkerId) -> Option<&mut Worker> {
        self.containers.get_mut(&id.container)?.workers.get_mut(usize::from(id.index))
    }
}
