//! Links in the texts that people write, with markup or without: profiles, captions.
//!
//! An anchor is judged by the words around it, as an address that is written out is: `icon by <a>@friend</a>`
//! names the friend. The fields that a site has for links are no free text, and not read here.

use url::Url;

use super::html::{AnchorMarks, Element, absolute, select_and_mark};
use crate::text::links_in_text;

/// What is read of the texts of one page, their markup included, in bytes. The longest that a site takes have
/// some ten thousand characters; a server of the Fediverse lets its owner choose.
pub const MAX_TEXTS_BYTES: usize = 64 << 10;
/// What a text counts beside its bytes: many short ones are work, too.
const TEXT_BYTES: usize = 16;
/// Before an anchor's address, before its text and behind it. No script has these characters.
const ADDRESS: char = '\u{e000}';
const LABEL: char = '\u{e001}';
const END: char = '\u{e002}';

/// How much of a page's texts may still be read, where a page has several.
pub struct Texts {
    left: usize,
}

impl Default for Texts {
    fn default() -> Texts {
        Texts { left: MAX_TEXTS_BYTES }
    }
}

impl Texts {
    /// The beginning of the text, as far as it may be read. An address is never cut: it would name somebody
    /// else.
    pub fn take<'a>(&mut self, text: &'a str) -> &'a str {
        let readable = &text[..text.floor_char_boundary(self.left)];
        let is_cut = readable.len() < text.len();
        let text = match readable.rfind(char::is_whitespace).filter(|_| is_cut) {
            Some(end) => &readable[..end],
            None if is_cut => "",
            None => readable,
        };
        self.left = self.left.saturating_sub(text.len() + TEXT_BYTES);
        text
    }
}

/// The links in a text of a page at `base`, in the text's order, without what it credits to somebody else.
pub fn links_in_html(html: &str, base: &Url) -> Vec<String> {
    let html = Texts::default().take(html);
    match html.contains('<') {
        true => links_in_text(&text_with_addresses(html, base)),
        false => links_in_text(html),
    }
}

/// The links in the texts of the elements that `texts` finds, and in the same pass over the page what
/// [`select`] gives for `selectors`.
///
/// [`select`]: super::html::select
pub fn select_and_links<const N: usize>(
    page: &str,
    selectors: [&str; N],
    texts: &str,
    base: &Url,
) -> ([Vec<Element>; N], Vec<String>) {
    let (found, texts) = select_and_mark(page, selectors, Some(texts), &marks(base));
    let mut read = Texts::default();
    (found, texts.iter().flat_map(|text| links_in_text(&with_addresses(read.take(text)))).collect())
}

/// The text without markup, where each anchor is its text and its address: `Twitter (https://x.com/name)`.
fn text_with_addresses(html: &str, base: &Url) -> String {
    let ([], texts) = select_and_mark(html, [], None, &marks(base));
    with_addresses(&texts.concat())
}

/// Tells where an anchor leads.
fn marks(base: &Url) -> AnchorMarks<impl Fn(&str) -> Option<String>> {
    let before = |href: &str| Some(format!("{ADDRESS}{}{LABEL}", in_text(&absolute(href, base)?)));
    AnchorMarks { before, behind: END }
}

/// The same of a text in which the anchors are marked.
fn with_addresses(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut address, mut label): (Option<String>, Option<String>) = (None, None);
    for c in text.chars() {
        match c {
            ADDRESS | END => {
                write_anchor(&mut out, address.take(), label.take());
                address = (c == ADDRESS).then(String::new);
            }
            LABEL => label = address.is_some().then(String::new),
            _ => label.as_mut().or(address.as_mut()).unwrap_or(&mut out).push(c),
        }
    }
    write_anchor(&mut out, address, label);
    out
}

fn write_anchor(out: &mut String, address: Option<String>, label: Option<String>) {
    let Some(address) = address else { return };
    let label = label.unwrap_or_default();
    let label = label.trim();
    // A text that is itself an address, perhaps cut short, says nothing that the address does not.
    let is_address = !label.contains(char::is_whitespace) && label.contains(['/', '.']) && label.is_ascii();
    *out += &match label.is_empty() || is_address {
        true => format!("{address} "),
        false => format!("{label} ({address}) "),
    };
}

