//! What the messages are about: accounts, posts, images, and the work done on them.

use serde::{Deserialize, Serialize};

use super::failure::FailureCode;
use super::view::QueryView;
use crate::base::Fingerprint;
use crate::base::Timestamp;
use crate::base::ids::{AccountKey, ImageId, Network, PostKey, QueryId, ScanId};

/// Where an image can be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSource {
    pub url: String,
    /// Sent as `Referer` where the host insists on one (Pixiv's image host does).
    pub referer: Option<String>,
}

impl ImageSource {
    pub fn plain(url: impl Into<String>) -> ImageSource {
        ImageSource { url: url.into(), referer: None }
    }
}

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
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

/// An account that may be the artist's, with the way that led to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    pub account: AccountRef,
    pub evidence: Evidence,
    /// The pages walked, from the artwork's page to the page that names the account.
    pub chain: Vec<String>,
}

/// What step 1 found on the artwork's page and beyond.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinksFound {
    /// The site's name, such as `deviantart`.
    pub site: String,
    /// Best quality first, then lighter ones. Never empty.
    pub images: Vec<ImageSource>,
    /// When the artist published the work, where the site tells.
    pub published: Option<Timestamp>,
    /// Each account once, strongest evidence first. May be empty.
    pub candidates: Vec<Candidate>,
    /// Pages fetched for it.
    pub pages: u32,
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
}

impl ResolutionOutcome {
    /// Why the account cannot be read, as the end of a sentence; `None` if it can.
    pub fn refusal(&self) -> Option<&str> {
        match self {
            ResolutionOutcome::Readable(_) => None,
            ResolutionOutcome::Missing => Some("does not exist"),
            ResolutionOutcome::Private => Some("is private"),
            ResolutionOutcome::Suspended => Some("is suspended"),
            ResolutionOutcome::Closed { why } => Some(why),
        }
    }
}

/// Whether a post can still be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PostState {
    Visible,
    Gone,
    /// The network did not say; the post is shown rather than hidden.
    Unknown,
}

/// What became of a post that was asked for by its id alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookedUpPost {
    pub post: PostKey,
    pub outcome: PostOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PostOutcome {
    /// It is there, with images of its author's own.
    Found { author: Account, post: ListedPost },
    /// There is nothing to index: it is gone, or has no such images. `why` continues the sentence `it ...`.
    Nothing { why: String },
    /// The network did not say clearly: it is to be asked again.
    Unknown,
}

/// A post with images, as a listing found it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedPost {
    pub key: PostKey,
    pub published: Option<Timestamp>,
    /// In the order of the post; never empty.
    pub images: Vec<ListedImage>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedImage {
    /// What the database keeps: on X what follows `/media/` (`FcvniV_yKc3SOQ.jpg`), else the URL.
    pub name: String,
    /// Where to download it, in the size that is to be fingerprinted.
    pub url: String,
}

/// A listed post after its images were fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexedPost {
    pub key: PostKey,
    pub published: Option<Timestamp>,
    pub images: Vec<IndexedImage>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexedImage {
    pub name: String,
    pub state: ImageState,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImageState {
    Fingerprinted(ImageFacts),
    /// Gone for good (403, 404, 410, or not an image): stored without a fingerprint.
    Lost,
    /// Failed for a reason that may pass: stored without a fingerprint, and its post is retried.
    Failed {
        url: String,
        why: String,
    },
}

/// What is computed from an image's pixels, once, when it is indexed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFacts {
    pub fingerprint: Fingerprint,
    /// False where bits of the fingerprint are made of rounding noise (solid, symmetric,
    /// one-dimensional images): stored, but matches nothing.
    pub solid_ground: bool,
    /// Pixels.
    pub width: u32,
    pub height: u32,
    pub detail: Detail,
}

/// The second stage: what tells whether a candidate is the same picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// ImageHash's `phash(hash_size=16)`: 256 bits, row-major, first bit most significant of the first word.
    pub phash256: [u64; 4],
    /// 8x8 RGB, row-major, 192 bytes.
    pub thumbnail: Vec<u8>,
    /// Fingerprint without the uniform border, where the image has one.
    pub trimmed: Option<Fingerprint>,
}

/// The two ways to list an account's posts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ListingStep {
    /// Step A: the search of X, or the only listing of a network that has one. Its cursor is a date.
    Search,
    /// Step B, on X alone. Its cursor is a post id.
    Timeline,
}

impl ListingStep {
    pub const ALL: [ListingStep; 2] = [ListingStep::Search, ListingStep::Timeline];

