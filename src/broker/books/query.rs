//! A query: what a user asked, what is known of it so far, and the phase it is in. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::base::MicroUsd;
use crate::base::clock::{Monotonic, Timestamp};
use crate::base::ids::{AccountKey, Networks, PostKey, ScanId};
use crate::base::roles::Stage;
use crate::broker::books::blob::BlobKey;
use crate::broker::books::items::ItemId;
use crate::broker::books::ladder::Ladder;
use crate::broker::books::named_posts::NamedPosts;
use crate::broker::books::preview::Preview;
use crate::broker::books::query_key;
use crate::domain::accounts::{
    Account, AccountRef, AccountState, Candidate, Elsewhere, NoImage, OtherAccount, Resolution, Standing,
};
use crate::domain::failure::FailureCode;
use crate::domain::images::{FoundImage, FoundPage, ImageFacts, ImageSource, QueryImage, SearchScope};
use crate::domain::pages::page_form;
use crate::domain::parts::PartsState;
use crate::domain::verdicts::{Claim, Rulings, Verdict};
use crate::domain::wanted::Wanted;
use crate::proto::front::Client;
use crate::proto::view::{AccountView, QueryStatus, ResultView};
use crate::storekeeper::orders::{AcceptedRequest, JournalEntry, Ticket};

/// What accounts that cannot be read may take of a message: a page may name many, by long ways, and what is
/// found has to fit beside them.
const MAX_OTHERS_BYTES: usize = 12 * 1024;

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
    pub wanted: Wanted,
    /// Workers that were lost over its work.
    pub deaths: u32,
    /// People have said something since that it may not know: whoever asks again begins it anew.
    pub is_outdated: bool,
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
    /// As what each of them was named.
    pub named_as: Vec<(AccountKey, AccountRef)>,
    /// Accounts that are named and cannot be read, were not asked about, or are left out.
    pub others: Vec<OtherAccount>,
    /// What looking the candidates up costs at most, once they are known.
    pub look_up: Option<MicroUsd>,
    /// It is known of all candidates whether they can be read, as far as that could be asked.
    pub is_resolved: bool,
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
    /// The artwork's page, as its site names it.
    pub page_url: Option<String>,
    /// What the artwork's image looks like.
    pub picture: Option<Box<ImageFacts>>,
    /// The post whose image a direct search is for.
    pub searched_post: Option<PostKey>,
    /// Pages that show the image of a direct search.
    pub artwork_pages: Vec<FoundPage>,
    /// The pages for which a person's word counts.
    pub pages: Vec<String>,
    /// What people say of its accounts and pictures.
    pub rulings: Rulings,
    /// Whether images were looked for that share a part with the artwork.
    pub parts: PartsState,
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
    /// The address of a direct search is that of a post, which `listing` looks up: its image is searched.
    LookingUpPost { item: ItemId, position: Option<u32>, scope: SearchScope },
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
            Phase::ResolvingAccount(_)
            | Phase::CheckingAccount
            | Phase::LookingUpPost { .. }
            | Phase::Searching(Pickup::Queued(_)) => QueryStatus::WaitReverseSearch,
            Phase::Searching(Pickup::Taken) | Phase::Checking { .. } => QueryStatus::ReverseSearch,
            Phase::Ended(_) => QueryStatus::End,
        }
    }

    /// The item whose place in its queue is the query's.
    pub fn waiting_item(&self) -> Option<(Stage, ItemId)> {
        match self {
            Phase::FindingLinks(Pickup::Queued(item)) => Some((Stage::LinkFinder, *item)),
            Phase::PlanningScans(Pickup::Queued(item)) => Some((Stage::IndexWatcher, *item)),
            Phase::ResolvingAccount(item) | Phase::LookingUpPost { item, .. } => Some((Stage::Lookup, *item)),
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
            wanted: Wanted::default(),
            deaths: 0,
            is_outdated: false,
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

    /// Whether a verdict holds for it, as far as its pages and accounts are known.
    pub fn is_concerned_by(&self, verdict: &Verdict) -> bool {
        let Kind::Page = self.head.kind else { return false };
        match (&verdict.page, &verdict.claim) {
            (Some(page), _) => {
                self.facts.pages.contains(page) || page_form(&self.head.subject).as_ref() == Some(page)
            }
            (None, Claim::Account { account, .. }) => {
                let known = self.facts.accounts.iter().map(|known| &known.key);
                known.chain(self.facts.rulings.accounts()).any(|known| known == account)
            }
            (None, Claim::Picture { .. }) => false,
        }
    }

    /// What the journal keeps of a page's query until it ends.
    pub fn accepted(&self) -> JournalEntry {
        let Head { subject, key, origin, webhooks, wanted, deaths, .. } = &self.head;
        let (url, deaths) = (subject.clone(), *deaths);
        let Origin { client, networks } = origin.clone();
        let request = match wanted {
            Wanted::Posts | Wanted::PostsInAll => AcceptedRequest::Query {
                url,
                networks,
                client,
                webhooks: webhooks.iter().cloned().collect(),
                whole: wanted.is_whole(),
                deaths,
            },
            Wanted::Artist | Wanted::ArtistAsNamed => {
                AcceptedRequest::Artist { url, networks, client, resolve: wanted.resolves(), deaths }
            }
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
            part: image.part,
            said_same: image.said_same,
        }
    }

    /// The candidate that is named like this.
    pub fn candidate(&self, asked: &AccountRef) -> Option<&Candidate> {
        self.candidates.iter().find(|candidate| candidate.account == *asked)
    }

    /// Notes of a candidate why it is no account that can be read.
    pub fn note_other(&mut self, asked: &AccountRef, standing: Standing) {
        if let Some(candidate) = self.candidate(asked).cloned() {
            self.add_other(OtherAccount { candidate, standing });
        }
    }

    /// Adds an account that cannot be read, as far as there is room, half of which is for the ways to them.
    pub fn add_other(&mut self, mut other: OtherAccount) {
        let taken: usize = self.others.iter().map(OtherAccount::len_bytes).sum();
        if taken + other.len_bytes() > MAX_OTHERS_BYTES / 2 {
            other.candidate.chain.clear();
        }
        if taken + other.len_bytes() <= MAX_OTHERS_BYTES {
            self.others.push(other);
        }
    }

    pub fn account_view(&self, account: &Account) -> AccountView {
        let named_as = self.named_as.iter().find(|(key, _)| *key == account.key).map(|(_, asked)| asked);
        let candidate = named_as.and_then(|asked| self.candidate(asked));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::Network;
    use crate::domain::accounts::Evidence;

    #[test]
    fn what_pages_name_never_fills_a_message() {
        let mut facts = Facts::default();
        for number in 0..400 {
            let candidate = Candidate {
                account: AccountRef::Handle {
                    network: Network::Bluesky,
                    handle: format!("a{number}.example"),
                },
                evidence: Evidence::ProfileText,
                chain: vec![format!("https://a.example/{}", "x".repeat(900)); 6],
            };
            facts.add_other(OtherAccount { candidate, standing: Standing::Missing });
        }
        let bytes: usize = facts.others.iter().map(|other| postcard::to_stdvec(other).unwrap().len()).sum();
        assert!(bytes <= MAX_OTHERS_BYTES && facts.others.len() > 40, "{bytes} of {}", facts.others.len());
    }
}
