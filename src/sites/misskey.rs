//! Misskey and its forks: URLs of accounts and notes on the servers that artists use, and the links of a
//! profile. A field whose page links back is listed by the server as verified.

use serde_json::{Value, json};

use super::address::{decode, name};
use super::free_text::Texts;
use super::read::{list_at, text_at, told};
use super::web::judge;
use super::{Address, Identified, Kind, Lead, Missing, Place, Site, SiteError, Web};
use crate::base::ids::{AccountKey, Network, PostKey};
use crate::domain::accounts::AccountRef;
use crate::domain::addresses::{MISSKEY_SERVERS, network_of_server};
use crate::fetch::{Method, Request, json};
use crate::text::links_in_text;

pub const SITE: Site = Site { name: "misskey", identify, artwork: None, leads: Some(leads) };

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
    if !MISSKEY_SERVERS.contains(&host) {
        return None;
    }
    let other = || Identified::other(SITE.name, address);
    Some(match address.segments().as_slice() {
        // https://misskey.io/@lithla/notes
        [user, ..] if user.starts_with('@') && !is_page_of(address) => {
            account(&user[1..], host).unwrap_or_else(other)
        }
        // https://misskey.io/users/9bpemdns40, by its number
        ["users" | "user-info", id] if is_id(id) => {
            let url = format!("https://{host}/users/{id}");
            let account = AccountRef::Id(AccountKey::new(Network::Misskey, url.clone()));
            Identified::new(SITE.name, Kind::Account, url).id(*id).account(account)
        }
        ["notes", id] if is_id(id) => note(host, id),
        _ => other(),
    })
}

/// A note on a host that nothing is known of: ids are the milliseconds since 2000 to the base of 36 and two
/// or eight characters more, so that those of the last years begin with few digits.
pub(super) fn perhaps_note(address: &Address) -> Option<Identified> {
    let [folder, id]: [&str; 2] = address.segments().try_into().ok()?;
    let is_recent = id.starts_with(['8', '9', 'a']) && matches!(id.len(), 10 | 16);
    let is_small = id.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase());
    (folder == "notes" && is_recent && is_small).then(|| note(address.host(), id))
}

fn note(host: &str, id: &str) -> Identified {
    let url = format!("https://{host}/notes/{id}");
    let key = PostKey::new(Network::Misskey, url.clone());
    Identified::new(SITE.name, Kind::Post, url).id(id).post(key)
}

/// `/@user/pages/name`: a text of the user's.
fn is_page_of(address: &Address) -> bool {
    matches!(address.segments().as_slice(), [_, "pages", _, ..])
}

/// An account of this server.
fn account(user: &str, host: &str) -> Option<Identified> {
    let user = decode(user).to_ascii_lowercase();
    let user = name(&user)?;
    let handle = format!("{user}@{host}");
    let page = Identified::new(SITE.name, Kind::Account, format!("https://{host}/@{user}"));
    Some(page.id(&handle).account(AccountRef::Handle { network: Network::Misskey, handle }))
}

/// The address of an account on its own server, where this is how another shows it:
/// `https://misskey.io/@blooddj@pawoo.net/following`, `https://mastodon.social/@lithla@misskey.io`.
pub(super) fn at_home(address: &Address) -> Option<Address> {
    let parts = address.segments();
    let (shown, rest) = parts.split_first()?;
    let shown = decode(shown);
    let (user, home) = shown.strip_prefix('@')?.split_once('@')?;
    let home = Address::parse(home)?.host().to_owned();
    let is_view = match rest {
        // A view of a post has the number that the server gave it.
        [] | ["media" | "with_replies" | "following" | "followers" | "featured"] => true,
        _ => MISSKEY_SERVERS.contains(&address.host()) && !is_page_of(address),
    };
    let url = match network_of_server(&home) {
        Network::Misskey => format!("https://{home}/@{user}"),
        // In the form by which an account of any server is recognized.
        _ if MISSKEY_SERVERS.contains(&address.host()) => format!("https://mastodon.social/@{user}@{home}"),
        _ => return None,
    };
    Address::parse(&url).filter(|_| is_view)
}

fn leads(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let host = Address::parse(page.address()).map(|address| address.host().to_owned()).unwrap_or_default();
    let question = match page.id_text().split_once('@') {
        Some((user, _)) => json!({ "username": user, "host": null }),
        None => json!({ "userId": page.id_text() }),
    };
    profile(&host, &question, page, web)
}

/// The links of an account's profile, by the API of a server of Misskey's kind.
pub(super) fn profile(
    host: &str,
    question: &Value,
    page: &Identified,
    web: &Web,
) -> Result<Vec<Lead>, SiteError> {
    let request = web.request(&format!("https://{host}/api/users/show"))?;
    let request = request.header("content-type", "application/json");
    let body = Some(question.to_string().into());
    let response = web.send_raw(Request { method: Method::Post, body, ..request })?;
    // "No such user": with 404, in older versions 400.
    let problem = json::parse::<Value>(&response.body).ok();
    let code = problem.as_ref().and_then(|problem| text_at(problem, "error.code"));
    if matches!(response.status, 400 | 404) && code == Some("NO_SUCH_USER") {
        return Err(SiteError::Gone { url: page.address().to_owned() });
    }
    super::web::no_page_says_gone(&response)?;
    let user = super::web::read_json(&judge(response)?)?;
    parse(&user).map_err(|missing| missing.on(page.address()))
}

