//! Each kind of reply, as it is shown.

use super::*;
use crate::api::samples::sample_verdict;
use crate::base::roles::{Role, Stage};
use crate::front::fake::{sample_stats, sample_view, sample_view_at};
use crate::proto::view::{
    CountersView, MediaCountsView, MetricView, PostLagsView, QueueView, ScanView, WorkerView,
};

const PLAIN: Style = Style { colors: false, width: 100 };

#[track_caller]
fn check(answer: FrontAnswer, expect: &str) {
    assert_eq!(text(&Reply::Answer(answer), PLAIN), expect);
}

#[test]
fn a_search_through_everything_names_whose_posts_it_found() {
    let mut view = sample_view();
    view.accounts.clear();
    for width in [200, 60] {
        let answer = FrontAnswer::Search { identifier: "abc".to_owned(), view: view.clone() };
        let shown = text(&Reply::Answer(answer), Style { width, ..PLAIN });
        assert_eq!(shown.matches("@jane_paints on X").count(), 3, "{shown}");
        assert!(shown.contains("Bluesky"), "the network, where no name is known: {shown}");
    }
}

#[test]
fn a_finished_query() {
    let mut view = sample_view();
    view.results[0].post.native = "184467440737095".to_owned();
    check(
        FrontAnswer::Query(view),
        "\
account        on       because           found by way of
@jane_paints   X        named in profile  https://a.example/jane
@jane.example  Bluesky

also: Instagram https://www.instagram.com/jane_paints/, not searched
Found 3 posts.
post                                              image  distance                published
https://x.com/jane_paints/status/184467440737095  1/4           0  recompressed  2022-09-16
https://x.com/i/status/20                         2/2           5  similar
https://bsky.app/profile/did:plc:abc/post/3k      1/1           1  identical     2022-09-15, first
Less alike:
post                                 image  distance                     published
https://x.com/jane_paints/status/21  1/1           8  edited or variant
https://x.com/jane_paints/status/23  1/1          29  inside another
A person said on 2026-05-02: @repost_bot on X is not the artist's (It reposts <b>everybody</b>.): left out.
A person said on 2026-05-02: image 2 of https://x.com/i/status/22 is not the artwork: left out.
@jane_paints on X: searched 2022-09-08 to 2022-09-22; the rest of the account was not looked through
@jane.example on Bluesky: searched whole, last listed on 2026-05-03
Reading for it was billed $0.05.
Add --whole to search the rest, for about $4.47.
Crops and screenshots were not looked for among 12 images whose details are not known.
Took 1 min 06 s.
",
    );
}

#[test]
fn an_address_is_never_cut() {
    let mut view = sample_view();
    view.results.truncate(1);
    view.similar.clear();
    let shown = query::query(&view, Style { colors: false, width: 60 });
    let expect = "\
https://x.com/jane_paints/status/18446744073709551615
  recompressed, image 1/4, distance 0, published 2022-09-16
";
    assert!(shown.contains(expect), "{shown}");
}

#[test]
fn a_running_query() {
    let mut view = sample_view_at(QueryStatus::IndexAccounts, 3);
    view.accounts.clear();
    check(
        FrontAnswer::Query(view),
        "indexing their posts, 1 min 05 s: 100 of 412+ posts with images indexed, at least 3 min 22 s left \
         (9000 posts in all)\n",
    );
}

#[test]
fn a_failed_query() {
    let mut view = sample_view_at(QueryStatus::End, 3);
    view.accounts.clear();
    view.steps.truncate(1);
    view.error = Some(FailureCode::UnsupportedWebsite);
    view.error_detail = "no site for a.example\x1b[2J".to_owned();
    check(
        FrontAnswer::Query(view),
        "UNSUPPORTED_WEBSITE: This website is not supported.\nno site for a.example\u{fffd}[2J\n\
         also: Instagram https://www.instagram.com/jane_paints/, not searched\n\
         A person said on 2026-05-02: @repost_bot on X is not the artist's (It reposts <b>everybody</b>.): left out.\n\
         A person said on 2026-05-02: image 2 of https://x.com/i/status/22 is not the artwork: left out.\n\
         Took 1 ms.\n",
    );
}

#[test]
fn an_account_and_who_had_its_name_before() {
    let record = crate::api::samples::sample_record();
    let mut before = record.clone();
    before.state.key.native = "12".to_owned();
    before.handles.truncate(0);
    before.timeline_coverage = None;
    before.state.timeline_listed_at = None;
    check(
        FrontAnswer::Account(vec![record, before]),
        "\
@jane_paints, twitter:783214
  by search     all posts, last on 2026-05-03
  by timeline   samples, which showed that the search had missed nothing, last on 2026-05-03
  posts seen    from 2012-02-01 to 2026-05-02
  posts it has  4120
  posts read    1031
  media         902 found of 902 that the network counts
  known since   2025-01-01
  searched by   7 queries
  @jane_paints  from 2026-01-05 to 2026-05-03
  @jane_draws   from 2025-01-01 to 2025-12-05

The same name belonged to:
(not looked up yet), twitter:12
  by search     all posts, last on 2026-05-03
  by timeline   not listed yet
  posts seen    from 2012-02-01 to 2026-05-02
  posts it has  4120
  posts read    1031
  media         902 found of 902 that the network counts
  known since   2025-01-01
  searched by   7 queries
",
    );
    check(FrontAnswer::Account(vec![]), "No account of this name or id is known here: scan it first.\n");
}

