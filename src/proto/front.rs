//! Between `front` and the broker: questions and their answers, and changes of watched queries.

use serde::{Deserialize, Serialize};

use super::view::{
    CountersView, ForgettingView, MetricView, ProblemView, QueryView, QueueView, ScanView, StatsView,
    WorkerView,
};
use crate::base::Timestamp;
use crate::base::ids::{AskId, Networks, QueryId};
use crate::domain::accounts::AccountRecord;
use crate::domain::failure::FailureCode;
use crate::domain::forgotten::{Mark, Tombstone};
use crate::domain::images::{AnswerPicture, PictureSize};
use crate::domain::verdicts::{Verdict, VerdictId};
use crate::domain::watches::{FeedEntry, Watch, WatchId};

/// Who speaks over the admin socket, as verdicts and watches name them.
pub const CONSOLE: &str = "console";

/// The longest artwork URL that is accepted, in characters; `max_illust_url_size` in `/config`.
pub const MAX_URL_CHARS: usize = 256;

/// From `front`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FrontToBroker {
    /// First on every link.
    Hello {
        pid: u32,
    },
    Ask {
        ask: AskId,
        question: FrontQuestion,
    },
    /// Send `Changed` for this query, at once and at every change until its end.
    Follow {
        query: QueryId,
    },
    /// Nobody listens any more.
    Unfollow {
        query: QueryId,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FrontQuestion {
    /// Starts a query for an artwork's page, or joins the one that runs or has ended lately.
    Query {
        url: String,
        client: Client,
        /// Accounts on others are left out.
        networks: Networks,
        /// Its accounts are to be scanned whole before it is answered.
        whole: bool,
        /// The configured webhook that gets the final answer.
        webhook: Option<String>,
    },
    /// The query for an artwork's page, if there is one: none is started.
    KnownQuery {
        url: String,
        /// Those of the query.
        networks: Networks,
        /// As of the query.
        whole: bool,
    },
    /// Starts a query for the artist of an artwork, or joins the one that runs or has ended lately. Answered
    /// at once by a query for the artwork that knows the accounts.
    Artist {
        url: String,
        client: Client,
        /// Accounts on others are left out.
        networks: Networks,
        /// The accounts are looked up with their networks.
        resolve: bool,
    },
    /// The query that answers this, if there is one: none is started.
    KnownArtist {
        url: String,
        /// Those of the query.
        networks: Networks,
        /// As of the query.
        resolve: bool,
    },
    /// The query that has this `QueryView::id`, without starting one.
    QueryState {
        id: String,
    },
    /// Starts a search for an image whose bytes travel beside the message.
    SearchImage {
        len_bytes: u64,
        account_name: Option<String>,
        /// Also mirrored, turned by a quarter and upside down.
        turned: bool,
        /// Posts on others are left out.
        networks: Networks,
        client: Client,
    },
    /// Starts a search for the image at this URL.
    SearchUrl {
        url: String,
        account_name: Option<String>,
        /// Also mirrored, turned by a quarter and upside down.
        turned: bool,
        /// Posts on others are left out.
        networks: Networks,
        client: Client,
    },
    SearchState {
        identifier: String,
    },
    /// A picture of an answer, made small.
    Picture {
        of: PictureOf,
        picture: AnswerPicture,
        size: PictureSize,
        client: Client,
    },
    /// Starts or joins the scan of an account.
    Scan {
        handle: String,
        /// All its posts are to be listed, not only those that are new.
        whole: bool,
    },
    /// Ends whatever is under way under this name: a query by its id or page, a search by its
    /// identifier, the scan of an account. Answered with how it stands then, once that is durable.
    Cancel {
        what: String,
    },
    /// The same for the query or the search of this id alone.
    CancelQuery {
        id: String,
    },
    /// What is known of the accounts that are or were called so, or of the account of this id.
    Account {
        name: String,
    },
    /// Marks an account or a post, which is never to be stored or shown again, and removes what is stored of it.
    Forget {
        what: String,
        /// The operator's words.
        note: String,
    },
    /// How far that is.
    Forgetting {
        mark: Mark,
    },
    /// The marks beyond this one, as many as fit one message.
    Tombstones {
        after: Option<Mark>,
    },
    /// Lifts a mark, by its first digits or by what it was made of.
    Lift {
        what: String,
    },
    Stats,
    Threads,
    Queues,
    /// Measured steps from the `skip`-th on, as many as fit one message.
    Metrics {
        skip: u32,
    },
    Counters,
    /// What is wrong.
    Health,
    /// What people say of accounts and pictures.
    Verdicts(VerdictOrder),
    /// Whose new posts people want to hear of.
    Watches(WatchOrder),
    /// The newest posts of a watch, without the first `skip` entries, as many as fit a message.
    Feed {
        watch: WatchId,
        skip: u32,
    },
}

/// What is to be done with watches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WatchOrder {
    /// `who` wants to hear of new posts. `id`: random.
    /// Accounts on other `networks` are left out.
    Begin { id: WatchId, who: String, subject: String, networks: Networks, webhook: Option<String> },
    /// Those of `who` (`None`: of everybody) beyond this one, in the order of their ids.
    List { who: Option<String>, after: Option<WatchId> },
    /// This one is wanted no longer; `who`: only if it is theirs.
    End { who: Option<String>, id: WatchId },
}

