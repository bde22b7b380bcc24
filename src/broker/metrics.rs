//! How long steps take: counts and percentiles in bounded memory. Pure.

use std::collections::BTreeMap;

use crate::proto::view::MetricView;

/// Buckets per doubling: a percentile is off by at most 1/8 (12.5 %).
const BUCKETS_PER_DOUBLING: usize = 8;
const BUCKETS: usize = 64 * BUCKETS_PER_DOUBLING;
/// Steps are named by the program (every site has one for each outcome); a container gone mad cannot fill the
/// memory with names. Each takes 2 KiB.
const MAX_STEPS: usize = 1024;

#[derive(Debug)]
struct Histogram {
    count: u64,
    sum_micros: u64,
    buckets: Vec<u32>,
}

/// One histogram per named step.
#[derive(Debug, Default)]
pub struct Metrics {
    steps: BTreeMap<String, Histogram>,
}

impl Metrics {
    pub fn record(&mut self, step: &str, micros: u64) {
        if !self.steps.contains_key(step) {
            if self.steps.len() >= MAX_STEPS {
                return;
            }
            let empty = Histogram { count: 0, sum_micros: 0, buckets: vec![0; BUCKETS] };
            self.steps.insert(step.to_owned(), empty);
        }
        if let Some(histogram) = self.steps.get_mut(step) {
            histogram.count += 1;
            histogram.sum_micros = histogram.sum_micros.saturating_add(micros);
            if let Some(bucket) = histogram.buckets.get_mut(bucket_of(micros)) {
                *bucket = bucket.saturating_add(1);
            }
        }
    }

    pub fn views(&self) -> Vec<MetricView> {
        self.steps
            .iter()
            .map(|(step, histogram)| MetricView {
                step: step.clone(),
                count: histogram.count,
                mean_micros: histogram.sum_micros / histogram.count.max(1),
                p50_micros: histogram.percentile(50),
                p95_micros: histogram.percentile(95),
                p99_micros: histogram.percentile(99),
            })
            .collect()
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
        let view = metrics.views().pop().unwrap();
        assert_eq!((view.count, view.mean_micros), (1000, 500));
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
        assert!(metrics.views().len() <= MAX_STEPS);
    }
}