#[test]
fn tables_of_the_daemon() {
    check(
        FrontAnswer::Stats(sample_stats()),
        "\
accounts indexed                            3
posts indexed                            1234
images indexed                           2000
images with local features               1500
posts to be tried again                     0
queries in progress                         2
scans in progress                           1
posts waiting to be indexed                 5
index being made anew                    25 %
spent on reads today           $1.25 of $5.00
spent on reads this month              $20.00
left to spend today                     $3.75
scans waiting for another day               1
",
    );
    let worker = |doing: Option<&str>| WorkerView {
        role: Role::LinkFinder,
        pid: 4711,
        worker: 0,
        stages: vec![Stage::LinkFinder],
        doing: doing.map(str::to_owned),
        request: doing.map(|_| "q7".to_owned()),
        since_ms: 1500,
        attempt: 1,
    };
    check(
        FrontAnswer::Threads(vec![worker(None), worker(Some("find links of https://a.example/"))]),
        "\
process       pid  worker  since  try  request  doing
link-finder  4711       0  1.5 s                waits for work
link-finder  4711       0  1.5 s    1  q7       find links of https://a.example/
",
    );
    check(
        FrontAnswer::Queues(vec![QueueView {
            stage: Stage::Indexing,
            waiting_user: 3,
            waiting_maintenance: 0,
            leased: 2,
            oldest_ms: 65_000,
        }]),
        "\
queue     users  maintenance  in work      oldest
indexing      3            0        2  1 min 05 s
",
    );
    check(
        FrontAnswer::Metrics {
            more: false,
            counters: Some(Box::new(CountersView {
                media_counts: MediaCountsView {
                    equal: 11,
                    more_stated: 3,
                    fewer_stated: 1,
                    contradicted: 2,
                    is_trusted: false,
                },
                post_lags: PostLagsView { named: 4, within: [20, 7, 3, 1], beyond: 1, undated: 2 },
                ..CountersView::default()
            })),
            steps: vec![MetricView {
                step: "fingerprint".to_owned(),
                count: 12,
                mean_micros: 950,
                p50_micros: 900,
                p95_micros: 1500,
                p99_micros: 1_250_000,
                sum_micros: 0,
                at_most: vec![],
            }],
        },
        "\
step         count    mean     p50     p95    p99
fingerprint     12  950 us  900 us  1.5 ms  1.2 s

posts found, by their distance from the page
named on the page                              4
within a day                                  20
within 7 days                                  7
within 30 days                                 3
within 180 days                                1
beyond                                         1
without a date                                 2

accounts of X, by its count of their media
as many were found                          11
  of these, posts were missed all the same   2
fewer were found                             3
more were found                              1
These counts were wrong too often: timelines are read as if there were none.
",
    );
}

#[test]
fn scans() {
    let mut view = ScanView {
        handle: "jane".to_owned(),
        account: None,
        state: ScanState::Running,
        posts_listed: 40,
        posts_indexed: 10,
        still_listing: true,
        posts_total: Some(900),
        elapsed_ms: 2300,
    };
    check(
        FrontAnswer::Scan(view.clone()),
        "@jane, 2.3 s: 10 of 40+ posts with images indexed, at least 6.9 s left (900 posts in all)\n",
    );
    view.state = ScanState::Done;
    check(FrontAnswer::Scan(view), "@jane is up to date: 10 posts with images indexed, took 2.3 s.\n");
}

#[test]
fn json_of_a_query_is_that_of_the_api() {
    let json =
        serde_json::to_string_pretty(&as_json(&Reply::Answer(FrontAnswer::Query(sample_view())))).unwrap();
    assert_eq!(json, include_str!("../../api/golden/query_end.json").trim_end());
}

#[test]
fn exit_statuses() {
    let status_of = |answer| status_of(&Reply::Answer(answer));
    let mut view = sample_view();
    assert_eq!(status_of(FrontAnswer::Query(view.clone())), 0);
    view.results.clear();
    assert_eq!(status_of(FrontAnswer::Query(view.clone())), 1);
    view.error = Some(FailureCode::NotAnUrl);
    assert_eq!(status_of(FrontAnswer::Query(view.clone())), 3);
    view.error = Some(FailureCode::NoTwitterAccountFound);
    assert_eq!(status_of(FrontAnswer::Query(view)), 1);
    let running = sample_view_at(QueryStatus::LinkFinder, 1);
    assert_eq!(status_of(FrontAnswer::Query(running)), 0);
    assert_eq!(super::status_of(&Reply::Unavailable { detail: String::new() }), 69);
}

#[test]
fn what_people_said_is_told() {
    let verdict = sample_verdict();
    let said = |answer| text(&Reply::Answer(FrontAnswer::Verdicts(answer)), PLAIN);
    let of = |is_new, against| VerdictsAnswer::Said { verdict: verdict.clone(), is_new, against };
    let told = said(of(true, vec![]));
    assert_eq!(told, format!("Noted: {} @repost_bot on X is not the artist's.\n", verdict.id));
    let told = said(of(false, vec![verdict.clone()]));
    assert!(told.starts_with("It was said already:") && told.contains("none of them acts"), "{told}");
    let list = |width| {
        let list = VerdictsAnswer::List { verdicts: vec![(verdict.clone(), true)], more: true };
        text(&Reply::Answer(FrontAnswer::Verdicts(list)), Style { width, ..PLAIN })
    };
    for width in [60, 250] {
        let told = list(width);
        for part in
            ["CONFLICT", "artstation.com/artwork/70013", "It reposts everybody.", "verdict list --before="]
        {
            assert!(told.contains(part), "{width}: {part}: {told}");
        }
    }
    let told = said(VerdictsAnswer::Wrong { why: "no\u{1b}[2J".to_owned() });
    assert!(!told.contains('\u{1b}'), "{told}");
}
