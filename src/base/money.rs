//! Amounts of money: what reads from a network cost.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Millionths of a US dollar. Whole numbers, so that sums are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MicroUsd(pub u64);

impl MicroUsd {
    /// From dollars and their fractions; what is negative or no number is nothing.
    pub fn from_usd(usd: f64) -> MicroUsd {
        MicroUsd((usd * 1e6).round() as u64)
    }

    pub fn usd(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// So many things at this price each, saturating.
    pub fn times(self, count: u64) -> MicroUsd {
        MicroUsd(self.0.saturating_mul(count))
    }

    /// Saturating.
    pub fn plus(self, other: MicroUsd) -> MicroUsd {
        MicroUsd(self.0.saturating_add(other.0))
    }

    /// What is left; nothing where `other` is more.
    pub fn minus(self, other: MicroUsd) -> MicroUsd {
        MicroUsd(self.0.saturating_sub(other.0))
    }
}

/// `$12.35`, and `$0.005` where cents would show nothing.
impl fmt::Display for MicroUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1..10_000 => write!(f, "${:.3}", self.usd()),
            _ => write!(f, "${:.2}", self.usd()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_and_readable() {
        let read = MicroUsd::from_usd(0.005);
        assert_eq!(read.times(3200), MicroUsd(16_000_000));
        assert_eq!(read.times(3200).to_string(), "$16.00");
        assert_eq!(read.to_string(), "$0.005");
        assert_eq!(MicroUsd(0).to_string(), "$0.00");
        assert_eq!(MicroUsd(1).minus(MicroUsd(2)), MicroUsd(0));
        assert_eq!(MicroUsd::from_usd(-1.0), MicroUsd(0));
    }
}
