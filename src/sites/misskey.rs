//! Misskey and its forks: URLs of accounts and notes on the servers that artists use. Their accounts are of
//! the Fediverse, but their API is another than Mastodon's; it is not read yet.

use super::address::{decode, name};
use super::{Address, Identified, Kind, Site};
use crate::base::ids::Network;
use crate::domain::accounts::AccountRef;

pub const SITE: Site = Site { name: "misskey", identify, artwork: None, leads: None };

/// Servers that are recognized by name. Others are told by themselves, when their accounts are asked for.
const SERVERS: &[&str] = &[
    "misskey.io",
    "misskey.art",
    "misskey.design",
    "sushi.ski",
    "nijimiss.moe",
    "oekakiskey.com",
    "novelskey.tarbin.net",
    "misskey.gg",
    "mi.nakn.jp",
    "voskey.icalo.net",
    "misskey.04.si",
];

/// Where these servers keep files, and where they pass on those of others.
const FILES: &[&str] = &[
    "media.misskeyusercontent.jp",
    "media.misskeyusercontent.com",
    "proxy.misskeyusercontent.jp",
    "proxy.misskeyusercontent.com",
    "media.nijimissusercontent.app",
    "s3.arkjp.net",
    "nos3.arkjp.net",
    "files.misskey.art",
    "file.misskey.design",
];

fn identify(address: &Address) -> Option<Identified> {
    let host = address.host();
    if FILES.contains(&host) {
        let is_file = address.segments().last().is_some_and(|name| name.contains('.'));
        let proxied = address.query("url").is_some();
        return Some(match is_file || proxied {
            true => Identified::image(SITE.name, address),
            false => Identified::other(SITE.name, address),
        });
    }
    if !SERVERS.contains(&host) {
        return None;
    }
    let other = || Identified::other(SITE.name, address);
    Some(match address.segments().as_slice() {
        // https://misskey.io/@lithla/notes, https://misskey.io/@blooddj@pawoo.net
        [user, ..] if user.starts_with('@') && !is_page_of(address) => {
            account(&user[1..], host).unwrap_or_else(other)
        }
        // https://misskey.io/users/9bpemdns40, by its number
        ["users" | "user-info", id] if is_id(id) => {
            Identified::new(SITE.name, Kind::Profile, format!("https://{host}/users/{id}")).id(*id)
        }
        ["notes", id] if is_id(id) => {
            Identified::new(SITE.name, Kind::Post, format!("https://{host}/notes/{id}")).id(*id)
        }
        _ => other(),
    })
}

/// `/@user/pages/name`: a text of the user's.
fn is_page_of(address: &Address) -> bool {
    matches!(address.segments().as_slice(), [_, "pages", _, ..])
}

/// `user`, or `user@other.server` where this server shows an account of another.
fn account(user: &str, host: &str) -> Option<Identified> {
    let user = decode(user).to_ascii_lowercase();
    let (user, home) = match user.split_once('@') {
        Some((user, home)) => (user.to_owned(), Address::parse(home)?.host().to_owned()),
        None => (user, host.to_owned()),
    };
    let user = name(&user)?;
    let id = format!("{user}@{home}");
    let shown = if home == host { user } else { &id };
    let account = AccountRef::Handle { network: Network::Mastodon, handle: id.clone() };
    let page = Identified::new(SITE.name, Kind::Account, format!("https://{host}/@{shown}"));
    Some(page.id(&id).account(account))
}

/// aid, aidx, ulid and objectid, the forms that servers choose from.
fn is_id(id: &str) -> bool {
    matches!(id.len(), 10 | 16 | 24 | 26) && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_account, none};
    use super::*;

    #[test]
    fn accounts_and_notes() {
        check_account("https://misskey.io/@Lithla", Some("mastodon:@lithla@misskey.io"));
        check_account("https://misskey.io/@lithla/notes", Some("mastodon:@lithla@misskey.io"));
        check_account(
            "https://misskey.design/@machina_3D/avatar",
            Some("mastodon:@machina_3d@misskey.design"),
        );
        check_account("https://misskey.io/@blooddj@pawoo.net/following", Some("mastodon:@blooddj@pawoo.net"));
        check_account("https://sushi.ski/@ui@misskey.04.si", Some("mastodon:@ui@misskey.04.si"));
        check_account("https://misskey.io/@lithla/pages/about", None);
        check_account("https://misskey.io/api/i/favorites", None);
        none("https://misskey.io/users/9bpemdns40", Kind::Profile);
        none("https://misskey.io/user-info/9bpemdns40", Kind::Profile);
        none("https://misskey.io/notes/9bxaf592x6#pswp", Kind::Post);
        for other in
            ["play/9p3itbedgcal048f", "clips/9bxaf592x6", "gallery/9bxaf592x6", "my/favorites", "notes/", ""]
        {
            none(&format!("https://misskey.io/{other}"), Kind::Other);
        }
        none("https://misskey.io.evil.example/@lithla/notes", Kind::Unsupported);
    }

    #[test]
    fn files() {
        for image in [
            "https://s3.arkjp.net/misskey/7d2adf4a-b2dd-40b4-ba27-916e44f7bd48.png",
            "https://media.misskeyusercontent.jp/io/webpublic-8cebee13-e4f8-4ac4-8c2e-07f0fc26bb7a.webp",
            "https://file.misskey.design/post/webpublic-ac7072e9-812f-460b-ad24-1f303a62f0b4.webp",
            "https://files.misskey.art//583b26e0-97bb-439a-bce9-0ef27e00cd5d.jpg",
            "https://proxy.misskeyusercontent.jp/image.webp?url=https%3A%2F%2Fa.example%2Fb.png",
        ] {
            none(image, Kind::Image);
        }
        none("https://media.misskeyusercontent.com", Kind::Other);
    }
}
