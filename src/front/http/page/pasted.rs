//! What people paste into the field for the artwork's address: the address alone, without its scheme, with
//! text around it, typed on a Japanese keyboard; or the address of something else than an artwork. Pure.
//!
//! Only the page reads what it is given so generously: what programs send to the API is taken as it is.

use crate::domain::addresses::MISSKEY_SERVERS;

/// The most characters of a pasted text that are looked at: a share text holds a title, a name and tags.
pub const MAX_TEXT_CHARS: usize = 2048;

/// The address in a pasted text, with its scheme; the text itself, trimmed, where it holds none. An address
/// that is no post's goes first: share texts may name both.
pub fn address_in(text: &str) -> String {
    let text: String = text.trim().chars().take(MAX_TEXT_CHARS).map(half_width).collect();
    let addresses: Vec<String> = text
        .split(|c: char| c.is_whitespace() || c.is_control() || "<>\"«»「」『』【】（）、。".contains(c))
        .filter_map(address)
        .collect();
    let of_a_page = addresses.iter().find(|address| kind_of(address).is_none());
    of_a_page.or(addresses.first()).cloned().unwrap_or_else(|| {
        let text = text.trim();
        // One word with a dot is meant as an address, whatever it is.
        if is_bare_address(text) { format!("https://{text}") } else { text.to_owned() }
    })
}

/// What an address is that is not the page of an artwork, as far as the address alone tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoArtwork {
    /// A post on a network: what this program finds.
    Post,
    /// An account's page on a network.
    Account,
    /// An image file.
    Picture,
}

/// What the address is, where it is no artwork's.
pub fn kind_of(address: &str) -> Option<NoArtwork> {
    let url = url::Url::parse(address).ok()?;
    let host = url.host_str()?.trim_start_matches("www.").trim_start_matches("mobile.");
    let path: Vec<&str> = url.path().split('/').filter(|part| !part.is_empty()).collect();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_network = matches!(host, "x.com" | "twitter.com" | "fxtwitter.com" | "vxtwitter.com" | "bsky.app");
    match path.as_slice() {
        [_, "status" | "statuses", number, ..] if is_network && is_number(number) => Some(NoArtwork::Post),
        ["i", "web", "status", number, ..] if is_network && is_number(number) => Some(NoArtwork::Post),
        ["profile", _, "post", _, ..] if host == "bsky.app" => Some(NoArtwork::Post),
        // Mastodon and its kin.
        [name, number] if name.starts_with('@') && is_number(number) => Some(NoArtwork::Post),
        ["notes", _] if MISSKEY_SERVERS.contains(&host) => Some(NoArtwork::Post),
        ["profile", _] if host == "bsky.app" => Some(NoArtwork::Account),
        [name] | [name, "media"] if is_network && host != "bsky.app" && !name.is_empty() => {
            Some(NoArtwork::Account)
        }
        _ if matches!(host, "pbs.twimg.com" | "i.pximg.net" | "cdn.bsky.app") => Some(NoArtwork::Picture),
        [.., file] => {
            let extension = file.rsplit_once('.')?.1.to_ascii_lowercase();
            let is_image = matches!(extension.as_str(), "jpg" | "jpeg" | "png" | "webp" | "gif" | "avif");
            is_image.then_some(NoArtwork::Picture)
        }
        [] => None,
    }
}

/// The address that a word is or holds.
fn address(word: &str) -> Option<String> {
    let lower = word.to_ascii_lowercase();
    // `title:https://…`, and `ttps://…`, as addresses are written where links are not wanted.
    const SCHEMES: [(&str, &str); 4] =
        [("https://", "https"), ("http://", "http"), ("ttps://", "https"), ("ttp://", "http")];
    let found = SCHEMES.iter().filter_map(|(written, scheme)| Some((lower.find(written)?, written, scheme)));
    if let Some((at, written, scheme)) = found.min_by_key(|(at, ..)| *at) {
        let rest = closed(word.get(at + written.len()..)?);
        return (!rest.is_empty()).then(|| format!("{scheme}://{rest}"));
    }
    let bare = closed(word.trim_start_matches(['(', '[', '{', '\'', '*', '/']));
    // In a text, what has no path may be the end of a sentence.
    (is_bare_address(bare) && bare.contains('/')).then(|| format!("https://{bare}"))
}

