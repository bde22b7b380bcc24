//! A query: what a user asked, what is known of it so far, and the phase it is in. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::base::MicroUsd;
use crate::base::clock::{Monotonic, Timestamp};
use crate::base::ids::{Networks, PostKey, ScanId};
use crate::base::roles::Stage;
use crate::broker::books::blob::BlobKey;
use crate::broker::books::items::ItemId;
use crate::broker::books::ladder::Ladder;
use crate::broker::books::named_posts::NamedPosts;
use crate::broker::books::preview::Preview;
use crate::broker::books::query_key;
use crate::domain::accounts::{Account, AccountRef, AccountState, Candidate, Elsewhere, NoImage, Resolution};
use crate::domain::failure::FailureCode;
use crate::domain::images::{FoundImage, ImageSource, QueryImage};
use crate::proto::front::Client;
use crate::proto::view::{AccountView, QueryStatus, ResultView};
use crate::storekeeper::orders::{AcceptedRequest, JournalEntry, Ticket};

/// One request of a user.
#[derive(Debug)]
pub struct Query {
    pub head: Head,
    pub facts: Facts,
    pub phase: Phase,
}

/// What was asked and by whom; there from the first moment to the last.
#[derive(Debug)]
pub struct Head {
    /// The URL as asked, or the identifier of a direct search.
    pub subject: String,
    pub public_id: String,
    pub key: String,
    pub kind: Kind,
    pub origin: Origin,
    /// Names of the webhooks that get the final answer, or have got it.
    pub webhooks: BTreeSet<String>,
    /// Its acceptance is on the way to the journal; gone once it is there.
    pub being_written: Option<Ticket>,
    pub started: Monotonic,
    /// Its accounts are to be scanned whole before it is answered.
    pub whole: bool,
    /// Workers that were lost over its work.
    pub deaths: u32,
    pub version: u64,
    /// Statuses it has left, with the milliseconds spent in each.
    steps: Vec<(QueryStatus, u64)>,
    /// When it got its present status.
    entered: Monotonic,
}

#[derive(Debug)]
pub enum Kind {
    Page,
    /// A direct search: for attached bytes or for an image at a URL.
    Image {
        image: QueryImage,
        /// The attached bytes, which are kept until the end.
        upload: Option<BlobKey>,
        turned: bool,
    },
}

/// Who asks, and about which networks: accounts and posts on others are left out.
#[derive(Clone, Debug)]
pub struct Origin {
    pub client: Client,
    pub networks: Networks,
}

/// What was found out so far. Facts outlive the phase that found them, since users are shown them to the end.
#[derive(Debug, Default)]
pub struct Facts {
    /// The artwork's images, its date, and the accounts to which its page leads.
    pub images: Vec<ImageSource>,
    /// Why there is none; the query ends once the accounts are known.
    pub no_image: Option<NoImage>,
    pub published: Option<Timestamp>,
    pub candidates: Vec<Candidate>,
    /// The artist's pages that are not searched.
    pub elsewhere: Vec<Elsewhere>,
    /// The candidates that can be read.
    pub accounts: Vec<Account>,
    /// The scans that were started or joined for it, running or ended.
    pub scans: Vec<ScanId>,
    pub first_time: bool,
    /// What the database knew of the accounts that were scanned whole before.
    pub scanned_before: Vec<AccountState>,
    /// Those that were not, and how far they are looked through.
    pub ladder: Ladder,
    /// Posts that the page itself names.
    pub named: NamedPosts,
    pub preview: Preview,
    /// Why there is no account, where the posts that the page names are looked at all the same.
    pub no_account: Option<(FailureCode, String)>,
    /// Why an account was not scanned further, though the artwork was not found in what is known of it.
    pub held: Option<(FailureCode, String)>,
    /// What was billed for it at most: of a scan that several queries wait for, all of it.
    pub cost: MicroUsd,
}

/// Where a query is. Each phase says what ends it; an error ends any.
#[derive(Debug)]
pub enum Phase {
    /// It was just accepted; the event that accepted it also begins it.
    Accepted,
    /// `link_finder` reads the artwork's page. Ends with the accounts to look up.
    FindingLinks(Pickup),
    /// `listing` looks the accounts up. Ends with the last batch.
    Resolving { batches_left: usize, resolutions: Vec<Resolution> },
    /// The account that a direct search names is looked up.
    ResolvingAccount(ItemId),
    /// The database is asked whether that account is indexed, or one of that name.
    CheckingAccount,
    /// `index_watcher` decides which accounts must be scanned first.
    PlanningScans(Pickup),
    /// Scans are under way, and posts that the page names. Ends when it waits for none of them, and no
    /// further step of the ladder is left.
    Indexing { waiting: BTreeSet<ScanId>, indexed_already: bool },
    /// `reverse_search` looks for the image.
    Searching(Pickup),
    /// `listing` checks that the found posts still exist. Ends with the last batch.
    Checking {
        batches_left: usize,
        gone: BTreeSet<PostKey>,
        found: Vec<FoundImage>,
        similar: Vec<FoundImage>,
        /// Among the posts that the page names, of accounts that nothing else confirms.
        named: Vec<FoundImage>,
    },
    /// It has its answer, and is kept for a while.
    Ended(Outcome),
}

/// Whether a worker has ever taken the one work item of a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pickup {
    Queued(ItemId),
    Taken,
}

