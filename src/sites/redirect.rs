//! Redirectors: those that carry their target in the URL are looked through, the others are asked.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use url::Url;

use super::address::decode;
use super::html::select;
use super::web::judge;
use super::{Address, Identified, Kind, Lead, Place, Site, SiteError, Web};

pub const SITE: Site = Site { name: "redirect", identify, artwork: None, leads: Some(leads) };

/// Hosts whose paths are short codes.
const SHORTENERS: &[&str] = &[
    "t.co",
    // Of a post with a picture: leads to the post.
    "pic.twitter.com",
    "pic.x.com",
    "bit.ly",
    "j.mp",
    "tinyurl.com",
    "goo.gl",
    "ow.ly",
    "is.gd",
    "v.gd",
    "buff.ly",
    "cutt.ly",
    "reurl.cc",
    "x.gd",
    "shorturl.at",
    "tiny.cc",
    "tmblr.co",
    "dlvr.it",
    "rebrand.ly",
    "rb.gy",
    "t.ly",
    "s.id",
    "lnk.to",
    "lnkd.in",
    "fb.me",
    "eepurl.com",
    "pse.is",
    "wp.me",
    "tr.ee",
    "ux.nu",
    "onl.bz",
    "onl.la",
    "onl.sc",
    "onl.tw",
    "htn.to",
    "naver.me",
    "me2.kr",
    "han.gl",
    "vo.la",
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
        // http://ow.ly/i/3oHVc, http://ow.ly/user/name: a picture and a member of the service lead nowhere
        ["i" | "user", _, ..] if address.is_on("ow.ly") => Identified::other("redirect", address),
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
        // A guard may stand before a shortener, too.
        status => Err(match judge(response) {
            Err(error) => error,
            Ok(_) => SiteError::Unavailable { url, status },
        }),
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

/// Redirectors within each other that are looked through.
const MAX_NESTED: usize = 16;

/// The target that a redirector's own URL holds. Redirectors may be nested: the answer is none that holds
/// another target, or the one at which it becomes absurd.
pub fn target_within(address: &Address) -> Option<Address> {
    let mut found: Option<Address> = None;
    for _ in 0..MAX_NESTED {
        let around = found.as_ref().unwrap_or(address);
        let length = around.url().as_str().len();
        // Each is shorter than the one around it.
        match target_of(around).filter(|next| next.url().as_str().len() < length) {
            Some(next) => found = Some(next),
            None => break,
        }
    }
    found
}

/// Where a redirector's URL holds its target.
enum Target {
    /// The first of these query parameters that is there, decoded.
    Parameter(&'static [&'static str]),
    /// The whole query.
    Query,
    /// Everything behind the host.
    Rest,
    /// A query parameter, in Base64.
    Base64(&'static str),
}
use Target::{Base64, Parameter, Query, Rest};

/// Hosts without `www.`, the path without outer slashes (`*`: any), and where the target stands.
const REDIRECTORS: &[(&str, &str, Target)] = &[
    // https://www.deviantart.com/users/outgoing?https://twitter.com/name
    ("deviantart.com", "users/outgoing", Query),
    // https://www.pixiv.net/jump.php?https%3A%2F%2Ftwitter.com%2Fname or ?url=
    ("pixiv.net", "jump.php", Parameter(&["url"])),
    ("pixiv.net", "jump.php", Query),
    ("nijie.info", "jump.php", Query),
    // https://gelbooru.com/redirect.php?s=aHR0cHM6Ly90d2l0dGVyLmNvbS9uYW1l
    ("gelbooru.com", "redirect.php", Base64("s")),
    ("t.umblr.com", "redirect", Parameter(&["z"])),
    ("go.bsky.app", "redirect", Parameter(&["u"])),
    // A warning before, and a log-in on the way to, a page: the second names it by its path.
    ("twitter.com", "safety/unsafe_link_warning", Parameter(&["unsafe_link"])),
    ("x.com", "safety/unsafe_link_warning", Parameter(&["unsafe_link"])),
    ("twitter.com", "login", Parameter(&["redirect_after_login"])),
    ("twitter.com", "i/flow/login", Parameter(&["redirect_after_login"])),
    ("x.com", "login", Parameter(&["redirect_after_login"])),
    ("x.com", "i/flow/login", Parameter(&["redirect_after_login"])),
    ("patreon.com", "login", Parameter(&["ru"])),
    ("patreon.com", "signup", Parameter(&["ru"])),
    ("youtube.com", "redirect", Parameter(&["q"])),
    ("m.youtube.com", "redirect", Parameter(&["q"])),
    ("l.instagram.com", "*", Parameter(&["u"])),
    ("l.threads.com", "*", Parameter(&["u"])),
    ("l.threads.net", "*", Parameter(&["u"])),
    ("l.facebook.com", "*", Parameter(&["u"])),
    ("lm.facebook.com", "*", Parameter(&["u"])),
    ("l.messenger.com", "*", Parameter(&["u"])),
    ("l.wl.co", "*", Parameter(&["u"])),
    ("facebook.com", "l.php", Parameter(&["u"])),
    ("facebook.com", "flx/warn", Parameter(&["u"])),
    ("m.facebook.com", "l.php", Parameter(&["u"])),
    ("m.facebook.com", "flx/warn", Parameter(&["u"])),
    ("vk.com", "away.php", Parameter(&["to"])),
    ("vk.com", "away", Parameter(&["to"])),
    ("m.vk.com", "away.php", Parameter(&["to"])),
    ("m.vk.com", "away", Parameter(&["to"])),
    ("away.vk.com", "away.php", Parameter(&["to"])),
    ("livejournal.com", "away", Parameter(&["to"])),
    ("steamcommunity.com", "linkfilter", Parameter(&["u", "url"])),
    ("out.reddit.com", "*", Parameter(&["url"])),
    ("linkedin.com", "redir/redirect", Parameter(&["url"])),
    ("linkedin.com", "safety/go", Parameter(&["url"])),
    ("slack-redir.net", "link", Parameter(&["url"])),
    // https://t.me/iv?url=https://...: Telegram's view of a page
    ("t.me", "iv", Parameter(&["url"])),
    ("weibo.cn", "sinaurl", Parameter(&["u", "toasturl"])),
    ("weibo.com", "sinaurl", Parameter(&["u", "toasturl"])),
    ("link.zhihu.com", "*", Parameter(&["target"])),
    ("game.bilibili.com", "linkfilter", Parameter(&["url"])),
    ("c.pc.qq.com", "*", Parameter(&["pfurl", "url"])),
    ("cr.naver.com", "*", Parameter(&["u"])),
    ("medium.com", "r", Parameter(&["url"])),
    ("exit.sc", "*", Parameter(&["url"])),
    ("gate.sc", "*", Parameter(&["url"])),
    ("duckduckgo.com", "l", Parameter(&["uddg"])),
    ("href.li", "*", Query),
    ("anonym.to", "*", Query),
    ("nullrefer.com", "*", Query),
    ("dereferer.me", "*", Query),
    ("jump.5ch.net", "*", Query),
    ("jump.2ch.net", "*", Query),
    // https://unsafelink.com/https://x.com/name
    ("unsafelink.com", "*", Rest),
];

fn target_of(address: &Address) -> Option<Address> {
    let path = address.segments().join("/");
    let google = address.host().starts_with("google.") && address.host().len() <= 13;
    // https://www.google.com/amp/s/name.tumblr.com/post/1: `s` where the page is fetched over TLS
    if let Some(page) = path.strip_prefix("amp/").filter(|_| google) {
        return Address::parse(page.strip_prefix("s/").unwrap_or(page));
    }
    let of = |on: &str, at: &str| address.is_on(on) && (at == "*" || at == path);
    let known = REDIRECTORS.iter().filter(|(on, at, _)| of(on, at)).map(|(_, _, target)| target);
    let search = Parameter(&["q", "url"]);
    // https://www.google.co.jp/url?q=...: a host for each country
    let target = known
        .chain((google && path == "url").then_some(&search))
        .find_map(|target| text_of(address, target))?;
    let target = match target.starts_with('/') && !target.starts_with("//") {
        // The path of a page of the same site.
        true => address.url().join(&target).ok()?.into(),
        false => target,
    };
    // What stands behind `#` belongs to the target: ...outgoing?https://twitter.com/#!/name
    match address.fragment() {
        Some(fragment) if !target.contains('#') => Address::parse(&format!("{target}#{fragment}")),
        _ => Address::parse(&target),
    }
}

/// The target's text, decoded.
fn text_of(address: &Address, target: &Target) -> Option<String> {
    match target {
        Parameter(names) => names.iter().find_map(|name| address.query(name)),
        // Written as it is, or encoded.
        Query => address.url().query().map(|query| match query.contains("://") {
            true => query.to_owned(),
            false => decode(query),
        }),
        Rest => {
            let url = address.url();
            let path = url.path().trim_start_matches('/');
            (!path.is_empty()).then(|| match url.query() {
                Some(query) => format!("{path}?{query}"),
                None => path.to_owned(),
            })
        }
        Base64(name) => {
            let text = address.query(name)?.replace(' ', "+");
            let text = text.trim_end_matches('=');
            let bytes = STANDARD_NO_PAD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text)).ok()?;
            String::from_utf8(bytes).ok()
        }
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
        for outer in [
            "https://t.umblr.com/redirect?t=Y&z=",
            "https://l.instagram.com/?e=AT0&u=",
            "https://l.facebook.com/l.php?h=AT0&u=",
            "https://www.facebook.com/l.php?u=",
            "https://vk.com/away.php?to=",
            "https://steamcommunity.com/linkfilter/?u=",
            "https://steamcommunity.com/linkfilter/?url=",
            "https://www.youtube.com/redirect?event=channel_description&q=",
            "https://www.google.com/url?sa=t&url=",
            "https://www.google.co.jp/url?q=",
            "https://go.bsky.app/redirect?u=",
            "https://t.me/iv?rhash=1&url=",
            "https://link.zhihu.com/?target=",
            "https://nijie.info/jump.php?",
            "https://jump.5ch.net/?",
        ] {
            check(&format!("{outer}https%3A%2F%2Ftwitter.com%2F%23%21%2Ffoo"), "https://x.com/foo");
            // Written as it is, and with what the redirector's own page stands at.
            check(&format!("{outer}https://twitter.com/#!/foo"), "https://x.com/foo");
        }
        check("https://gelbooru.com/redirect.php?s=aHR0cHM6Ly90d2l0dGVyLmNvbS9mb28%3D", "https://x.com/foo");
        check("https://twitter.com/login?redirect_after_login=%2Ffoo", "https://x.com/foo");
        check(
            "https://x.com/i/flow/login?redirect_after_login=%2Ffoo%2Fstatus%2F12",
            "https://x.com/foo/status/12",
        );
        check("https://www.google.com/amp/s/x.com/foo", "https://x.com/foo");
        // A search is no redirector, nor a host that only begins like one.
        for url in [
            "https://www.google.com/search?q=https://x.com/foo",
            "https://google.evil.example/url?q=https://x.com/foo",
        ] {
            assert_eq!(identify(url).kind, Kind::Unsupported, "{url}");
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