    /// The listings that a network has: each other's complement on X, complete by itself elsewhere.
    pub fn of(network: Network) -> &'static [ListingStep] {
        match network {
            Network::Twitter => &ListingStep::ALL,
            Network::Bluesky | Network::Mastodon => &[ListingStep::Search],
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            ListingStep::Search => "search",
            ListingStep::Timeline => "timeline",
        }
    }
}

/// How far an earlier listing came; `None` lists everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cursor {
    /// Publish date of the newest post that search has listed.
    Search(Option<Timestamp>),
    /// Native id of the newest post that the timeline has listed.
    Timeline(Option<String>),
}

impl Cursor {
    pub fn step(&self) -> ListingStep {
        match self {
            Cursor::Search(_) => ListingStep::Search,
            Cursor::Timeline(_) => ListingStep::Timeline,
        }
    }
}

/// A search of the same account that has come to its end. What it listed is asked for
/// (`Question::SearchedPosts`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Searched {
    /// The cursor that it started from; `None` for all posts.
    pub since: Option<Timestamp>,
}

/// A search that has ended, as the journal keeps it for a scan that is begun again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedSearch {
    /// The cursor that it started from; `None` for all posts.
    pub since: Option<Timestamp>,
    /// The cursor that stands in the database once all that it listed is stored.
    pub until: Option<Timestamp>,
    /// Native ids of the newest posts that it listed, as many as a timeline can show.
    pub ids: Vec<String>,
}

/// What a listing that came to its end has seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListingEnd {
    /// Where the next listing starts. The old cursor where nothing newer was seen.
    pub cursor: Cursor,
    /// Publish dates of the newest and oldest post read, whether they had images or not.
    pub newest: Option<Timestamp>,
    pub oldest: Option<Timestamp>,
    pub coverage: Coverage,
    /// Posts read from the network: what is paid for.
    pub posts_read: u64,
}

/// How much of the account a listing covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Coverage {
    Complete,
    /// The network shows only the latest N posts.
    LimitedTo(u32),
    /// Read in samples, which showed that the search had missed nothing.
    Sampled,
    /// Not read: the search alone lists this account.
    Skipped,
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
        }
    }

    /// When all listings that its network has were last complete, if ever.
    pub fn scanned_at(&self) -> Option<Timestamp> {
        let steps = ListingStep::of(self.key.network).iter();
        let listed = steps.map(|step| match step {
            ListingStep::Search => self.search_listed_at,
            ListingStep::Timeline => self.timeline_listed_at,
        });
        listed.min().flatten()
    }

    pub fn cursor(&self, step: ListingStep) -> Cursor {
        match step {
            ListingStep::Search => Cursor::Search(self.search_cursor),
            ListingStep::Timeline => Cursor::Timeline(self.timeline_cursor.clone()),
        }
    }
}

/// All that the database knows about an account, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRecord {
    pub state: AccountState,
    pub known_since: Timestamp,
    /// How many posts the network said it has, last.
    pub stated_posts: Option<u64>,
    /// How much each kind of listing covers; `None` where it never ended, or started where another program
    /// had stopped.
    pub search_coverage: Option<Coverage>,
    pub timeline_coverage: Option<Coverage>,
    /// Publish dates of the newest and oldest post read, with images or without.
    pub newest_seen: Option<Timestamp>,
    pub oldest_seen: Option<Timestamp>,
    /// Over all listings.
    pub posts_read: u64,
    /// Queries that searched it.
    pub uses: u64,
    pub last_used_at: Option<Timestamp>,
    /// Every handle under which it was seen, the present one first. Empty for imported accounts.
    pub handles: Vec<SeenHandle>,
}

/// When an account was seen with a handle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenHandle {
    pub handle: String,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
}

/// What a search looks through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SearchScope {
    Everything,
    Accounts(Vec<AccountKey>),
}

/// Where step 3 takes the image from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum QueryImage {
    /// The first that can be fetched and read; best quality first.
    Urls(Vec<ImageSource>),
    /// Bytes that travel beside the message in shared memory.
    Attached { len_bytes: u64 },
}

/// A stored image that resembles the query image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundImage {
    pub image: ImageId,
    pub post: PostKey,
    pub account: AccountKey,
    /// 1-based.
    pub position: u8,
    /// Images in the post.
    pub count: u8,
    pub name: String,
    pub published: Option<Timestamp>,
    /// Hamming distance of the 64-bit fingerprints, in bits; over the best variant of the query image.
    pub distance: u32,
    pub variant: Variant,
    pub class: MatchClass,
    /// The numbers behind the class; `None` where the distance alone decided.
    pub second_stage: Option<SecondStage>,
}

