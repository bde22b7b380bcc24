//! What tests show through the API: one query in its states, an account, figures.

use crate::base::ids::{AccountKey, ImageId, Network, Networks, PostKey, QueryId};
use crate::base::{MicroUsd, Timestamp};
use crate::domain::accounts::{
    AccountRecord, AccountRef, AccountState, Candidate, Elsewhere, Evidence, LeftOutReason, OtherAccount,
    SeenHandle, Standing,
};
use crate::domain::forgotten::{Removed, Subject, SubjectKind, Tombstone};
use crate::domain::images::{IndexProgress, MatchClass, SecondStage, StoreCounts, Variant};
use crate::domain::parts::{PartMatch, PartsState};
use crate::domain::reads::ReadCounts;
use crate::domain::scans::{Coverage, CoveredWindow, Window};
use crate::domain::verdicts::{Claim, Effect, Verdict, VerdictId};
use crate::domain::wanted::Wanted;
use crate::domain::watches::{FeedEntry, FeedImage, FeedPost, Watch, WatchId, WatchedAccount};
use crate::proto::front::WatchView;
use crate::proto::view::{
    AccountView, ForgettingView, MetricView, QueryStatus, QueryView, ResultView, SearchedView, SpendingView,
    StatsView, StoreSizes, VerdictView,
};

/// An account that is forgotten.
pub fn sample_forgetting() -> ForgettingView {
    ForgettingView {
        subject: Subject::Account(AccountKey::new(Network::Twitter, "783214")),
        handle: Some("jane_paints".to_owned()),
        removed: Removed { accounts: 1, posts: 412, images: 518, retries: 3 },
        answers: 2,
        scans: 1,
        is_marked_before: false,
        has_ended: true,
    }
}

/// A watch of a page's artist, who is on two networks.
pub fn sample_watch() -> WatchView {
    let account = |network, native: &str, handle: &str, unreadable: Option<&str>| WatchedAccount {
        key: AccountKey::new(network, native),
        handle: handle.to_owned(),
        unreadable: unreadable.map(str::to_owned),
        looked_up: Timestamp::parse_rfc3339("2026-05-03T10:00:00Z").unwrap(),
    };
    let watch = Watch {
        id: WatchId(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef),
        subject: "https://www.pixiv.net/artworks/98".to_owned(),
        who: "bot".to_owned(),
        began: Timestamp::parse_rfc3339("2026-05-03T10:00:00Z").unwrap(),
        networks: Networks::default(),
        webhook: Some("bot".to_owned()),
        told: ImageId(7),
        accounts: vec![
            account(Network::Twitter, "783214", "jane_paints", None),
            account(Network::Bluesky, "did:plc:jane", "jane.example", Some("is private")),
        ],
    };
    WatchView { watch, is_looked_up: false, problem: None }
}

/// An entry of its feed: one artwork on two networks.
pub fn sample_entry() -> FeedEntry {
    let post = |network, native: &str, account: &str, handle: &str, at: &str, name: &str| FeedPost {
        key: PostKey::new(network, native),
        account: AccountKey::new(network, account),
        handle: Some(handle.to_owned()),
        published: Timestamp::parse_rfc3339(at),
        stored: Timestamp::parse_rfc3339("2026-05-04T12:00:00Z").unwrap(),
        images: vec![FeedImage { position: 1, name: name.to_owned(), size: Some((1200, 800)) }],
    };
    let uri = "at://did:plc:jane/app.bsky.feed.post/3k";
    FeedEntry {
        posts: vec![
            post(Network::Twitter, "20", "783214", "jane_paints", "2026-05-04T10:00:00Z", "Fa-1.jpg"),
            post(Network::Bluesky, uri, "did:plc:jane", "jane.example", "2026-05-04T11:00:00Z", "bafy"),
        ],
        changed: ImageId(9),
    }
}

/// Its mark.
pub fn sample_tombstone() -> Tombstone {
    Tombstone {
        mark: sample_forgetting().subject.mark(),
        kind: SubjectKind::Account,
        network: Network::Twitter,
        at: Timestamp::parse_rfc3339("2026-05-03T10:00:00Z").unwrap(),
        note: "letter of 3 May".to_owned(),
    }
}

