//! Mastodon and its kin: URLs of accounts on the servers that artists use, and the links of a profile. A
//! field whose page links back is marked by the server as verified.

use serde_json::{Value, json};
use url::Url;

use super::address::{encode, name, number};
use super::free_text::{Texts, links_in_html};
use super::html::{anchors, plain_text};
use super::read::{at, list_at, text_at};
use super::{Address, Identified, Kind, Lead, Missing, Place, Site, SiteError, Web};
use crate::base::ids::{Network, PostKey};
use crate::domain::accounts::AccountRef;
use crate::fetch::FetchError;
use crate::text::links_in_text;

pub const SITE: Site = Site { name: "mastodon", identify, artwork: None, leads: Some(leads) };

/// Servers that are recognised by name: a path `/@user` alone is no proof, other sites use it too. Of others,
/// the server itself is asked (`confirmed`).
const SERVERS: &[&str] = &[
    "mastodon.social",
    "mastodon.art",
    "mastodon.online",
    "pawoo.net",
    "baraag.net",
    "mstdn.jp",
    "mstdn.social",
    "mas.to",
    "fosstodon.org",
    "mastodon.gamedev.place",
    "meow.social",
    "furry.engineer",
    "tech.lgbt",
    "snouts.online",
    "pony.social",
    "equestria.social",
    "artisan.chat",
    "sakurajima.moe",
    "fedibird.com",
    "mstdn.plus",
    "vis.social",
    "socel.net",
    "yiff.life",
    "woof.group",
    "mastodon.world",
    "mastodon.sdf.org",
    "chaos.social",
    "toot.cafe",
];

/// Sites of other kinds whose members have such paths.
const NO_SERVERS: &[&str] =
    &["medium.com", "substack.com", "odysee.com", "t.me", "codepen.io", "npmjs.com", "buymeacoffee.com"];

fn is_server(host: &str) -> bool {
    SERVERS.contains(&host)
}

fn identify(address: &Address) -> Option<Identified> {
    let host = address.host();
    if !is_server(host) {
        let files = ["img.", "media.", "files.", "cdn."].iter().find_map(|prefix| host.strip_prefix(prefix));
        return match files.filter(|host| is_server(host)) {
            Some(_) => Some(Identified::image(SITE.name, address)),
            None => perhaps_post(address)
                .or_else(|| perhaps_account(address))
                .or_else(|| super::misskey::perhaps_note(address).filter(|_| may_be_server(host))),
        };
    }
    let other = || Identified::other(SITE.name, address);
    let parts = address.segments();
    // Two views of the same pages: the web client's of old, and the one with several columns.
    let parts = match parts.as_slice() {
        ["web" | "deck", rest @ ..] => rest,
        all => all,
    };
    Some(match parts {
        ["media" | "media_attachments" | "system", ..] => Identified::image(SITE.name, address),
        // https://pawoo.net/@evazion/media, https://pawoo.net/users/esoraneko
        [user] | [user, "media" | "with_replies" | "following" | "followers" | "featured"]
            if user.starts_with('@') =>
        {
            account(&user[1..], host).unwrap_or_else(other)
        }
        ["users", user] | ["users", user, "media" | "following" | "followers"] => {
            account(user, host).unwrap_or_else(other)
        }
        // https://pawoo.net/@evazion/19451018
        [user, post] if user.starts_with('@') => self::post(&user[1..], post, host).unwrap_or_else(other),
        // https://baraag.net/web/statuses/102270656480174153: a post without its author
        ["statuses", id] => match number(id) {
            Some(id) => by_number_alone(address, id),
            None => other(),
        },
        ["users", user, "statuses", post] => self::post(user, post, host).unwrap_or_else(other),
        // https://pawoo.net/web/accounts/144367, https://mastodon.art/ap/users/117: an account without its
        // name
        ["accounts", id] | ["ap", "users", id] => match number(id) {
            Some(id) => numbered(&id, host),
            None => other(),
        },
        ["ap", "users", _, "statuses", id] => match number(id) {
            Some(id) => by_number_alone(address, id),
            None => other(),
        },
        _ => other(),
    })
}