#[derive(Debug)]
pub enum Outcome {
    Found {
        results: Vec<ResultView>,
        similar: Vec<ResultView>,
        named: Vec<ResultView>,
    },
    Failed {
        code: FailureCode,
        why: String,
        /// Posts that the page names and that show the artwork, though nothing says whose they are.
        named: Vec<ResultView>,
    },
}

impl Phase {
    pub fn status(&self) -> QueryStatus {
        match self {
            Phase::Accepted | Phase::FindingLinks(Pickup::Queued(_)) => QueryStatus::WaitLinkFinder,
            Phase::FindingLinks(Pickup::Taken) | Phase::Resolving { .. } => QueryStatus::LinkFinder,
            Phase::PlanningScans(Pickup::Queued(_)) => QueryStatus::WaitIndexAccounts,
            Phase::PlanningScans(Pickup::Taken) | Phase::Indexing { .. } => QueryStatus::IndexAccounts,
            Phase::ResolvingAccount(_) | Phase::CheckingAccount | Phase::Searching(Pickup::Queued(_)) => {
                QueryStatus::WaitReverseSearch
            }
            Phase::Searching(Pickup::Taken) | Phase::Checking { .. } => QueryStatus::ReverseSearch,
            Phase::Ended(_) => QueryStatus::End,
        }
    }

    /// The item whose place in its queue is the query's.
    pub fn waiting_item(&self) -> Option<(Stage, ItemId)> {
        match self {
            Phase::FindingLinks(Pickup::Queued(item)) => Some((Stage::LinkFinder, *item)),
            Phase::PlanningScans(Pickup::Queued(item)) => Some((Stage::IndexWatcher, *item)),
            Phase::ResolvingAccount(item) => Some((Stage::Lookup, *item)),
            Phase::Searching(Pickup::Queued(item)) => Some((Stage::ReverseSearch, *item)),
            Phase::Accepted
            | Phase::FindingLinks(Pickup::Taken)
            | Phase::Resolving { .. }
            | Phase::CheckingAccount
            | Phase::PlanningScans(Pickup::Taken)
            | Phase::Indexing { .. }
            | Phase::Searching(Pickup::Taken)
            | Phase::Checking { .. }
            | Phase::Ended(_) => None,
        }
    }
}

impl Query {
    /// `subject` is the URL as asked, or the identifier of a direct search.
    pub fn new(subject: String, key: String, kind: Kind, origin: Origin, now: Monotonic) -> Query {
        let public_id = match kind {
            Kind::Page => query_key::public_id(&key),
            Kind::Image { .. } => subject.clone(),
        };
        let head = Head {
            subject,
            public_id,
            key,
            kind,
            origin,
            webhooks: BTreeSet::new(),
            being_written: None,
            started: now,
            whole: false,
            deaths: 0,
            version: 0,
            steps: Vec::new(),
            entered: now,
        };
        Query { head, facts: Facts::default(), phase: Phase::Accepted }
    }

    pub fn status(&self) -> QueryStatus {
        self.phase.status()
    }

    pub fn is_live(&self) -> bool {
        !matches!(self.phase, Phase::Ended(_))
    }

    pub fn is_cancelled(&self) -> bool {
        matches!(self.phase, Phase::Ended(Outcome::Failed { code: FailureCode::Cancelled, .. }))
    }

    /// Moves on to another phase. Returns the status that this ends, if it does, and how long it lasted.
    pub fn enter(&mut self, phase: Phase, now: Monotonic) -> Option<(QueryStatus, Duration)> {
        let left = self.status();
        self.phase = phase;
        if self.status() == left {
            return None;
        }
        let spent = now.since(self.head.entered);
        self.head.steps.push((left, millis(spent)));
        self.head.entered = now;
        Some((left, spent))
    }

    /// The statuses so far, with the milliseconds spent in each, the present one until now.
    pub fn steps(&self, now: Monotonic) -> Vec<(QueryStatus, u64)> {
        let mut steps = self.head.steps.clone();
        if self.is_live() {
            steps.push((self.status(), millis(now.since(self.head.entered))));
        }
        steps
    }

    /// What the journal keeps of a page's query until it ends.
    pub fn accepted(&self) -> JournalEntry {
        let Head { subject, key, origin, webhooks, whole, deaths, .. } = &self.head;
        let request = AcceptedRequest::Query {
            url: subject.clone(),
            networks: origin.networks.clone(),
            client: origin.client.clone(),
            webhooks: webhooks.iter().cloned().collect(),
            whole: *whole,
            deaths: *deaths,
        };
        JournalEntry::Accepted { key: key.clone(), request }
    }
}

impl Facts {
    pub fn result_view(&self, image: FoundImage) -> ResultView {
        let account = self.accounts.iter().find(|account| account.key == image.account);
        ResultView {
            handle: account
                .map(|account| account.handle.clone())
                .filter(|handle| !handle.is_empty())
                .or(image.handle),
            post: image.post,
            account: image.account,
            position: image.position,
            count: image.count,
            distance: image.distance,
            variant: image.variant,
            class: image.class,
            second_stage: image.second_stage,
            image_name: image.name,
            published: image.published,
        }
    }

    pub fn account_view(&self, account: &Account) -> AccountView {
        let candidate = self.candidates.iter().find(|candidate| match &candidate.account {
            AccountRef::Id(key) => *key == account.key,
            AccountRef::Handle { network, handle } => {
                *network == account.key.network && *handle == account.handle
            }
        });
        AccountView {
            key: account.key.clone(),
            handle: account.handle.clone(),
            evidence: candidate.map(|candidate| candidate.evidence),
            chain: candidate.map(|candidate| candidate.chain.clone()).unwrap_or_default(),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