/// The address without the signs at which an address in a text ends.
fn in_text(address: &str) -> String {
    address.chars().fold(String::with_capacity(address.len()), |mut out, c| {
        match c {
            ',' | '|' | '[' | ']' | '{' | '}' | '^' | '`' | '\\' | '\'' | '(' | ')' => {
                out += &format!("%{:02X}", u32::from(c));
            }
            c => out.push(c),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(html: &str, expected: &[&str]) {
        let base = Url::parse("https://a.example/").unwrap();
        assert_eq!(links_in_html(html, &base), expected, "{html}");
    }

    #[test]
    fn anchors_are_judged_by_the_words_around_them() {
        let ann = "<a href='https://twitter.com/ann'>@ann</a>";
        for own in [
            "My Twitter: {}",
            "{}",
            "<p>{}</p><p>commissions open</p>",
            "Art by me, {}",
            "<b>Twitter</b> {}",
            "<li>{}</li><li>Icon by somebody</li>",
        ] {
            check(&own.replace("{}", ann), &["https://twitter.com/ann"]);
        }
        for other in [
            "icon by {}",
            "Icon by <b>{}</b>",
            "commission for {}!",
            "{}'s character",
            "アイコンは{}さんに描いていただきました",
            "絵師：{}",
            "{} drew my icon",
            "Thanks to {} for the base",
            "old account: {}",
        ] {
            check(&other.replace("{}", ann), &[]);
        }
        check("art by <a href='https://x.com/bob'>Bob</a>", &[]);
        check("art by <a href='https://x.com/bob'>x.com/b…</a>", &[]);
        check("art by <a href='https://x.com/bob'>x.com/bob</a>", &[]);
        check("find me on <a href='https://x.com/ann'>X</a>", &["https://x.com/ann"]);
    }

    #[test]
    fn an_anchor_is_its_address_and_its_text() {
        check(
            "Twitter: <a href='https://a.example/ann'>@ann</a>",
            &["https://twitter.com/ann", "https://a.example/ann"],
        );
        check("Twitter: <a href='javascript:void(0)'>@ann</a>", &["https://twitter.com/ann"]);
        check("<a href='/out?u=1&amp;to=x,y'>me</a>", &["https://a.example/out?u=1&to=x%2Cy"]);
        check("<a href='https://x.com/ann'>", &["https://x.com/ann"]);
        check(
            "<a href='https://x.com/a'><a href='https://x.com/b'>b",
            &["https://x.com/a", "https://x.com/b"],
        );
        check("no markup, twitter: @ann", &["https://twitter.com/ann"]);
        check("&#xe000;https://x.com/ann&#xe001;&#xe002;<br>", &["https://x.com/ann"]);
    }

    #[test]
    fn a_text_of_a_page_is_read_alone() {
        let base = Url::parse("https://a.example/").unwrap();
        let page = "<p class=t>icon by <a href='https://x.com/bob'>Bob</a></p><a href='https://x.com/eve'>Eve</a>\
                    <p class=t>me: <a href='/out'>here</a> and <b>Twitter: @ann</b></p>";
        let ([bold], links) = select_and_links(page, ["b"], ".t", &base);
        assert_eq!(bold[0].text, "Twitter: @ann");
        assert_eq!(links, ["https://a.example/out", "https://twitter.com/ann"]);
    }

    #[test]
    fn a_text_that_is_too_long_ends_before_an_address() {
        let ann = "https://x.com/annabel";
        for cut in 1..ann.len() {
            let text = format!("{} {ann}", "a".repeat(MAX_TEXTS_BYTES - 1 - cut));
            assert_eq!(links_in_html(&text, &Url::parse("https://a.example/").unwrap()), [""; 0], "{cut}");
        }
        let text = format!("{ann} {}", "a".repeat(MAX_TEXTS_BYTES));
        assert_eq!(links_in_html(&text, &Url::parse("https://a.example/").unwrap()), [ann]);
    }

    #[test]
    fn hostile_markup_ends() {
        let base = Url::parse("https://a.example/").unwrap();
        for piece in
            ["<a href=/x>", "<a href=/x></a>", "\u{e000}", "&#xe000;", "\u{e001}\u{e002}", "<a href="]
        {
            let html = format!("<p>{}", piece.repeat(50_000));
            assert!(links_in_html(&html, &base).len() <= 1, "{piece:?}");
        }
    }
}
