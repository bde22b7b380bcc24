//! One host's turns: who may ask it, and when. Requests of work that somebody waits for pass before those of
//! work in the background, which take what is left of the host's pace.

use std::cell::{Cell, RefCell};

use tokio::sync::{Mutex, Notify, Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::error::FetchError;
use super::pace::{Limits, Pace};
use super::retry::LONGEST_WAIT;
use crate::base::Timestamp;

/// The request in the background that is next waits no longer than so many requests take: it gets one turn in
/// eleven of a host that others ask without a pause.
const PATIENCE: u32 = 10;

thread_local! {
    static IN_BACKGROUND: Cell<bool> = const { Cell::new(false) };
}

/// Runs work that nobody waits for: what this thread requests meanwhile gives way to the requests of others
/// to the same host.
pub fn in_background<T>(work: impl FnOnce() -> T) -> T {
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            IN_BACKGROUND.set(self.0);
        }
    }
    let _before = Before(IN_BACKGROUND.replace(true));
    work()
}

/// True within [`in_background`].
pub(super) fn is_in_background() -> bool {
    IN_BACKGROUND.get()
}

/// One host as it was asked for (not its upstream).
pub struct Host {
    name: String,
    places: Semaphore,
    /// Places that requests in the background leave free.
    spare: usize,
    pace: RefCell<Pace>,
    paused_until: Cell<Option<Instant>>,
    /// Requests that wait for a place or for their turn, without those in the background.
    waiting: Cell<usize>,
    /// Held by the request in the background that is next.
    next_in_background: Mutex<()>,
    /// A place was given back, or fewer requests wait.
    changed: Notify,
}

/// The right to ask the host now; given back when it is dropped.
pub struct Place<'a> {
    _permit: SemaphorePermit<'a>,
    host: &'a Host,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // The task that is woken runs on this thread, so only after the permit has been returned.
        self.host.changed.notify_one();
    }
}

struct Waiting<'a>(&'a Host);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.set(self.0.waiting.get() - 1);
        self.0.changed.notify_one();
    }
}

impl Host {
    pub fn new(name: &str, limits: Limits) -> Host {
        let places = limits.concurrent.min(Semaphore::MAX_PERMITS);
        Host {
            name: name.to_owned(),
            places: Semaphore::new(places),
            spare: usize::from(places > 1),
            pace: RefCell::new(Pace::new(limits.per_second)),
            paused_until: Cell::new(None),
            waiting: Cell::new(0),
            next_in_background: Mutex::new(()),
            changed: Notify::new(),
        }
    }

