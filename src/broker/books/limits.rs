//! How many requests each client has in progress, and all together. Pure.

use std::collections::HashMap;

use crate::broker::books::party::Party;
use crate::proto::front::Client;

#[derive(Debug, Default)]
pub struct Limits {
    in_progress: HashMap<Party, u32>,
    total: usize,
}

impl Limits {
    /// Counts one more request of this client, unless it has as many in progress as it may:
    /// `max_per_address`, or what its API key says.
    pub fn admit(&mut self, client: &Client, max_per_address: u32) -> bool {
        if let Some((key, max)) = counted(client) {
            let max = max.unwrap_or(max_per_address);
            let count = self.in_progress.get(&key).copied().unwrap_or(0);
            if count >= max {
                return false;
            }
            self.in_progress.insert(key, count + 1);
        }
        self.total += 1;
        true
    }

    /// Counts one more request that was admitted before a restart, whatever the limits are now.
    pub fn admit_again(&mut self, client: &Client) {
        if let Some((key, _)) = counted(client) {
            *self.in_progress.entry(key).or_default() += 1;
        }
        self.total += 1;
    }

    /// Requests in progress, of all clients.
    pub fn total(&self) -> usize {
        self.total
    }

    /// One of its requests ended.
    pub fn release(&mut self, client: &Client) {
        self.total = self.total.saturating_sub(1);
        let Some((key, _)) = counted(client) else { return };
        match self.in_progress.get_mut(&key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                self.in_progress.remove(&key);
            }
        }
    }
}

/// What a client is counted by, and its own limit if it has one; `None` where it is not limited.
fn counted(client: &Client) -> Option<(Party, Option<u32>)> {
    let max = match client {
        Client::Exempt => return None,
        Client::Limited { .. } => None,
        Client::Key { max_processing_requests, .. } => Some(*max_processing_requests),
    };
    Some((Party::of(client), max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admits_up_to_the_limit_and_forgets() {
        let mut limits = Limits::default();
        let client = Client::Limited { key: "192.0.2.1".into() };
        assert!(limits.admit(&client, 2) && limits.admit(&client, 2));
        assert!(!limits.admit(&client, 2));
        assert!(limits.admit(&Client::Exempt, 0));
        limits.release(&client);
        assert!(limits.admit(&client, 2));
        limits.release(&client);
        limits.release(&client);
        limits.release(&client);
        assert!(limits.in_progress.is_empty());
    }

    #[test]
    fn a_key_has_its_own_limit_and_all_count_in_the_total() {
        let mut limits = Limits::default();
        let key = Client::Key { name: "bot".into(), max_processing_requests: 2 };
        assert!(limits.admit(&key, 1) && limits.admit(&key, 1));
        assert!(!limits.admit(&key, 1));
        assert!(limits.admit(&Client::Exempt, 1));
        limits.admit_again(&key);
        assert_eq!(limits.total(), 4);
        for client in [&key, &key, &key, &Client::Exempt] {
            limits.release(client);
        }
        assert_eq!(limits.total(), 0);
        assert!(limits.in_progress.is_empty());
    }
}