/// An account that was renamed.
pub fn sample_record() -> AccountRecord {
    let moment = |text| Timestamp::parse_rfc3339(text).unwrap();
    AccountRecord {
        state: AccountState {
            key: AccountKey::new(Network::Twitter, "783214"),
            search_cursor: Some(moment("2026-05-02T10:00:00Z")),
            timeline_cursor: Some("1800000000000000000".to_owned()),
            search_listed_at: Some(moment("2026-05-03T10:00:00Z")),
            timeline_listed_at: Some(moment("2026-05-03T10:00:05Z")),
            listed_anew_at: Some(moment("2025-06-01T00:00:00Z")),
            stated_posts: Some(4120),
            windows: Vec::new(),
        },
        known_since: moment("2025-01-01T00:00:00Z"),
        search_coverage: Some(Coverage::Complete),
        timeline_coverage: Some(Coverage::Sampled),
        newest_seen: Some(moment("2026-05-02T10:00:00Z")),
        oldest_seen: Some(moment("2012-02-01T08:00:00Z")),
        posts_read: 1031,
        stated_media: Some(902),
        found_media: Some(902),
        uses: 7,
        last_used_at: None,
        handles: vec![
            SeenHandle {
                handle: "jane_paints".to_owned(),
                first_seen: moment("2026-01-05T00:00:00Z"),
                last_seen: moment("2026-05-03T10:00:05Z"),
            },
            SeenHandle {
                handle: "jane_draws".to_owned(),
                first_seen: moment("2025-01-01T00:00:00Z"),
                last_seen: moment("2025-12-05T00:00:00Z"),
            },
        ],
    }
}

pub fn sample_metric() -> MetricView {
    MetricView {
        step: "LINK_FINDER".to_owned(),
        count: 3,
        mean_micros: 2_000,
        p50_micros: 2_000,
        p95_micros: 3_000,
        p99_micros: 3_000,
        sum_micros: 6_000,
        at_most: vec![0, 1, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3],
    }
}

pub fn sample_stats() -> StatsView {
    StatsView {
        store: StoreCounts {
            accounts: 3,
            posts: 1234,
            images: 2000,
            retries: 0,
            parts: 1500,
            part_bytes: 2_700_000,
        },
        index: IndexProgress { done: 500, total: 2000 },
        queries_in_progress: 2,
        scans_in_progress: 1,
        posts_pending: 5,
        sizes: StoreSizes { database_bytes: Some(4096), index_bytes: Some(512) },
        spending: SpendingView {
            today: MicroUsd(1_250_000),
            month: MicroUsd(20_000_000),
            daily_limit: Some(MicroUsd(5_000_000)),
            monthly_limit: None,
            reads_today: ReadCounts { posts: 240, users: 5 },
            reads_month: ReadCounts { posts: 3900, users: 50 },
            scans_waiting: 1,
        },
    }
}

