//! Watches as JSON: what `/watches` is sent and answers. Pure.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::base::ids::Network;
use crate::domain::addresses::account_url;
use crate::domain::watches::{Watch, WatchId, WatchedAccount};
use crate::proto::front::WatchView;

/// What somebody wants to hear of: `POST /watches`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WatchRequest {
    /// An account (a name of X, name.example of Bluesky, user@server, or the address of its page), or the address
    /// of an artwork's page: the accounts of its artist, on all networks. 256 characters at most.
    pub subject: String,
    /// The configured webhook that is told of each new post.
    #[serde(default)]
    pub webhook: Option<String>,
}

/// A watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct WatchAnswer {
    /// Names it and its feed; whoever knows it can read the feed, without a key.
    pub id: String,
    /// As it was asked for.
    pub subject: String,
    /// Who asked: the name of the API key, or `console`.
    pub by: String,
    /// Posts that were published before are no news.
    #[schema(format = DateTime)]
    pub began: String,
    /// The webhook that is told.
    pub webhook: Option<String>,
    /// The path of the Atom feed.
    pub feed: String,
    /// The path of the stream of events.
    pub events: String,
    /// The artist's accounts; empty until they are known.
    pub accounts: Vec<WatchedAccountAnswer>,
    /// The accounts are not known yet: they are being looked up.
    pub looking_up: bool,
    /// Why no account was found, or nothing is heard, for people.
    pub problem: Option<String>,
}

/// An account of a watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct WatchedAccountAnswer {
    pub network: Network,
    pub id: String,
    /// Its name when it was last looked up; empty where it was never told.
    pub handle: String,
    pub url: String,
    /// Why nothing is heard of it any more, as the end of a sentence that begins with the account.
    pub unreadable: Option<String>,
}

/// What `POST /watches` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BegunWatch {
    #[serde(flatten)]
    pub watch: WatchAnswer,
    /// It was not there before.
    pub new: bool,
}

/// The list of `GET /watches`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct WatchesList {
    /// In the order of their ids.
    pub watches: Vec<WatchAnswer>,
    /// For `after=`: those that follow. `null` after the last.
    pub next: Option<String>,
}

impl From<&WatchView> for WatchAnswer {
    fn from(view: &WatchView) -> WatchAnswer {
        WatchAnswer {
            looking_up: view.is_looked_up,
            problem: view.problem.clone(),
            ..WatchAnswer::of(&view.watch)
        }
    }
}

impl WatchAnswer {
    /// A watch of which nothing else is told.
    pub fn of(watch: &Watch) -> WatchAnswer {
        WatchAnswer {
            id: watch.id.to_string(),
            subject: watch.subject.clone(),
            by: watch.who.clone(),
            began: watch.began.to_rfc3339(),
            webhook: watch.webhook.clone(),
            feed: feed_path(watch.id),
            events: format!("/feeds/{}/events", watch.id),
            accounts: watch.accounts.iter().map(WatchedAccountAnswer::from).collect(),
            looking_up: false,
            problem: None,
        }
    }
}

/// Where a watch's feed is, below the server's address.
pub fn feed_path(id: WatchId) -> String {
    format!("/feeds/{id}.atom")
}

impl From<&WatchedAccount> for WatchedAccountAnswer {
    fn from(account: &WatchedAccount) -> WatchedAccountAnswer {
        WatchedAccountAnswer {
            network: account.key.network,
            id: account.key.native.clone(),
            handle: account.handle.clone(),
            url: account_url(&account.key, &account.handle),
            unreadable: account.unreadable.clone(),
        }
    }
}

impl WatchesList {
    pub fn of(watches: &[WatchView], more: bool) -> WatchesList {
        let last = watches.last().filter(|_| more);
        WatchesList {
            watches: watches.iter().map(WatchAnswer::from).collect(),
            next: last.map(|view| view.watch.id.to_string()),
        }
    }
}