/// What a found image is to the query image, likest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchClass {
    /// No difference that can be told.
    Identical,
    /// The same picture, resized or compressed again.
    Recompressed,
    /// Made from the picture, or from the same drawing: cropped, captioned, recolored, another
    /// expression.
    EditedOrVariant,
    /// Alike at first sight only.
    Similar,
}

impl MatchClass {
    pub const ALL: [MatchClass; 4] =
        [MatchClass::Identical, MatchClass::Recompressed, MatchClass::EditedOrVariant, MatchClass::Similar];

    /// The name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            MatchClass::Identical => "identical",
            MatchClass::Recompressed => "recompressed",
            MatchClass::EditedOrVariant => "edited_or_variant",
            MatchClass::Similar => "similar",
        }
    }
}

/// How far a found image is from the form of the query image that is nearest to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondStage {
    /// Hamming distance of the 256-bit fingerprints, in bits.
    pub distance256: u16,
    /// Mean difference of the 8x8 thumbnails, in hundredths of a level of 255.
    pub thumbnail_centilevels: u16,
}

/// Which form of the query image matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// The pixels as ImageHash reads them.
    AsIs,
    /// Transparency flattened on white.
    OnWhite,
    /// Transparency flattened on black.
    OnBlack,
    /// Without its uniform border, or the stored image without its own.
    Trimmed,
    /// Left and right exchanged.
    Mirrored,
    /// By a quarter, clockwise.
    TurnedRight,
    UpsideDown,
    /// By a quarter, counterclockwise.
    TurnedLeft,
}

/// One stored image, by its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRecord {
    pub image: ImageId,
    pub post: PostKey,
    pub account: AccountKey,
    /// 1-based.
    pub position: u8,
    /// Images in the post.
    pub count: u8,
    pub name: String,
    pub published: Option<Timestamp>,
    /// `None` where unknown, as of imported images.
    pub detail: Option<Detail>,
}

/// A post whose images are to be tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPost {
    pub account: AccountKey,
    pub post: ListedPost,
}

/// What a network bills for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Resource {
    Post,
    User,
}

/// Things that were read from a network which bills for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaidReads {
    pub resource: Resource,
    /// The network's own numbers.
    pub ids: Vec<u64>,
}

/// What a request that is billed may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadWish {
    pub resource: Resource,
    /// Fewer are of no use.
    pub least: u64,
    pub most: u64,
}

/// What becomes of such a wish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reserved {
    /// The request may read so many things.
    Granted { reads: u64 },
    /// It is not to be sent: a limit would be passed.
    Refused { why: String },
}

/// What was billed: each thing once a UTC day, however often it was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// The UTC day that `today` is about, counted from 1970-01-01.
    pub day: i64,
    pub today: ReadCounts,
    /// Since the first of that day's month, the day included.
    pub month: ReadCounts,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadCounts {
    pub posts: u64,
    pub users: u64,
}

/// Sizes of the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreCounts {
    pub accounts: u64,
    pub posts: u64,
    pub images: u64,
    pub retries: u64,
}

/// How much of the database the fingerprint index holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexProgress {
    /// By image numbers, which grow with every image.
    pub done: u64,
    pub total: u64,
}

impl IndexProgress {
    pub fn is_complete(self) -> bool {
        self.done >= self.total
    }

    /// 0 to 100, and 100 only when it is complete.
    pub fn percent(self) -> u64 {
        if self.is_complete() { 100 } else { (self.done.saturating_mul(100) / self.total).min(99) }
    }
}

/// Who waits for a work item, which decides its place in the queue. Smaller passes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Priority {
    User,
    Maintenance,
}

/// A work item, complete: a worker needs nothing else but its own settings to do it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    FindLinks {
        query: QueryId,
        url: String,
    },
    PlanScans {
        query: QueryId,
        accounts: Vec<Account>,
        published: Option<Timestamp>,
    },
    SearchImage {
        query: QueryId,
        image: QueryImage,
        scope: SearchScope,
        /// Also mirrored, turned by a quarter and upside down.
        turned: bool,
    },
    Resolve {
        refs: Vec<AccountRef>,
    },
    CheckPosts {
        posts: Vec<PostKey>,
    },
    /// Find out what these posts show, and whose they are.
    LookUpPosts {
        posts: Vec<PostKey>,
    },
    /// `searched`: a timeline is to be read only as far as it holds posts that the search missed.
    ListPosts {
        scan: ScanId,
        account: Account,
        cursor: Cursor,
        searched: Option<Searched>,
    },
    IndexPosts {
        scan: ScanId,
        step: ListingStep,
        account: Account,
        posts: Vec<ListedPost>,
    },
    Maintain(MaintenanceTask),
    Deliver(Box<Delivery>),
}

