//! How many requests each client has in progress. Pure.

use std::collections::HashMap;

use crate::proto::front::Client;

#[derive(Debug, Default)]
pub struct Limits {
    in_progress: HashMap<String, u32>,
}

impl Limits {
    /// Counts one more request of this client, unless it has `max` in progress.
    pub fn admit(&mut self, client: &Client, max: u32) -> bool {
        let Client::Limited { key } = client else {
            return true;
        };
        let count = self.in_progress.get(key).copied().unwrap_or(0);
        if count >= max {
            return false;
        }
        self.in_progress.insert(key.clone(), count + 1);
        true
    }

    /// One of its requests ended.
    pub fn release(&mut self, client: &Client) {
        let Client::Limited { key } = client else {
            return;
        };
        match self.in_progress.get_mut(key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                self.in_progress.remove(key);
            }
        }
    }
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
}