/// A query that has found one post.
pub fn sample_view() -> QueryView {
    let account = AccountKey::new(Network::Twitter, "783214");
    let bluesky = AccountKey::new(Network::Bluesky, "did:plc:abc");
    QueryView {
        query: QueryId(7),
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        subject: "https://a.example/art/1".to_owned(),
        wanted: Wanted::Posts,
        status: QueryStatus::End,
        has_first_time_scan: true,
        accounts: vec![
            AccountView {
                key: account.clone(),
                handle: "jane_paints".to_owned(),
                evidence: Some(Evidence::ProfileField),
                chain: vec!["https://a.example/art/1".to_owned(), "https://a.example/jane".to_owned()],
            },
            AccountView {
                key: bluesky.clone(),
                handle: "jane.example".to_owned(),
                evidence: None,
                chain: vec![],
            },
        ],
        others: vec![],
        look_up: Some(MicroUsd(10_000)),
        published: Timestamp::parse_rfc3339("2022-09-15T08:30:00Z"),
        named_posts: vec![],
        artwork_pages: vec![],
        elsewhere: vec![Elsewhere {
            site: "Instagram".to_owned(),
            url: "https://www.instagram.com/jane_paints/".to_owned(),
            evidence: Evidence::ProfileField,
        }],
        searched: vec![
            SearchedView {
                account: account.clone(),
                whole_at: None,
                windows: vec![CoveredWindow {
                    window: Window {
                        from: Timestamp::parse_rfc3339("2022-09-08T08:30:00Z").unwrap(),
                        to: Timestamp::parse_rfc3339("2022-09-22T08:30:00Z").unwrap(),
                    },
                    listed_at: Timestamp::parse_rfc3339("2026-05-03T10:00:00Z").unwrap(),
                }],
            },
            SearchedView {
                account: bluesky.clone(),
                whole_at: Timestamp::parse_rfc3339("2026-05-03T10:00:05Z"),
                windows: vec![],
            },
        ],
        looking: None,
        cost: MicroUsd(50_000),
        rest: Some(MicroUsd(4_470_000)),
        verdicts: vec![
            VerdictView {
                id: VerdictId(0x0123_4567_89ab_cdef),
                claim: Claim::Account { account: AccountKey::new(Network::Twitter, "12"), is_artists: false },
                handle: "repost_bot".to_owned(),
                at: Timestamp::parse_rfc3339("2026-05-02T09:00:00Z").unwrap(),
                why: "It reposts <b>everybody</b>.".to_owned(),
                effect: Effect::LeftOut,
            },
            VerdictView {
                id: VerdictId(7),
                claim: Claim::Picture {
                    post: PostKey::new(Network::Twitter, "22"),
                    image: Some(2),
                    is_same: false,
                },
                handle: String::new(),
                at: Timestamp::parse_rfc3339("2026-05-02T09:05:00Z").unwrap(),
                why: String::new(),
                effect: Effect::LeftOut,
            },
        ],
        results: vec![
            ResultView {
                post: PostKey::new(Network::Twitter, "18446744073709551615"),
                account: account.clone(),
                handle: Some("jane_paints".to_owned()),
                position: 1,
                count: 4,
                distance: 0,
                variant: Variant::AsIs,
                class: MatchClass::Recompressed,
                second_stage: Some(SecondStage { distance256: 4, thumbnail_centilevels: 85 }),
                image_name: "FcvniV_yKc3SOQ.jpg".to_owned(),
                published: Timestamp::parse_rfc3339("2022-09-16T10:00:00Z"),
                part: None,
                said_same: false,
            },
            ResultView {
                post: PostKey::new(Network::Twitter, "20"),
                account,
                handle: None,
                position: 2,
                count: 2,
                distance: 5,
                variant: Variant::Trimmed,
                class: MatchClass::Similar,
                second_stage: None,
                image_name: "https://i.example/b.png".to_owned(),
                published: None,
                part: None,
                said_same: false,
            },
            ResultView {
                post: PostKey::new(Network::Bluesky, "at://did:plc:abc/app.bsky.feed.post/3k"),
                account: bluesky,
                handle: None,
                position: 1,
                count: 1,
                distance: 1,
                variant: Variant::OnWhite,
                class: MatchClass::Identical,
                second_stage: None,
                image_name: "bafkreiabc".to_owned(),
                published: Timestamp::parse_rfc3339("2022-09-15T10:00:00Z"),
                part: None,
                said_same: false,
            },
        ],
        similar: vec![
            ResultView {
                post: PostKey::new(Network::Twitter, "21"),
                account: AccountKey::new(Network::Twitter, "783214"),
                handle: Some("jane_paints".to_owned()),
                position: 1,
                count: 1,
                distance: 8,
                variant: Variant::AsIs,
                class: MatchClass::EditedOrVariant,
                second_stage: Some(SecondStage { distance256: 30, thumbnail_centilevels: 1250 }),
                image_name: "c.png".to_owned(),
                published: None,
                part: None,
                said_same: false,
            },
            ResultView {
                post: PostKey::new(Network::Twitter, "23"),
                account: AccountKey::new(Network::Twitter, "783214"),
                handle: Some("jane_paints".to_owned()),
                position: 1,
                count: 1,
                distance: 29,
                variant: Variant::AsIs,
                class: MatchClass::InsideAnother,
                second_stage: Some(SecondStage { distance256: 120, thumbnail_centilevels: 6000 }),
                image_name: "d.png".to_owned(),
                published: None,
                part: Some(PartMatch::sample()),
                said_same: false,
            },
        ],
        parts: PartsState::Incomplete { images_without: 12 },
        error: None,
        error_detail: String::new(),
        image_url: Some("https://a.example/art/1.png".to_owned()),
        steps: vec![
            (QueryStatus::WaitLinkFinder, 1),
            (QueryStatus::LinkFinder, 1250),
            (QueryStatus::WaitIndexAccounts, 0),
            (QueryStatus::IndexAccounts, 65_000),
            (QueryStatus::WaitReverseSearch, 2),
            (QueryStatus::ReverseSearch, 34),
        ],
        queue_position: None,
        estimated_wait_ms: None,
        waits_for_network: false,
        posts_listed: 412,
        posts_indexed: 412,
        still_listing: false,
        posts_total: Some(9000),
        version: 9,
    }
}

