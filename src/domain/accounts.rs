//! Accounts on networks: how pages name them, what a network says of them, what the database keeps.

use serde::{Deserialize, Serialize};

use crate::base::Timestamp;
use crate::base::ids::{AccountKey, Network, PostKey};
use crate::domain::failure::FailureCode;
use crate::domain::images::ImageSource;
use crate::domain::scans::{Coverage, CoveredWindow, ListingStep};
use crate::domain::verdicts::Verdict;

/// How a page names an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AccountRef {
    /// By its present handle: lower case, without `@`.
    Handle { network: Network, handle: String },
    /// By its stable id.
    Id(AccountKey),
}

impl AccountRef {
    pub fn network(&self) -> Network {
        match self {
            AccountRef::Handle { network, .. } => *network,
            AccountRef::Id(key) => key.network,
        }
    }
}

impl AccountRef {
    /// The networks on one of which the account may turn out to be: `user@server` is taken for one of
    /// Mastodon's until its server has said what it is.
    pub fn may_be_on(&self) -> &'static [Network] {
        match self.network() {
            Network::Twitter => &[Network::Twitter],
            Network::Bluesky => &[Network::Bluesky],
            Network::Mastodon => &[Network::Mastodon, Network::Misskey],
            Network::Misskey => &[Network::Misskey],
        }
    }

    /// The same, taken for another network's.
    pub fn on(self, network: Network) -> AccountRef {
        match self {
            AccountRef::Handle { handle, .. } => AccountRef::Handle { network, handle },
            AccountRef::Id(key) => AccountRef::Id(AccountKey::new(network, key.native)),
        }
    }

    /// As people write it on its network: the handle, or the stable id.
    pub fn name(&self) -> &str {
        match self {
            AccountRef::Handle { handle, .. } => handle,
            AccountRef::Id(key) => &key.native,
        }
    }
}

impl std::fmt::Display for AccountRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AccountRef::Handle { network, handle } => write!(f, "{network}:@{handle}"),
            AccountRef::Id(key) => write!(f, "{key}"),
        }
    }
}

/// How strong the reason is to believe that an account is the artist's, strongest first.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// A person said so.
    Person,
    /// Links in both directions, a verified field, or an equality of ids vouched for by a site.
    Mutual,
    /// A structured field on the artist's own profile.
    ProfileField,
    /// An entry that a booru's curators keep about the artist.
    Curated,
    /// A link in the free text of a profile, or on a link page.
    ProfileText,
    /// A link in the description of one artwork.
    WorkText,
    /// The same handle on another network.
    SameHandle,
}

impl Evidence {
    /// The reason in words: where the account was named.
    pub fn because(self) -> &'static str {
        match self {
            Evidence::Person => "a person's word",
            Evidence::Mutual => "vouched for by the site",
            Evidence::ProfileField => "a field of the artist's profile",
            Evidence::Curated => "an entry of a booru's curators",
            Evidence::ProfileText => "the text of a profile, or a link page",
            Evidence::WorkText => "the artwork's description, or the source of a copy",
            Evidence::SameHandle => "the same handle elsewhere",
        }
    }
}

/// An account that may be the artist's, with the way that led to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    pub account: AccountRef,
    pub evidence: Evidence,
    /// The pages walked, from the artwork's page to the page that names the account.
    pub chain: Vec<String>,
}

/// Why an account that a page names is not taken for one of the artist's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeftOutReason {
    /// It is the account of a site or tool, which stands on every page.
    SitesOwn,
    /// A bridge keeps it as the copy of another account that was found.
    Copy,
    /// Only an artwork's text or a like name speaks for it, and a better reason for another of its network.
    Weaker,
    /// The operator's blocklist names it.
    Blocklist,
    /// The blocklist that ships with the program does.
    Organization,
    /// It is on a network that was not asked for.
    OtherNetwork,
    /// A person said that it is not the artist's.
    Person,
    /// It is forgotten: its owner or its network wished it.
    Forgotten,
}

impl LeftOutReason {
    /// As the end of a sentence that begins with the account.
    pub fn why(self) -> &'static str {
        match self {
            LeftOutReason::SitesOwn => "is the site's own account",
            LeftOutReason::Copy => "is a bridge's copy of another account",
            LeftOutReason::Weaker => "has a weaker reason than another account on its network",
            LeftOutReason::Blocklist => "is on this server's blocklist (scan.blocklist)",
            LeftOutReason::Organization => {
                "is an organization's, on the blocklist that ships with the program (scan.shipped_blocklist)"
            }
            LeftOutReason::OtherNetwork => "is on a network that was not asked for",
            LeftOutReason::Person => "is not the artist's, as a person said",
            LeftOutReason::Forgotten => {
                "is left out at the wish of its owner or of its network (aotf forget)"
            }
        }
    }
}