/// Without the punctuation of the sentence around it. A bracket that the address itself has opened is its
/// own.
fn closed(mut address: &str) -> &str {
    loop {
        let Some(last) = address.chars().next_back() else { return address };
        let is_outside = match last {
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '…' | '|' => true,
            ')' => address.matches('(').count() < address.matches(')').count(),
            ']' => address.matches('[').count() < address.matches(']').count(),
            '}' => address.matches('{').count() < address.matches('}').count(),
            _ => false,
        };
        if !is_outside {
            return address;
        }
        address = &address[..address.len() - last.len_utf8()];
    }
}

/// `www.pixiv.net/artworks/1`, `pixiv.net`: a host with a top-level domain, then nothing or a path.
fn is_bare_address(text: &str) -> bool {
    let host = text.split(['/', '?', '#', ':']).next().unwrap_or_default();
    let labels: Vec<&str> = host.split('.').collect();
    let is_label = |label: &&str| {
        !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
    };
    let last = labels.last().copied().unwrap_or_default();
    labels.len() > 1
        && labels.iter().all(is_label)
        && last.chars().count() > 1
        && last.chars().all(char::is_alphabetic)
}

/// Letters and signs as wide as a Japanese character, as ASCII.
fn half_width(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '\u{3000}' | '\u{200b}' | '\u{feff}' => ' ',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_what_people_paste() {
        #[track_caller]
        fn check(text: &str, expect: &str) {
            assert_eq!(address_in(text), expect, "{text:?}");
        }
        let page = "https://www.pixiv.net/artworks/1";
        check(page, page);
        check(" https://www.pixiv.net/artworks/1\n", page);
        check("www.pixiv.net/artworks/1", page);
        check("//www.pixiv.net/artworks/1", page);
        check("ttps://www.pixiv.net/artworks/1", page);
        check("http://www.pixiv.net/artworks/1", "http://www.pixiv.net/artworks/1");
        check("HTTPS://www.pixiv.net/artworks/1", page);
        check("ｈｔｔｐｓ：／／ｗｗｗ．ｐｉｘｉｖ．ｎｅｔ／ａｒｔｗｏｒｋｓ／１", page);
        check("夜の森 | 画家 #pixiv https://www.pixiv.net/artworks/1", page);
        check("「夜の森」https://www.pixiv.net/artworks/1", page);
        check("look at this (https://www.pixiv.net/artworks/1).", page);
        check("<https://www.pixiv.net/artworks/1>", page);
        check("[picture](https://www.pixiv.net/artworks/1)", page);
        check("It is here: www.pixiv.net/artworks/1, I think", page);
        check("https://x.com/a/status/12 from https://www.pixiv.net/artworks/1", page);
        check("https://x.com/a/status/12", "https://x.com/a/status/12");
        check("https://a.example/art_(final)", "https://a.example/art_(final)");
        check("http://a.example/?to=https://b.example/", "http://a.example/?to=https://b.example/");
        check("https://a.example/p?a=1&b=2#3", "https://a.example/p?a=1&b=2#3");
        check("pixiv.net", "https://pixiv.net");
        check("a.example:8080/art/1", "https://a.example:8080/art/1");
        // No addresses: the broker says so.
        for text in
            ["", "hello", "hello world. and more", "1.5/2", "../art/1", "ftp://a.example/x", "https://"]
        {
            check(text, text);
        }
        let long = "x".repeat(5000);
        assert_eq!(address_in(&long).chars().count(), MAX_TEXT_CHARS);
    }

    #[test]
    fn what_is_no_artwork() {
        #[track_caller]
        fn check(address: &str, expect: Option<NoArtwork>) {
            assert_eq!(kind_of(address), expect, "{address}");
        }
        check("https://x.com/jane/status/12?s=20", Some(NoArtwork::Post));
        check("https://twitter.com/i/web/status/12", Some(NoArtwork::Post));
        check("https://mobile.twitter.com/jane/status/12/photo/1", Some(NoArtwork::Post));
        check("https://bsky.app/profile/jane.example/post/3k", Some(NoArtwork::Post));
        check("https://mastodon.example/@jane/1234567", Some(NoArtwork::Post));
        check("https://misskey.io/notes/9bxaf592x6", Some(NoArtwork::Post));
        check("https://x.com/jane", Some(NoArtwork::Account));
        check("https://bsky.app/profile/jane.example", Some(NoArtwork::Account));
        check("https://pbs.twimg.com/media/abc?format=jpg&name=large", Some(NoArtwork::Picture));
        check("https://a.example/img/1.PNG", Some(NoArtwork::Picture));
        check("https://www.pixiv.net/artworks/1", None);
        check("https://danbooru.donmai.us/posts/1", None);
        check("https://www.deviantart.com/jane/art/status-12", None);
        check("https://a.example/", None);
        check("hello", None);
    }
}
