//! Who is on the networks that can be read without a key.

use crate::demo::world::facts::{OpenAccount, OpenNetwork, OpenState};
use crate::demo::world::picture::ArtId::*;
use crate::demo::world::picture::Change::Same;
use crate::demo::world::picture::Picture::{Art, Drawn};

/// Everybody. Sorrel is on Bluesky only, Linden on a server of Misskey's kind; Rowan is on X, too, and posted
/// the dragon first on Mastodon.
pub fn accounts() -> Vec<OpenAccount> {
    use OpenNetwork::{Bluesky, Mastodon, Misskey};
    let account = |network, handle, native, links, state| OpenAccount {
        network,
        handle,
        native,
        links,
        state,
        posts: 0,
        first: "2023-08-01T08:00:00Z",
        every_hours: 96,
        featured: &[],
        lost: None,
        deleted: None,
    };
    vec![
        OpenAccount {
            posts: 130,
            featured: &[(20, &[Art(Dragon, Same)]), (60, &[Drawn(7001), Art(SwordInTheStone, Same)])],
            lost: Some(60),
            ..account(
                Bluesky,
                "demo-rowan.bsky.social",
                "did:plc:demorowan000000000000000",
                &["https://x.com/demo_rowan"],
                OpenState::Open,
            )
        },
        OpenAccount {
            posts: 90,
            featured: &[(30, &[Art(EileenVeryHappy, Same)])],
            ..account(
                Bluesky,
                "demo-sorrel.bsky.social",
                "did:plc:demosorrel00000000000000",
                &[],
                OpenState::Open,
            )
        },
        account(
            Bluesky,
            "demo-willow.bsky.social",
            "did:plc:demowillow00000000000000",
            &[],
            OpenState::OptedOut,
        ),
        account(
            Bluesky,
            "demo-cedar.bsky.social",
            "did:plc:democedar000000000000000",
            &[],
            OpenState::Suspended,
        ),
        OpenAccount {
            posts: 5000,
            first: "2023-05-01T08:00:00Z",
            every_hours: 5,
            ..account(
                Bluesky,
                "demo-atlas.bsky.social",
                "did:plc:demoatlas000000000000000",
                &[],
                OpenState::Open,
            )
        },
        OpenAccount {
            posts: 70,
            first: "2022-11-06T08:00:00Z",
            featured: &[(15, &[Art(Dragon, Same)])],
            ..account(
                Mastodon,
                "demo_rowan@mastodon.art",
                "demo_rowan",
                &["https://twitter.com/demo_rowan"],
                OpenState::Open,
            )
        },
        account(
            Mastodon,
            "demo_rowan@mastodon.social",
            "demo_rowan",
            &[],
            OpenState::Moved("demo_rowan@mastodon.art"),
        ),
        account(Mastodon, "demo_willow@mastodon.art", "demo_willow", &[], OpenState::OptedOut),
        account(Mastodon, "demo_cedar@mastodon.art", "demo_cedar", &[], OpenState::Suspended),
        OpenAccount {
            posts: 5000,
            first: "2022-11-06T08:00:00Z",
            every_hours: 5,
            ..account(Mastodon, "demo_atlas@mastodon.art", "demo_atlas", &[], OpenState::Open)
        },
        OpenAccount {
            posts: 260,
            first: "2023-03-01T08:00:00Z",
            featured: &[(150, &[Drawn(7002), Art(EileenHappy, Same)])],
            ..account(Misskey, "demo_linden@demo-misskey.example", "9dlinden01", &[], OpenState::Open)
        },
        account(
            Misskey,
            "demo_linden@misskey.art",
            "9dlinden02",
            &[],
            OpenState::Moved("demo_linden@demo-misskey.example"),
        ),
        OpenAccount {
            posts: 20,
            ..account(
                Misskey,
                "demo_rowan@misskey.design",
                "9drowan001",
                &["https://x.com/demo_rowan"],
                OpenState::Open,
            )
        },
        OpenAccount {
            posts: 30,
            ..account(Misskey, "demo_willow@demo-misskey.example", "9dwillow01", &[], OpenState::OptedOut)
        },
        account(Misskey, "demo_birch@demo-misskey.example", "9dbirch001", &[], OpenState::OptedOut),
        account(Misskey, "demo_cedar@demo-misskey.example", "9dcedar001", &[], OpenState::Suspended),
        OpenAccount {
            posts: 5000,
            first: "2022-11-06T08:00:00Z",
            every_hours: 5,
            ..account(Misskey, "demo_atlas@demo-misskey.example", "9datlas001", &[], OpenState::Open)
        },
    ]
}
