//! The links in a message. Pure.

use url::Url;

/// So many of a message are looked at, in their order: most lead to no artwork, and each costs a question.
pub const MAX_LINKS: usize = 3;
/// What is longer is no artwork's page for the daemon.
const MAX_LINK_CHARS: usize = 256;

/// The part of a text that begins at a place and has a length in UTF-16 code units; `None` where these are
/// none of its own, or cut a character.
pub fn utf16_part(text: &str, offset: usize, length: usize) -> Option<&str> {
    let place_of = |wanted: usize| {
        let mut units = 0;
        for (at, c) in text.char_indices() {
            if units >= wanted {
                return (units == wanted).then_some(at);
            }
            units += c.len_utf16();
        }
        (units == wanted).then_some(text.len())
    };
    text.get(place_of(offset)?..place_of(offset.checked_add(length)?)?)
}

/// An address as people write it, `pixiv.net/artworks/1` or with its scheme; `None` for what is no page of
/// the web.
pub fn address(written: &str) -> Option<String> {
    let written = written.trim();
    let whole = match written.split_once("://") {
        // Its case is nobody's wish, but that of a keyboard which begins a sentence.
        Some((scheme, rest)) => format!("{}://{rest}", scheme.to_ascii_lowercase()),
        None => format!("https://{written}"),
    };
    let url = Url::parse(&whole).ok()?;
    let is_page = matches!(url.scheme(), "http" | "https") && url.has_host();
    (is_page && whole.chars().count() <= MAX_LINK_CHARS).then_some(whole)
}

/// The addresses that a text names with their scheme, without the signs of a sentence or of Markdown around
/// them.
pub fn in_text(text: &str) -> Vec<String> {
    found(text, true)
}

/// The same where nothing is Markdown: a name may end with its signs, as `https://x.com/ann_`.
pub fn in_plain_text(text: &str) -> Vec<String> {
    found(text, false)
}

/// The part of what somebody else took for an address that can be one.
pub fn before_end(written: &str) -> &str {
    &written[..written.find(ends_link).unwrap_or(written.len())]
}

fn found(text: &str, is_markdown: bool) -> Vec<String> {
    let mut found = Vec::new();
    // Each letter at the place of the one in the text.
    let lower = text.to_ascii_lowercase();
    let mut done = 0;
    let next = |done: usize| {
        let places = ["http://", "https://"].iter().filter_map(|scheme| lower[done..].find(scheme));
        places.min().map(|at| done + at)
    };
    while let Some(start) = next(done) {
        let end = start + before_end(&text[start..]).len();
        // Two that are written together: `[https://a.example](https://a.example)`.
        let end = lower[start..end].find("](http").map_or(end, |length| start + length);
        found.extend(address(without_sentence(&text[start..end], is_markdown)));
        done = end;
    }
    found
}

/// Signs that stand in no address as it is copied, so that Japanese, which is written without blanks, can go
/// on behind one.
fn ends_link(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '<' | '>' | '"' | '`' | '|')
        || "「」『』【】（）《》〈〉〔〕［］｛｝、。，．！？：；".contains(c)
}

/// Without the signs at its end that belong to the sentence.
fn without_sentence(mut token: &str, is_markdown: bool) -> &str {
    while let Some(last) = token.chars().next_back() {
        let is_sentence = match last {
            ')' => !token.contains('('),
            ']' => !token.contains('['),
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '…' | '»' => true,
            '*' | '_' | '~' => is_markdown,
            _ => false,
        };
        if !is_sentence {
            break;
        }
        token = &token[..token.len() - last.len_utf8()];
    }
    token
}

/// Each once, the first few.
pub fn first_few(links: Vec<String>) -> Vec<String> {
    let mut few: Vec<String> = Vec::new();
    for link in links {
        if few.len() < MAX_LINKS && !few.contains(&link) {
            few.push(link);
        }
    }
    few
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn offsets_count_utf16_units() {
        let text = "🎨é https://a.example 🎨";
        assert_eq!(utf16_part(text, 4, 17), Some("https://a.example"));
        assert_eq!(utf16_part(text, 0, 2), Some("🎨"));
        assert_eq!(utf16_part(text, 0, 0), Some(""));
        for (offset, length) in [(1, 1), (0, 1), (0, 99), (99, 1), (4, usize::MAX)] {
            assert_eq!(utf16_part(text, offset, length), None, "{offset} {length}");
        }
    }

    #[track_caller]
    fn check(text: &str, expect: &[&str]) {
        assert_eq!(in_text(text), expect, "{text}");
    }

    #[test]
    fn links_are_found_as_people_write_them() {
        check("", &[]);
        check(
            "see https://a.example/1, and (https://b.example/2).",
            &["https://a.example/1", "https://b.example/2"],
        );
        check("<https://a.example/1>|https://a.example/2||", &["https://a.example/1", "https://a.example/2"]);
        check("**https://a.example/x_1**", &["https://a.example/x_1"]);
        check("[a](https://a.example/1)", &["https://a.example/1"]);
        check("[https://a.example/1](https://b.example/2)", &["https://a.example/1", "https://b.example/2"]);
        check("https://a.example/wiki/A_(b)", &["https://a.example/wiki/A_(b)"]);
        check("http:// https:// https://?", &[]);
        check("javascript:alert(1) ftp://a.example mailto:a@a.example", &[]);
        check("https://a.example/絵。", &["https://a.example/絵"]);
        check(&format!("https://a.example/{}", "a".repeat(300)), &[]);
        for (open, close) in
            ["「」", "『』", "【】", "（）", "《》", "、。", "！？"].map(|pair| pair.split_at(3))
        {
            check(&format!("絵{open}https://a.example/1{close}です"), &["https://a.example/1"]);
        }
        assert_eq!(in_plain_text("by https://x.com/ann_."), ["https://x.com/ann_"]);
        assert_eq!(before_end("a.example/1」です"), "a.example/1");
        check("HTTPS://A.example/X Http://b.example", &["https://A.example/X", "http://b.example"]);
        check("[HTTPS://a.example](HTTP://b.example)", &["https://a.example", "http://b.example"]);
    }

    #[test]
    fn addresses_may_lack_their_scheme() {
        assert_eq!(address("pixiv.net/artworks/1").as_deref(), Some("https://pixiv.net/artworks/1"));
        assert_eq!(address(" http://a.example "), Some("http://a.example".to_owned()));
        for none in ["", "tg://user?id=1", "javascript://a%0aalert(1)", "https://"] {
            assert_eq!(address(none), None, "{none}");
        }
    }

    #[test]
    fn a_few_and_each_once() {
        let links = ["a", "b", "a", "c", "d"].map(str::to_owned).to_vec();
        assert_eq!(first_few(links), ["a", "b", "c"]);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,80}|(https?://|[<>()\\[\\]|*_ a🎨]){0,40}", offset: u16, length: u16) {
            for link in in_text(&text) {
                let is_there = text.to_ascii_lowercase().contains(&link.to_ascii_lowercase());
                prop_assert!(is_there && Url::parse(&link).is_ok());
            }
            if let Some(part) = utf16_part(&text, offset.into(), length.into()) {
                prop_assert_eq!(part.encode_utf16().count(), usize::from(length));
            }
        }
    }
}
