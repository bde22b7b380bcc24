//! What every implementation of [`HammingIndex`] must do, told as comparisons with the oracle.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use super::flat::FlatIndex;
use super::hamming::{Entry, HammingIndex};
use crate::base::Fingerprint;
use crate::base::ids::{AccountNo, FormId};

/// Builds an index of many small sets of entries and compares its answers with the oracle's.
pub fn check<I: HammingIndex>(build: impl Fn(&[Entry]) -> I) {
    check_empty(&build(&[]));
    let config = Config { cases: 48, rng_seed: RngSeed::Fixed(20261121), ..Config::default() };
    TestRunner::new(config)
        .run(&(entries(0..400), searches()), |(entries, searches)| {
            let index = build(&entries);
            let mut oracle = FlatIndex::new();
            oracle.extend(&entries);
            for search in &searches {
                search.compare(&index, &oracle, &entries);
            }
            Ok(())
        })
        .unwrap();
}

fn check_empty(index: &impl HammingIndex) {
    let query = Fingerprint(0);
    for (radius, limit) in [(0, 0), (6, 10), (64, usize::MAX)] {
        assert_eq!(index.within(query, radius, limit), Default::default());
        assert_eq!(index.within_accounts(query, &[AccountNo(0)], radius, limit), Default::default());
    }
}

/// One question, put relative to what is in the index so that it finds something.
#[derive(Clone, Debug)]
pub struct Search {
    near: prop::sample::Index,
    flips: Vec<u32>,
    radius: u32,
    limit: usize,
    accounts: Vec<u32>,
}

impl Search {
    /// Asks both indexes, over everything and over the accounts.
    #[track_caller]
    pub fn compare(&self, index: &impl HammingIndex, oracle: &impl HammingIndex, entries: &[Entry]) {
        let center = if entries.is_empty() { 0 } else { self.near.get(entries).fingerprint.0 };
        let query = Fingerprint(self.flips.iter().fold(center, |code, bit| code ^ 1 << bit));
        let accounts: Vec<AccountNo> = self.accounts.iter().copied().map(AccountNo).collect();
        assert_eq!(
            index.within(query, self.radius, self.limit),
            oracle.within(query, self.radius, self.limit),
            "{self:?}"
        );
        assert_eq!(
            index.within_accounts(query, &accounts, self.radius, self.limit),
            oracle.within_accounts(query, &accounts, self.radius, self.limit),
            "{self:?}"
        );
    }
}

pub fn searches() -> impl Strategy<Value = Vec<Search>> {
    let limit = prop_oneof![Just(usize::MAX), Just(0), 1_usize..20, 100_usize..300];
    let search = (
        any::<prop::sample::Index>(),
        prop::collection::vec(0_u32..64, 0..8),
        prop_oneof![8 => 0_u32..=12, 1 => 13_u32..=64],
        limit,
        prop::collection::vec(0_u32..8, 0..4),
    );
    let search = search.prop_map(|(near, flips, radius, limit, accounts)| Search {
        near,
        flips,
        radius,
        limit,
        accounts,
    });
    prop::collection::vec(search, 1..12)
}

/// Entries with ascending image ids, a few accounts, and codes of one of these kinds: uniform,
/// clustered round few centers, all equal, or equal in half of their bits.
pub fn entries(number: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Entry>> {
    let codes = (0_u32..4, any::<[u64; 4]>(), prop::collection::vec(any::<u64>(), number));
    let codes = codes.prop_map(|(kind, centers, mut codes)| {
        for code in &mut codes {
            let center = centers[(*code % 4) as usize];
            // Five random bits, of which some may coincide.
            let near = (0..5).fold(center, |near, i| near ^ 1 << (*code >> (8 * i + 3) & 63));
            *code = match kind {
                0 => *code,
                1 => near,
                2 => centers[0],
                _ => centers[0] & 0xffff_ffff_0000_0000 | *code & 0xffff_ffff,
            };
        }
        codes
    });
    (codes, any::<u64>()).prop_map(|(codes, seed)| {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut image = random.u64(0..1000);
        codes
            .into_iter()
            .map(|code| {
                // Mostly close together, sometimes farther apart than 32 bits tell.
                image += if random.u32(0..200) == 0 { random.u64(0..1 << 33) } else { random.u64(1..5) };
                image += 1;
                Entry {
                    image: FormId(image),
                    account: AccountNo(random.u32(0..7)),
                    fingerprint: Fingerprint(code),
                }
            })
            .collect()
    })
}
