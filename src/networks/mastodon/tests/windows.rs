//! Listings of a window: with a jump where the numbers of posts are times, without one elsewhere.

use super::*;
use crate::domain::scans::Window;
use crate::networks::fake::list_in_turns;

/// The number of post `n` as Mastodon makes it.
fn number(n: u32) -> String {
    (moment(n).0 << 16 | i64::from(n)).to_string()
}

fn timed(n: u32) -> Value {
    let mut status = status(n);
    status["id"] = number(n).into();
    status
}

fn days(from: u32, to: u32) -> Window {
    Window { from: moment(from), to: moment(to) }
}

/// The days of the posts that are listed, and the end.
fn list_days(world: &World, window: Window) -> (Vec<u32>, ListingEnd) {
    let (posts, end) = list(&world.client, &artist(), &Cursor::Window(window)).unwrap();
    (posts.iter().map(day_of).collect(), end)
}

fn day_of(post: &ListedPost) -> u32 {
    post.key.native.rsplit('/').next().unwrap().parse().unwrap()
}

/// What was asked for after the account: the `max_id` of each page.
fn pages(world: &World) -> Vec<Option<String>> {
    let asked = world.servers.asked();
    asked.iter().filter(|url| url.path().ends_with("/statuses")).map(|url| parameter(url, "max_id")).collect()
}

#[test]
fn a_listing_jumps_to_a_window_and_stops_behind_it() {
    let statuses: Vec<Value> = (1..=2000).rev().map(timed).collect();
    let world = World::new(move |url| serve(url, &statuses));
    let (found, end) = list_days(&world, days(300, 310));
    assert_eq!(found, (300..=310).rev().collect::<Vec<u32>>(), "both ends are in it");
    assert_eq!((end.cursor, end.coverage), (Cursor::Window(days(300, 310)), Coverage::Complete));
    let asked = pages(&world);
    assert_eq!(
        asked.len(),
        2,
        "the newest posts, whose numbers are times, and those of the window: {asked:?}"
    );
    let jump: i64 = asked[1].as_ref().unwrap().parse().unwrap();
    assert!((0..=60_000).contains(&((jump >> 16) - moment(310).0)), "{jump}");
    // Left after each page, it loses nothing, and takes nothing twice.
    let window = Cursor::Window(days(300, 400));
    let (turns, posts, end) = list_in_turns(&world.client, &artist(), &window).unwrap();
    let found: Vec<u32> = posts.iter().map(day_of).collect();
    assert_eq!((turns, found), (4, (300..=400).rev().collect()));
    assert_eq!(end.cursor, window);
}

#[test]
fn a_window_that_the_newest_posts_reach_needs_no_jump() {
    let statuses: Vec<Value> = (1..=100).rev().map(timed).collect();
    let world = World::new(move |url| serve(url, &statuses));
    // It ends in the first page, and lies in days to come.
    assert_eq!(list_days(&world, days(70, 90)).0, (70..=90).rev().collect::<Vec<u32>>());
    assert_eq!(pages(&world), [None]);
    assert_eq!(list_days(&world, days(90, 50_000)).0, (90..=100).rev().collect::<Vec<u32>>());
    // Before the account's first post, and before all numbers.
    let (found, end) = list_days(&world, Window { from: Timestamp(i64::MIN), to: Timestamp(-1) });
    assert_eq!((found.len(), end.coverage), (0, Coverage::Complete));
    let window = Window { from: Timestamp(5), to: Timestamp(6) };
    let (found, end) = list_days(&world, window);
    assert_eq!((found.len(), end.cursor), (0, Cursor::Window(window)));
}

#[test]
fn where_numbers_are_no_times_the_listing_runs_through_what_is_newer() {
    // Small numbers, and numbers of another beginning (as Pixelfed's).
    let other = |n: u32| {
        let mut status = status(n);
        status["id"] = ((moment(n).0 - 1_549_756_800_000) << 22).to_string().into();
        status
    };
    for make in [status as fn(u32) -> Value, other] {
        let statuses: Vec<Value> = (1..=100).rev().map(make).collect();
        let world = World::new(move |url| serve(url, &statuses));
        let (found, end) = list_days(&world, days(30, 35));
        assert_eq!(found, [35, 34, 33, 32, 31, 30]);
        assert_eq!((end.cursor, end.coverage), (Cursor::Window(days(30, 35)), Coverage::Complete));
        assert_eq!(pages(&world).len(), 2, "what is older than the window is not read");
    }
    // One post of another date or number, and the others are not believed.
    for odd in [0, 20, 38] {
        let mut statuses: Vec<Value> = (1..=100).rev().map(timed).collect();
        statuses[odd]["created_at"] = "2023-01-01T00:00:00.000Z".into();
        let world = World::new(move |url| serve(url, &statuses));
        assert_eq!(list_days(&world, days(30, 35)).0, [35, 34, 33, 32, 31, 30]);
        assert!(pages(&world)[1].as_ref().is_some_and(|id| *id == number(61)), "no jump");
    }
}

#[test]
fn a_server_that_ignores_the_jump_is_read_from_its_newest_posts() {
    // It knows the numbers of its own posts only, and shows the newest where it is asked for another.
    let statuses: Vec<Value> = (1..=100).rev().map(timed).collect();
    let world = World::new(move |url| {
        let known = parameter(url, "max_id")
            .is_none_or(|id| statuses.iter().any(|status| status["id"] == id.as_str()));
        let mut url = url.clone();
        if !known {
            url.set_query(None);
        }
        serve(&url, &statuses)
    });
    let (found, end) = list_days(&world, days(30, 35));
    assert_eq!(found, [35, 34, 33, 32, 31, 30]);
    assert_eq!((end.cursor, end.coverage), (Cursor::Window(days(30, 35)), Coverage::Complete));
    assert_eq!(pages(&world).len(), 3, "the newest, the jump, and what follows the newest");
    // It does not page at all: of the window, nothing is known but what it shows.
    let world = World::new(move |url| {
        let mut url = url.clone();
        let keep = url.path() == "/api/v1/accounts/lookup";
        if !keep {
            url.set_query(None);
        }
        let mut many = account("art.example", "ann");
        many["statuses_count"] = 100.into();
        match keep {
            true => reply(200, &[], &many),
            false => serve(&url, &(1..=100).rev().map(timed).collect::<Vec<Value>>()),
        }
    });
    let (found, end) = list_days(&world, days(30, 70));
    assert_eq!(found, (61..=70).rev().collect::<Vec<u32>>());
    assert_eq!(end.cursor, Cursor::Window(days(61, 70)), "as far as it was shown");
    assert!(matches!(end.coverage, Coverage::LimitedTo(_)), "{:?}", end.coverage);
    assert_eq!(list_days(&world, days(30, 35)).0, [0; 0]);
}
