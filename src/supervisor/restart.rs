//! When a container that died is started again, and when it is given up. Pure: the clock comes in.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::clock::Monotonic;
use crate::base::ids::ContainerId;

/// The rule, one for all roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartPolicy {
    /// Pause after the first failure of one that had not settled; each further one doubles it.
    pub first_pause: Duration,
    /// No pause is longer.
    pub longest_pause: Duration,
    /// A container that lived this long had settled: it is started again at once.
    pub settled_after: Duration,
    /// This many failures ...
    pub ceiling: usize,
    /// ... within this time: it is given up.
    pub window: Duration,
}

impl Default for RestartPolicy {
    /// A container that fails at once is given up after half a minute. One that dies of three bad work
    /// items, or is killed by hand a few times, is not.
    fn default() -> RestartPolicy {
        RestartPolicy {
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(10),
            settled_after: Duration::from_secs(30),
            ceiling: 10,
            window: Duration::from_secs(120),
        }
    }
}

/// The failures of one container that still count. At most `ceiling` are kept.
#[derive(Clone, Debug, Default)]
pub struct History {
    failures: VecDeque<(Monotonic, ContainerId)>,
    /// Failures in a row without having settled before.
    streak: u32,
}

/// What follows a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Start it again after `pause`; `failures` count in the window.
    Restart { pause: Duration, failures: usize },
    /// It failed `failures` times within the window.
    GiveUp { failures: usize },
}

impl History {
    /// Records that this container failed now after it `lived` so long, and decides.
    pub fn failed(
        &mut self,
        container: ContainerId,
        now: Monotonic,
        lived: Duration,
        policy: &RestartPolicy,
    ) -> Decision {
        self.failures.push_back((now, container));
        while self.failures.front().is_some_and(|(first, _)| now.since(*first) > policy.window) {
            self.failures.pop_front();
        }
        let failures = self.failures.len();
        if failures >= policy.ceiling {
            return Decision::GiveUp { failures };
        }
        self.streak = if lived >= policy.settled_after { 0 } else { self.streak.saturating_add(1) };
        let pause = match self.streak {
            0 => Duration::ZERO,
            streak => policy.first_pause.saturating_mul(2_u32.saturating_pow(streak - 1)),
        };
        let pause = pause.min(policy.longest_pause);
        Decision::Restart { pause, failures }
    }

    /// Failures that count.
    pub fn counted(&self) -> usize {
        self.failures.len()
    }

    /// That failure of this container was its work's: it does not count. False where it is not among those
    /// that do.
    pub fn pardon(&mut self, container: ContainerId) -> bool {
        let before = self.failures.len();
        self.failures.retain(|(_, failed)| *failed != container);
        let is_known = self.failures.len() < before;
        self.streak = self.streak.saturating_sub(u32::from(is_known));
        is_known
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Failures as (seconds since the last decision's pause ended, seconds lived); the pauses in
    /// milliseconds that follow, `None` when it is given up.
    #[track_caller]
    fn check(lives: &[u64], expect: &[Option<u128>]) {
        let policy = RestartPolicy { ceiling: 5, ..RestartPolicy::default() };
        let (mut history, mut now) = (History::default(), Monotonic(0));
        let mut pauses = Vec::new();
        for lived in lives.iter().copied().map(Duration::from_secs) {
            now = now.plus(lived);
            pauses.push(match history.failed(ContainerId(1), now, lived, &policy) {
                Decision::Restart { pause, .. } => {
                    now = now.plus(pause);
                    Some(pause.as_millis())
                }
                Decision::GiveUp { .. } => None,
            });
        }
        assert_eq!(pauses, expect, "{lives:?}");
    }

    #[test]
    fn pauses_double_and_end_in_giving_up() {
        check(&[0, 0, 0, 0, 0], &[Some(100), Some(200), Some(400), Some(800), None]);
    }

    #[test]
    fn a_settled_container_starts_over() {
        check(&[0, 0, 0, 40, 0], &[Some(100), Some(200), Some(400), Some(0), None]);
        check(&[119, 119, 119, 119, 119, 119], &[Some(0); 6]);
    }

    #[test]
    fn failures_of_the_work_do_not_count() {
        let policy = RestartPolicy { ceiling: 3, ..RestartPolicy::default() };
        let mut history = History::default();
        let fail = |history: &mut History, id: u32, pardoned: bool| {
            let now = Monotonic(u64::from(id));
            let decision = history.failed(ContainerId(id), now, Duration::ZERO, &policy);
            assert_eq!(pardoned, pardoned && history.pardon(ContainerId(id)));
            decision
        };
        let pause = |ms| Duration::from_millis(ms);
        for id in 0..20 {
            let decision = fail(&mut history, id, true);
            assert_eq!(decision, Decision::Restart { pause: pause(100), failures: 1 });
        }
        assert_eq!(fail(&mut history, 20, false), Decision::Restart { pause: pause(100), failures: 1 });
        assert_eq!(fail(&mut history, 21, true), Decision::Restart { pause: pause(200), failures: 2 });
        assert_eq!(fail(&mut history, 22, false), Decision::Restart { pause: pause(200), failures: 2 });
        assert_eq!(fail(&mut history, 23, false), Decision::GiveUp { failures: 3 });
        assert!(!history.pardon(ContainerId(99)));
    }

    proptest! {
        #[test]
        fn gives_up_exactly_at_the_ceiling_of_the_window(
            lives in proptest::collection::vec(0_u64..200_000, 1..60),
        ) {
            let policy = RestartPolicy::default();
            let (mut history, mut now, mut times) = (History::default(), Monotonic(0), Vec::new());
            for lived in lives.into_iter().map(Duration::from_millis) {
                now = now.plus(lived);
                times.push(now);
                let counted = times.iter().filter(|time| now.since(**time) <= policy.window).count();
                match history.failed(ContainerId(1), now, lived, &policy) {
                    Decision::GiveUp { failures } => {
                        prop_assert!(counted >= policy.ceiling && failures == counted);
                        break;
                    }
                    Decision::Restart { pause, failures } => {
                        prop_assert!(counted < policy.ceiling && failures == counted);
                        let settled = lived >= policy.settled_after;
                        prop_assert!(pause <= policy.longest_pause);
                        prop_assert_eq!(settled, pause.is_zero());
                        prop_assert!(settled || pause >= policy.first_pause);
                        now = now.plus(pause);
                    }
                }
            }
        }
    }
}