/// An account that a page names and that is not taken for one of the artist's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    pub candidate: Candidate,
    pub reason: LeftOutReason,
}

/// An account that pages name and that cannot be read, or is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherAccount {
    /// As a page names it.
    pub candidate: Candidate,
    pub standing: Standing,
}

impl OtherAccount {
    /// What it takes of a message at most, in bytes.
    pub fn len_bytes(&self) -> usize {
        /// Of what has a fixed size, and the lengths of texts.
        const OVERHEAD: usize = 64;
        let Candidate { account, chain, .. } = &self.candidate;
        let chain: usize = chain.iter().map(|page| page.len() + 8).sum();
        account.name().len() + chain + self.standing.why().len() + OVERHEAD
    }
}

/// What is known of an account that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    Missing,
    Private,
    Suspended,
    /// Its owner or its server does not want it to be read: `why` continues the sentence `the account ...`.
    Closed {
        why: String,
    },
    /// Nobody asked its network: `why` continues the sentence `the account ...`.
    Unasked {
        why: String,
    },
    LeftOut(LeftOutReason),
}

impl Standing {
    /// As the end of a sentence that begins with the account.
    pub fn why(&self) -> &str {
        match self {
            Standing::Missing => "does not exist",
            Standing::Private => "is private",
            Standing::Suspended => "is suspended",
            Standing::Closed { why } | Standing::Unasked { why } => why,
            Standing::LeftOut(reason) => reason.why(),
        }
    }

    /// Whether it may be an account of the artist's that people can go to.
    pub fn may_be_there(&self) -> bool {
        match self {
            Standing::Private | Standing::Closed { .. } | Standing::Unasked { .. } => true,
            Standing::Missing | Standing::Suspended | Standing::LeftOut(_) => false,
        }
    }

    pub fn is_left_out(&self) -> bool {
        matches!(self, Standing::LeftOut(_))
    }
}

/// Why an artwork cannot be searched for although its artist is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoImage {
    pub code: FailureCode,
    /// For people: which page, and what would help.
    pub why: String,
}

/// A page of the artist's on a site that is neither read nor searched, for giving credit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elsewhere {
    /// The site as people write it, such as `Instagram`.
    pub site: String,
    pub url: String,
    pub evidence: Evidence,
}

/// What step 1 found on the artwork's page and beyond.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinksFound {
    /// The artwork's page, as its site names it.
    pub page_url: String,
    /// The site's name, such as `deviantart`.
    pub site: String,
    /// Best quality first, then lighter ones. Empty only where `no_image` says why.
    pub images: Vec<ImageSource>,
    /// The page names its artist, but shows its picture to others than us.
    pub no_image: Option<NoImage>,
    /// When the artist published the work, where the site tells.
    pub published: Option<Timestamp>,
    /// Each account once, strongest evidence first. May be empty.
    pub candidates: Vec<Candidate>,
    /// Posts that the artwork's own page names, each once: as their addresses name them, so perhaps one of
    /// Bluesky by its author's handle (`at://handle/app.bsky.feed.post/key`), and one of the Fediverse by its
    /// page. Few.
    pub named_posts: Vec<PostKey>,
    /// The artist's pages that are not searched, each once, in the order in which they were found. Few.
    pub elsewhere: Vec<Elsewhere>,
    /// Accounts that are named and not taken for the artist's. Few.
    pub left_out: Vec<LeftOut>,
    /// Pages fetched for it.
    pub pages: u32,
    /// The pages for which a person's word counts, in the form of `pages::page_form`: the artwork's, and those
    /// of its artist that were read. Each once. Few.
    pub artists_pages: Vec<String>,
    /// What people say that holds for one of them.
    pub verdicts: Vec<Verdict>,
}

/// An account as its network describes it now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub key: AccountKey,
    /// Its present handle, lower case, without `@`.
    pub handle: String,
    /// How many posts the network says it has; the weight of its scan.
    pub posts: Option<u64>,
}

/// What became of one account reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolution {
    pub asked: AccountRef,
    pub outcome: ResolutionOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResolutionOutcome {
    Readable(Account),
    Missing,
    /// Posts are for approved followers only.
    Private,
    Suspended,
    /// Its owner or its server does not want it to be read: `why` continues the sentence `the account ...`.
    Closed {
        why: String,
    },
    /// Its network could not be asked about it: `why` continues the sentence `the account ...`.
    Unasked {
        why: String,
    },
}

