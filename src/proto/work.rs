//! Work items and their outcomes: what a lease carries to a stage, and what comes back.

use serde::{Deserialize, Serialize};

use crate::base::ids::{Network, PostKey, QueryId, ScanId};
use crate::base::{Timestamp, counted};
use crate::domain::accounts::{Account, AccountRef, AccountState, LinksFound, Resolution};
use crate::domain::failure::FailureCode;
use crate::domain::images::{
    FoundImage, FoundPage, ImageFacts, ImageSource, PictureSize, QueryImage, SearchScope,
};
use crate::domain::parts::PartsState;
use crate::domain::posts::{IndexedPost, ListedPost, LookedUpPost, PostState};
use crate::domain::scans::{Cursor, ListingEnd, ListingPlace, ListingStep, Searched};
use crate::domain::verdicts::Verdict;
use crate::domain::watches::{FeedEntry, WatchId};
use crate::proto::view::QueryView;

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
        /// For which people may have said something of the accounts.
        pages: Vec<String>,
    },
    SearchImage {
        query: QueryId,
        image: QueryImage,
        scope: SearchScope,
        /// The image is that of an artwork's page: what it looks like is reported. Of any other, the pages
        /// that show it are.
        of_page: bool,
        /// Also mirrored, turned by a quarter and upside down.
        turned: bool,
        /// For which people may have said something of accounts and pictures.
        pages: Vec<String>,
        /// Where images are looked for that share a part with this one. It takes longer, so a search whose
        /// answer does not count yet does without.
        parts_in: Option<SearchScope>,
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
    /// `searched`: a timeline is to be read only as far as it holds posts that the search missed. `place`: an
    /// earlier worker came so far.
    ListPosts {
        scan: ScanId,
        account: Account,
        cursor: Cursor,
        searched: Option<Searched>,
        place: Option<Box<ListingPlace>>,
    },
    IndexPosts {
        scan: ScanId,
        step: ListingStep,
        account: Account,
        posts: Vec<ListedPost>,
    },
    /// A picture for people: a JPEG file of at most [`MAX_PICTURE_BYTES`].
    ShrinkPicture {
        source: ImageSource,
        size: PictureSize,
    },
    Maintain(MaintenanceTask),
    Deliver(Box<Delivery>),
    Tell(Box<WatchedPost>),
}

/// What a picture may take: it travels in a message.
pub const MAX_PICTURE_BYTES: usize = 56 * 1024;

/// A final answer on its way to a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Distinct, also over restarts: its receiver can tell a repetition by it.
    pub id: String,
    /// The name of the webhook in the configuration.
    pub webhook: String,
    pub answer: QueryView,
}

/// What a watch has heard of, on its way to the watch's webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchedPost {
    pub watch: WatchId,
    /// What is watched, in the words of whoever asked for it.
    pub subject: String,
    /// The name of the webhook in the configuration.
    pub webhook: String,
    pub entry: FeedEntry,
}

impl WatchedPost {
    /// Distinct for each thing that is told, the same for every attempt and after a restart.
    pub fn id(&self) -> String {
        format!("{}-{}", self.watch, self.entry.changed.0)
    }
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
    /// Find out which features of images many artists have in common, now and then.
    FindFurniture,
}

impl Work {
    /// The work's kind for people, with its subject; never a secret.
    pub fn describe(&self) -> String {
        match self {
            Work::FindLinks { url, .. } => format!("find links from {url}"),
            Work::PlanScans { accounts, .. } => {
                format!("plan scans of {}", counted(accounts.len(), "account"))
            }
            Work::SearchImage { .. } => "search an image".to_owned(),
            Work::Resolve { refs } => format!("look up {}", counted(refs.len(), "account")),
            Work::CheckPosts { posts } => format!("check {}", counted(posts.len(), "post")),
            Work::LookUpPosts { posts } => format!("look up {}", counted(posts.len(), "post")),
            Work::ListPosts { account, cursor, .. } => match account.key.network {
                Network::Twitter => {
                    format!("list posts of @{} by {}", account.handle, cursor.step().as_str())
                }
                network => format!("list posts of @{} on {network}", account.handle),
            },
            Work::IndexPosts { account, posts, .. } => {
                format!("index {} of @{}", counted(posts.len(), "post"), account.handle)
            }
            Work::ShrinkPicture { source, .. } => format!("make a picture of {} small", source.url),
            Work::Maintain(task) => format!("maintenance: {task:?}"),
            Work::Deliver(delivery) => format!("deliver an answer to the webhook {}", delivery.webhook),
            Work::Tell(post) => format!("tell the webhook {} of a new post", post.webhook),
        }
    }
}