    /// Waits until the host may be asked.
    ///
    /// # Errors
    /// `Paused` at once when it wants no requests for longer than is waited.
    pub async fn enter(&self, in_background: bool) -> Result<Place<'_>, FetchError> {
        if in_background && let Some(place) = self.enter_when_quiet().await? {
            return Ok(place);
        }
        self.waiting.set(self.waiting.get() + 1);
        let _waiting = Waiting(self);
        let place = self.place(self.places.acquire().await.expect("the semaphore is never closed"));
        self.wait_out_pause().await?;
        let now = Instant::now();
        let turn = self.pace.borrow_mut().reserve(now);
        // Sleeping until now takes a millisecond, the timer's tick.
        if turn > now {
            sleep_until(turn).await;
        }
        Ok(place)
    }

    /// Waits until nobody else does and the host has rested; `None` where that takes too long.
    async fn enter_when_quiet(&self) -> Result<Option<Place<'_>>, FetchError> {
        let _next = self.next_in_background.lock().await;
        self.wait_out_pause().await?;
        let until = Instant::now() + self.pace.borrow().interval() * PATIENCE;
        loop {
            self.wait_out_pause().await?;
            let now = Instant::now();
            if now >= until {
                return Ok(None);
            }
            let is_quiet = self.waiting.get() == 0 && self.places.available_permits() > self.spare;
            // A user's next request then finds the whole burst that the pace allows.
            let rested_at = self.pace.borrow().rested_at().filter(|moment| *moment > now);
            match (is_quiet, rested_at) {
                (true, None) => {
                    if let Ok(permit) = self.places.try_acquire() {
                        self.pace.borrow_mut().reserve(now);
                        return Ok(Some(self.place(permit)));
                    }
                }
                (true, Some(rested_at)) => sleep_until(rested_at.min(until)).await,
                (false, _) => {
                    let _ = timeout_at(until, self.changed.notified()).await;
                }
            }
        }
    }

    fn place<'a>(&'a self, permit: SemaphorePermit<'a>) -> Place<'a> {
        Place { _permit: permit, host: self }
    }

    async fn wait_out_pause(&self) -> Result<(), FetchError> {
        loop {
            let now = Instant::now();
            match self.paused_until.get().map(|until| until.saturating_duration_since(now)) {
                Some(left) if left > LONGEST_WAIT => {
                    return Err(FetchError::Paused {
                        host: self.name.clone(),
                        until: Timestamp::now().plus(left),
                    });
                }
                Some(left) if !left.is_zero() => tokio::time::sleep(left).await,
                _ => return Ok(()),
            }
        }
    }

    /// Nobody asks the host again before `pause` has passed; a longer pause stays.
    pub fn pause(&self, pause: std::time::Duration) {
        let until = Instant::now() + pause;
        self.paused_until.set(Some(self.paused_until.get().map_or(until, |earlier| earlier.max(until))));
    }

    /// True when forgetting this host changes nothing.
    pub fn is_at_rest(&self, now: Instant) -> bool {
        self.pace.borrow().rested_at().is_none_or(|moment| moment <= now)
            && self.paused_until.get().is_none_or(|until| until <= now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::future::join_all;

    use super::*;

    const LIMITS: Limits = Limits { concurrent: 8, per_second: 200.0 };
    const INTERVAL: Duration = Duration::from_millis(5);

    fn run(test: impl Future<Output = ()>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(test);
    }

    /// Asks the host so many times at once, and counts those that were let in.
    async fn ask(host: &Host, in_background: bool, requests: usize, entered: &Cell<u32>) {
        let one = || async {
            let place = host.enter(in_background).await.ok().unwrap();
            entered.set(entered.get() + 1);
            tokio::time::sleep(INTERVAL).await;
            drop(place);
        };
        join_all((0..requests).map(|_| one())).await;
    }

    #[test]
    fn work_in_the_background_keeps_the_pace_without_a_burst() {
        run(async {
            let (host, entered, begun) = (Host::new("a.example", LIMITS), Cell::new(0), Instant::now());
            ask(&host, true, 20, &entered).await;
            assert!(begun.elapsed() >= INTERVAL * 19, "{:?}", begun.elapsed());
            assert_eq!(entered.get(), 20);
        });
    }

    #[test]
    fn the_background_gives_way_to_who_is_waited_for() {
        for concurrent in [1, 2, 8] {
            run(async {
                let host = Host::new("a.example", Limits { concurrent, ..LIMITS });
                let (behind, before) = (Cell::new(0), Cell::new(0));
                let users = async {
                    while behind.get() < 3 {
                        tokio::task::yield_now().await;
                    }
                    let (begun, already) = (Instant::now(), behind.get());
                    ask(&host, false, 40, &before).await;
                    (behind.get() - already, begun.elapsed())
                };
                let (overtook, took) = tokio::select! {
                    biased;
                    done = users => done,
                    () = ask(&host, true, 1000, &behind) => panic!("a thousand requests before forty"),
                };
                // Those whose patience ended; one that had just waited for its turn; one at the end.
                let allowed = 2 + took.as_millis() / (INTERVAL * PATIENCE).as_millis();
                assert!(u128::from(overtook) <= allowed, "{overtook} of {allowed} in {took:?}");
            });
        }
    }

    #[test]
    fn the_background_goes_on_while_others_never_stop() {
        run(async {
            let host = Host::new("a.example", LIMITS);
            let (behind, before) = (Cell::new(0), Cell::new(0));
            let users = async {
                loop {
                    ask(&host, false, 16, &before).await;
                }
            };
            tokio::select! {
                () = ask(&host, true, 5, &behind) => {}
                () = users => {}
            }
            assert_eq!(behind.get(), 5);
        });
    }

    #[test]
    fn a_panic_leaves_no_thread_in_the_background() {
        assert!(!is_in_background());
        let panicked = std::panic::catch_unwind(|| in_background(|| panic!("{}", is_in_background())));
        assert_eq!(panicked.unwrap_err().downcast_ref::<String>().map(String::as_str), Some("true"));
        assert!(!is_in_background());
    }
}
