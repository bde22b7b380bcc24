//! The artists on X: who they are, and what they posted.

use std::time::Duration;

use crate::base::Timestamp;
use crate::demo::world::facts::{Account, AccountState, Facts, Media, MediaKind, Post, Relation};
use crate::demo::world::ids::{media_name, snowflake};
use crate::demo::world::picture::ArtId::*;
use crate::demo::world::picture::Change::{Captioned, Mirrored, Relit, Same};
use crate::demo::world::picture::Picture::{self, Art, Drawn};

/// Accounts by their place in `Facts::accounts`.
pub const JUNIPER: usize = 0;
pub const ROWAN: usize = 1;
pub const MAPLE: usize = 2;
pub const ASPEN: usize = 3;
pub const HAZEL: usize = 5;
pub const CEDAR: usize = 6;
pub const BRIAR: usize = 8;

/// How an account posts: `count` posts, the `n`-th at `first + n * every` (and some minutes).
struct Habit {
    author: usize,
    count: usize,
    first: &'static str,
    every_hours: u64,
    /// Posts with known pictures, by their number; all others are made up.
    featured: &'static [(usize, &'static [Picture])],
}

const HABITS: &[Habit] = &[
    Habit {
        author: JUNIPER,
        count: 240,
        first: "2022-01-10T09:00:00Z",
        every_hours: 118,
        featured: &[
            (10, &[Art(Raining, Same)]),
            (30, &[Art(PokingFire, Same)]),
            (60, &[Art(PowerToTheMasses, Same)]),
            (90, &[Art(Standing, Same)]),
            (120, &[Art(Flying, Same), Drawn(501), Art(Hiking, Same), Drawn(502)]),
            (150, &[Art(PencilSketch, Same)]),
            (152, &[Art(FixingTheProject, Same)]),
            (200, &[Art(WitchCooking, Same)]),
            (203, &[Drawn(503), Art(WitchCooking, Relit)]),
            (207, &[Art(WitchCooking, Mirrored), Art(WitchCooking, Captioned)]),
        ],
    },
    Habit {
        author: ROWAN,
        count: 200,
        first: "2021-03-02T18:00:00Z",
        every_hours: 140,
        featured: &[
            (20, &[Art(SwordInTheStone, Same)]),
            (44, &[Drawn(601), Art(KnightAtTheFord, Same)]),
            (70, &[Art(RoundTable, Same)]),
            (95, &[Art(RabbitAtTheDoor, Same)]),
            (96, &[Art(RabbitRunning, Same)]),
            (130, &[Art(Dragon, Same)]),
            (131, &[Art(Cave, Relit)]),
        ],
    },
    Habit {
        author: MAPLE,
        count: 120,
        first: "2023-02-01T12:00:00Z",
        every_hours: 150,
        featured: &[
            (50, &[Art(SylvieGiggle, Same)]),
            (51, &[Art(SylvieSurprised, Same), Art(SylvieBlue, Same)]),
        ],
    },
    Habit {
        author: ASPEN,
        count: 60,
        first: "2024-01-05T07:30:00Z",
        every_hours: 160,
        featured: &[(33, &[Art(PushingCart, Same)]), (40, &[Art(RabbitFamily, Same)])],
    },
    Habit {
        author: HAZEL,
        count: 40,
        first: "2024-03-01T20:00:00Z",
        every_hours: 200,
        featured: &[(12, &[Art(DragonHead, Same)]), (13, &[Art(RabbitInTheGarden, Same)])],
    },
    Habit {
        author: CEDAR,
        count: 12,
        first: "2023-06-01T10:00:00Z",
        every_hours: 300,
        featured: &[(5, &[Art(EileenHappy, Same)])],
    },
    Habit {
        author: BRIAR,
        count: 12,
        first: "2023-07-01T10:00:00Z",
        every_hours: 300,
        featured: &[(5, &[Art(EileenVeryHappy, Same)])],
    },
];

/// The image of this post was deleted from the image host.
const DEAD_IMAGE: (usize, usize) = (JUNIPER, 90);
/// The search engine does not know this featured post: only the timeline has it.
const UNSEARCHED: (usize, usize) = (JUNIPER, 30);

/// The id of an account's `number`-th post, counted from its first.
pub fn post_id(author: usize, number: usize) -> u64 {
    snowflake(posted_at(author, number), sequence(author, number, 7))
}

/// 4 bits of account, 12 of post, 3 of position (7: the post itself), and 3 to spare.
fn sequence(author: usize, number: usize, position: usize) -> u64 {
    (author as u64) << 15 | (number as u64) << 3 | position as u64
}

/// When an account's `number`-th post was published.
pub fn posted_at(author: usize, number: usize) -> Timestamp {
    let habit = HABITS.iter().find(|habit| habit.author == author);
    let (first, every_hours) =
        habit.map_or(("2024-01-01T00:00:00Z", 24), |habit| (habit.first, habit.every_hours));
    let minutes = (number as u64).wrapping_mul(7919) % 180;
    moment(first).plus(Duration::from_secs(number as u64 * every_hours * 3600 + minutes * 60))
}