/// A final answer on its way to a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Distinct, also over restarts: its receiver can tell a repetition by it.
    pub id: String,
    /// The name of the webhook in the configuration.
    pub webhook: String,
    pub answer: QueryView,
}

/// What the maintenance role does, each at its own pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MaintenanceTask {
    /// Scan accounts that were not scanned for a long time, a few at a time.
    UpdateAccounts,
    /// Forget the search cursor of accounts, a few at a time, so that search lists them anew.
    ResetSearchCursors,
    /// Try again the posts of which an image failed, and look up those that were noted by their ids alone.
    RetryPosts,
}

impl Work {
    /// The work's kind for people, with its subject; never a secret.
    pub fn describe(&self) -> String {
        match self {
            Work::FindLinks { url, .. } => format!("find links from {url}"),
            Work::PlanScans { accounts, .. } => format!("plan scans of {} accounts", accounts.len()),
            Work::SearchImage { .. } => "search an image".to_owned(),
            Work::Resolve { refs } => format!("look up {} accounts", refs.len()),
            Work::CheckPosts { posts } => format!("check {} posts", posts.len()),
            Work::LookUpPosts { posts } => format!("look up {} posts", posts.len()),
            Work::ListPosts { account, cursor, .. } => match account.key.network {
                Network::Twitter => {
                    format!("list posts of @{} by {}", account.handle, cursor.step().as_str())
                }
                network => format!("list posts of @{} on {network}", account.handle),
            },
            Work::IndexPosts { account, posts, .. } => {
                format!("index {} posts of @{}", posts.len(), account.handle)
            }
            Work::Maintain(task) => format!("maintenance: {task:?}"),
            Work::Deliver(delivery) => format!("deliver an answer to the webhook {}", delivery.webhook),
        }
    }
}

/// What a finished work item yields. The variant fits the work's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StageOutput {
    Links(LinksFound),
    Plan(ScanPlan),
    Found(SearchFound),
    Resolved(Vec<Resolution>),
    /// In the order asked.
    Checked(Vec<PostState>),
    /// In the order asked.
    LookedUp(Vec<LookedUpPost>),
    Listed(ListingEnd),
    Indexed(Vec<IndexedPost>),
    Maintained,
    Delivered,
}

/// Step 2's decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanPlan {
    /// What to scan before the search, with the cursors to start from.
    pub scans: Vec<(Account, AccountState)>,
    /// One of them was never scanned: this will take a while.
    pub first_time: bool,
}

/// Step 3's result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchFound {
    /// Within the distance that makes a result; nearest first.
    pub images: Vec<FoundImage>,
    /// Farther ones that a closer look may still like; by class, then distance.
    pub similar: Vec<FoundImage>,
    /// More were found than an answer holds.
    pub cut: bool,
    /// The query image has nothing to be recognised by, so nothing was searched.
    pub low_quality: bool,
}

