//! Whom work is for: those who share what is scarce. Pure.

use crate::proto::front::Client;

/// One of those between whom workers, turns and room for posts are shared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// The program itself: maintenance, webhooks, and scans that it goes on with after a restart.
    House,
    /// The console, and addresses that the configuration exempts from limits: together one.
    Exempt,
    /// An address, or an IPv6 network.
    Address(String),
    /// The holder of an API key, by its name.
    Key(String),
}

impl Party {
    pub fn of(client: &Client) -> Party {
        match client {
            Client::Exempt => Party::Exempt,
            Client::Limited { key } => Party::Address(key.clone()),
            Client::Key { name, .. } => Party::Key(name.clone()),
        }
    }
}
