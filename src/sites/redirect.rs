//! Redirectors: those that carry their target in the URL are looked through, the others are asked.

use url::Url;

use super::address::decode;
use super::html::select;
use super::{Address, Identified, Kind, Lead, Place, Site, SiteError, Web};

pub const SITE: Site = Site { name: "redirect", identify, artwork: None, leads: Some(leads) };

/// Hosts whose paths are short codes.
const SHORTENERS: &[&str] = &[
    "t.co",
    // Of a post with a picture: leads to the post.
    "pic.twitter.com",
    "pic.x.com",
    "bit.ly",
    "tinyurl.com",
    "goo.gl",
    "ow.ly",
    "is.gd",
    "buff.ly",
    "cutt.ly",
    "reurl.cc",
    "x.gd",
    "shorturl.at",
    "tiny.cc",
    "tmblr.co",
    "dlvr.it",
    "rebrand.ly",
    "lnk.to",
];

fn identify(address: &Address) -> Option<Identified> {
    if !address.is_on_any(SHORTENERS) {
        return None;
    }
    // The scheme is immaterial to a short link.
    let mut url = address.url().clone();
    let _ = url.set_scheme("https");
    Some(match address.segments().as_slice() {
        [] => Identified::other("redirect", address),
        [code, ..] => Identified::new("redirect", Kind::Redirect, url.as_str()).id(*code),
    })
}

/// Asks the shortener where its link leads; does not go there.
fn leads(page: &Identified, web: &Web) -> Result<Vec<Lead>, SiteError> {
    let response = web.send_raw(web.request(page.address())?.max_redirects(0))?;
    let url = page.address().to_owned();
    match response.status {
        300..=399 => {
            let target = response.header("location").and_then(|to| response.url.join(to).ok());
            let target = target.ok_or_else(|| super::Missing::new("the header Location").on(url))?;
            Ok(vec![Lead::new(target, Place::Artist)])
        }
        // To a browser's name t.co answers with a page that refreshes itself.
        200..=299 => {
            let target = refresh_target(&response.text())
                .ok_or_else(|| super::Missing::new("a redirect (Location or refresh)").on(url))?;
            Ok(vec![Lead::new(target, Place::Artist)])
        }
        404 | 410 => Err(SiteError::Gone { url }),
        status => Err(SiteError::Unavailable { url, status }),
    }
}

/// The URL in `<meta http-equiv="refresh" content="0;URL=...">`.
fn refresh_target(html: &str) -> Option<String> {
    let [metas] = select(html, ["meta[http-equiv]"]);
    let refresh = metas
        .iter()
        .find(|meta| meta.attr("http-equiv").is_some_and(|name| name.eq_ignore_ascii_case("refresh")))?;
    let content = refresh.attr("content")?;
    let (_, target) = content.split_once(['=', ' ']).filter(|_| content.contains("http"))?;
    let target = &target[target.find("http")?..];
    Url::parse(target.trim_end_matches(['"', '\''])).ok().map(String::from)
}

/// The target that a redirector's own URL holds. Redirectors may be nested: the answer is none that holds another
/// target. Each is shorter than the one around it, so this ends.
pub fn target_within(address: &Address) -> Option<Address> {
    let mut found: Option<Address> = None;
    loop {
        let around = found.as_ref().unwrap_or(address);
        let length = around.url().as_str().len();
        match target_of(around).filter(|next| next.url().as_str().len() < length) {
            Some(next) => found = Some(next),
            None => return found,
        }
    }
}

fn target_of(address: &Address) -> Option<Address> {
    let parts = address.segments();
    let raw_query = || address.url().query().map(decode);
    let target = match (address.host(), parts.as_slice()) {
        // https://www.deviantart.com/users/outgoing?https://twitter.com/name
        ("deviantart.com", ["users", "outgoing"]) => raw_query()?,
        // https://www.pixiv.net/jump.php?https%3A%2F%2Ftwitter.com%2Fname or ?url=
        ("pixiv.net", ["jump.php"]) => address.query("url").or_else(raw_query)?,
        ("t.umblr.com", ["redirect"]) => address.query("z")?,
        ("href.li", _) => raw_query()?,
        ("youtube.com", ["redirect"]) | ("google.com", ["url"]) => address.query("q")?,
        ("l.instagram.com" | "l.facebook.com", _) => address.query("u")?,
        // https://unsafelink.com/https://x.com/name
        ("unsafelink.com", [_, ..]) => {
            let path = address.url().path().trim_start_matches('/');
            match address.url().query() {
                Some(query) => format!("{path}?{query}"),
                None => path.to_owned(),
            }
        }
        _ => return None,
    };
    // What stands behind `#` belongs to the target: ...outgoing?https://twitter.com/#!/name
    match address.fragment() {
        Some(fragment) if !target.contains('#') => Address::parse(&format!("{target}#{fragment}")),
        _ => Address::parse(&target),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sites::identify;

    #[track_caller]
    fn check(url: &str, target: &str) {
        assert_eq!(identify(url).url.as_deref(), Some(target), "{url}");
    }

    #[test]
    fn targets_in_the_url_are_looked_through() {
        check("https://www.deviantart.com/users/outgoing?https://twitter.com/Foo", "https://x.com/foo");
        check("https://www.deviantart.com/users/outgoing?https%3A%2F%2Fx.com%2Ffoo", "https://x.com/foo");
        check("https://www.pixiv.net/jump.php?https%3A%2F%2Ftwitter.com%2Ffoo", "https://x.com/foo");
        check("https://www.pixiv.net/jump.php?url=https%3A%2F%2Ftwitter.com%2Ffoo", "https://x.com/foo");
        check("https://t.umblr.com/redirect?z=https%3A%2F%2Ftwitter.com%2Ffoo&t=1", "https://x.com/foo");
        check("https://unsafelink.com/https://x.com/foo/status/12?s=19", "https://x.com/foo/status/12");
        for outer in
            ["https://www.deviantart.com/users/outgoing?", "https://href.li/?", "https://unsafelink.com/"]
        {
            check(&format!("{outer}https://twitter.com/#!/foo"), "https://x.com/foo");
        }
        let nested = format!("{}https://x.com/foo", "https://unsafelink.com/".repeat(9));
        check(&nested, "https://x.com/foo");
    }

    #[test]
    fn refreshing_pages_name_their_target() {
        let html = r#"<head><META http-equiv="refresh" content="0;URL=https://twitter.com/foo"></head>"#;
        assert_eq!(refresh_target(html).as_deref(), Some("https://twitter.com/foo"));
        assert_eq!(refresh_target("<meta http-equiv=refresh content=5>"), None);
    }
}
