//! Who and what the world holds: the artists, where they can be found, and what they posted. The
//! table to change when the demo should show something else; `cases` says what to expect of it.
//! What they have on the sites in `galleries` and `hubs` stands there.

pub mod pages;
pub mod works;

use std::time::Duration;

use crate::base::Timestamp;
use crate::demo::world::facts::{
    Account, AccountState, BooruArtist, BooruPost, Deviant, Deviation, Facts, LinkPage, Media, MediaKind,
    Post, Relation, Trouble, media_name, snowflake,
};
use crate::demo::world::networks;
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

fn moment(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap_or(Timestamp(0))
}

/// The whole world.
pub fn build() -> Facts {
    let mut facts = Facts {
        accounts: accounts(),
        deviants: deviants(),
        deviations: deviations(),
        booru_posts: booru_posts(),
        booru_artists: booru_artists(),
        works: works::works(),
        members: works::members(),
        link_pages: link_pages(),
        pages: pages::pages(),
        open_accounts: networks::accounts(),
        ..Facts::default()
    };
    for habit in HABITS {
        for number in 0..habit.count {
            add_post(&mut facts, habit, number);
        }
    }
    facts.finish();
    facts
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

fn accounts() -> Vec<Account> {
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

/// Members of DeviantArt by their place in `Facts::deviants`.
const D_JUNIPER: usize = 0;
const D_MAPLE: usize = 1;
const D_ASPEN: usize = 2;
const D_WILLOW: usize = 3;
const D_CEDAR: usize = 4;
const D_BRIAR: usize = 5;

fn deviants() -> Vec<Deviant> {
    let deviant = |id, name, links, website, bio| Deviant { id, name, links, website, bio };
    vec![
        deviant(
            41_000_001,
            "demo-juniper",
            &["https://twitter.com/demo_juniper", "https://linktr.ee/demo_juniper"],
            None,
            "I draw gophers, and witches who cook.",
        ),
        deviant(
            41_000_002,
            "demo-maple",
            &[],
            Some("https://linktr.ee/demo_maple"),
            "All my links are on one page.",
        ),
        deviant(
            41_000_003,
            "demo-aspen",
            &["https://x.com/demo_aspen"],
            None,
            "Also <a class=\"external\" href=\"https://www.deviantart.com/users/outgoing?https://twitter.com/Demo_Aspen_Old\">my old account</a>.",
        ),
        deviant(41_000_004, "demo-willow", &[], None, "I am nowhere else."),
        deviant(
            41_000_005,
            "demo-cedar",
            &[
                "https://twitter.com/demo_cedar",
                "https://twitter.com/demo_cedar_old",
                "https://twitter.com/demo_cedar_gone",
            ],
            None,
            "Long gone.",
        ),
        deviant(41_000_006, "demo-briar", &["https://x.com/demo_briar"], None, "No robots."),
    ]
}

fn deviations() -> Vec<Deviation> {
    let mut next_id = 912_000_000;
    let mut deviation = |artist, title, picture, published: Timestamp, trouble| {
        next_id += 1;
        Deviation { id: next_id, artist, title, picture, published, trouble }
    };
    let before = |author, number| posted_at(author, number).minus(Duration::from_secs(2 * 3600));
    let early = moment("2022-06-01T15:00:00Z");
    let juniper = |number| before(JUNIPER, number);
    vec![
        deviation(D_JUNIPER, "The Witch's Kitchen", Art(WitchCooking, Same), juniper(200), Trouble::None),
        deviation(D_JUNIPER, "Up and Away", Art(Flying, Same), juniper(120), Trouble::None),
        deviation(D_JUNIPER, "On the Trail", Art(Hiking, Same), juniper(120), Trouble::None),
        deviation(D_JUNIPER, "Power to the Masses", Art(PowerToTheMasses, Same), juniper(60), Trouble::None),
        deviation(D_JUNIPER, "By the Fire", Art(PokingFire, Same), juniper(30), Trouble::None),
        deviation(D_JUNIPER, "Standing", Art(Standing, Same), juniper(90), Trouble::None),
        deviation(D_JUNIPER, "Never Posted", Drawn(404), early, Trouble::None),
        deviation(D_JUNIPER, "A Lost File", Drawn(405), early, Trouble::ImageGone),
        deviation(D_JUNIPER, "Slow Sketch", Art(PencilSketch, Same), juniper(150), Trouble::Slow),
        deviation(D_MAPLE, "Giggle", Art(SylvieGiggle, Same), before(MAPLE, 50), Trouble::None),
        deviation(D_ASPEN, "Pushing Carts", Art(PushingCart, Same), before(ASPEN, 33), Trouble::None),
        deviation(D_WILLOW, "My Cave", Art(Cave, Same), early, Trouble::None),
        deviation(D_CEDAR, "Old Times", Art(EileenHappy, Same), before(CEDAR, 5), Trouble::None),
        deviation(D_BRIAR, "Leave Me Alone", Art(EileenVeryHappy, Same), before(BRIAR, 5), Trouble::None),
    ]
}

fn booru_artists() -> Vec<BooruArtist> {
    vec![
        BooruArtist {
            id: 300_001,
            name: "demo_rowan",
            urls: &[
                ("https://twitter.com/demo_rowan", true),
                ("https://twitter.com/intent/user?user_id=3300000002", true),
                ("https://twitter.com/demo_rowan_closed", false),
            ],
        },
        BooruArtist { id: 300_002, name: "demo_hazel", urls: &[("https://x.com/demo_hazel", true)] },
    ]
}

fn booru_posts() -> Vec<BooruPost> {
    let post = |id, artist, picture, published, trouble| BooruPost {
        id,
        artist,
        source: "",
        picture,
        published,
        trouble,
    };
    let day = Duration::from_secs(24 * 3600);
    let after = |author, number| posted_at(author, number).plus(day);
    vec![
        post(7_000_001, "demo_rowan", Art(KnightAtTheFord, Same), after(ROWAN, 44), Trouble::None),
        post(7_000_002, "demo_rowan", Art(SwordInTheStone, Same), after(ROWAN, 20), Trouble::None),
        post(7_000_003, "demo_rowan", Art(Dragon, Same), after(ROWAN, 130), Trouble::None),
        post(7_000_004, "demo_rowan", Art(RabbitAtTheDoor, Same), after(ROWAN, 95), Trouble::OriginalTooBig),
        post(7_000_005, "demo_rowan", Art(RabbitRunning, Same), after(ROWAN, 96), Trouble::ImageTooBig),
        post(7_000_006, "demo_rowan", Art(RoundTable, Same), after(ROWAN, 70), Trouble::CutShort),
        post(7_000_007, "demo_hazel", Art(DragonHead, Same), after(HAZEL, 12), Trouble::None),
    ]
}

fn link_pages() -> Vec<LinkPage> {
    vec![
        LinkPage {
            name: "demo_juniper",
            title: "Juniper",
            links: &[("Gallery", Some("https://www.deviantart.com/demo-juniper")), ("More soon", None)],
            social: &[("TWITTER", "https://twitter.com/demo_juniper")],
        },
        LinkPage {
            name: "demo_maple",
            title: "Maple's places",
            links: &[
                ("Drawings", None),
                ("Twitter", Some("https://twitter.com/Demo_Maple?lang=en")),
                ("Gallery", Some("https://www.deviantart.com/demo-maple")),
            ],
            social: &[("EMAIL_ADDRESS", "mailto:maple@example.org")],
        },
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_distinct_and_posts_newest_first() {
        let facts = build();
        let posts: HashSet<u64> = facts.posts.iter().map(|post| post.id).collect();
        assert_eq!(posts.len(), facts.posts.len());
        let names: HashSet<&str> = facts.media.iter().map(|media| media.name.as_str()).collect();
        assert_eq!(names.len(), facts.media.len());
        assert!(facts.posts.is_sorted_by(|newer, older| newer.id > older.id));
        let accounts: HashSet<u64> = facts.accounts.iter().map(|account| account.id).collect();
        assert_eq!(accounts.len(), facts.accounts.len());
    }

    #[test]
    fn the_world_is_as_various_as_promised() {
        let facts = build();
        assert!(facts.posts.len() >= 500, "several hundred posts: {}", facts.posts.len());
        let count = |test: fn(&Post) -> bool| facts.posts.iter().filter(|post| test(post)).count();
        assert!(count(|post| post.media.is_empty()) > 50);
        assert!(count(|post| post.media.len() == 4) > 10);
        assert!(count(|post| matches!(post.relation, Relation::Repost(_))) > 20);
        assert!(count(|post| matches!(post.relation, Relation::BorrowsMedia(_))) > 1);
        assert!(count(|post| post.missed_by_search) > 10);
        for kind in [MediaKind::Video, MediaKind::Gif] {
            assert!(facts.media.iter().filter(|media| media.kind == kind).count() > 5);
        }
        assert!(facts.media.iter().any(|media| media.gone));
        // Relations lead to posts that exist.
        for post in &facts.posts {
            if let Relation::Repost(id)
            | Relation::Quote(id)
            | Relation::Reply(id)
            | Relation::BorrowsMedia(id) = post.relation
            {
                assert!(facts.post(id).is_some_and(|other| other.author != post.author));
            }
        }
    }

    #[test]
    fn handles_and_ids_have_the_networks_form() {
        for account in build().accounts {
            assert!(account.handle.len() <= 15, "{}", account.handle);
            assert!(account.handle.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
            assert!(account.id.to_string().len() <= 19);
        }
    }
}
