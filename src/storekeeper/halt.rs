//! Waiting for better times, ended by a stop.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Shared by all parts of the storekeeper. Once raised, no part waits any longer.
#[derive(Clone, Default)]
pub struct Halt {
    raised: Arc<(Mutex<bool>, Condvar)>,
}

impl Halt {
    pub fn raise(&self) {
        let (raised, changed) = &*self.raised;
        *raised.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
    }

    pub fn is_raised(&self) -> bool {
        self.pause(Duration::ZERO)
    }

    /// Waits this long, or until the halt is raised; true if it is.
    pub fn pause(&self, length: Duration) -> bool {
        let (raised, changed) = &*self.raised;
        let guard = raised.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = changed.wait_timeout_while(guard, length, |raised| !*raised);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Pauses between attempts: short at first, then longer, never over half a minute.
pub struct Patience {
    next: Duration,
}

impl Patience {
    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(30);

    pub fn new() -> Patience {
        Patience { next: Patience::FIRST }
    }

    /// How long to wait before the next attempt.
    pub fn next_pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(Patience::LONGEST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_raised_halt_ends_every_pause() {
        let halt = Halt::default();
        assert!(!halt.pause(Duration::ZERO));
        let start = Instant::now();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| halt.clone().pause(Duration::from_secs(600)));
            halt.raise();
            assert!(waiting.join().unwrap());
        });
        assert!(halt.pause(Duration::from_secs(600)));
        assert!(start.elapsed() < Duration::from_secs(60));
    }

    #[test]
    fn pauses_grow_to_a_limit() {
        let mut patience = Patience::new();
        let pauses: Vec<u128> = (0..12).map(|_| patience.next_pause().as_millis()).collect();
        assert_eq!(pauses[..3], [100, 200, 400]);
        assert_eq!(pauses[11], 30_000);
    }
}
