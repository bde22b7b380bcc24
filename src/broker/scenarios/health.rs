//! What is wrong is told until it is over.

use crate::base::Timestamp;
use crate::base::clock::Monotonic;
use crate::base::ids::ContainerId;
use crate::base::roles::Stage;
use crate::broker::books::site_layouts::Change;
use crate::broker::books::troubles::DEFERRALS_IN_A_ROW;
use crate::broker::rules::health::problems;
use crate::broker::state::State;
use crate::broker::vocabulary::{Effect, Event, Now, Policy};
use crate::domain::images::IndexProgress;
use crate::proto::stage::{SitePage, StageToBroker};
use crate::proto::view::ProblemView;
use crate::proto::work::LeaseOutcome;
use crate::storekeeper::orders::FromStorekeeper;
use crate::storekeeper::orders::StorePart;

fn at(mono: u64) -> Now {
    Now { mono: Monotonic(mono), wall: Timestamp(0) }
}

fn state() -> State {
    State::new(Policy::plain(), at(0))
}

#[test]
fn trouble_of_the_database_is_told_until_it_is_over() {
    let mut state = state();
    let mut effects: Vec<Effect> = Vec::new();
    let blocking = |state: &State, now| -> Vec<ProblemView> {
        problems(state, at(now)).into_iter().filter(|problem| problem.blocking).collect()
    };
    let mut hear = |state: &mut State, why: Option<&str>, now| {
        let why = why.map(str::to_owned);
        let message = FromStorekeeper::Trouble { part: StorePart::Database, why };
        state.handle(Event::FromStore(message), at(now), &mut effects);
    };
    hear(&mut state, Some("disk full"), 1000);
    hear(&mut state, Some("disk still full"), 5000);
    let told = blocking(&state, 6000);
    let what = "the database has to wait: disk still full".to_owned();
    assert_eq!(told, [ProblemView { what, since_ms: 5000, blocking: true }]);
    hear(&mut state, None, 7000);
    assert_eq!(blocking(&state, 8000), []);
    assert_eq!(
        problems(&state, at(8000)).len(),
        Stage::ALL.len() - 1,
        "nobody works, and nothing is to be delivered"
    );
}

#[test]
fn an_index_that_is_being_made_is_told_until_it_is_complete() {
    let mut state = state();
    let mut told = |done| {
        let progress = IndexProgress { done, total: 200 };
        let message = FromStorekeeper::Indexing { progress };
        state.handle(Event::FromStore(message), at(0), &mut Vec::new());
        let problems = problems(&state, at(1)).into_iter();
        problems
            .filter(|problem| problem.what.contains("fingerprint index"))
            .map(|problem| problem.what)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        told(50),
        ["the fingerprint index is being made, 25 % are there: searches of everything wait"]
    );
    assert_eq!(told(200), [""; 0]);
}

#[test]
fn work_that_is_put_off_again_and_again_is_told() {
    let mut state = state();
    let stage = Stage::SearchListing;
    let put_off = |state: &mut State, outcome: LeaseOutcome| {
        state.troubles.note_work(stage, &outcome, Monotonic(10));
        problems(state, at(20)).into_iter().filter(|problem| problem.what.contains("put off")).count()
    };
    let retry = |after_ms| LeaseOutcome::Retry { after_ms, why: "status 500".to_owned() };
    for times in 1..10 {
        assert_eq!(put_off(&mut state, retry(5)), usize::from(times >= DEFERRALS_IN_A_ROW));
    }
    let done = LeaseOutcome::Done(crate::proto::work::StageOutput::Maintained);
    assert_eq!(put_off(&mut state, done), 0);
    for _ in 1..10 {
        assert_eq!(put_off(&mut state, retry(0)), 0);
    }
}

#[test]
fn a_site_that_has_changed_is_told_once_and_until_it_is_mended() {
    let mut state = state();
    let page = |state: &mut State, outcome: &str, mono| -> Vec<Effect> {
        let mut effects = Vec::new();
        let step = SitePage { site: "furaffinity", outcome }.step();
        let message = StageToBroker::Measured { step, micros: 1 };
        state.handle(Event::FromStage(ContainerId(1), message), at(mono), &mut effects);
        effects
    };
    let told = |state: &State, mono| {
        problems(state, at(mono)).iter().filter(|problem| problem.what.contains("furaffinity")).count()
    };
    for outcome in ["layout_changed", "layout_changed", "gone", "blocked", "login_needed"] {
        assert_eq!(page(&mut state, outcome, 1000), [], "{outcome}");
    }
    assert_eq!(told(&state, 1000), 0, "two pages prove nothing, and other outcomes say nothing");
    let site = "furaffinity".to_owned();
    let change = Change::Broken { changed: 3, pages: 3 };
    let expected = Effect::SiteChanged { site: site.clone(), change };
    assert_eq!(page(&mut state, SitePage::LAYOUT_CHANGED, 2000), [expected]);
    assert_eq!(page(&mut state, SitePage::LAYOUT_CHANGED, 3000), []);
    assert_eq!(told(&state, 3000), 1);
    let effects: Vec<Effect> = (0..20).flat_map(|n| page(&mut state, SitePage::READ, 4000 + n)).collect();
    assert_eq!(effects, [Effect::SiteChanged { site, change: Change::Mended }]);
    assert_eq!(told(&state, 5000), 0);
}