/// What a finished work item yields. The variant fits the work's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StageOutput {
    Links(Box<LinksFound>),
    Plan(ScanPlan),
    Found(SearchFound),
    /// The address of a direct search is that of a post, not of an image; `position`: the place of the image
    /// that the address points at, from 1.
    NamesPost {
        post: PostKey,
        position: Option<u32>,
    },
    Resolved(Vec<Resolution>),
    /// In the order asked.
    Checked(Vec<PostState>),
    /// In the order asked.
    LookedUp(Vec<LookedUpPost>),
    Listed(ListingEnd),
    Indexed(Vec<IndexedPost>),
    /// A JPEG file.
    Picture(Vec<u8>),
    Maintained,
    Delivered,
}

/// Step 2's decision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanPlan {
    /// What to scan before the search, with the cursors to start from.
    pub scans: Vec<(Account, AccountState)>,
    /// What is known of the accounts of which nothing new is needed.
    pub up_to_date: Vec<AccountState>,
    /// One of them was never scanned: this will take a while.
    pub first_time: bool,
    /// What people say that holds for the pages of the query.
    pub verdicts: Vec<Verdict>,
}

/// Step 3's result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchFound {
    /// Within the distance that makes a result; nearest first.
    pub images: Vec<FoundImage>,
    /// Farther ones that a closer look may still like, and those that only their parts show; by class, then
    /// by how alike they are.
    pub similar: Vec<FoundImage>,
    /// More were found than an answer holds.
    pub cut: bool,
    /// The query image has nothing to be recognised by, so nothing was searched.
    pub low_quality: bool,
    /// What the image of an artwork's page looks like.
    pub picture: Option<Box<ImageFacts>>,
    /// Pages that were answered before, with this picture; likest first.
    pub artwork_pages: Vec<FoundPage>,
    /// What people say that holds for the pages of the query.
    pub verdicts: Vec<Verdict>,
    /// Whether images were looked for that share a part with the query image.
    pub parts: PartsState,
}

impl SearchFound {
    /// Of an image that has nothing to be recognised by.
    pub fn low_quality(verdicts: Vec<Verdict>) -> SearchFound {
        SearchFound { low_quality: true, verdicts, ..SearchFound::default() }
    }
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
    /// A listing, left between two pages as `PageHeld` asked: it goes on from its place, in any worker.
    Paused,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Fingerprint;
    use crate::base::ids::{AccountKey, ImageId, Network};
    use crate::domain::accounts::{
        Candidate, Elsewhere, Evidence, LeftOut, LeftOutReason, NoImage, ResolutionOutcome,
    };
    use crate::domain::images::{Detail, ImageFacts, MatchClass, SecondStage, Variant};
    use crate::domain::parts::{PartMatch, Parts};
    use crate::domain::posts::{ImageState, IndexedImage, ListedImage, Place, PostOutcome};
    use crate::domain::scans::Coverage;
    use crate::domain::verdicts::Claim;
    use crate::proto::tests::check_round_trip;

    fn account() -> Account {
        Account { key: AccountKey::new(Network::Twitter, "12"), handle: "jack".into(), posts: Some(3) }
    }

    fn post() -> ListedPost {
        let key = PostKey::new(Network::Twitter, "18446744073709551615");
        let image = ListedImage::new("a.jpg", "https://pbs.twimg.com/media/a");
        ListedPost::of(key, Some(Timestamp(1)), [Place::Other, Place::Image(image), Place::Missing]).unwrap()
    }

    #[test]
    fn every_work_travels() {
        for work in [
            Work::FindLinks { query: QueryId(1), url: "https://a.example/".into() },
            Work::PlanScans {
                query: QueryId(1),
                accounts: vec![account()],
                published: None,
                pages: vec!["u".into()],
            },
            Work::SearchImage {
                query: QueryId(1),
                image: QueryImage::Urls(vec![ImageSource::plain("u")]),
                scope: SearchScope::Everything,
                of_page: true,
                turned: true,
                pages: vec!["u".into()],
                parts_in: None,
            },
            Work::SearchImage {
                query: QueryId(1),
                image: QueryImage::Attached { len_bytes: 5 },
                scope: SearchScope::Accounts(vec![account().key]),
                of_page: false,
                turned: false,
                pages: vec![],
                parts_in: Some(SearchScope::Accounts(vec![account().key])),
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
                place: Some(Box::new(ListingPlace {
                    next: "p".into(),
                    pages: 1,
                    posts_read: 2,
                    newest: Some(Timestamp(3)),
                    oldest: None,
                    last: None,
                    notes: vec!["n".into()],
                    spent_ms: 4,
                    is_cut: true,
                })),
            },
            Work::ListPosts {
                scan: ScanId(1),
                account: account(),
                cursor: Cursor::Timeline(Some("7".into())),
                searched: Some(Searched {
                    since: Some(Timestamp(1)),
                    media: Some(9),
                    counts_are_trusted: true,
                }),
                place: None,
            },
            Work::IndexPosts {
                scan: ScanId(1),
                step: ListingStep::Search,
                account: account(),
                posts: vec![post()],
            },
            Work::ShrinkPicture { source: ImageSource::plain("u"), size: PictureSize::Small },
            Work::Maintain(MaintenanceTask::RetryPosts),
        ] {
            assert!(!work.describe().is_empty());
            check_round_trip(work);
        }
    }

