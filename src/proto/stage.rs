//! Between the containers that work and the broker.

use serde::{Deserialize, Serialize};

use crate::base::ids::{AccountKey, AccountNo, AskId, ImageId, LeaseId, PostKey, ScanId};
use crate::base::roles::{Role, Stage};
use crate::base::{Fingerprint, Timestamp};
use crate::domain::accounts::{Account, AccountRecord, AccountRef, AccountState};
use crate::domain::forgotten::{Mark, Tombstone};
use crate::domain::images::AnsweredPage;
use crate::domain::parts::Parts;
use crate::domain::posts::{ImageRecord, ListedPost, RetryPost};
use crate::domain::reads::{PaidReads, ReadWish, Reserved};
use crate::domain::scans::{Hold, Priority};
use crate::domain::verdicts::{KeptVerdicts, Verdict, VerdictId};
use crate::domain::watches::{FeedEntry, Watch, WatchId};
use crate::proto::work::{LeaseOutcome, MaintenanceTask, Work};

/// From a container's workers. The broker knows the sender by its link and treats what it says as
/// gossip: an unknown lease is dropped and counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StageToBroker {
    /// First on every link: who is there, and which kinds of work each worker takes.
    Hello { role: Role, pid: u32, workers: Vec<Vec<Stage>> },
    /// This worker waits for work. Sent once; the broker answers when there is some.
    Ready { worker: u16 },
    /// Exactly once per lease. The worker is ready for the next after it.
    Report { lease: LeaseId, outcome: LeaseOutcome, elapsed_micros: u64 },
    /// A listing found these posts. The worker waits for `PageAccepted` before it reads on. Where too many
    /// posts wait to be indexed, `hold` says what becomes of the listing.
    Page { lease: LeaseId, posts: Vec<ListedPost>, hold: Hold },
    /// The worker is alive and does this; prolongs its lease.
    Doing { lease: LeaseId, what: String },
    /// A question to the database.
    Ask { ask: AskId, question: Question },
    /// The next request of this lease is billed: it is sent when `Reserved` says how much it may read. The
    /// reservation ends with `Paid`, with a further one, or with the lease.
    Reserve { lease: LeaseId, wish: ReadWish },
    /// These things were read from a network that bills for them, in the course of this lease. Nothing is
    /// said too, of a request that failed.
    Paid { lease: LeaseId, reads: PaidReads },
    /// The network is lost, for this reason, or is back: this container's workers wait for it meanwhile.
    Network { lost: Option<String> },
    /// How long a part of a step took, for `metrics`.
    Measured { step: String, micros: u64 },
}

/// A page that was asked for, as the name of a measured step: `site pixiv: ok`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SitePage<'a> {
    pub site: &'a str,
    pub outcome: &'a str,
}

impl<'a> SitePage<'a> {
    /// The outcome of a page that was read.
    pub const READ: &'static str = "ok";
    /// The outcome of one that is there, but looks different from what its reader knows.
    pub const LAYOUT_CHANGED: &'static str = "layout_changed";

    pub fn step(&self) -> String {
        format!("site {}: {}", self.site, self.outcome)
    }

    /// None where the step is none of a page.
    pub fn of_step(step: &'a str) -> Option<SitePage<'a>> {
        let (site, outcome) = step.strip_prefix("site ")?.split_once(": ")?;
        Some(SitePage { site, outcome })
    }
}

/// From the broker to a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BrokerToStage {
    /// Work for a worker that is ready. It must report, or say what it is doing, before the lease ends;
    /// otherwise another worker gets the work.
    Lease {
        worker: u16,
        lease: LeaseId,
        attempt: u32,
        /// Who waits for it, which decides whose requests a host answers first.
        priority: Priority,
        work: Work,
    },
    PageAccepted {
        lease: LeaseId,
    },
    /// The page was taken, and the listing is to be left at the place that came with it (`Hold::At`): the
    /// worker reports `Paused`.
    PageHeld {
        lease: LeaseId,
    },
    /// The answer to `Reserve`, at once or when there is enough.
    Reserved {
        lease: LeaseId,
        reserved: Reserved,
    },
    /// The lease has ended: stop, its report will be dropped.
    Revoked {
        lease: LeaseId,
    },
    Answer {
        ask: AskId,
        answer: Answer,
    },
}