/// `user`, or `user@other.server` where this server shows an account of another.
fn account(user: &str, host: &str) -> Option<Identified> {
    let user = user.replace("%40", "@").to_ascii_lowercase();
    let (user, home) = match user.split_once('@') {
        Some((user, home)) => (user.to_owned(), Address::parse(home)?.host().to_owned()),
        None => (user, host.to_owned()),
    };
    let user = name(&user)?;
    let url = format!("https://{home}/@{user}");
    let account = AccountRef::Handle { network: Network::Mastodon, handle: format!("{user}@{home}") };
    // An account whose home is not known by name would not be recognised by its own URL.
    let url = if is_server(&home) { url } else { format!("https://{host}/@{user}@{home}") };
    Some(Identified::new(SITE.name, Kind::Account, url).id(format!("{user}@{home}")).account(account))
}

/// An account by its server's own number: a page that leads to the account.
fn numbered(id: &str, host: &str) -> Identified {
    Identified::new(SITE.name, Kind::Profile, format!("https://{host}/web/accounts/{id}")).id(id)
}

/// `https://host/@user` of a host that nothing is known of: a page that may turn out to be an account's.
fn perhaps_account(address: &Address) -> Option<Identified> {
    let host = address.host();
    let [user] = address.segments().try_into().ok()?;
    let user = user.strip_prefix('@')?.to_ascii_lowercase();
    let user = name(&user).filter(|_| may_be_server(host))?;
    let url = format!("https://{host}/@{user}");
    Some(Identified::new(SITE.name, Kind::Profile, url).id(format!("{user}@{host}")))
}

fn may_be_server(host: &str) -> bool {
    let is_on = |other: &&str| {
        host == *other || host.strip_suffix(other).is_some_and(|subdomain| subdomain.ends_with('.'))
    };
    let is_number = |host: &str| host.parse::<std::net::IpAddr>().is_ok();
    host.contains('.') && !is_number(host) && !NO_SERVERS.iter().any(is_on)
}

/// A post on a host that nothing is known of. It names no account: that would take more than a path's form.
fn perhaps_post(address: &Address) -> Option<Identified> {
    let parts = address.segments();
    let (user, id) = match parts.as_slice() {
        // https://art.example/@ann/113456789012345678: Mastodon's numbers have 17 to 19 digits
        [user, id] if (17..=19).contains(&id.len()) => (user.strip_prefix('@')?, id),
        // https://art.example/users/ann/statuses/12: the id by which servers name it to each other
        ["users", user, "statuses", id] => (*user, id),
        _ => return None,
    };
    name(user).filter(|_| may_be_server(address.host()))?;
    Some(by_number_alone(address, number(id)?))
}

/// A post at an address that says nothing of its author that is sure.
fn by_number_alone(address: &Address, id: String) -> Identified {
    let page = format!("https://{}/{}", address.host(), address.segments().join("/"));
    let mut post = Identified::new(SITE.name, Kind::Post, address.url().as_str()).id(id);
    post.post = (page.len() <= MAX_PAGE_BYTES).then(|| PostKey::new(Network::Mastodon, page));
    post
}

/// Longest address of a page that stands for its post: a host, a name and an id.
const MAX_PAGE_BYTES: usize = 400;
/// Longest id of a post that servers give: a UUID, with its hyphens.
const MAX_POST_ID_BYTES: usize = 36;

fn post(user: &str, post: &str, host: &str) -> Option<Identified> {
    let author = account(user, host)?;
    let is_id = post.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && post.bytes().any(|byte| byte.is_ascii_digit());
    if !is_id {
        // https://baraag.net/@web/danbooru: a view of the account
        return Some(author);
    }
    // The id is that of the server that shows the post, be its author at home elsewhere.
    let (user, home) = author.id_text().split_once('@')?;
    let url = match home == host {
        true => format!("https://{host}/@{user}/{post}"),
        false => format!("https://{host}/@{user}@{home}/{post}"),
    };
    let key = (post.len() <= MAX_POST_ID_BYTES).then(|| PostKey::new(Network::Mastodon, url.clone()));
    Some(Identified { kind: Kind::Post, url: Some(url), post: key, ..author }.id(post))
}