    fn verdict() -> Verdict {
        let claim = Claim::Picture { post: post().key, image: Some(2), is_same: true };
        Verdict::new(claim, Some("https://a.example/1"), "w", Timestamp(1), "y").unwrap()
    }

    fn found(class: MatchClass, second_stage: Option<SecondStage>) -> FoundImage {
        FoundImage {
            image: ImageId(u64::MAX),
            post: post().key,
            account: account().key,
            handle: Some("jack".into()),
            position: 1,
            count: 4,
            name: "a.jpg".into(),
            published: None,
            distance: 64,
            variant: Variant::Trimmed,
            class,
            second_stage,
            part: class.is_by_parts().then(PartMatch::sample),
            said_same: true,
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
            parts: Some(Parts(vec![1, 2])),
        };
        let image = |state| IndexedImage::new("a.jpg", state);
        for output in [
            StageOutput::Links(Box::new(LinksFound {
                page_url: "https://site.example/1".to_owned(),
                site: "s".into(),
                images: vec![ImageSource::plain("u")],
                no_image: Some(NoImage { code: FailureCode::ProcessingError, why: "w".into() }),
                published: None,
                candidates: vec![Candidate {
                    account: AccountRef::Id(account().key),
                    evidence: Evidence::Mutual,
                    chain: vec!["u".into()],
                }],
                named_posts: Vec::new(),
                elsewhere: vec![Elsewhere {
                    site: "Instagram".into(),
                    url: "u".into(),
                    evidence: Evidence::ProfileField,
                }],
                left_out: vec![LeftOut {
                    candidate: Candidate {
                        account: AccountRef::Handle { network: Network::Twitter, handle: "pixiv".into() },
                        evidence: Evidence::ProfileText,
                        chain: vec!["u".into()],
                    },
                    reason: LeftOutReason::SitesOwn,
                }],
                pages: 1,
                artists_pages: vec!["u".into()],
                verdicts: vec![verdict()],
            })),
            StageOutput::Plan(ScanPlan {
                scans: vec![(account(), AccountState::unknown(account().key))],
                up_to_date: vec![AccountState::unknown(account().key)],
                first_time: true,
                verdicts: vec![verdict()],
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
                picture: Some(Box::new(facts.clone())),
                artwork_pages: vec![FoundPage {
                    url: "u".into(),
                    distance: 1,
                    class: MatchClass::Recompressed,
                    answered_at: Timestamp(2),
                }],
                verdicts: vec![verdict()],
                parts: PartsState::Incomplete { images_without: 7 },
            }),
            StageOutput::NamesPost { post: post().key, position: Some(2) },
            StageOutput::Resolved(vec![Resolution {
                asked: AccountRef::Id(account().key),
                outcome: ResolutionOutcome::Readable(account()),
            }]),
            StageOutput::Checked(vec![
                PostState::Visible,
                PostState::Deleted,
                PostState::Gone,
                PostState::Unknown,
            ]),
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
                media: None,
            }),
            StageOutput::Indexed(vec![IndexedPost {
                key: post().key,
                published: None,
                images: vec![
                    image(ImageState::Fingerprinted(facts)),
                    image(ImageState::Lost),
                    image(ImageState::Failed { url: "u".into(), why: "w".into() }),
                ],
                places: 255,
                incomplete: true,
            }]),
            StageOutput::Picture(vec![255; MAX_PICTURE_BYTES]),
            StageOutput::Maintained,
        ] {
            check_round_trip(LeaseOutcome::Done(output));
        }
        check_round_trip(LeaseOutcome::Retry { after_ms: 1, why: "w".into() });
        check_round_trip(LeaseOutcome::Paused);
        check_round_trip(LeaseOutcome::Failed { code: FailureCode::ProcessingError, why: "w".into() });
    }
}
