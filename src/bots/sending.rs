//! How an answer is sent although the service does not take it at once. What may have arrived already is the
//! caller's to know: it says of each failure whether there is another try.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::patience::pause;

/// So long the searches for a message are waited for, all together, and the service to take the answer. The
/// searches go on without us, and who asks again is told what they found.
pub const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// For what is on its way when the bot is told to stop.
pub const LAST_WORDS: Duration = Duration::from_secs(5);
/// A search may have taken all the time there was; its answer is given this much more.
const AT_LEAST: Duration = Duration::from_secs(60);
/// How often something is tried where the service does not say when.
const MAX_TRIES: u32 = 4;
const FIRST: Duration = Duration::from_secs(1);
/// Whatever the service says: it may say zero.
const SHORTEST: Duration = Duration::from_millis(100);

/// Whether something is sent again after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// The service says when.
    After(Duration),
    /// After a pause that grows.
    Later,
    /// At once: it is sent in another way.
    Now,
    Never,
}

/// The time that the answer to one message has.
#[derive(Clone)]
pub struct Sending {
    asked: Instant,
    stopping: watch::Receiver<bool>,
}

impl Sending {
    /// For a message that has just come.
    pub fn new(stopping: watch::Receiver<bool>) -> Sending {
        Sending { asked: Instant::now(), stopping }
    }

    /// Tries while `again` says so and there is time.
    ///
    /// # Errors
    /// That of the last try.
    pub async fn persist<T, E>(
        &self,
        again: impl Fn(&E) -> Again,
        mut attempt: impl AsyncFnMut() -> Result<T, E>,
    ) -> Result<T, E> {
        let until = (self.asked + LONGEST_WAIT).max(Instant::now() + AT_LEAST);
        let mut stopping = self.stopping.clone();
        let (mut tries, mut longer) = (1, FIRST);
        loop {
            let error = match attempt().await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            let wait = match again(&error) {
                Again::Never => return Err(error),
                // It knows when it will take it: that is no try in vain.
                Again::After(told) => told.max(SHORTEST),
                Again::Later | Again::Now if tries == MAX_TRIES => return Err(error),
                Again::Later => {
                    tries += 1;
                    let wait = longer;
                    longer *= 2;
                    wait
                }
                Again::Now => {
                    tries += 1;
                    Duration::ZERO
                }
            };
            let now = Instant::now();
            let Some(at) = now.checked_add(wait).filter(|at| *at <= until) else { return Err(error) };
            if pause(wait, &mut stopping).await {
                // Told to stop, there is time for a last try only where it is due soon.
                if at.saturating_duration_since(Instant::now()) > LAST_WORDS {
                    return Err(error);
                }
                tokio::time::sleep_until(at).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn sending() -> (watch::Sender<bool>, Sending) {
        let (stop, stopping) = watch::channel(false);
        (stop, Sending::new(stopping))
    }

    /// How many tries there are where the first so many fail with what is to be done about it.
    async fn tries(failures: u32, again: Again) -> (u32, Result<(), Again>) {
        let (_stop, sending) = sending();
        let count = Cell::new(0);
        let attempt = async || {
            count.set(count.get() + 1);
            if count.get() > failures { Ok(()) } else { Err(again) }
        };
        let outcome = sending.persist(|again| *again, attempt).await;
        (count.get(), outcome)
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_service_is_waited_for_as_long_as_it_says() {
        let soon = Again::After(Duration::from_millis(1));
        assert_eq!(tries(MAX_TRIES + 2, soon).await, (MAX_TRIES + 3, Ok(())), "each wait is its own word");
        for never in [Duration::from_secs(601), Duration::MAX] {
            assert_eq!(tries(9, Again::After(never)).await, (1, Err(Again::After(never))));
        }
        assert_eq!(tries(9, Again::Never).await, (1, Err(Again::Never)));
        assert_eq!(tries(9, Again::Now).await, (MAX_TRIES, Err(Again::Now)));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_long_pause_ends_when_the_bot_is_told_to_stop() {
        let (stop, sending) = sending();
        let attempt = async || {
            stop.send(true).unwrap();
            Err::<(), _>(Again::After(Duration::from_secs(300)))
        };
        let outcome = tokio::time::timeout(LAST_WORDS, sending.persist(|again| *again, attempt)).await;
        assert!(matches!(outcome, Ok(Err(Again::After(_)))), "{outcome:?}");
    }
}