fn leads(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    // Only the home server knows the whole profile.
    let Some((user, home)) = page.id_text().split_once('@') else { return by_number(page, web) };
    if page.kind == Kind::Profile {
        return confirmed(user, home, web);
    }
    let url = format!("https://{home}/api/v1/accounts/lookup?acct={}", encode(user));
    let account = match web.json(web.request(&url)?) {
        // Of a server that is not known by name, nothing is known but that it has the account. Where it has
        // no API of Misskey either, there is nothing to read.
        Err(gone @ SiteError::Gone { .. }) if !is_server(home) => {
            let question = json!({ "username": user, "host": null });
            return match super::misskey::profile(home, &question, page, web) {
                Err(SiteError::LayoutChanged { .. } | SiteError::Unavailable { .. }) => Err(gone),
                read => read,
            };
        }
        answer => answer?,
    };
    parse(&account).map_err(|missing| missing.on(page.address()))
}

/// Asks a server whose account it is that has this number.
fn by_number(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let address = Address::parse(page.address()).filter(|_| page.kind == Kind::Profile);
    let Some(host) = address.map(|address| address.host().to_owned()) else { return Ok(Vec::new()) };
    let url = format!("https://{host}/api/v1/accounts/{}", encode(page.id_text()));
    let account = web.json(web.request(&url)?)?;
    let acct = text_at(&account, "acct").ok_or_else(|| Missing::new("the field acct").on(page.address()))?;
    let mut leads = vec![Lead::new(format!("https://{host}/@{acct}"), Place::Artist)];
    leads.extend(parse(&account).map_err(|missing| missing.on(page.address()))?);
    Ok(leads)
}

/// Asks the host whether it has such an account (WebFinger, RFC 7033, as Mastodon's documentation describes
/// its use). A host that answers anything else is some other site, which is no failure.
fn confirmed(user: &str, host: &str, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let resource = encode(&format!("acct:{user}@{host}"));
    let url = format!("https://{host}/.well-known/webfinger?resource={resource}");
    match web.json(web.request(&url)?.retries(0)) {
        Ok(answer) => Ok(named_by(&answer).into_iter().collect()),
        Err(
            error @ (SiteError::OutOfTime { .. }
            | SiteError::TooManyPages { .. }
            | SiteError::Fetch { source: FetchError::Stopping, .. }),
        ) => Err(error),
        Err(_) => Ok(Vec::new()),
    }
}

/// The account that a WebFinger answer is about, if it is an actor of the Fediverse. Its own name for itself
/// counts: a host may speak for accounts of another.
fn named_by(answer: &Value) -> Option<Lead> {
    let is_actor = |link: &Value| {
        text_at(link, "rel") == Some("self")
            && text_at(link, "type").is_some_and(|media| {
                media == "application/activity+json" || media.starts_with("application/ld+json")
            })
    };
    list_at(answer, "links").iter().find(|link| is_actor(link))?;
    let (user, home) = text_at(answer, "subject")?.strip_prefix("acct:")?.split_once('@')?;
    let user = user.to_ascii_lowercase();
    let (user, home) = (name(&user)?, Address::parse(home)?.host().to_owned());
    // Known servers show accounts of all others under this form, by which it is recognised.
    Some(Lead::new(format!("https://{}/@{user}@{home}", SERVERS.first()?), Place::Artist))
}

/// Fields of a profile that are read. Mastodon has four, its relatives some more.
const MAX_FIELDS: usize = 64;