/// What is to be done with what people say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VerdictOrder {
    /// `who` says this.
    Say { who: String, saying: Saying },
    /// These come from a file: as many as fit a message.
    Take { verdicts: Vec<Verdict> },
    /// Somebody takes this back.
    Remove { id: VerdictId },
    /// Those that were said before this one, newest first; `None`: from the last on.
    List { before: Option<(Timestamp, VerdictId)> },
}

/// What somebody says, in words that are not checked yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Saying {
    Account { account: String, is_artists: bool, page: Option<String>, why: String },
    Picture { page: String, post: String, image: Option<u8>, is_same: bool, why: String },
}

/// Whose answer a picture belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PictureOf {
    /// The query that has this `QueryView::id`.
    Query(String),
    /// The direct search of this identifier.
    Search(String),
}

/// Who asks, as far as limits are concerned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Client {
    /// Not limited: the console, and addresses that the configuration exempts.
    Exempt,
    /// Limited together with whoever has the same key (an address, or an IPv6 network).
    Limited { key: String },
    /// The holder of an API key, which has a limit of its own.
    Key { name: String, max_processing_requests: u32 },
}

/// To `front`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BrokerToFront {
    Answer {
        ask: AskId,
        answer: FrontAnswer,
    },
    Changed {
        view: QueryView,
    },
    /// The feed of this watch may have changed; `None`: any may have.
    FeedChanged {
        watch: Option<WatchId>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FrontAnswer {
    Query(QueryView),
    /// A direct search, with the identifier to ask for it again.
    Search {
        identifier: String,
        view: QueryView,
    },
    Scan(ScanView),
    /// Whoever has the handle now first.
    Account(Vec<AccountRecord>),
    Forgetting(ForgettingView),
    Tombstones {
        tombstones: Vec<Tombstone>,
        /// There are more after these.
        more: bool,
    },
    Lifted {
        mark: Mark,
    },
    /// A JPEG file, and the address of the image that it was made of.
    Picture {
        image: String,
        jpeg: Vec<u8>,
    },
    Stats(StatsView),
    Threads(Vec<WorkerView>),
    Queues(Vec<QueueView>),
    Metrics {
        steps: Vec<MetricView>,
        /// There are more after these.
        more: bool,
        /// For people, with all of the steps.
        counters: Option<Box<CountersView>>,
    },
    Counters(CountersView),
    Health(Vec<ProblemView>),
    Verdicts(VerdictsAnswer),
    Watches(WatchesAnswer),
    Feed {
        watch: Watch,
        entries: Vec<FeedEntry>,
        /// `skip` for the next piece; `None` after the last.
        next: Option<u32>,
    },
    /// As many queries are in progress as the server can bear: ask again later.
    Overloaded,
    /// What would be accepted cannot be written down now, or the database is not open yet: ask again later.
    NotNow {
        why: String,
    },
    /// Not accepted, or not known.
    Refused {
        code: FailureCode,
        detail: String,
    },
}

/// What became of a [`VerdictOrder`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VerdictsAnswer {
    /// It is kept, or was said already.
    Said {
        verdict: Verdict,
        is_new: bool,
        /// Those that contradict it: while they stand, none of them acts.
        against: Vec<Verdict>,
    },
    Taken {
        new: u32,
        known: u32,
        /// Some that contradict what was taken.
        against: Vec<Verdict>,
    },
    Removed(Verdict),
    List {
        /// Each with whether another contradicts it.
        verdicts: Vec<(Verdict, bool)>,
        /// There are more after these.
        more: bool,
    },
    /// It cannot be kept: what is wrong, and what to give.
    Wrong {
        why: String,
    },
    /// There is no verdict of this id.
    Unknown,
}

