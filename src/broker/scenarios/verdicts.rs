//! What people say, against what a query has found: it comes before every rule, and is told.

use crate::base::Timestamp;
use crate::base::clock::Monotonic;
use crate::base::ids::{AccountKey, ImageId, Network, Networks, PostKey, QueryId};
use crate::broker::books::query::{Kind, Origin, Query};
use crate::broker::rules::query_steps;
use crate::broker::rules::{indexing, verdicts};
use crate::broker::state::State;
use crate::broker::vocabulary::{Now, Policy};
use crate::domain::accounts::{Account, AccountRef, Candidate, Evidence};
use crate::domain::images::{FoundImage, MatchClass, SearchScope, Variant};
use crate::domain::parts::PartMatch;
use crate::domain::verdicts::{Claim, Effect, Verdict};
use crate::proto::front::Client;
use crate::proto::work::{SearchFound, Work};

const PAGE: &str = "https://a.example/1";

fn account(native: &str) -> Account {
    let key = AccountKey::new(Network::Twitter, native);
    Account { key, handle: format!("a{native}"), posts: None }
}

fn post(native: &str) -> PostKey {
    PostKey::new(Network::Twitter, native)
}

fn query() -> Query {
    let origin = Origin { client: Client::Exempt, networks: Networks::default() };
    let mut query = Query::new(PAGE.to_owned(), PAGE.to_owned(), Kind::Page, origin, Monotonic(0));
    query.facts.pages = vec![PAGE.to_owned()];
    query.facts.accounts = vec![account("1"), account("2")];
    query
}

fn found(of: &str, native: &str, distance: u32) -> FoundImage {
    FoundImage {
        image: ImageId(1),
        post: post(native),
        account: account(of).key,
        handle: None,
        position: 1,
        count: 2,
        name: "n".to_owned(),
        published: None,
        distance,
        variant: Variant::AsIs,
        class: if distance < 3 { MatchClass::Recompressed } else { MatchClass::Similar },
        second_stage: None,
        part: None,
        said_same: false,
    }
}

fn said(claim: Claim) -> Verdict {
    Verdict::new(claim, Some(PAGE), "somebody", Timestamp(0), "so it is").unwrap()
}

fn picture(native: &str, image: Option<u8>, is_same: bool) -> Verdict {
    said(Claim::Picture { post: post(native), image, is_same })
}

fn of_account(native: &str, is_artists: bool) -> Verdict {
    said(Claim::Account { account: account(native).key, is_artists })
}

/// What is found, in short, with what is less alike, what is named, and what is told of the verdicts.
fn sorted(query: &mut Query, verdicts: Vec<Verdict>) -> ([Vec<String>; 3], Vec<Effect>) {
    let found = SearchFound {
        images: vec![found("1", "10", 0), found("2", "20", 1), found("9", "90", 2)],
        similar: vec![found("1", "11", 20), found("9", "91", 30)],
        verdicts,
        ..SearchFound::default()
    };
    let (sorted, _) = indexing::sort_out(query, found);
    let short = sorted.map(|images| images.into_iter().map(|image| image.post.native).collect());
    let told = query.facts.rulings.told(true, |_| true).into_iter().map(|(_, effect)| effect).collect();
    (short, told)
}

#[test]
fn posts_are_left_out_or_put_first() {
    let check = |verdicts: Vec<Verdict>, found: &[&str], similar: &[&str], effects: &[Effect]| {
        let ([is_found, is_similar, named], told) = sorted(&mut query(), verdicts);
        assert_eq!(
            (is_found.as_slice(), is_similar.as_slice(), named.len()),
            (&*strings(found), &*strings(similar), 0)
        );
        assert_eq!(told, effects);
    };
    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }
    check(vec![], &["10", "20"], &["11"], &[]);
    check(vec![picture("10", None, false)], &["20"], &["11"], &[Effect::LeftOut]);
    check(vec![picture("10", Some(1), false)], &["20"], &["11"], &[Effect::LeftOut]);
    check(vec![picture("10", Some(2), false)], &["10", "20"], &["11"], &[]);
    check(vec![picture("11", None, true)], &["11", "10", "20"], &[], &[Effect::First]);
    check(vec![picture("20", None, true)], &["20", "10"], &["11"], &[Effect::First]);
    // Whose the post is, is another question.
    check(vec![picture("91", None, true)], &["10", "20"], &["11"], &[Effect::First]);
    check(vec![picture("77", None, true)], &["10", "20"], &["11"], &[Effect::Nothing]);
    let both = vec![picture("10", None, false), picture("10", Some(1), true)];
    check(both, &["10", "20"], &["11"], &[Effect::Conflict, Effect::Conflict]);
}