/// Who the artist of that page is, with an account of each standing.
pub fn sample_artist() -> QueryView {
    let handle = |network, handle: &str| AccountRef::Handle { network, handle: handle.to_owned() };
    let others = [
        (handle(Network::Twitter, "missing"), Standing::Missing),
        (handle(Network::Bluesky, "private.example"), Standing::Private),
        (handle(Network::Twitter, "suspended"), Standing::Suspended),
        (
            handle(Network::Mastodon, "closed@art.example"),
            Standing::Closed { why: "does not want to be indexed".to_owned() },
        ),
        (
            AccountRef::Id(AccountKey::new(Network::Twitter, "104")),
            Standing::Unasked { why: "was not looked up (resolve=0)".to_owned() },
        ),
        (handle(Network::Twitter, "pixiv"), Standing::LeftOut(LeftOutReason::SitesOwn)),
        (handle(Network::Mastodon, "copy@bridge.example"), Standing::LeftOut(LeftOutReason::Copy)),
        (handle(Network::Twitter, "weaker"), Standing::LeftOut(LeftOutReason::Weaker)),
        (handle(Network::Twitter, "blocked"), Standing::LeftOut(LeftOutReason::Blocklist)),
        (handle(Network::Twitter, "nytimes"), Standing::LeftOut(LeftOutReason::Organization)),
        (handle(Network::Misskey, "other@misskey.io"), Standing::LeftOut(LeftOutReason::OtherNetwork)),
    ];
    let other = |(account, standing)| OtherAccount {
        candidate: Candidate {
            account,
            evidence: Evidence::ProfileText,
            chain: vec!["https://a.example/art/1".to_owned()],
        },
        standing,
    };
    let view = sample_view();
    QueryView {
        wanted: Wanted::Artist,
        has_first_time_scan: false,
        others: others.into_iter().map(other).collect(),
        look_up: Some(MicroUsd(20_000)),
        cost: MicroUsd(10_000),
        steps: view.steps[..2].to_vec(),
        accounts: view.accounts,
        elsewhere: view.elsewhere,
        ..QueryView::sample_ended(&view.id, &view.subject)
    }
}

/// The same query in an earlier state.
pub fn sample_view_at(status: QueryStatus, version: u64) -> QueryView {
    let mut view = sample_view();
    view.steps.retain(|(step, _)| *step <= status);
    view.status = status;
    view.results.clear();
    view.similar.clear();
    view.posts_indexed = 100;
    view.still_listing = status < QueryStatus::WaitReverseSearch;
    view.version = version;
    view
}

/// What somebody said.
pub fn sample_verdict() -> Verdict {
    let claim = Claim::Account { account: AccountKey::new(Network::Twitter, "12"), is_artists: false };
    let at = Timestamp::parse_rfc3339("2026-05-02T09:00:00Z").unwrap();
    let page = Some("https://www.artstation.com/artwork/70013");
    let verdict = Verdict::new(claim, page, "bot", at, "It reposts everybody.").unwrap();
    Verdict { handle: "repost_bot".to_owned(), ..verdict }
}
