//! When a container that died is started again, and when it is given up. Pure: the clock comes in.

use std::collections::VecDeque;
use std::time::Duration;

use crate::base::clock::Monotonic;

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
    failures: VecDeque<Monotonic>,
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
    /// Records that the container failed now after it `lived` so long, and decides.
    pub fn failed(&mut self, now: Monotonic, lived: Duration, policy: &RestartPolicy) -> Decision {
        self.failures.push_back(now);
        while self.failures.front().is_some_and(|first| now.since(*first) > policy.window) {
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
            pauses.push(match history.failed(now, lived, &policy) {
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
                match history.failed(now, lived, &policy) {
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
