//! What any page may say of its author's accounts, whatever site it is of: `<meta name="fediverse:creator">`
//! and `rel="me"`. Pure.

use url::Url;

use super::Address;
use super::address::name;
use super::html::{Element, absolute, select};
use crate::fetch::Response;

/// One account that a page names as its author's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub url: String,
    pub made: Made,
}

/// By what it is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// `<meta name="fediverse:creator" content="@ann@server">`: who has made what stands on the page.
    Creator,
    /// `rel="me"`: "this is me, too". Many sites say so of their own accounts, on all of their pages.
    Me,
}

/// Accounts that are taken of one page. Whoever has more is not one person.
pub const MAX_CLAIMS: usize = 5;
/// The beginning of a page, in bytes, in which they are looked for: it is read a second time for them.
const MAX_BYTES: usize = 512 << 10;

/// The accounts that the head and the links of a page name. Of an answer that is no page there are none.
pub(super) fn claims_of(response: &Response) -> Vec<Claim> {
    let bytes = &response.body[..response.body.len().min(MAX_BYTES)];
    let is_page = bytes.trim_ascii_start().starts_with(b"<");
    if !response.is_success() || !is_page {
        return Vec::new();
    }
    let html = String::from_utf8_lossy(bytes);
    // Most pages have neither, and are not read again.
    match html.contains("fediverse:creator") || has_rel_me(&html) {
        true => within(&html, &response.url),
        false => Vec::new(),
    }
}

fn has_rel_me(html: &str) -> bool {
    /// As much of the value as is looked at.
    const VALUE_BYTES: usize = 40;
    html.match_indices("rel=").any(|(at, mark)| {
        let value = &html.as_bytes()[at + mark.len()..];
        let value = &value[..value.len().min(VALUE_BYTES)];
        value.windows(2).any(|pair| pair.eq_ignore_ascii_case(b"me"))
    })
}

fn within(html: &str, base: &Url) -> Vec<Claim> {
    const ME: &str = "link[rel~=me][href], a[rel~=me][href]";
    let [creators, me] = select(html, ["meta[name=\"fediverse:creator\"]", ME]);
    let address = |link: &Element| absolute(link.attr("href")?, base);
    let creators = creators.iter().filter_map(creator).map(|url| Claim { url, made: Made::Creator });
    let me = me.iter().filter_map(address).map(|url| Claim { url, made: Made::Me });
    let mut claims: Vec<Claim> = Vec::new();
    for claim in creators.chain(me) {
        if claims.len() < MAX_CLAIMS && !claims.iter().any(|known| known.url == claim.url) {
            claims.push(claim);
        }
    }
    claims
}

/// The address of the account in `<meta name="fediverse:creator">`.
pub(super) fn creator(meta: &Element) -> Option<String> {
    let (user, host) = meta.attr("content")?.trim().trim_start_matches('@').split_once('@')?;
    Some(format!("https://{}/@{}", Address::parse(host)?.host(), name(user)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(html: &str) -> Vec<(String, Made)> {
        let url = Url::parse("https://ann.example/").unwrap();
        let body = html.to_owned().into();
        let response = Response { status: 200, url, headers: Vec::new(), body };
        claims_of(&response).into_iter().map(|claim| (claim.url, claim.made)).collect()
    }

    #[test]
    fn any_page_may_name_accounts() {
        let html = "<head><meta name='fediverse:creator' content='@ann@art.example'>\
                    <meta content='bob@mastodon.art' name=\"fediverse:creator\"><meta name='fediverse:creator' content='nobody'></head>\
                    <a rel='noopener ME' href='https://bsky.app/profile/ann.example'>b</a><link rel=me href=/about>\
                    <a rel='nofollow' href='https://x.com/eve'>e</a>";
        let expected = [
            ("https://art.example/@ann", Made::Creator),
            ("https://mastodon.art/@bob", Made::Creator),
            ("https://bsky.app/profile/ann.example", Made::Me),
            ("https://ann.example/about", Made::Me),
        ];
        assert_eq!(claims(html), expected.map(|(url, made)| (url.to_owned(), made)));
        assert_eq!(claims("{\"fediverse:creator\": 1}"), []);
        assert_eq!(claims("<p>by rel=meow or rel=nofollow"), []);
        let many: String = (0..50).map(|n| format!("<a rel=me href='https://x.com/a{n}'></a>")).collect();
        assert_eq!(claims(&many).len(), MAX_CLAIMS);
        // What stands far behind is not looked for, and what is cut is not read.
        let far = format!("<p>{}<a rel=me href='https://x.com/ann'></a>", "é".repeat(MAX_BYTES / 2));
        assert_eq!(claims(&far), []);
    }
}
