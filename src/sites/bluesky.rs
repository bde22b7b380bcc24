//! Bluesky: its URLs, and the links in a profile's description. Its posts are the business of `networks`.

use serde_json::Value;

use super::address::encode;
use super::read::{list_at, text_at};
use super::{Address, Identified, Kind, Lead, Missing, Place, Site, SiteError, Web};
use crate::base::ids::{AccountKey, Network, PostKey};
use crate::domain::accounts::AccountRef;
use crate::text::links_in_text;

pub const SITE: Site = Site { name: "bluesky", identify, artwork: None, leads: Some(leads) };

/// The site and the mirrors with the same paths.
pub(super) const HOSTS: &[&str] =
    &["bsky.app", "main.bsky.dev", "fxbsky.app", "bskyx.app", "bsyy.app", "vxbsky.app", "bskye.app"];

fn identify(address: &Address) -> Option<Identified> {
    let other = || Identified::other(SITE.name, address);
    if address.is_on("cdn.bsky.app") {
        return Some(Identified::image(SITE.name, address));
    }
    // https://name.bsky.social: a handle is a host
    if let Some(name) = address.subdomain_of("bsky.social") {
        return Some(account(&format!("{name}.bsky.social")).unwrap_or_else(other));
    }
    if !address.is_on_any(HOSTS) {
        return address.is_on("bsky.social").then(other);
    }
    Some(match address.segments().as_slice() {
        ["profile", actor] | ["profile", actor, "info" | "posts" | "media" | "banner" | "avatar"] => {
            account(actor).unwrap_or_else(other)
        }
        ["profile", actor, "post", post] => match account(actor) {
            Some(author) => {
                let url = format!("{}/post/{post}", author.address());
                let key = is_record_key(post)
                    .then(|| format!("at://{}/app.bsky.feed.post/{post}", author.id_text()))
                    .map(|uri| PostKey::new(Network::Bluesky, uri));
                Identified { kind: Kind::Post, url: Some(url), post: key, ..author }.id(*post)
            }
            None => other(),
        },
        _ => other(),
    })
}

/// What the AT Protocol allows for the key of a record; those of posts have 13 letters and digits.
fn is_record_key(text: &str) -> bool {
    (1..=512).contains(&text.len())
        && !matches!(text, "." | "..")
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:~".contains(&byte))
}

/// An account by its DID or its handle.
fn account(actor: &str) -> Option<Identified> {
    let actor = super::address::decode(actor);
    let actor = actor.trim_start_matches('@').to_ascii_lowercase();
    let plain = actor
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'_' | b'%'));
    if !plain || actor.len() > 253 {
        return None;
    }
    let account = if actor.starts_with("did:") {
        AccountRef::Id(AccountKey::new(Network::Bluesky, actor.clone()))
    } else if actor.contains('.') && !actor.starts_with('.') && !actor.ends_with('.') && !actor.contains(':')
    {
        AccountRef::Handle { network: Network::Bluesky, handle: actor.clone() }
    } else {
        return None;
    };
    let url = format!("https://bsky.app/profile/{actor}");
    Some(Identified::new(SITE.name, Kind::Account, url).id(actor).account(account))
}

fn leads(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let profile = profile(page.id_text(), web)?;
    let profile = profile.ok_or_else(|| SiteError::Gone { url: page.address().to_owned() })?;
    parse(&profile).map_err(|missing| missing.on(page.address()))
}

/// What is told of an account by its handle or DID; `None` where nobody is there: "Profile not found",
/// AccountTakedown, AccountDeactivated.
fn profile(actor: &str, web: &Web) -> Result<Option<Value>, SiteError> {
    let url = format!("https://public.api.bsky.app/xrpc/app.bsky.actor.getProfile?actor={}", encode(actor));
    let response = web.send_raw(web.request(&url)?)?;
    if response.status == 400 {
        return Ok(None);
    }
    super::web::read_json(&super::web::judge(response)?).map(Some)
}

/// The present handle of the account with this DID, which the network has looked up in both directions.
pub(super) fn handle_of(did: &str, web: &Web) -> Result<Option<String>, SiteError> {
    let profile = profile(did, web)?;
    Ok(profile.and_then(|profile| text_at(&profile, "handle").map(str::to_owned)))
}

fn parse(profile: &Value) -> Result<Vec<Lead>, Missing> {
    if text_at(profile, "did").is_none() {
        return Err(Missing::new("the field did"));
    }
    // The account asks not to be shown to those who are not logged in.
    if list_at(profile, "labels").iter().any(|label| text_at(label, "val") == Some("!no-unauthenticated")) {
        return Ok(Vec::new());
    }
    let website = text_at(profile, "website").map(|url| Lead::new(url, Place::ProfileField));
    let text = text_at(profile, "description").map(links_in_text).unwrap_or_default();
    Ok(website.into_iter().chain(text.into_iter().map(|url| Lead::new(url, Place::ProfileText))).collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check_account, none};
    use super::*;

    #[test]
    fn every_form_of_an_account() {
        check_account("https://bsky.app/profile/Ixy.bsky.social", Some("bluesky:@ixy.bsky.social"));
        check_account("https://ixy.bsky.social", Some("bluesky:@ixy.bsky.social"));
        check_account("https://fxbsky.app/profile/did:plc:3jog/", Some("bluesky:did:plc:3jog"));
        check_account("https://bsky.app/profile/bsky.app/media", Some("bluesky:@bsky.app"));
        check_account("https://bsky.app/search?q=nature", None);
        check_account("https://bsky.app.evil.example/profile/a.b", None);
        none("https://bsky.app/profile/ixy.bsky.social/post/3kkvo4d4jd32g", Kind::Post);
        none("https://cdn.bsky.app/img/feed_fullsize/plain/did:plc:3/b@jpeg", Kind::Image);
    }

    #[test]
    fn reads_a_profile() {
        // Made by hand to the documented shape.
        let profile = serde_json::json!({"did": "did:plc:1", "handle": "a.b", "website": "https://ann.carrd.co",
            "description": "also x.com/ann and Twitter: @ann2"});
        let urls: Vec<_> = parse(&profile).unwrap().into_iter().map(|lead| lead.url).collect();
        assert_eq!(urls, ["https://ann.carrd.co", "x.com/ann", "https://twitter.com/ann2"]);
        assert!(parse(&serde_json::json!({"handle": "a.b"})).is_err());
        let shy = serde_json::json!({"did": "d", "description": "x.com/ann", "labels": [{"val": "!no-unauthenticated"}]});
        assert_eq!(parse(&shy), Ok(vec![]));
    }
}
