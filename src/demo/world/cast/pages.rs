//! The pages of links through which the artists can be found.

use super::people::JUNIPER;
use crate::demo::world::facts::{Hub, Page};

pub fn pages() -> Vec<Page> {
    let page = |hub, name, links| Page { hub, name, links, icons: &[], account: None };
    vec![
        Page {
            icons: &[("TWITTER", "https://twitter.com/demo_juniper")],
            ..page(Hub::Linktree, "demo_juniper", &["https://www.deviantart.com/demo-juniper"])
        },
        Page {
            icons: &[("EMAIL_ADDRESS", "mailto:maple@example.org")],
            ..page(
                Hub::Linktree,
                "demo_maple",
                &["https://twitter.com/Demo_Maple?lang=en", "https://www.deviantart.com/demo-maple"],
            )
        },
        page(Hub::Carrd, "demo-maple", &["https://twitter.com/demo_maple", "https://ko-fi.com/demomaple"]),
        page(Hub::Kofi, "demomaple", &["https://x.com/demo_maple"]),
        page(Hub::Patreon, "demoaspen", &["https://twitter.com/demo_aspen"]),
        page(Hub::Potofu, "demo-hazel", &["https://twitter.com/demo_hazel"]),
        page(Hub::Litlink, "demohazel", &["https://x.com/demo_hazel"]),
        page(Hub::Fanbox, "demo-juniper", &["https://twitter.com/demo_juniper"]),
        // No link leads to the account: only its number, which the site knows.
        Page { account: Some(JUNIPER), ..page(Hub::Skeb, "demo_juniper", &[]) },
        page(Hub::Tumblr, "demo-aspen", &["https://twitter.com/demo_aspen"]),
        page(Hub::Instabio, "demo_maple", &["https://twitter.com/demo_maple"]),
        page(Hub::Biosite, "demo_aspen", &["https://twitter.com/demo_aspen"]),
        page(Hub::Linkme, "demo_hazel", &["https://twitter.com/demo_hazel"]),
        page(Hub::Littly, "demo_juniper", &["https://twitter.com/demo_juniper"]),
        page(Hub::Inpock, "demo_rowan", &["https://twitter.com/demo_rowan"]),
        page(Hub::Throne, "demo_maple", &["https://twitter.com/demo_maple"]),
        page(Hub::Vgen, "demo_aspen", &["https://x.com/demo_aspen"]),
        page(Hub::Pronouns, "demo_hazel", &["https://twitter.com/demo_hazel"]),
        Page {
            icons: &[("fediverse:creator", "@demo_rowan@mastodon.art")],
            ..page(
                Hub::Homepage,
                "demo-rowan.example",
                &["https://x.com/demo_rowan", "https://bsky.app/profile/demo-rowan.bsky.social"],
            )
        },
        page(Hub::Short, "demoAspen1", &["https://twitter.com/demo_aspen"]),
    ]
}