/// What became of a [`WatchOrder`], or of the question for a feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WatchesAnswer {
    /// It is kept, or was there already.
    Begun {
        watch: WatchView,
        is_new: bool,
    },
    List {
        watches: Vec<WatchView>,
        /// There are more after these.
        more: bool,
    },
    Ended(Watch),
    /// It cannot be kept: what is wrong, and what to do.
    Wrong {
        why: String,
    },
    /// There is no watch of this id, or it is somebody else's.
    Unknown,
}

/// A watch as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchView {
    pub watch: Watch,
    /// Its accounts are not known yet: they are being looked up.
    pub is_looked_up: bool,
    /// Why it hears of nothing at present, or why it found no account, as a sentence.
    pub problem: Option<String>,
}

impl FrontAnswer {
    /// The query, or the search, that it is about.
    pub fn query(&self) -> Option<&QueryView> {
        let (FrontAnswer::Query(view) | FrontAnswer::Search { view, .. }) = self else { return None };
        Some(view)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{AccountKey, Network, PostKey};
    use crate::base::roles::{Role, Stage};
    use crate::base::{MicroUsd, Timestamp};
    use crate::domain::accounts::{AccountRef, Candidate, Evidence, LeftOutReason, OtherAccount, Standing};
    use crate::domain::forgotten::{Removed, Subject, SubjectKind};
    use crate::domain::images::{MatchClass, SecondStage, Variant};
    use crate::domain::parts::{PartMatch, PartsState};
    use crate::domain::scans::{CoveredWindow, Window};
    use crate::domain::verdicts::{Claim, Effect};
    use crate::domain::wanted::Wanted;
    use crate::proto::tests::check_round_trip;
    use crate::proto::view::SearchedView;
    use crate::proto::view::{AccountView, QueryStatus, ResultView, ScanState, VerdictView};

    fn view() -> QueryView {
        let result = ResultView {
            post: PostKey::new(Network::Twitter, "2"),
            account: AccountKey::new(Network::Twitter, "1"),
            handle: None,
            position: 1,
            count: 4,
            distance: 2,
            variant: Variant::OnWhite,
            class: MatchClass::EditedOrVariant,
            second_stage: Some(SecondStage { distance256: 30, thumbnail_centilevels: 12 }),
            image_name: "a.jpg".into(),
            published: None,
            part: None,
            said_same: true,
        };
        let window = Window { from: Timestamp(1), to: Timestamp(2) };
        QueryView {
            query: QueryId(1),
            id: "i".into(),
            subject: "u".into(),
            wanted: Wanted::ArtistAsNamed,
            status: QueryStatus::End,
            has_first_time_scan: true,
            accounts: vec![AccountView {
                key: AccountKey::new(Network::Twitter, "1"),
                handle: "h".into(),
                evidence: Some(Evidence::Curated),
                chain: vec!["u".into()],
            }],
            others: [
                Standing::Missing,
                Standing::Private,
                Standing::Suspended,
                Standing::Closed { why: "w".into() },
                Standing::Unasked { why: "w".into() },
                Standing::LeftOut(LeftOutReason::OtherNetwork),
            ]
            .map(|standing| OtherAccount {
                candidate: Candidate {
                    account: AccountRef::Handle { network: Network::Bluesky, handle: "h".into() },
                    evidence: Evidence::WorkText,
                    chain: vec![],
                },
                standing,
            })
            .to_vec(),
            look_up: Some(MicroUsd(7)),
            results: vec![result.clone()],
            similar: vec![ResultView {
                class: MatchClass::InsideAnother,
                second_stage: None,
                part: Some(PartMatch::sample()),
                ..result.clone()
            }],
            named_posts: vec![result],
            elsewhere: vec![],
            artwork_pages: vec![],
            published: Some(Timestamp(4)),
            searched: vec![SearchedView {
                account: AccountKey::new(Network::Twitter, "1"),
                whole_at: None,
                windows: vec![CoveredWindow { window, listed_at: Timestamp(3) }],
            }],
            looking: Some(window),
            cost: MicroUsd(5),
            rest: Some(MicroUsd(6)),
            error: Some(FailureCode::ProcessingError),
            error_detail: "d".into(),
            image_url: None,
            steps: vec![(QueryStatus::LinkFinder, 3)],
            queue_position: Some(1),
            estimated_wait_ms: Some(1500),
            waits_for_network: true,
            posts_listed: 1,
            posts_indexed: 1,
            still_listing: true,
            posts_total: Some(7),
            version: 9,
            verdicts: vec![VerdictView {
                id: VerdictId(7),
                claim: Claim::Account { account: AccountKey::new(Network::Twitter, "1"), is_artists: true },
                handle: "h".into(),
                at: Timestamp(1),
                why: "w".into(),
                effect: Effect::Conflict,
            }],
            parts: PartsState::Incomplete { images_without: u64::MAX },
        }
    }

    fn verdict() -> Verdict {
        let claim = Claim::Account { account: AccountKey::new(Network::Twitter, "1"), is_artists: false };
        Verdict::new(claim, None, "w", Timestamp(1), "y").unwrap()
    }

    #[test]
    fn every_message_travels() {
        let client = Client::Limited { key: "192.0.2.1".into() };
        for question in [
            FrontQuestion::Query {
                url: "u".into(),
                client: client.clone(),
                networks: Networks::of([Network::Bluesky]).unwrap(),
                whole: true,
                webhook: Some("w".into()),
            },
            FrontQuestion::KnownQuery { url: "u".into(), networks: Networks::default(), whole: false },
            FrontQuestion::Artist {
                url: "u".into(),
                client: Client::Exempt,
                networks: Networks::default(),
                resolve: false,
            },
            FrontQuestion::KnownArtist { url: "u".into(), networks: Networks::default(), resolve: true },
            FrontQuestion::QueryState { id: "i".into() },
            FrontQuestion::SearchImage {
                len_bytes: 1,
                account_name: None,
                turned: true,
                networks: Networks::default(),
                client: Client::Exempt,
            },
            FrontQuestion::SearchUrl {
                url: "u".into(),
                account_name: Some("a".into()),
                turned: false,
                networks: Networks::default(),
                client,
            },
            FrontQuestion::SearchUrl {
                url: "u".into(),
                account_name: None,
                turned: true,
                networks: Networks::default(),
                client: Client::Key { name: "k".into(), max_processing_requests: 3 },
            },
            FrontQuestion::SearchState { identifier: "i".into() },
            FrontQuestion::Picture {
                of: PictureOf::Query("i".into()),
                picture: AnswerPicture::Artwork,
                size: PictureSize::Large,
                client: Client::Exempt,
            },
            FrontQuestion::Picture {
                of: PictureOf::Search("i".into()),
                picture: AnswerPicture::Similar(u16::MAX),
                size: PictureSize::Small,
                client: Client::Exempt,
            },
            FrontQuestion::Scan { handle: "h".into(), whole: true },
            FrontQuestion::Cancel { what: "w".into() },
            FrontQuestion::CancelQuery { id: "i".into() },
            FrontQuestion::Account { name: "n".into() },
            FrontQuestion::Forget { what: "w".into(), note: "n".into() },
            FrontQuestion::Forgetting { mark: Mark([1; 32]) },
            FrontQuestion::Tombstones { after: None },
            FrontQuestion::Lift { what: "w".into() },
            FrontQuestion::Stats,
            FrontQuestion::Threads,
            FrontQuestion::Queues,
            FrontQuestion::Metrics { skip: 3 },
            FrontQuestion::Counters,
            FrontQuestion::Health,
            FrontQuestion::Verdicts(VerdictOrder::Say {
                who: "w".into(),
                saying: Saying::Account {
                    account: "a".into(),
                    is_artists: true,
                    page: Some("u".into()),
                    why: "y".into(),
                },
            }),
            FrontQuestion::Verdicts(VerdictOrder::Say {
                who: "w".into(),
                saying: Saying::Picture {
                    page: "u".into(),
                    post: "p".into(),
                    image: Some(1),
                    is_same: false,
                    why: String::new(),
                },
            }),
            FrontQuestion::Verdicts(VerdictOrder::Take { verdicts: vec![verdict()] }),
            FrontQuestion::Verdicts(VerdictOrder::Remove { id: VerdictId(u64::MAX) }),
            FrontQuestion::Verdicts(VerdictOrder::List { before: Some((Timestamp(1), VerdictId(2))) }),
        ] {
            check_round_trip(FrontToBroker::Ask { ask: AskId(1), question });
        }
        check_round_trip(FrontToBroker::Hello { pid: 1 });
        check_round_trip(FrontToBroker::Follow { query: QueryId(1) });
        check_round_trip(FrontToBroker::Unfollow { query: QueryId(1) });
        for answer in [
            FrontAnswer::Query(view()),
            FrontAnswer::Search { identifier: "i".into(), view: view() },
            FrontAnswer::Scan(ScanView {
                handle: "h".into(),
                account: None,
                state: ScanState::Failed { code: FailureCode::ProcessingError, detail: "d".into() },
                posts_listed: 0,
                posts_indexed: 0,
                still_listing: false,
                posts_total: None,
                elapsed_ms: 1,
            }),
            FrontAnswer::Picture { image: "u".into(), jpeg: vec![255; 3] },
            FrontAnswer::Account(vec![]),
            FrontAnswer::Forgetting(ForgettingView {
                subject: Subject::Account(AccountKey::new(Network::Twitter, "1")),
                handle: Some("h".into()),
                removed: Removed { accounts: 1, posts: 2, images: 3, retries: 4 },
                answers: 5,
                scans: 6,
                is_marked_before: true,
                has_ended: false,
            }),
            FrontAnswer::Tombstones {
                tombstones: vec![Tombstone {
                    mark: Mark([1; 32]),
                    kind: SubjectKind::Post,
                    network: Network::Bluesky,
                    at: Timestamp(1),
                    note: "n".into(),
                }],
                more: true,
            },
            FrontAnswer::Lifted { mark: Mark([2; 32]) },
            FrontAnswer::Stats(StatsView::default()),
            FrontAnswer::Threads(vec![WorkerView {
                role: Role::Listing,
                pid: 1,
                worker: 0,
                stages: vec![Stage::Lookup],
                doing: None,
                request: None,
                since_ms: 1,
                attempt: 1,
            }]),
            FrontAnswer::Queues(vec![]),
            FrontAnswer::Metrics { steps: vec![], more: true, counters: None },
            FrontAnswer::Counters(CountersView {
                failures: vec![(FailureCode::NotAnUrl, 2)],
                starts: vec![(Role::Front, 1)],
                deliveries_waiting: 1,
                messages_dropped: 0,
                sites: vec![crate::proto::view::SitePagesView {
                    site: "s".into(),
                    read: 1,
                    changed: 2,
                    is_broken: true,
                }],
                media_counts: crate::proto::view::MediaCountsView { equal: 1, ..Default::default() },
                post_lags: crate::proto::view::PostLagsView { within: [1; 4], ..Default::default() },
            }),
            FrontAnswer::Verdicts(VerdictsAnswer::Said {
                verdict: verdict(),
                is_new: true,
                against: vec![verdict()],
            }),
            FrontAnswer::Verdicts(VerdictsAnswer::Taken { new: 1, known: 2, against: vec![] }),
            FrontAnswer::Verdicts(VerdictsAnswer::Removed(verdict())),
            FrontAnswer::Verdicts(VerdictsAnswer::List { verdicts: vec![(verdict(), true)], more: true }),
            FrontAnswer::Verdicts(VerdictsAnswer::Wrong { why: "w".into() }),
            FrontAnswer::Verdicts(VerdictsAnswer::Unknown),
            FrontAnswer::Overloaded,
            FrontAnswer::NotNow { why: "w".into() },
            FrontAnswer::Health(vec![ProblemView { what: "w".into(), since_ms: 1, blocking: true }]),
            FrontAnswer::Refused { code: FailureCode::NoSuchRequest, detail: "d".into() },
        ] {
            check_round_trip(BrokerToFront::Answer { ask: AskId(1), answer });
        }
        check_round_trip(BrokerToFront::Changed { view: view() });
    }
}
