//! The index that compares one by one: small sets, and the oracle for every faster one.

use std::collections::HashSet;

use super::collect::Collector;
use super::hamming::{Answer, Entry, HammingIndex};
use super::scan::scan;
use crate::base::Fingerprint;
use crate::base::ids::{AccountNo, FormId};

/// Codes side by side in memory, in the order of insertion. 20 bytes per image.
#[derive(Clone, Debug, Default)]
pub struct FlatIndex {
    codes: Vec<u64>,
    images: Vec<FormId>,
    accounts: Vec<AccountNo>,
}

impl FlatIndex {
    pub fn new() -> FlatIndex {
        FlatIndex::default()
    }

    /// Adds images. Each image is added once.
    pub fn extend(&mut self, entries: &[Entry]) {
        self.codes.extend(entries.iter().map(|entry| entry.fingerprint.0));
        self.images.extend(entries.iter().map(|entry| entry.image));
        self.accounts.extend(entries.iter().map(|entry| entry.account));
    }

    fn search(&self, query: u64, radius: u32, limit: usize, wanted: impl Fn(usize) -> bool) -> Answer {
        let mut collector = Collector::new(radius, limit);
        scan(&self.codes, query, &mut collector, |collector, index, distance| {
            if wanted(index) {
                collector.offer(self.images[index], distance);
            }
        });
        collector.finish()
    }
}

impl HammingIndex for FlatIndex {
    fn within(&self, query: Fingerprint, radius: u32, limit: usize) -> Answer {
        self.search(query.0, radius, limit, |_| true)
    }

    /// Looks at every image whoever owns it: this index knows no order by account.
    fn within_accounts(
        &self,
        query: Fingerprint,
        accounts: &[AccountNo],
        radius: u32,
        limit: usize,
    ) -> Answer {
        let accounts: HashSet<AccountNo> = accounts.iter().copied().collect();
        self.search(query.0, radius, limit, |index| accounts.contains(&self.accounts[index]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fulfills_the_contract() {
        super::super::contract::check(|entries| {
            let mut index = FlatIndex::new();
            index.extend(entries);
            index
        });
    }
}