/// The text without `@user@server`, which names somebody: a friend as often as another account of the user's
/// own. What is a part of an address stays.
fn without_mentions(text: &str) -> String {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        let (before, mention) = rest.split_at(at);
        kept.push_str(before);
        let named = &mention[1..];
        let user = named.find(|c| !is_name(c)).unwrap_or(named.len());
        let host =
            named[user..].strip_prefix('@').map(|host| host.find(|c| !is_name(c)).unwrap_or(host.len()));
        let is_inside = before.ends_with(|c: char| c == '/' || c.is_ascii_alphanumeric());
        let length = match host {
            Some(host) if user > 0 && host > 0 && !is_inside => 1 + user + 1 + host,
            _ => {
                kept.push('@');
                1
            }
        };
        rest = &mention[length..];
    }
    kept + rest
}

/// Fields of a profile that are read: more than people fill in.
const MAX_FIELDS: usize = 64;

fn parse(user: &Value) -> Result<Vec<Lead>, Missing> {
    let description = told(user, "description")?.unwrap_or_default();
    let verified: Vec<&str> = list_at(user, "verifiedLinks").iter().filter_map(Value::as_str).collect();
    let mut leads: Vec<Lead> =
        verified.iter().take(MAX_FIELDS).map(|url| Lead::new(*url, Place::Verified)).collect();
    let mut texts = Texts::default();
    for field in list_at(user, "fields").iter().take(MAX_FIELDS) {
        let value = texts.take(text_at(field, "value").unwrap_or_default());
        if verified.contains(&value) {
            continue;
        }
        // Twitter: @name, as the field's name and value
        let labelled = format!("{}: {value}", texts.take(text_at(field, "name").unwrap_or_default()));
        leads.extend(links_in_text(&labelled).into_iter().map(|url| Lead::new(url, Place::ProfileField)));
    }
    let text = without_mentions(Texts::default().take(description));
    leads.extend(links_in_text(&text).into_iter().map(|url| Lead::new(url, Place::ProfileText)));
    Ok(leads)
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
        check_account("https://misskey.io/@Lithla", Some("misskey:@lithla@misskey.io"));
        check_account("https://misskey.io/@lithla/notes", Some("misskey:@lithla@misskey.io"));
        check_account(
            "https://misskey.design/@machina_3D/avatar",
            Some("misskey:@machina_3d@misskey.design"),
        );
        check_account("https://misskey.io/@blooddj@pawoo.net/following", Some("mastodon:@blooddj@pawoo.net"));
        check_account("https://sushi.ski/@ui@misskey.04.si", Some("misskey:@ui@misskey.04.si"));
        check_account("https://mastodon.social/@Lithla@Misskey.io", Some("misskey:@lithla@misskey.io"));
        check_account("https://mastodon.social/@lithla@misskey.io/media", Some("misskey:@lithla@misskey.io"));
        check_account("https://misskey.io/@lithla/pages/about", None);
        check_account("https://misskey.io/api/i/favorites", None);
        for numbered in ["https://misskey.io/users/9bpemdns40", "https://misskey.io/user-info/9bpemdns40"] {
            check_account(numbered, Some("misskey:https://misskey.io/users/9bpemdns40"));
        }
        none("https://mastodon.social/@lithla@misskey.io/113456789012345678", Kind::Post);
        none("https://misskey.io/notes/9bxaf592x6#pswp", Kind::Post);
        for other in
            ["play/9p3itbedgcal048f", "clips/9bxaf592x6", "gallery/9bxaf592x6", "my/favorites", "notes/", ""]
        {
            none(&format!("https://misskey.io/{other}"), Kind::Other);
        }
        none("https://misskey.io.evil.example/@lithla/notes", Kind::Unsupported);
        let perhaps = super::super::identify("http://mk.yopo.work/notes/995ig09wop?x#y");
        let key = perhaps.post.map(|post| post.to_string());
        assert_eq!(key.as_deref(), Some("misskey:https://mk.yopo.work/notes/995ig09wop"));
        none("https://key.example/notes/9t3ulxtf6ydq00na", Kind::Post);
        for other in [
            "https://key.example/notes/characters",
            "https://key.example/notes/9bxaf592x6/x",
            "https://10.0.0.1/notes/9bxaf592x6",
        ] {
            none(other, Kind::Unsupported);
        }
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

    #[test]
    fn mentions_are_nobodys_word() {
        let check = |text: &str, expect: &str| assert_eq!(without_mentions(text), expect, "{text}");
        check("絵@bob@art.example、@ann", "絵、@ann");
        check(
            "https://mastodon.social/@ann@art.example a@b.example",
            "https://mastodon.social/@ann@art.example a@b.example",
        );
        check("@@@ @a@ @", "@@@ @a@ @");
    }

    #[test]
    fn reads_a_profile() {
        // Recorded, and made by hand to the documented shape.
        let old = include_str!("../../tests/fixtures/sites/misskey/users_show_v11.json");
        assert_eq!(parse(&serde_json::from_str(old).unwrap()), Ok(vec![]));
        let user = json!({"username": "ann", "description": "絵 ?[本](https://ann.booth.pm) <https://x.com/ann>、@bob@art.example",
            "fields": [{"name": "Site", "value": "https://ann.carrd.co"}, {"name": "Twitter", "value": "@ann2"}],
            "verifiedLinks": ["https://ann.carrd.co"]});
        let found: Vec<(String, Place)> =
            parse(&user).unwrap().into_iter().map(|lead| (lead.url, lead.place)).collect();
        let expect = [
            ("https://ann.carrd.co", Place::Verified),
            ("https://twitter.com/ann2", Place::ProfileField),
            ("https://ann.booth.pm", Place::ProfileText),
            ("https://x.com/ann", Place::ProfileText),
        ];
        assert_eq!(found, expect.map(|(url, place)| (url.to_owned(), place)));
        assert!(parse(&json!({"username": "ann"})).is_err());
    }
}
