//! How long steps take: counts and percentiles in bounded memory. Pure.

use std::collections::BTreeMap;

use crate::proto::view::{METRIC_BOUNDS_MICROS, MetricView};

/// Buckets per doubling: a percentile is off by at most 1/8 (12.5 %).
const BUCKETS_PER_DOUBLING: usize = 8;
const BUCKETS: usize = 64 * BUCKETS_PER_DOUBLING;
/// Steps are named by the program (every site has one for each outcome); a container gone mad cannot fill the
/// memory with names. Each takes 2 KiB.
const MAX_STEPS: usize = 1024;
/// Bytes of a step's name, so that a page of them fits one message.
const MAX_NAME_BYTES: usize = 100;
/// Steps in one answer: with its name and numbers a step takes 300 bytes at most.
const PAGE: usize = 150;

#[derive(Debug)]
struct Histogram {
    count: u64,
    sum_micros: u64,
    buckets: Vec<u32>,
    /// Those that took at most as long as the bound of the same place, and longer than the one before.
    up_to: [u64; METRIC_BOUNDS_MICROS.len()],
}

/// One histogram per named step.
#[derive(Debug, Default)]
pub struct Metrics {
    steps: BTreeMap<String, Histogram>,
}

impl Metrics {
    pub fn record(&mut self, step: &str, micros: u64) {
        if !self.steps.contains_key(step) {
            if self.steps.len() >= MAX_STEPS || step.len() > MAX_NAME_BYTES {
                return;
            }
            let empty = Histogram {
                count: 0,
                sum_micros: 0,
                buckets: vec![0; BUCKETS],
                up_to: [0; METRIC_BOUNDS_MICROS.len()],
            };
            self.steps.insert(step.to_owned(), empty);
        }
        if let Some(histogram) = self.steps.get_mut(step) {
            histogram.count += 1;
            histogram.sum_micros = histogram.sum_micros.saturating_add(micros);
            if let Some(bucket) = histogram.buckets.get_mut(bucket_of(micros)) {
                *bucket = bucket.saturating_add(1);
            }
            let bounded = METRIC_BOUNDS_MICROS.iter().position(|bound| micros <= *bound);
            if let Some(bucket) = bounded.and_then(|place| histogram.up_to.get_mut(place)) {
                *bucket += 1;
            }
        }
    }

    /// How long this step takes on average, if it was ever measured.
    pub fn mean_micros(&self, step: &str) -> Option<u64> {
        self.steps.get(step)?.sum_micros.checked_div(self.steps.get(step)?.count)
    }

    /// A page of the steps, by name, from the `skip`-th on; and whether there are more.
    pub fn page(&self, skip: usize) -> (Vec<MetricView>, bool) {
        let more = self.steps.len() > skip.saturating_add(PAGE);
        let views = self
            .steps
            .iter()
            .skip(skip)
            .take(PAGE)
            .map(|(step, histogram)| MetricView {
                step: step.clone(),
                count: histogram.count,
                mean_micros: histogram.sum_micros / histogram.count.max(1),
                p50_micros: histogram.percentile(50),
                p95_micros: histogram.percentile(95),
                p99_micros: histogram.percentile(99),
                sum_micros: histogram.sum_micros,
                at_most: histogram
                    .up_to
                    .iter()
                    .scan(0, |sum, count| {
                        *sum += count;
                        Some(*sum)
                    })
                    .collect(),
            })
            .collect();
        (views, more)
    }
}

impl Histogram {
    /// Upper bound of the bucket in which the percentile lies, microseconds.
    fn percentile(&self, percent: u64) -> u64 {
        let rank = (self.count * percent).div_ceil(100);
        let mut seen = 0;
        for (index, bucket) in self.buckets.iter().enumerate() {
            seen += u64::from(*bucket);
            if seen >= rank && seen > 0 {
                return bound_of(index);
            }
        }
        0
    }
}

fn bucket_of(micros: u64) -> usize {
    let value = (micros.max(1)) as f64;
    ((value.log2() * BUCKETS_PER_DOUBLING as f64) as usize).min(BUCKETS - 1)
}

fn bound_of(bucket: usize) -> u64 {
    2f64.powf((bucket + 1) as f64 / BUCKETS_PER_DOUBLING as f64).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_close_from_above() {
        let mut metrics = Metrics::default();
        for micros in 1..=1000 {
            metrics.record("step", micros);
        }
        let view = metrics.page(0).0.pop().unwrap();
        assert_eq!((view.count, view.mean_micros), (1000, 500));
        assert_eq!((view.sum_micros, metrics.mean_micros("step")), (500_500, Some(500)));
        assert_eq!(metrics.mean_micros("other"), None);
        assert_eq!(view.at_most, [100, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000]);
        for (value, exact) in [(view.p50_micros, 500), (view.p95_micros, 950), (view.p99_micros, 990)] {
            assert!(value >= exact && value <= exact + exact / 8 + 1, "{value} for {exact}");
        }
    }

    #[test]
    fn extremes_and_floods_are_harmless() {
        let mut metrics = Metrics::default();
        metrics.record("a", 0);
        metrics.record("a", u64::MAX);
        for number in 0..MAX_STEPS + 100 {
            metrics.record(&number.to_string(), 1);
        }
        metrics.record(&"n".repeat(MAX_NAME_BYTES + 1), 1);
        let mut seen = Vec::new();
        loop {
            let (page, more) = metrics.page(seen.len());
            assert!(postcard::to_stdvec(&page).unwrap().len() < crate::proto::MAX_MESSAGE_BYTES);
            seen.extend(page);
            if !more {
                break;
            }
        }
        assert_eq!(seen.len(), MAX_STEPS);
    }
}