impl ResolutionOutcome {
    /// The account, or why it cannot be read.
    pub fn readable(self) -> Result<Account, Standing> {
        match self {
            ResolutionOutcome::Readable(account) => Ok(account),
            ResolutionOutcome::Missing => Err(Standing::Missing),
            ResolutionOutcome::Private => Err(Standing::Private),
            ResolutionOutcome::Suspended => Err(Standing::Suspended),
            ResolutionOutcome::Closed { why } => Err(Standing::Closed { why }),
            ResolutionOutcome::Unasked { why } => Err(Standing::Unasked { why }),
        }
    }

    /// Why the account cannot be read, as the end of a sentence; `None` if it can.
    pub fn refusal(&self) -> Option<&str> {
        match self {
            ResolutionOutcome::Readable(_) => None,
            ResolutionOutcome::Missing => Some("does not exist"),
            ResolutionOutcome::Private => Some("is private"),
            ResolutionOutcome::Suspended => Some("is suspended"),
            ResolutionOutcome::Closed { why } | ResolutionOutcome::Unasked { why } => Some(why),
        }
    }
}

/// What the database knows about an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountState {
    pub key: AccountKey,
    pub search_cursor: Option<Timestamp>,
    pub timeline_cursor: Option<String>,
    /// When each listing last ended with its posts stored; `None` = never.
    pub search_listed_at: Option<Timestamp>,
    pub timeline_listed_at: Option<Timestamp>,
    /// When it was last begun to list the account by search from its beginning, if it is known.
    pub listed_anew_at: Option<Timestamp>,
    /// How many posts the network said it has, last.
    pub stated_posts: Option<u64>,
    /// What was listed of it without a scan of the whole: by date, merged where they overlap. None where the
    /// account was scanned whole.
    pub windows: Vec<CoveredWindow>,
}

impl AccountState {
    /// An account without any stored listing.
    pub fn unknown(key: AccountKey) -> AccountState {
        AccountState {
            key,
            search_cursor: None,
            timeline_cursor: None,
            search_listed_at: None,
            timeline_listed_at: None,
            listed_anew_at: None,
            stated_posts: None,
            windows: Vec::new(),
        }
    }

    /// When all listings that its network has were last complete, if ever.
    pub fn scanned_at(&self) -> Option<Timestamp> {
        let steps = ListingStep::of(self.key.network).iter();
        let listed = steps.map(|step| match step {
            ListingStep::Search => self.search_listed_at,
            ListingStep::Timeline => self.timeline_listed_at,
            ListingStep::Window => None,
        });
        listed.min().flatten()
    }

    /// Whether any listing of it has ever ended, so that some of its posts can be searched.
    pub fn is_indexed(&self) -> bool {
        self.search_listed_at.is_some() || self.timeline_listed_at.is_some() || !self.windows.is_empty()
    }
}

/// All that the database knows about an account, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRecord {
    pub state: AccountState,
    pub known_since: Timestamp,
    /// How much each kind of listing covers; `None` where it never ended, or started where another program
    /// had stopped.
    pub search_coverage: Option<Coverage>,
    pub timeline_coverage: Option<Coverage>,
    /// Publish dates of the newest and oldest post read, with images or without.
    pub newest_seen: Option<Timestamp>,
    pub oldest_seen: Option<Timestamp>,
    /// Over all listings.
    pub posts_read: u64,
    /// After it was last searched whole: the media items that its network said it has, and those that were
    /// found.
    pub stated_media: Option<u64>,
    pub found_media: Option<u64>,
    /// Queries that searched it.
    pub uses: u64,
    pub last_used_at: Option<Timestamp>,
    /// Every handle under which it was seen, the present one first. Empty for imported accounts.
    pub handles: Vec<SeenHandle>,
}

impl AccountRecord {
    /// Whether a listing of it has ever ended, so that its posts can be searched.
    pub fn is_indexed(&self) -> bool {
        self.state.is_indexed()
    }

    /// The account as it was last seen, without asking its network. Nothing is known of an imported
    /// account but its id.
    pub fn account(&self) -> Account {
        let handle = self.handles.first().map(|seen| seen.handle.clone()).unwrap_or_default();
        Account { key: self.state.key.clone(), handle, posts: self.state.stated_posts }
    }
}

/// When an account was seen with a handle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenHandle {
    pub handle: String,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_scanned_when_its_networks_listings_are() {
        let check = |network, search: Option<i64>, timeline: Option<i64>, expect: Option<i64>| {
            let mut state = AccountState::unknown(AccountKey::new(network, "1"));
            state.search_listed_at = search.map(Timestamp);
            state.timeline_listed_at = timeline.map(Timestamp);
            assert_eq!(state.scanned_at(), expect.map(Timestamp));
        };
        check(Network::Twitter, Some(2), Some(1), Some(1));
        check(Network::Twitter, Some(2), None, None);
        check(Network::Twitter, None, Some(1), None);
        check(Network::Bluesky, Some(2), None, Some(2));
        check(Network::Mastodon, None, None, None);
    }
}
