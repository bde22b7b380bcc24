//! What is on the artwork sites of this folder: the table to change when one should show something else.
//! Every artist here is one of the accounts of the cast, and every picture is among its posts.

use std::time::Duration;

use crate::demo::world::cast::{ASPEN, HAZEL, JUNIPER, MAPLE, ROWAN, posted_at};
use crate::demo::world::picture::ArtId::*;
use crate::demo::world::picture::Change::Same;
use crate::demo::world::picture::Picture::{self, Art};
use crate::demo::world::sites::{Gallery, Member, Work};

/// A work that its artist published two hours before the post with this number.
fn own(
    gallery: Gallery,
    id: u64,
    artist: &'static str,
    title: &'static str,
    pictures: &'static [Picture],
    (author, post): (usize, usize),
) -> Work {
    let published = posted_at(author, post).minus(Duration::from_secs(2 * 3600));
    Work { gallery, id, artist, title, pictures, published, source: "", merged_into: None }
}

/// A booru's copy, uploaded a day after that post.
fn copy(work: Work, source: &'static str) -> Work {
    let published = work.published.plus(Duration::from_secs(26 * 3600));
    Work { published, source, ..work }
}

pub fn works() -> Vec<Work> {
    use Gallery::*;
    let merged = Work {
        merged_into: Some(3_200_001),
        ..own(Derpibooru, 3_200_002, "demo maple", "Blue", &[], (MAPLE, 51))
    };
    let blue = own(Derpibooru, 3_200_001, "demo maple", "Blue", &[Art(SylvieBlue, Same)], (MAPLE, 51));
    let family = own(Furbooru, 240_001, "demo-aspen", "Family", &[Art(RabbitFamily, Same)], (ASPEN, 40));
    let garden = own(E621, 4_500_001, "demo_hazel", "Garden", &[Art(RabbitInTheGarden, Same)], (HAZEL, 13));
    let sword = own(Gelbooru, 9_100_001, "", "Sword", &[Art(SwordInTheStone, Same)], (ROWAN, 20));
    vec![
        own(
            Pixiv,
            118_000_001,
            "demo_juniper",
            "Two gophers",
            &[Art(Raining, Same), Art(FixingTheProject, Same)],
            (JUNIPER, 10),
        ),
        copy(blue, ""),
        merged,
        copy(family, "https://x.com/demo_aspen"),
        copy(garden, ""),
        own(
            Artstation,
            70_001,
            "demo_rowan",
            "The Sword in the Stone",
            &[Art(SwordInTheStone, Same)],
            (ROWAN, 20),
        ),
        own(
            Furaffinity,
            54_000_001,
            "demo-rowan",
            "Running Rabbit",
            &[Art(RabbitRunning, Same)],
            (ROWAN, 96),
        ),
        own(Inkbunny, 3_300_001, "DemoRowan", "The Round Table", &[Art(RoundTable, Same)], (ROWAN, 70)),
        copy(sword, "https://www.artstation.com/artwork/70001"),
        // Artists who are found through a page of links.
        own(Artstation, 70_002, "demo_carrd", "Giggle", &[Art(SylvieGiggle, Same)], (MAPLE, 50)),
        own(Artstation, 70_003, "demo_kofi", "Blue", &[Art(SylvieBlue, Same)], (MAPLE, 51)),
        own(Artstation, 70_004, "demo_patreon", "Carts", &[Art(PushingCart, Same)], (ASPEN, 33)),
        own(Artstation, 70_005, "demo_potofu", "Dragon's Head", &[Art(DragonHead, Same)], (HAZEL, 12)),
        own(Artstation, 70_006, "demo_litlink", "The Garden", &[Art(RabbitInTheGarden, Same)], (HAZEL, 13)),
        own(Artstation, 70_007, "demo_fanbox", "Power", &[Art(PowerToTheMasses, Same)], (JUNIPER, 60)),
        own(Artstation, 70_008, "demo_skeb", "The Fire", &[Art(PokingFire, Same)], (JUNIPER, 30)),
        own(Artstation, 70_009, "demo_bluesky", "The Ford", &[Art(KnightAtTheFord, Same)], (ROWAN, 44)),
        own(Artstation, 70_010, "demo_mastodon", "The Door", &[Art(RabbitAtTheDoor, Same)], (ROWAN, 95)),
        own(Artstation, 70_012, "demo_tumblr", "Carts", &[Art(PushingCart, Same)], (ASPEN, 33)),
        own(Artstation, 70_013, "demo_everywhere", "The Dragon", &[Art(Dragon, Same)], (ROWAN, 130)),
        own(Artstation, 70_014, "demo_sorrel", "Very Happy", &[Art(EileenVeryHappy, Same)], (ROWAN, 150)),
        own(Artstation, 70_011, "demo_short", "The Family", &[Art(RabbitFamily, Same)], (ASPEN, 40)),
    ]
}

pub fn members() -> Vec<Member> {
    use Gallery::*;
    let member = |gallery, id, name, links| Member { gallery, id, name, links };
    vec![
        member(
            Pixiv,
            9_000_001,
            "demo_juniper",
            &["https://twitter.com/demo_juniper", "https://juniper.example.org/"],
        ),
        member(Derpibooru, 600_001, "demo maple", &["https://twitter.com/demo_maple"]),
        member(Furbooru, 60_001, "demo-aspen", &["https://x.com/demo_aspen"]),
        member(E621, 80_001, "demo_hazel", &["https://twitter.com/demo_hazel"]),
        member(Artstation, 500_001, "demo_rowan", &["https://twitter.com/demo_rowan"]),
        member(Furaffinity, 0, "demo-rowan", &["https://x.com/demo_rowan"]),
        member(Inkbunny, 250_001, "DemoRowan", &["https://twitter.com/demo_rowan"]),
        member(Artstation, 500_002, "demo_carrd", &["https://demo-maple.carrd.co/"]),
        member(Artstation, 500_003, "demo_kofi", &["https://ko-fi.com/demomaple"]),
        member(Artstation, 500_004, "demo_patreon", &["https://www.patreon.com/demoaspen"]),
        member(Artstation, 500_005, "demo_potofu", &["https://potofu.me/demo-hazel"]),
        member(Artstation, 500_006, "demo_litlink", &["https://lit.link/demohazel"]),
        member(Artstation, 500_007, "demo_fanbox", &["https://demo-juniper.fanbox.cc/"]),
        member(Artstation, 500_008, "demo_skeb", &["https://skeb.jp/@demo_juniper"]),
        member(Artstation, 500_009, "demo_bluesky", &["https://bsky.app/profile/demo-rowan.bsky.social"]),
        member(Artstation, 500_010, "demo_mastodon", &["https://mastodon.art/@demo_rowan"]),
        member(Artstation, 500_012, "demo_tumblr", &["https://demo-aspen.tumblr.com/"]),
        member(
            Artstation,
            500_013,
            "demo_everywhere",
            &[
                "https://x.com/demo_rowan",
                "https://bsky.app/profile/demo-rowan.bsky.social",
                "https://mastodon.social/@demo_rowan",
            ],
        ),
        member(Artstation, 500_014, "demo_sorrel", &["https://bsky.app/profile/demo-sorrel.bsky.social"]),
        member(Artstation, 500_011, "demo_short", &["https://t.co/demoAspen1"]),
    ]
}