/// How a lease ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeaseOutcome {
    /// Finished; the request moves on.
    Done(StageOutput),
    /// Back to the queue, not leased again before `after_ms` has passed. Does not count as an attempt
    /// against the work: the outside world was not ready.
    Retry { after_ms: u64, why: String },
    /// The request fails with `code`, which the HTTP API shows; never retried.
    Failed { code: FailureCode, why: String },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::tests::check_round_trip;

    fn account() -> Account {
        Account { key: AccountKey::new(Network::Twitter, "12"), handle: "jack".into(), posts: Some(3) }
    }

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

    fn post() -> ListedPost {
        ListedPost {
            key: PostKey::new(Network::Twitter, "18446744073709551615"),
            published: Some(Timestamp(1)),
            images: vec![ListedImage { name: "a.jpg".into(), url: "https://pbs.twimg.com/media/a".into() }],
        }
    }

    #[test]
    fn every_work_travels() {
        for work in [
            Work::FindLinks { query: QueryId(1), url: "https://a.example/".into() },
            Work::PlanScans { query: QueryId(1), accounts: vec![account()], published: None },
            Work::SearchImage {
                query: QueryId(1),
                image: QueryImage::Urls(vec![ImageSource::plain("u")]),
                scope: SearchScope::Everything,
                turned: true,
            },
            Work::SearchImage {
                query: QueryId(1),
                image: QueryImage::Attached { len_bytes: 5 },
                scope: SearchScope::Accounts(vec![account().key]),
                turned: false,
            },
            Work::Resolve { refs: vec![AccountRef::Id(account().key)] },
            Work::Resolve {
                refs: vec![AccountRef::Handle { network: Network::Twitter, handle: "a".into() }],
            },
            Work::CheckPosts { posts: vec![post().key] },
            Work::LookUpPosts { posts: vec![post().key] },
            Work::ListPosts {
                scan: ScanId(1),
                account: account(),
                cursor: Cursor::Search(None),
                searched: None,
            },
            Work::ListPosts {
                scan: ScanId(1),
                account: account(),
                cursor: Cursor::Timeline(Some("7".into())),
                searched: Some(Searched { since: Some(Timestamp(1)) }),
            },
            Work::IndexPosts {
                scan: ScanId(1),
                step: ListingStep::Search,
                account: account(),
                posts: vec![post()],
            },
            Work::Maintain(MaintenanceTask::RetryPosts),
        ] {
            assert!(!work.describe().is_empty());
            check_round_trip(work);
        }
    }

    fn found(class: MatchClass, second_stage: Option<SecondStage>) -> FoundImage {
        FoundImage {
            image: ImageId(u64::MAX),
            post: post().key,
            account: account().key,
            position: 1,
            count: 4,
            name: "a.jpg".into(),
            published: None,
            distance: 64,
            variant: Variant::Trimmed,
            class,
            second_stage,
        }
    }

    #[test]
    fn classes_are_named_as_in_the_api() {
        for class in MatchClass::ALL {
            assert_eq!(serde_json::to_value(class).unwrap(), class.as_str());
        }
    }

    #[test]
    fn every_outcome_travels() {
        let facts = ImageFacts {
            fingerprint: Fingerprint(u64::MAX),
            solid_ground: true,
            width: 1,
            height: 2,
            detail: Detail { phash256: [1, 2, 3, 4], thumbnail: vec![7; 192], trimmed: None },
        };
        let image = |state| IndexedImage { name: "a.jpg".into(), state };
        for output in [
            StageOutput::Links(LinksFound {
                site: "s".into(),
                images: vec![ImageSource::plain("u")],
                published: None,
                candidates: vec![Candidate {
                    account: AccountRef::Id(account().key),
                    evidence: Evidence::Mutual,
                    chain: vec!["u".into()],
                }],
                pages: 1,
            }),
            StageOutput::Plan(ScanPlan {
                scans: vec![(account(), AccountState::unknown(account().key))],
                first_time: true,
            }),
            StageOutput::Found(SearchFound {
                images: vec![found(MatchClass::Identical, None)],
                similar: MatchClass::ALL
                    .map(|class| {
                        found(class, Some(SecondStage { distance256: 256, thumbnail_centilevels: 25_500 }))
                    })
                    .to_vec(),
                cut: false,
                low_quality: true,
            }),
            StageOutput::Resolved(vec![Resolution {
                asked: AccountRef::Id(account().key),
                outcome: ResolutionOutcome::Readable(account()),
            }]),
            StageOutput::Checked(vec![PostState::Visible, PostState::Gone, PostState::Unknown]),
            StageOutput::LookedUp(vec![
                LookedUpPost {
                    post: post().key,
                    outcome: PostOutcome::Found { author: account(), post: post() },
                },
                LookedUpPost { post: post().key, outcome: PostOutcome::Nothing { why: "w".into() } },
                LookedUpPost { post: post().key, outcome: PostOutcome::Unknown },
            ]),
            StageOutput::Listed(ListingEnd {
                cursor: Cursor::Search(Some(Timestamp(3))),
                newest: None,
                oldest: None,
                coverage: Coverage::LimitedTo(3200),
                posts_read: 9,
            }),
            StageOutput::Indexed(vec![IndexedPost {
                key: post().key,
                published: None,
                images: vec![
                    image(ImageState::Fingerprinted(facts)),
                    image(ImageState::Lost),
                    image(ImageState::Failed { url: "u".into(), why: "w".into() }),
                ],
            }]),
            StageOutput::Maintained,
        ] {
            check_round_trip(LeaseOutcome::Done(output));
        }
        check_round_trip(LeaseOutcome::Retry { after_ms: 1, why: "w".into() });
        check_round_trip(LeaseOutcome::Failed { code: FailureCode::ProcessingError, why: "w".into() });
    }
}
