//! Whose turn it is: spreads periodic work over accounts evenly, without remembering anything.
//!
//! Each account has a fixed *turn* from 0 to 65535, and the round of all turns takes one period. So
//! accounts that were all listed at the same moment (an import, a long stop) come up for their
//! update spread over a period, and stay spread.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::base::Timestamp;
use crate::base::ids::AccountKey;

/// Turns in a round.
const ROUND: i128 = 1 << 16;

/// A turn that passed stays open for this part of the round, for whoever asks seldom, or had its
/// last update a little after its turn.
const OPEN_PART: i128 = 32;

/// The turn of an account, the same in every database.
pub fn turn_of(key: &AccountKey) -> u16 {
    let sum = crc32fast::hash(key.to_string().as_bytes());
    u16::try_from(sum & 0xffff).expect("sixteen bits fit")
}

/// The turns that are open at `now` in a round of `period`: one range, or two where it wraps.
pub fn open_turns(now: Timestamp, period: Duration) -> Vec<RangeInclusive<u16>> {
    let period = i128::try_from(period.as_millis()).unwrap_or(i128::MAX).clamp(1, i128::from(i64::MAX));
    let current = i128::from(now.0).rem_euclid(period) * ROUND / period;
    let first = current - ROUND / OPEN_PART + 1;
    let turn = |number: i128| u16::try_from(number.rem_euclid(ROUND)).expect("a turn is below 65536");
    if first >= 0 {
        vec![turn(first)..=turn(current)]
    } else {
        vec![turn(first)..=u16::MAX, 0..=turn(current)]
    }
}

/// How long one turn stays open.
pub fn open_for(period: Duration) -> Duration {
    period / u32::try_from(OPEN_PART).expect("a small number")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::ids::Network;

    const PERIOD: Duration = Duration::from_secs(30 * 86_400);

    fn is_open(turn: u16, now: Timestamp) -> bool {
        open_turns(now, PERIOD).iter().any(|range| range.contains(&turn))
    }

    #[test]
    fn accounts_are_spread_evenly() {
        let mut per_slot = [0_u32; 16];
        for number in 0..16_000 {
            let turn = turn_of(&AccountKey::new(Network::Twitter, (number * 7919).to_string()));
            per_slot[usize::from(turn >> 12)] += 1;
        }
        assert!(per_slot.iter().all(|count| (850..1150).contains(count)), "{per_slot:?}");
    }

    proptest! {
        /// Whoever asks at least once per open time meets every turn once per round.
        #[test]
        fn every_turn_comes_once_a_round(turn: u16, start in 0_i64..4_000_000_000_000) {
            let step = open_for(PERIOD) / 4;
            let asked: Vec<bool> =
                (0..32 * 4).map(|n| is_open(turn, Timestamp(start).plus(step * n))).collect();
            let open = asked.iter().filter(|open| **open).count();
            prop_assert!((3..=5).contains(&open), "open {} times", open);
        }
    }
}