pub fn moment(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap_or(Timestamp(0))
}

/// The posts of all accounts.
pub fn post(facts: &mut Facts) {
    for habit in HABITS {
        for number in 0..habit.count {
            add_post(facts, habit, number);
        }
    }
}

fn add_post(facts: &mut Facts, habit: &Habit, number: usize) {
    let author = habit.author;
    let id = post_id(author, number);
    let featured = habit.featured.iter().find(|(slot, _)| *slot == number).map(|(_, pictures)| *pictures);
    let (relation, kinds) = match featured {
        Some(pictures) => (Relation::None, vec![MediaKind::Photo; pictures.len()]),
        None => made_up(author, number),
    };
    let mut media = Vec::new();
    for (position, kind) in kinds.iter().enumerate() {
        // Uploads come some seconds before the post.
        let uploaded = posted_at(author, number).minus(Duration::from_secs(9 - position as u64));
        let media_id = snowflake(uploaded, sequence(author, number, position));
        media.push(facts.media.len());
        facts.media.push(Media {
            id: media_id,
            name: media_name(media_id),
            kind: *kind,
            picture: featured.and_then(|pictures| pictures.get(position).copied()).unwrap_or(Drawn(media_id)),
            gone: (author, number) == DEAD_IMAGE || (featured.is_none() && number % 50 == 36),
        });
    }
    let text = match relation {
        Relation::None if media.is_empty() => format!("Just words today, no. {number}"),
        Relation::None => format!("Something I drew, no. {number}"),
        Relation::Repost(_) => "RT: lovely!".to_owned(),
        Relation::Quote(_) => "Look at this one".to_owned(),
        Relation::Reply(_) => "Thank you!".to_owned(),
        Relation::BorrowsMedia(_) => "A friend made this".to_owned(),
    };
    facts.posts.push(Post {
        id,
        author,
        text,
        relation,
        media,
        missed_by_search: (author, number) == UNSEARCHED || (featured.is_none() && number % 23 == 4),
    });
}

/// What a post without a picture of the table is like. Relations lead to Rowan's and Juniper's posts.
fn made_up(author: usize, number: usize) -> (Relation, Vec<MediaKind>) {
    let friend = if author == ROWAN { JUNIPER } else { ROWAN };
    let other = post_id(friend, 20);
    match number {
        n if n % 11 == 3 => (Relation::None, Vec::new()),
        n if n % 13 == 5 => (Relation::Repost(other), Vec::new()),
        n if n % 17 == 7 => (Relation::Reply(other), Vec::new()),
        n if n % 19 == 9 => (Relation::None, vec![MediaKind::Video]),
        n if n % 29 == 11 => (Relation::None, vec![MediaKind::Gif]),
        n if n % 31 == 13 => (Relation::Quote(other), vec![MediaKind::Photo]),
        n if n % 61 == 15 => (Relation::BorrowsMedia(other), Vec::new()),
        n if n % 7 == 2 => (Relation::None, vec![MediaKind::Photo; 2 + n % 3]),
        _ => (Relation::None, vec![MediaKind::Photo]),
    }
}

pub fn accounts() -> Vec<Account> {
    let account = |id, handle, name, bio, link, state| Account {
        id,
        handle,
        name,
        bio,
        link,
        state,
        created: moment("2019-05-04T10:20:30Z"),
    };
    use AccountState::{BlocksUs, Open, Private, Suspended};
    vec![
        account(
            1_124_600_000_000_000_001,
            "demo_juniper",
            "Juniper",
            "Gophers and witches",
            Some("https://linktr.ee/demo_juniper"),
            Open,
        ),
        account(
            3_300_000_002,
            "demo_rowan",
            "Rowan",
            "Knights, rabbits, dragons",
            Some("https://danbooru.donmai.us/artists/300001"),
            Open,
        ),
        account(
            1_124_600_000_000_000_003,
            "demo_maple",
            "Maple",
            "A visual novel",
            Some("https://linktr.ee/demo_maple"),
            Open,
        ),
        account(3_300_000_004, "demo_aspen", "Aspen", "Carts", None, Open),
        account(3_300_000_005, "demo_aspen_old", "Aspen (old)", "", None, Suspended),
        account(3_300_000_006, "demo_hazel", "Hazel", "Only on the booru", None, Open),
        account(3_300_000_007, "demo_cedar", "Cedar", "Friends only", None, Private),
        account(3_300_000_008, "demo_cedar_old", "Cedar (old)", "", None, Suspended),
        account(3_300_000_009, "demo_briar", "Briar", "No robots", None, BlocksUs),
        account(3_300_000_010, "demo_fern", "Fern", "On no page, so never indexed", None, Open),
    ]
}