fn parse(account: &Value) -> Result<Vec<Lead>, Missing> {
    let note = account.get("note").and_then(Value::as_str).ok_or_else(|| Missing::new("the field note"))?;
    let base = Url::parse("https://mastodon.invalid/").expect("a constant URL");
    let mut leads = Vec::new();
    let mut texts = Texts::default();
    for field in list_at(account, "fields").iter().take(MAX_FIELDS) {
        let verified = at(field, "verified_at").is_some();
        let place = if verified { Place::Verified } else { Place::ProfileField };
        let value = texts.take(text_at(field, "value").unwrap_or_default());
        leads.extend(anchors(value, &base, None).into_iter().map(|url| Lead::new(url, place)));
        // Twitter: @name, as the field's name and value
        let name = texts.take(text_at(field, "name").unwrap_or_default());
        let labelled = format!("{name}: {}", plain_text(value));
        leads.extend(links_in_text(&labelled).into_iter().map(|url| Lead::new(url, Place::ProfileField)));
    }
    leads.extend(links_in_html(note, &base).into_iter().map(|url| Lead::new(url, Place::ProfileText)));
    Ok(leads)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_account, none};
    use super::*;

    /// What stands behind the first 64 KiB of a note, and of the fields together, is not read.
    #[test]
    fn a_profile_is_read_up_to_a_length() {
        let account = |before: usize| {
            let note = format!("{}<a href=\"https://x.com/ann\">x.com/ann</a>", "a ".repeat(before / 2));
            let filler = "b ".repeat(before / 2);
            serde_json::json!({"note": note, "fields": [
                {"name": "Site", "value": filler},
                {"name": "Twitter", "value": "<a href=\"https://x.com/ann2\">x.com/ann2</a>"},
            ]})
        };
        let urls = |before| -> Vec<String> {
            parse(&account(before)).unwrap().into_iter().map(|lead| lead.url).collect()
        };
        let found = urls(60 << 10);
        assert!(
            ["https://x.com/ann", "https://x.com/ann2"].iter().all(|url| found.contains(&(*url).to_owned()))
        );
        assert_eq!(urls(64 << 10), [""; 0]);
        // However many fields there are.
        let field = serde_json::json!({"name": "Twitter", "value": "@ann"});
        let many = serde_json::json!({"note": "", "fields": vec![field; 100_000]});
        assert_eq!(parse(&many).unwrap().len(), MAX_FIELDS);
    }

    #[test]
    fn every_form_of_an_account() {
        check_account("https://www.pawoo.net/@Evazion/media", Some("mastodon:@evazion@pawoo.net"));
        check_account("https://baraag.net/web/@loodncrood", Some("mastodon:@loodncrood@baraag.net"));
        check_account("https://pawoo.net/users/esoraneko", Some("mastodon:@esoraneko@pawoo.net"));
        check_account(
            "https://mastodon.social/@ponapalt@ukadon.shillest.net",
            Some("mastodon:@ponapalt@ukadon.shillest.net"),
        );
        check_account("https://pawoo.net/deck/@Evazion/media", Some("mastodon:@evazion@pawoo.net"));
        check_account("https://pawoo.net/@evazion/featured", Some("mastodon:@evazion@pawoo.net"));
        check_account("https://mastodon.social/tags/mastodon", None);
        check_account("https://mastodon.social/web/notifications", None);
        check_account("https://medium.com/@ann", None);
        check_account("https://art.example/@Ann", None);
        let perhaps = super::super::identify("http://art.example/@Ann/?x=1");
        assert_eq!((perhaps.kind, perhaps.address()), (Kind::Profile, "https://art.example/@ann"));
        none("https://medium.com/@ann", Kind::Unsupported);
        none("https://m.odysee.com/@ann", Kind::Unsupported);
        none("https://art.example/@ann/1", Kind::Unsupported);
        none("https://art.example/@", Kind::Unsupported);
        none("https://pawoo.net/@evazion/19451018", Kind::Post);
        none("https://pawoo.net/web/@evazion/19451018", Kind::Post);
        none("https://pawoo.net/deck/@evazion/19451018", Kind::Post);
        none("https://baraag.net/web/statuses/102270656480174153", Kind::Post);
        none("https://baraag.net/deck/statuses/102270656480174153", Kind::Post);
        none("https://mastodon.art/ap/users/117/statuses/116", Kind::Post);
        for url in ["https://pawoo.net/web/accounts/144367", "https://pawoo.net/ap/users/144367"] {
            let found = super::super::identify(url);
            assert_eq!(found.kind, Kind::Profile, "{url}");
            assert_eq!(
                (found.id_text(), found.address()),
                ("144367", "https://pawoo.net/web/accounts/144367")
            );
        }
        none("https://pawoo.net/web/accounts/nobody", Kind::Other);
        none(
            "https://img.pawoo.net/media_attachments/files/001/297/997/small/c4272a09570757c2.png",
            Kind::Image,
        );
    }

    #[test]
    fn posts_are_named_by_their_pages() {
        let check = |url: &str, expect: Option<&str>| {
            let found = super::super::identify(url);
            assert_eq!(found.post.map(|post| post.native).as_deref(), expect, "{url}");
        };
        let post = Some("https://pawoo.net/@ann/19451018");
        check("http://www.pawoo.net/web/@Ann/19451018?x=1#y", post);
        check("https://pawoo.net/users/ann/statuses/19451018", post);
        // The number is that of the server that shows it.
        check(
            "https://pawoo.net/@ann@mastodon.social/19451018",
            Some("https://pawoo.net/@ann@mastodon.social/19451018"),
        );
        check("https://baraag.net/web/statuses/12/?x=1#y", Some("https://baraag.net/web/statuses/12"));
        check("https://misskey.io/notes/9bxaf592x6#pswp", Some("https://misskey.io/notes/9bxaf592x6"));
        // A server that nothing is known of.
        let unknown = Some("https://art.example/@ann/113456789012345678");
        check("http://user:word@art.example:81/@ann/113456789012345678/?x=1#y", unknown);
        check("https://art.example/users/ann/statuses/12", Some("https://art.example/users/ann/statuses/12"));
        for other in [
            "https://art.example/@ann/12".to_owned(),
            "https://art.example/@ann/a-story-113456789012345678".to_owned(),
            "https://medium.com/@ann/113456789012345678".to_owned(),
            "https://sub.medium.com/@ann/113456789012345678".to_owned(),
            "https://10.0.0.1/@ann/113456789012345678".to_owned(),
            format!("https://art.example/@{}/113456789012345678", "a".repeat(65)),
            format!("https://pawoo.net/@ann/{}", "1".repeat(400)),
            format!("https://pawoo.net/ap/users/{}/statuses/12", "1".repeat(400)),
        ] {
            check(&other, None);
        }
        let perhaps = super::super::identify("https://art.example/@ann/113456789012345678");
        assert_eq!((perhaps.kind, perhaps.account), (Kind::Post, None));
    }

    #[test]
    fn a_host_speaks_for_its_accounts() {
        let actor = serde_json::json!({"rel": "self", "type": "application/activity+json", "href": "https://a.example/users/ann"});
        let page = serde_json::json!({"rel": "http://webfinger.net/rel/profile-page", "href": "https://a.example/@ann"});
        let check = |subject: &str, links: &[&Value], expect: Option<&str>| {
            let answer = serde_json::json!({"subject": subject, "links": links});
            assert_eq!(named_by(&answer).map(|lead| lead.url).as_deref(), expect, "{answer}");
        };
        check("acct:Ann@art.example", &[&page, &actor], Some("https://mastodon.social/@ann@art.example"));
        check("acct:ann@art.example", &[&page], None);
        check("https://a.example/ann", &[&actor], None);
        check("acct:ann@not a host", &[&actor], None);
    }

    #[test]
    fn reads_a_profile() {
        // Made by hand to the documented shape.
        let account = serde_json::json!({"note": "<p>hello</p>", "fields": [
            {"name": "Site", "value": "<a href=\"https://ann.carrd.co\">x</a>", "verified_at": "2020-01-01T00:00:00Z"},
            {"name": "Twitter", "value": "@ann", "verified_at": null}
        ]});
        assert_eq!(
            parse(&account).unwrap(),
            [
                Lead::new("https://ann.carrd.co/", Place::Verified),
                Lead::new("https://twitter.com/ann", Place::ProfileField)
            ]
        );
        assert!(parse(&serde_json::json!({})).is_err());
    }
}