/// Images of which one question may ask: their details are a third of a kilobyte each, and the
/// answer is one message.
pub const MAX_IMAGES_PER_QUESTION: usize = 100;

/// Posts in one answer to `SearchedPosts`: ids of X have 19 digits.
pub const MAX_SEARCHED_POSTS: usize = 1000;

/// Fingerprints in one answer: each takes 30 bytes at most.
pub const MAX_FINGERPRINTS_PER_ANSWER: usize = 1500;

/// Pages in one answer: their addresses and details take up to 800 bytes each.
pub const MAX_PAGES_PER_ANSWER: usize = 20;

/// Images in one answer to `StoredPosts`.
pub const MAX_STORED_POSTS: usize = 1000;

/// Images of which one question may ask the features: they are the candidates of a search.
pub const MAX_PARTS_PER_QUESTION: usize = 25;

/// Tombstones in one answer: with its note, each takes 300 bytes at most.
pub const MAX_TOMBSTONES_PER_ANSWER: u32 = 150;

/// What stages may ask the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Question {
    /// For each, in this order.
    AccountStates(Vec<AccountKey>),
    /// The stored images of these numbers; unknown numbers are left out. At most
    /// [`MAX_IMAGES_PER_QUESTION`], and as many of them as fit a message.
    Images(Vec<ImageId>),
    /// The database's numbers of these accounts; unknown accounts are left out.
    AccountNumbers(Vec<AccountKey>),
    /// The searchable fingerprints of one account's images beyond `after`, at most
    /// [`MAX_FINGERPRINTS_PER_ANSWER`]; fewer means that there are no more. For searches while the index
    /// does not hold everything.
    AccountFingerprints { account: AccountNo, after: ImageId },
    /// Of one account's searchable images beyond `after`, in the order of their numbers, those whose features
    /// are known: as many as fit a message.
    AccountParts { account: AccountNo, after: ImageId },
    /// The features of these images, at most [`MAX_PARTS_PER_QUESTION`]; images without are left out.
    PartsOf(Vec<ImageId>),
    /// Of the accounts beyond `after`, at most `limit` and at most [`MAX_PARTS_PER_QUESTION`], the features
    /// of one of their newest images. Only maintenance asks this.
    PartsSample { after: AccountNo, limit: u32 },
    /// The features that many accounts have in common.
    Furniture,
    /// They are these from now on; at most
    /// [`MAX_FURNITURE_BYTES`](crate::domain::parts::MAX_FURNITURE_BYTES). Only maintenance asks this.
    KeepFurniture(Vec<u8>),
    /// Accounts whose turn it is, for a maintenance task, at most `limit`.
    AccountsDue { task: MaintenanceTask, limit: u32 },
    /// Posts to be tried again, at most `limit`, and as many as fit a message.
    RetriesDue { limit: u32 },
    /// Posts noted by their ids alone whose turn it is to be looked up, at most `limit`.
    WantedPostsDue { limit: u32 },
    /// Pages that were answered whose picture is at most `radius` bits from one of these fingerprints; the
    /// nearest [`MAX_PAGES_PER_ANSWER`].
    PagesLike { fingerprints: Vec<Fingerprint>, radius: u32 },
    /// The marks of what was forgotten, in their order beyond `after`, at most [`MAX_TOMBSTONES_PER_ANSWER`];
    /// fewer means that there are no more.
    Tombstones { after: Option<Mark> },
    /// Whose these posts are; those that are not stored are left out.
    PostAuthors(Vec<PostKey>),
    /// What the search of a scan has listed, newest first, from the `from`-th post on; at most
    /// [`MAX_SEARCHED_POSTS`]. An empty answer is the end.
    SearchedPosts { scan: ScanId, from: u32 },
    /// The accounts that were seen under this handle, the present one first; or the account of this id.
    Accounts(AccountRef),
    /// Start scans that nobody waits for.
    StartScans { scans: Vec<(Account, AccountState)>, priority: Priority },
    /// Index these posts again, apart from any scan.
    RetryPosts(Vec<RetryPost>),
    /// Look these posts up and index them, apart from any scan.
    LookUpPosts(Vec<PostKey>),
    /// Forget the search cursors of these accounts.
    ResetSearchCursors(Vec<AccountKey>),
    /// What people say that holds for one of these pages, and what holds for all pages about one of these
    /// accounts.
    Verdicts { pages: Vec<String>, accounts: Vec<AccountKey> },
    /// The searchable images of these posts.
    PostImages(Vec<PostKey>),
    /// The verdicts that were said before this one, newest first. Only the broker asks this, and what
    /// follows.
    VerdictsBefore((Timestamp, VerdictId)),
    /// People said this.
    KeepVerdicts(Vec<Verdict>),
    /// Somebody takes this back.
    RemoveVerdict(VerdictId),
    /// The feed of these accounts, the newest entry first, without the first `skip`: as many entries as fit a
    /// message.
    Feed { accounts: Vec<AccountKey>, skip: u32 },
    /// Somebody wants to hear of this, or something of it has changed.
    KeepWatch(Box<Watch>),
    /// Nobody wants to hear of it any more.
    EndWatch(WatchId),
    /// What is stored of an account, by its images beyond `after`, at most [`MAX_STORED_POSTS`]; fewer means
    /// that there is no more.
    StoredPosts { account: AccountKey, after: ImageId },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    AccountStates(Vec<AccountState>),
    Images {
        records: Vec<ImageRecord>,
        /// So many of the numbers were looked up, the first ones; the others are to be asked for again.
        looked_up: u32,
    },
    AccountNumbers(Vec<(AccountKey, crate::base::ids::AccountNo)>),
    /// By image, each with that of what its border frames.
    Fingerprints(Vec<(ImageId, Fingerprint, Option<Fingerprint>)>),
    AccountParts {
        /// Each with its fingerprint, that of what its border frames, and its features.
        images: Vec<(ImageId, Fingerprint, Option<Fingerprint>, Parts)>,
        /// Where to go on: the next question's `after`. `None` when there are no more.
        next: Option<ImageId>,
    },
    /// In the order asked.
    PartsOf(Vec<(ImageId, Parts)>),
    PartsSample {
        /// Accounts whose newest images have no features are left out.
        parts: Vec<(AccountNo, Parts)>,
        /// Where to go on. `None` when there are no more accounts.
        next: Option<AccountNo>,
    },
    /// With when they were kept; `None` before the first time.
    Furniture(Option<(Timestamp, Vec<u8>)>),
    Accounts(Vec<(Account, AccountState)>),
    Retries(Vec<RetryPost>),
    WantedPosts(Vec<PostKey>),
    PostAuthors(Vec<(PostKey, Account)>),
    /// Nearest first.
    Pages(Vec<AnsweredPage>),
    Tombstones(Vec<Tombstone>),
    /// The network's own ids.
    SearchedPosts(Vec<String>),
    AccountRecords(Vec<AccountRecord>),
    /// Newest first; at most [`MAX_HOLDING`](crate::domain::verdicts::MAX_HOLDING).
    Verdicts(Vec<Verdict>),
    /// With the post and the position of each, from 1.
    PostImages(Vec<(PostKey, u8, ImageId, Fingerprint, Option<Fingerprint>)>),
    VerdictsBefore {
        /// Each with whether another contradicts it.
        verdicts: Vec<(Verdict, bool)>,
        /// There are more after these.
        more: bool,
    },
    VerdictsKept(KeptVerdicts),
    /// `None` where there was none of this id.
    VerdictRemoved(Option<Verdict>),
    Feed {
        entries: Vec<FeedEntry>,
        /// There are more after these.
        more: bool,
    },
    /// Of each image in the order of their numbers, its post's id and date.
    StoredPosts(Vec<(ImageId, String, Option<Timestamp>)>),
    /// The order was carried out.
    Done,
    /// The database could not answer; the work is to be tried again.
    Unavailable(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::{Network, QueryId};
    use crate::domain::accounts::SeenHandle;
    use crate::domain::forgotten::{MAX_NOTE_BYTES, SubjectKind};
    use crate::domain::images::Detail;
    use crate::domain::parts::{MAX_FURNITURE_BYTES, MAX_PARTS_BYTES};
    use crate::domain::reads::Resource;
    use crate::domain::scans::Coverage;
    use crate::domain::verdicts::Claim;
    use crate::proto::MAX_MESSAGE_BYTES;
    use crate::proto::tests::check_round_trip;

    fn tombstone(note_bytes: usize) -> Tombstone {
        Tombstone {
            mark: Mark([255; 32]),
            kind: SubjectKind::Account,
            network: Network::Misskey,
            at: crate::base::Timestamp(i64::MAX),
            note: "n".repeat(note_bytes),
        }
    }

    #[test]
    fn an_answer_with_all_its_details_is_one_message() {
        let record = ImageRecord {
            image: ImageId(u64::MAX),
            post: PostKey::new(Network::Twitter, "18446744073709551615"),
            account: AccountKey::new(Network::Twitter, "18446744073709551615"),
            handle: Some("h".repeat(15)),
            position: 255,
            count: 255,
            name: "n".repeat(200),
            published: Some(crate::base::Timestamp(i64::MAX)),
            detail: Some(Detail {
                phash256: [u64::MAX; 4],
                thumbnail: vec![255; 192],
                trimmed: Some(Fingerprint(u64::MAX)),
            }),
        };
        let looked_up = MAX_IMAGES_PER_QUESTION as u32;
        let answer = Answer::Images { records: vec![record; MAX_IMAGES_PER_QUESTION], looked_up };
        let message = BrokerToStage::Answer { ask: AskId(u64::MAX), answer };
        assert!(postcard::to_stdvec(&message).unwrap().len() < MAX_MESSAGE_BYTES);
        let tombstones = vec![tombstone(MAX_NOTE_BYTES); MAX_TOMBSTONES_PER_ANSWER as usize];
        let message = BrokerToStage::Answer { ask: AskId(u64::MAX), answer: Answer::Tombstones(tombstones) };
        assert!(postcard::to_stdvec(&message).unwrap().len() < MAX_MESSAGE_BYTES);
        let fingerprint = Fingerprint(u64::MAX);
        let entry = (ImageId(u64::MAX), fingerprint, Some(fingerprint));
        let answer = Answer::Fingerprints(vec![entry; MAX_FINGERPRINTS_PER_ANSWER]);
        let message = BrokerToStage::Answer { ask: AskId(u64::MAX), answer };
        assert!(postcard::to_stdvec(&message).unwrap().len() < MAX_MESSAGE_BYTES);
        let parts = (ImageId(u64::MAX), Parts(vec![255; MAX_PARTS_BYTES]));
        let answer = Answer::PartsOf(vec![parts; MAX_PARTS_PER_QUESTION]);
        let message = BrokerToStage::Answer { ask: AskId(u64::MAX), answer };
        assert!(postcard::to_stdvec(&message).unwrap().len() < MAX_MESSAGE_BYTES);
        let sampled = (AccountNo(u32::MAX), Parts(vec![255; MAX_PARTS_BYTES]));
        let parts = vec![sampled; MAX_PARTS_PER_QUESTION];
        let answer = Answer::PartsSample { parts, next: Some(AccountNo(u32::MAX)) };
        let message = BrokerToStage::Answer { ask: AskId(u64::MAX), answer };
        assert!(postcard::to_stdvec(&message).unwrap().len() < MAX_MESSAGE_BYTES);
        let question = Question::KeepFurniture(vec![255; MAX_FURNITURE_BYTES]);
        let message = StageToBroker::Ask { ask: AskId(u64::MAX), question };
        assert!(postcard::to_stdvec(&message).unwrap().len() < MAX_MESSAGE_BYTES);
    }

    fn verdict() -> Verdict {
        let claim =
            Claim::Picture { post: PostKey::new(Network::Twitter, "2"), image: Some(3), is_same: true };
        Verdict::new(claim, Some("https://a.example/1"), "w", Timestamp(1), "y").unwrap()
    }

    #[test]
    fn every_message_travels() {
        let key = AccountKey::new(Network::Twitter, "12");
        let account = Account { key: key.clone(), handle: "a".into(), posts: None };
        let state = AccountState::unknown(key.clone());
        for message in [
            StageToBroker::Hello { role: Role::Listing, pid: 1, workers: vec![vec![Stage::Lookup]] },
            StageToBroker::Ready { worker: 1 },
            StageToBroker::Report {
                lease: LeaseId(1),
                outcome: LeaseOutcome::Retry { after_ms: 1, why: "w".into() },
                elapsed_micros: 2,
            },
            StageToBroker::Page { lease: LeaseId(1), posts: vec![], hold: Hold::Here },
            StageToBroker::Page { lease: LeaseId(1), posts: vec![], hold: Hold::At(Box::default()) },
            StageToBroker::Doing { lease: LeaseId(1), what: "w".into() },
            StageToBroker::Measured { step: "s".into(), micros: 1 },
            StageToBroker::Network { lost: Some("w".into()) },
            StageToBroker::Reserve {
                lease: LeaseId(1),
                wish: ReadWish { resource: Resource::Post, least: 10, most: 500 },
            },
            StageToBroker::Paid {
                lease: LeaseId(1),
                reads: PaidReads { resource: Resource::Post, ids: vec![u64::MAX] },
            },
            StageToBroker::Paid {
                lease: LeaseId(1),
                reads: PaidReads { resource: Resource::User, ids: vec![] },
            },
        ] {
            check_round_trip(message);
        }
        for question in [
            Question::AccountStates(vec![key.clone()]),
            Question::Images(vec![ImageId(1)]),
            Question::AccountNumbers(vec![key.clone()]),
            Question::AccountFingerprints { account: AccountNo(1), after: ImageId(2) },
            Question::AccountParts { account: AccountNo(1), after: ImageId(2) },
            Question::PartsOf(vec![ImageId(1)]),
            Question::PartsSample { after: AccountNo(0), limit: 9 },
            Question::Furniture,
            Question::KeepFurniture(vec![1, 2]),
            Question::AccountsDue { task: MaintenanceTask::UpdateAccounts, limit: 2 },
            Question::RetriesDue { limit: 2 },
            Question::StartScans {
                scans: vec![(account.clone(), state.clone())],
                priority: Priority::Maintenance,
            },
            Question::SearchedPosts { scan: ScanId(1), from: 1000 },
            Question::Accounts(AccountRef::Id(key.clone())),
            Question::RetryPosts(vec![]),
            Question::WantedPostsDue { limit: 3 },
            Question::PostAuthors(vec![PostKey::new(Network::Twitter, "2")]),
            Question::LookUpPosts(vec![PostKey::new(Network::Twitter, "2")]),
            Question::Tombstones { after: Some(Mark([7; 32])) },
            Question::ResetSearchCursors(vec![key.clone()]),
            Question::Verdicts { pages: vec!["u".into()], accounts: vec![key.clone()] },
            Question::PostImages(vec![PostKey::new(Network::Twitter, "2")]),
            Question::VerdictsBefore((Timestamp(1), VerdictId(u64::MAX))),
            Question::KeepVerdicts(vec![verdict()]),
            Question::RemoveVerdict(VerdictId(0)),
            Question::StoredPosts { account: key.clone(), after: ImageId(3) },
        ] {
            check_round_trip(StageToBroker::Ask { ask: AskId(1), question });
        }
        for answer in [
            Answer::AccountStates(vec![state.clone()]),
            Answer::Images {
                looked_up: 1,
                records: vec![ImageRecord {
                    image: ImageId(1),
                    post: PostKey::new(Network::Twitter, "2"),
                    account: key.clone(),
                    handle: Some("h".into()),
                    position: 1,
                    count: 4,
                    name: "a.jpg".into(),
                    published: None,
                    detail: Some(Detail {
                        phash256: [u64::MAX; 4],
                        thumbnail: vec![255; 192],
                        trimmed: Some(Fingerprint(1)),
                    }),
                }],
            },
            Answer::AccountNumbers(vec![(key, AccountNo(1))]),
            Answer::Accounts(vec![(account, state.clone())]),
            Answer::Fingerprints(vec![(ImageId(1), Fingerprint(2), None)]),
            Answer::AccountParts {
                images: vec![(ImageId(1), Fingerprint(2), Some(Fingerprint(3)), Parts(vec![1, 2]))],
                next: Some(ImageId(1)),
            },
            Answer::PartsOf(vec![(ImageId(1), Parts(vec![1, 2]))]),
            Answer::PartsSample { parts: vec![(AccountNo(1), Parts(vec![1]))], next: Some(AccountNo(2)) },
            Answer::Furniture(Some((Timestamp(1), vec![1, 2]))),
            Answer::Retries(vec![]),
            Answer::WantedPosts(vec![PostKey::new(Network::Twitter, "2")]),
            Answer::SearchedPosts(vec!["1".into()]),
            Answer::Tombstones(vec![tombstone(3)]),
            Answer::AccountRecords(vec![AccountRecord {
                state: state.clone(),
                known_since: crate::base::Timestamp(1),
                search_coverage: Some(Coverage::Complete),
                timeline_coverage: Some(Coverage::Sampled),
                newest_seen: None,
                oldest_seen: None,
                posts_read: 3,
                stated_media: None,
                found_media: Some(u64::MAX),
                uses: 4,
                last_used_at: None,
                handles: vec![SeenHandle {
                    handle: "a".into(),
                    first_seen: crate::base::Timestamp(1),
                    last_seen: crate::base::Timestamp(2),
                }],
            }]),
            Answer::Verdicts(vec![verdict()]),
            Answer::PostImages(vec![(
                PostKey::new(Network::Twitter, "2"),
                1,
                ImageId(3),
                Fingerprint(u64::MAX),
                Some(Fingerprint(0)),
            )]),
            Answer::VerdictsBefore { verdicts: vec![(verdict(), true)], more: true },
            Answer::VerdictsKept(KeptVerdicts::Kept { new: 1, known: 2, against: vec![verdict()] }),
            Answer::VerdictsKept(KeptVerdicts::Full { about: "u".into() }),
            Answer::VerdictRemoved(Some(verdict())),
            Answer::StoredPosts(vec![(ImageId(1), "2".into(), Some(Timestamp(3)))]),
            Answer::Done,
            Answer::Unavailable("w".into()),
        ] {
            check_round_trip(BrokerToStage::Answer { ask: AskId(1), answer });
        }
        for message in [
            BrokerToStage::Lease {
                worker: 0,
                lease: LeaseId(1),
                attempt: 1,
                priority: Priority::User,
                work: Work::FindLinks { query: QueryId(1), url: "u".into() },
            },
            BrokerToStage::PageAccepted { lease: LeaseId(1) },
            BrokerToStage::PageHeld { lease: LeaseId(1) },
            BrokerToStage::Reserved { lease: LeaseId(1), reserved: Reserved::Granted { reads: 10 } },
            BrokerToStage::Reserved { lease: LeaseId(1), reserved: Reserved::Refused { why: "w".into() } },
            BrokerToStage::Revoked { lease: LeaseId(1) },
        ] {
            check_round_trip(message);
        }
    }
}
