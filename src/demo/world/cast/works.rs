//! What is on the artwork sites, and the artists' pages there. Every artist here is one of the accounts of
//! the cast; but for what was never posted, every picture is among its posts.

use std::time::Duration;

use super::people::{ASPEN, BRIAR, CEDAR, HAZEL, JUNIPER, MAPLE, ROWAN, moment, posted_at};
use crate::demo::world::facts::{Gallery, Member, Trouble, Work};
use crate::demo::world::picture::ArtId::*;
use crate::demo::world::picture::Change::Same;
use crate::demo::world::picture::Picture::{self, Art, Drawn};

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
    Work {
        gallery,
        id,
        artist,
        title,
        pictures,
        published,
        source: "",
        merged_into: None,
        trouble: Trouble::None,
    }
}

/// A booru's copy, uploaded a day after that post.
fn copy(work: Work, source: &'static str) -> Work {
    let published = work.published.plus(Duration::from_secs(26 * 3600));
    Work { published, source, ..work }
}

/// On DeviantArt, with this number.
fn deviation(
    number: u64,
    artist: &'static str,
    title: &'static str,
    pictures: &'static [Picture],
    post: (usize, usize),
) -> Work {
    own(Gallery::Deviantart, 912_000_000 + number, artist, title, pictures, post)
}

/// A work that was never posted on X.
fn unposted(work: Work) -> Work {
    Work { published: moment("2022-06-01T15:00:00Z"), ..work }
}

/// On Danbooru, with this number.
fn booru(number: u64, artist: &'static str, pictures: &'static [Picture], post: (usize, usize)) -> Work {
    copy(own(Gallery::Danbooru, 7_000_000 + number, artist, "", pictures, post), "")
}

fn troubled(trouble: Trouble, work: Work) -> Work {
    Work { trouble, ..work }
}