/// An image that nothing but its part shows.
fn by_part(of: &str, native: &str) -> FoundImage {
    let (class, part) = (MatchClass::InsideAnother, Some(PartMatch::sample()));
    FoundImage { class, part, ..found(of, native, 30) }
}

#[test]
fn what_people_say_acts_on_images_that_only_parts_show() {
    let sorted = |similar: Vec<FoundImage>, verdicts| {
        let mut query = query();
        query.facts.named.add(post("90"), account("9"));
        let found = SearchFound { similar, verdicts, ..SearchFound::default() };
        indexing::sort_out(&mut query, found).0
    };
    let [found, similar, named] = sorted(vec![by_part("1", "10"), by_part("9", "90")], vec![]);
    assert_eq!((found.len(), similar.len(), named.len()), (0, 1, 0), "named posts show the artwork itself");
    let [_, similar, _] = sorted(vec![by_part("1", "10")], vec![picture("10", None, false)]);
    assert!(similar.is_empty());
    let [found, ..] = sorted(vec![by_part("1", "10")], vec![picture("10", None, true)]);
    assert!(found[0].said_same && found[0].part == Some(PartMatch::sample()));
    let [.., named] = sorted(vec![by_part("9", "90")], vec![picture("90", None, true)]);
    assert_eq!(named.len(), 1);
}

#[test]
fn parts_are_looked_for_at_last_and_in_the_artists_accounts() {
    let mut query = query();
    query.facts.named.add(post("90"), account("9"));
    let accounts =
        |of: &[&str]| Some(SearchScope::Accounts(of.iter().map(|native| account(native).key).collect()));
    for (work, expect) in [
        (query_steps::preview_work(&query, QueryId(1)), None),
        (query_steps::final_work(&query, QueryId(1)), accounts(&["1", "2"])),
    ] {
        let Work::SearchImage { scope, parts_in, .. } = work else { panic!("{work:?}") };
        assert_eq!(parts_in, expect);
        assert_eq!(Some(scope), accounts(&["1", "2", "9"]));
    }
}

#[test]
fn what_is_said_while_a_query_runs_counts_from_its_next_search_on() {
    let mut query = query();
    assert_eq!(sorted(&mut query, vec![]).0[0], ["10", "20"]);
    let ([found, similar, _], told) = sorted(&mut query, vec![of_account("1", false)]);
    assert_eq!((found, similar, told), (vec!["20".to_owned()], vec![], vec![Effect::LeftOut]));
    assert_eq!(query.facts.accounts, [account("2")]);
}

#[test]
fn accounts_that_are_said_to_be_the_artists_come_first() {
    let mut query = query();
    let candidate = |native: &str| Candidate {
        account: AccountRef::Id(account(native).key),
        evidence: Evidence::Mutual,
        chain: vec![],
    };
    let facts = &mut query.facts;
    facts.candidates = ["1", "2", "3"].map(candidate).into();
    facts.rulings.learn(vec![of_account("3", true), of_account("5", true), of_account("2", false)]);
    let left_out = verdicts::apply_to_links(facts);
    let order: Vec<(&str, Evidence)> =
        facts.candidates.iter().map(|one| (one.account.name(), one.evidence)).collect();
    assert_eq!(order, [("3", Evidence::Person), ("5", Evidence::Person), ("1", Evidence::Mutual)]);
    assert_eq!(facts.candidates[0].chain, [PAGE]);
    assert_eq!(left_out, ["twitter:2 is not the artist's: a person said so on 1970-01-01: so it is"]);
}

#[test]
fn who_asks_after_a_verdict_begins_anew_and_the_old_answer_goes_in_its_time() {
    let now = Now { mono: Monotonic(0), wall: Timestamp(0) };
    let mut state = State::new(Policy::plain(), now);
    let (old, new) = (QueryId(1), QueryId(2));
    let head =
        |state: &State, id| state.queries.get(&id).map(|query: &Query| query.head.key.clone()).unwrap();
    state.queries.insert(old, query());
    state.query_keys.insert(head(&state, old), old);
    assert!(state.queries[&old].is_concerned_by(&picture("10", None, false)));
    let elsewhere = Verdict { page: Some("https://a.example/2".to_owned()), ..picture("10", None, false) };
    assert!(!state.queries[&old].is_concerned_by(&elsewhere));
    // One that runs keeps its name: who asks meanwhile joins it.
    query_steps::make_outdated(&mut state, old);
    assert_eq!(state.query_keys.get(PAGE), Some(&old));
    state.queries.insert(new, query());
    state.query_keys.insert(PAGE.to_owned(), new);
    let gone = state.queries.remove(&old).unwrap();
    query_steps::forget_names(&mut state, old, &gone.head);
    assert_eq!(state.query_keys.get(PAGE), Some(&new), "the name is another query's by now");
}
