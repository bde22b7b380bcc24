//! Requests that were answered, as this process counts them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Bounds of the histogram of durations, in microseconds.
pub const BOUNDS_MICROS: [u64; 7] = [100, 500, 1_000, 5_000, 25_000, 100_000, 1_000_000];

#[derive(Default)]
pub struct Traffic {
    /// By endpoint and status.
    answered: Mutex<Answered>,
    /// Time from the headers to the beginning of the answer, by the bounds above; the last is the rest.
    took: [AtomicU64; BOUNDS_MICROS.len() + 1],
    took_micros: AtomicU64,
}

/// How many answers each endpoint gave, by status.
pub type Answered = BTreeMap<String, BTreeMap<u16, u64>>;

/// The durations of all answers so far.
pub struct Durations {
    /// How many took at most as long as the bound of the same place; the last counts all.
    pub at_most: Vec<u64>,
    pub sum_micros: u64,
}

impl Traffic {
    /// Counts an answer. `endpoint` is one of ours or `other`, so the table stays small.
    pub fn count(&self, endpoint: &str, status: u16, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let place = BOUNDS_MICROS.iter().position(|bound| micros <= *bound).unwrap_or(BOUNDS_MICROS.len());
        if let Some(bucket) = self.took.get(place) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.took_micros.fetch_add(micros, Ordering::Relaxed);
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        if !answered.contains_key(endpoint) {
            answered.insert(endpoint.to_owned(), BTreeMap::new());
        }
        if let Some(by_status) = answered.get_mut(endpoint) {
            *by_status.entry(status).or_default() += 1;
        }
    }

    pub fn answered(&self) -> Answered {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn durations(&self) -> Durations {
        let mut sum = 0;
        let at_most = self.took.iter().map(|bucket| {
            sum += bucket.load(Ordering::Relaxed);
            sum
        });
        Durations { at_most: at_most.collect(), sum_micros: self.took_micros.load(Ordering::Relaxed) }
    }
}