pub fn works() -> Vec<Work> {
    use Gallery::*;
    use Trouble::{CutShort, Hidden, ImageGone, ImageTooBig, OriginalTooBig, Slow};
    const WITCH: &str = "demo-juniper";
    let merged = Work {
        merged_into: Some(3_200_001),
        ..own(Derpibooru, 3_200_002, "demo maple", "Blue", &[], (MAPLE, 51))
    };
    let blue = own(Derpibooru, 3_200_001, "demo maple", "Blue", &[Art(SylvieBlue, Same)], (MAPLE, 51));
    let family = own(Furbooru, 240_001, "demo-aspen", "Family", &[Art(RabbitFamily, Same)], (ASPEN, 40));
    let garden = own(E621, 4_500_001, "demo_hazel", "Garden", &[Art(RabbitInTheGarden, Same)], (HAZEL, 13));
    let sword = own(Gelbooru, 9_100_001, "", "Sword", &[Art(SwordInTheStone, Same)], (ROWAN, 20));
    vec![
        deviation(1, WITCH, "The Witch's Kitchen", &[Art(WitchCooking, Same)], (JUNIPER, 200)),
        deviation(2, WITCH, "Up and Away", &[Art(Flying, Same)], (JUNIPER, 120)),
        deviation(3, WITCH, "On the Trail", &[Art(Hiking, Same)], (JUNIPER, 120)),
        deviation(4, WITCH, "Power to the Masses", &[Art(PowerToTheMasses, Same)], (JUNIPER, 60)),
        deviation(5, WITCH, "By the Fire", &[Art(PokingFire, Same)], (JUNIPER, 30)),
        deviation(6, WITCH, "Standing", &[Art(Standing, Same)], (JUNIPER, 90)),
        unposted(deviation(7, WITCH, "Never Posted", &[Drawn(404)], (JUNIPER, 0))),
        unposted(troubled(ImageGone, deviation(8, WITCH, "A Lost File", &[Drawn(405)], (JUNIPER, 0)))),
        troubled(Slow, deviation(9, WITCH, "Slow Sketch", &[Art(PencilSketch, Same)], (JUNIPER, 150))),
        deviation(10, "demo-maple", "Giggle", &[Art(SylvieGiggle, Same)], (MAPLE, 50)),
        deviation(11, "demo-aspen", "Pushing Carts", &[Art(PushingCart, Same)], (ASPEN, 33)),
        unposted(deviation(12, "demo-willow", "My Cave", &[Art(Cave, Same)], (JUNIPER, 0))),
        deviation(13, "demo-cedar", "Old Times", &[Art(EileenHappy, Same)], (CEDAR, 5)),
        deviation(14, "demo-briar", "Leave Me Alone", &[Art(EileenVeryHappy, Same)], (BRIAR, 5)),
        booru(1, "demo_rowan", &[Art(KnightAtTheFord, Same)], (ROWAN, 44)),
        booru(2, "demo_rowan", &[Art(SwordInTheStone, Same)], (ROWAN, 20)),
        booru(3, "demo_rowan", &[Art(Dragon, Same)], (ROWAN, 130)),
        troubled(OriginalTooBig, booru(4, "demo_rowan", &[Art(RabbitAtTheDoor, Same)], (ROWAN, 95))),
        troubled(ImageTooBig, booru(5, "demo_rowan", &[Art(RabbitRunning, Same)], (ROWAN, 96))),
        troubled(CutShort, booru(6, "demo_rowan", &[Art(RoundTable, Same)], (ROWAN, 70))),
        booru(7, "demo_hazel", &[Art(DragonHead, Same)], (HAZEL, 12)),
        own(
            Pixiv,
            118_000_001,
            "demo_juniper",
            "Two gophers",
            &[Art(Raining, Same), Art(FixingTheProject, Same)],
            (JUNIPER, 10),
        ),
        troubled(
            Hidden,
            own(Pixiv, 118_000_002, "demo_juniper", "Gopher at night", &[Art(Standing, Same)], (JUNIPER, 90)),
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
        own(Weasyl, 2_500_001, "demorowan", "The Dragon", &[Art(Dragon, Same)], (ROWAN, 130)),
        copy(own(Moebooru, 1_200_001, "demo_aspen", "", &[Art(PushingCart, Same)], (ASPEN, 33)), ""),
        copy(
            own(Twibooru, 1_300_001, "", "", &[Art(SylvieBlue, Same)], (MAPLE, 51)),
            "https://derpibooru.org/images/3200001",
        ),
        Work {
            source: "Find me on X: @demo_rowan",
            ..own(Newgrounds, 1_400_001, "demo-rowan", "The Door", &[Art(RabbitAtTheDoor, Same)], (ROWAN, 95))
        },
        own(Itaku, 1_450_001, "demo_hazel", "The Head", &[Art(DragonHead, Same)], (HAZEL, 12)),
        own(Sofurry, 1_500_001, "demo-hazel", "Garden", &[Art(RabbitInTheGarden, Same)], (HAZEL, 13)),
        Work {
            source: "Find me on X: @demo_rowan",
            ..own(HentaiFoundry, 1_550_001, "demo-rowan", "The Table", &[Art(RoundTable, Same)], (ROWAN, 70))
        },
        copy(
            own(Zerochan, 1_600_001, "", "", &[Art(SwordInTheStone, Same)], (ROWAN, 20)),
            "https://www.artstation.com/artwork/70001",
        ),
        own(Booth, 1_620_001, "demo-maple", "Print", &[Art(SylvieGiggle, Same)], (MAPLE, 50)),
        own(Fantia, 1_640_001, "demo_aspen", "Family", &[Art(RabbitFamily, Same)], (ASPEN, 40)),
        own(Poipiku, 1_660_001, "demo_juniper", "Rain", &[Art(Raining, Same)], (JUNIPER, 10)),
        own(Nicoseiga, 1_700_001, "demo_juniper", "Project", &[Art(FixingTheProject, Same)], (JUNIPER, 152)),
        Work {
            source: "also on https://x.com/demo_rowan",
            ..own(Cara, 1_720_001, "demo_rowan", "Running", &[Art(RabbitRunning, Same)], (ROWAN, 96))
        },
        copy(
            own(Toyhouse, 1_740_001, "", "", &[Art(KnightAtTheFord, Same)], (ROWAN, 44)),
            "https://twitter.com/demo_rowan",
        ),
        own(Xfolio, 1_760_001, "demo_juniper", "Power", &[Art(PowerToTheMasses, Same)], (JUNIPER, 60)),
        own(Nijie, 1_780_001, "demo_juniper", "Fire", &[Art(PokingFire, Same)], (JUNIPER, 30)),
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
        own(Artstation, 70_015, "demo_instabio", "Giggle", &[Art(SylvieGiggle, Same)], (MAPLE, 50)),
        own(Artstation, 70_016, "demo_biosite", "Carts", &[Art(PushingCart, Same)], (ASPEN, 33)),
        own(Artstation, 70_017, "demo_linkme", "Dragon's Head", &[Art(DragonHead, Same)], (HAZEL, 12)),
        own(Artstation, 70_018, "demo_littly", "The Fire", &[Art(PokingFire, Same)], (JUNIPER, 30)),
        own(Artstation, 70_019, "demo_inpock", "The Door", &[Art(RabbitAtTheDoor, Same)], (ROWAN, 95)),
        own(Artstation, 70_020, "demo_throne", "Blue", &[Art(SylvieBlue, Same)], (MAPLE, 51)),
        own(Artstation, 70_021, "demo_vgen", "The Family", &[Art(RabbitFamily, Same)], (ASPEN, 40)),
        own(Artstation, 70_022, "demo_pronouns", "The Garden", &[Art(RabbitInTheGarden, Same)], (HAZEL, 13)),
        own(Artstation, 70_023, "demo_homepage", "The Ford", &[Art(KnightAtTheFord, Same)], (ROWAN, 44)),
        own(Artstation, 70_024, "demo_linden", "Happy", &[Art(EileenHappy, Same)], (ROWAN, 160)),
        own(Artstation, 70_025, "demo_misskey", "The Ford", &[Art(KnightAtTheFord, Same)], (ROWAN, 44)),
        own(Artstation, 70_011, "demo_short", "The Family", &[Art(RabbitFamily, Same)], (ASPEN, 40)),
    ]
}

pub fn members() -> Vec<Member> {
    use Gallery::*;
    let member = |gallery, id, name, links| Member {
        gallery,
        id,
        name,
        links,
        dead_links: &[],
        website: None,
        bio: "",
    };
    vec![
        Member {
            bio: "I draw gophers, and witches who cook.",
            ..member(
                Deviantart,
                41_000_001,
                "demo-juniper",
                &["https://twitter.com/demo_juniper", "https://linktr.ee/demo_juniper"],
            )
        },
        Member {
            website: Some("https://linktr.ee/demo_maple"),
            bio: "All my links are on one page.",
            ..member(Deviantart, 41_000_002, "demo-maple", &[])
        },
        Member {
            bio: "Also <a class=\"external\" href=\"https://www.deviantart.com/users/outgoing?https://twitter.com/Demo_Aspen_Old\">my old account</a>.",
            ..member(Deviantart, 41_000_003, "demo-aspen", &["https://x.com/demo_aspen"])
        },
        Member { bio: "I am nowhere else.", ..member(Deviantart, 41_000_004, "demo-willow", &[]) },
        Member {
            bio: "Long gone.",
            ..member(
                Deviantart,
                41_000_005,
                "demo-cedar",
                &[
                    "https://twitter.com/demo_cedar",
                    "https://twitter.com/demo_cedar_old",
                    "https://twitter.com/demo_cedar_gone",
                ],
            )
        },
        Member {
            bio: "No robots.",
            ..member(Deviantart, 41_000_006, "demo-briar", &["https://x.com/demo_briar"])
        },
        Member {
            dead_links: &["https://twitter.com/demo_rowan_closed"],
            ..member(
                Danbooru,
                300_001,
                "demo_rowan",
                &["https://twitter.com/demo_rowan", "https://twitter.com/intent/user?user_id=3300000002"],
            )
        },
        member(Danbooru, 300_002, "demo_hazel", &["https://x.com/demo_hazel"]),
        Member {
            website: Some("https://juniper.example.org/"),
            ..member(Pixiv, 9_000_001, "demo_juniper", &["https://twitter.com/demo_juniper"])
        },
        member(Derpibooru, 600_001, "demo maple", &["https://twitter.com/demo_maple"]),
        member(Furbooru, 60_001, "demo-aspen", &["https://x.com/demo_aspen"]),
        member(E621, 80_001, "demo_hazel", &["https://twitter.com/demo_hazel"]),
        member(Artstation, 500_001, "demo_rowan", &["https://twitter.com/demo_rowan"]),
        member(Furaffinity, 0, "demo-rowan", &["https://x.com/demo_rowan"]),
        member(Inkbunny, 250_001, "DemoRowan", &["https://twitter.com/demo_rowan"]),
        member(
            Weasyl,
            150_001,
            "demorowan",
            &["https://twitter.com/demo_rowan", "https://www.instagram.com/demorowan/"],
        ),
        member(Moebooru, 12_001, "demo_aspen", &["https://x.com/demo_aspen"]),
        member(Newgrounds, 0, "demo-rowan", &[]),
        member(Itaku, 14_001, "demo_hazel", &["https://x.com/demo_hazel"]),
        member(Sofurry, 15_001, "demo-hazel", &["https://twitter.com/demo_hazel"]),
        member(HentaiFoundry, 0, "demo-rowan", &[]),
        member(Booth, 0, "demo-maple", &["https://twitter.com/demo_maple"]),
        member(Fantia, 16_401, "demo_aspen", &["https://x.com/demo_aspen"]),
        member(Poipiku, 16_601, "demo_juniper", &["https://twitter.com/demo_juniper"]),
        member(Nicoseiga, 17_001, "demo_juniper", &["https://twitter.com/demo_juniper"]),
        member(Cara, 0, "demo_rowan", &[]),
        member(Xfolio, 0, "demo_juniper", &["https://x.com/demo_juniper"]),
        member(Nijie, 17_801, "demo_juniper", &["https://twitter.com/demo_juniper"]),
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
        member(Artstation, 500_015, "demo_instabio", &["https://linkbio.co/demo_maple"]),
        member(Artstation, 500_016, "demo_biosite", &["https://bio.site/demo_aspen"]),
        member(Artstation, 500_017, "demo_linkme", &["https://link.me/demo_hazel"]),
        member(Artstation, 500_018, "demo_littly", &["https://litt.ly/demo_juniper"]),
        member(Artstation, 500_019, "demo_inpock", &["https://link.inpock.co.kr/demo_rowan"]),
        member(Artstation, 500_020, "demo_throne", &["https://throne.com/demo_maple"]),
        member(Artstation, 500_021, "demo_vgen", &["https://vgen.co/demo_aspen"]),
        member(Artstation, 500_022, "demo_pronouns", &["https://en.pronouns.page/@demo_hazel"]),
        member(Artstation, 500_023, "demo_homepage", &["https://demo-rowan.example/"]),
        member(Artstation, 500_024, "demo_linden", &["https://demo-misskey.example/@demo_linden"]),
        member(Artstation, 500_025, "demo_misskey", &["https://misskey.design/@demo_rowan"]),
        member(Artstation, 500_011, "demo_short", &["https://t.co/demoAspen1"]),
    ]
}
