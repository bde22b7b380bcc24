//! Credit for an artwork as text to copy: the posts that show it, then where its artist is. Pure.
//!
//! A template is a text with places in braces, such as `{posts}` and `{links}`. What an answer does not have
//! leaves no trace: a line whose places are all empty is left out, and so is a paragraph whose places are.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::base::shown::steers;

/// Longest template, in bytes. A post on most networks takes a tenth.
const MAX_TEMPLATE_BYTES: usize = 10_000;

/// How the text is marked up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Markup {
    #[default]
    Plain,
    Markdown,
    Html,
}

impl Markup {
    pub const ALL: [Markup; 3] = [Markup::Plain, Markup::Markdown, Markup::Html];

    pub fn as_str(self) -> &'static str {
        match self {
            Markup::Plain => "plain",
            Markup::Markdown => "markdown",
            Markup::Html => "html",
        }
    }
}

impl std::str::FromStr for Markup {
    type Err = String;

    fn from_str(name: &str) -> Result<Markup, String> {
        let names = Markup::ALL.map(Markup::as_str).join(", ");
        let found = Markup::ALL.into_iter().find(|markup| markup.as_str() == name);
        found.ok_or_else(|| format!("{name:?} is none of {names}"))
    }
}

impl fmt::Display for Markup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A page that a credit names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditLink {
    /// What the page is, for people: `@ann (X)`, `Instagram`.
    label: String,
    url: String,
}

impl CreditLink {
    /// `None` for what is no web address: others wrote some of them.
    pub fn new(label: impl Into<String>, url: &str) -> Option<CreditLink> {
        let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        let label = label.into().replace(steers, " ");
        Some(CreditLink { label, url: url.into() })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    fn write(&self, out: &mut String, markup: Markup) {
        match markup {
            Markup::Plain => *out += &self.url,
            Markup::Markdown => {
                *out += &format!("[{}]({})", markdown(&self.label), markdown_address(&self.url));
            }
            Markup::Html => *out += &format!("<a href=\"{}\">{}</a>", html(&self.url), html(&self.label)),
        }
    }
}

/// What a credit can name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credit {
    /// Posts that show the artwork itself, the closest first.
    pub posts: Vec<CreditLink>,
    /// The artist's accounts that were searched.
    pub accounts: Vec<CreditLink>,
    /// The artist's pages on sites that are not searched.
    pub elsewhere: Vec<CreditLink>,
    /// The artwork's page.
    pub page: Option<CreditLink>,
    /// What the artist is called: the handle of the first account.
    pub artist: Option<String>,
}

impl Credit {
    /// True where nobody is named.
    pub fn is_empty(&self) -> bool {
        self.posts.is_empty() && self.accounts.is_empty() && self.elsewhere.is_empty()
    }
}

/// What stands in a place of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Post,
    Posts,
    Account,
    Accounts,
    Elsewhere,
    Links,
    Artist,
    Page,
}

const PLACES: [(&str, Place); 8] = [
    ("post", Place::Post),
    ("posts", Place::Posts),
    ("account", Place::Account),
    ("accounts", Place::Accounts),
    ("elsewhere", Place::Elsewhere),
    ("links", Place::Links),
    ("artist", Place::Artist),
    ("page", Place::Page),
];

impl Place {
    /// What stands there, each entry by itself.
    fn entries(self, credit: &Credit, markup: Markup) -> Vec<String> {
        let Credit { posts, accounts, elsewhere, page, artist } = credit;
        let links: Vec<&CreditLink> = match self {
            Place::Post => posts.first().into_iter().collect(),
            Place::Posts => posts.iter().collect(),
            Place::Account => accounts.first().into_iter().collect(),
            Place::Accounts => accounts.iter().collect(),
            Place::Elsewhere => elsewhere.iter().collect(),
            Place::Links => accounts.iter().chain(elsewhere).collect(),
            Place::Page => page.iter().collect(),
            Place::Artist => {
                let name = artist.iter().map(|name| name.replace(steers, " "));
                return name
                    .map(|name| match markup {
                        Markup::Plain => name,
                        Markup::Markdown => markdown(&name),
                        Markup::Html => html(&name),
                    })
                    .collect();
            }
        };
        let written = |link: &&CreditLink| {
            let mut text = String::new();
            link.write(&mut text, markup);
            text
        };
        links.iter().map(written).collect()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Place(Place),
}

/// A text with places, checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template {
    text: String,
    /// Paragraphs of lines.
    paragraphs: Vec<Vec<Vec<Piece>>>,
}

impl TryFrom<String> for Template {
    type Error = String;

    fn try_from(text: String) -> Result<Template, String> {
        Template::parse(&text)
    }
}

impl From<Template> for String {
    fn from(template: Template) -> String {
        template.text
    }
}

impl Template {
    /// Reads a template; `{{` and `}}` are braces of the text.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn parse(text: &str) -> Result<Template, String> {
        if text.len() > MAX_TEMPLATE_BYTES {
            return Err(format!("is longer than {MAX_TEMPLATE_BYTES} bytes"));
        }
        let mut paragraphs = vec![Vec::new()];
        for line in text.trim().lines() {
            match (line.trim().is_empty(), paragraphs.last_mut()) {
                (false, Some(paragraph)) => paragraph.push(pieces(line)?),
                _ => paragraphs.push(Vec::new()),
            }
        }
        paragraphs.retain(|paragraph| !paragraph.is_empty());
        let has_place = paragraphs.iter().flatten().flatten().any(|piece| matches!(piece, Piece::Place(_)));
        match has_place {
            true => Ok(Template { text: text.to_owned(), paragraphs }),
            false => Err(format!("names nothing: {}", known_places())),
        }
    }

    /// The template that is used where the operator has none of his own: by the language's code, English
    /// where there is none in it.
    pub fn built_in(markup: Markup, language: &str) -> Template {
        // A space that does not break stands before a French colon.
        let (posts, artist) = match language {
            "fr" => ("Publications\u{a0}:", "Artiste\u{a0}:"),
            _ => ("Posts:", "Artist:"),
        };
        let text = match markup {
            Markup::Plain => format!("{posts}\n{{posts}}\n\n{artist}\n{{links}}"),
            Markup::Markdown => format!("**{posts}** {{posts}}\n\n**{artist}** {{links}}"),
            Markup::Html => format!("<p>{posts} {{posts}}</p>\n\n<p>{artist} {{links}}</p>"),
        };
        Template::parse(&text).expect("a constant template")
    }

    /// The operator's own words where there are some, else the program's.
    pub fn or_built_in<'a>(own: Option<&'a Template>, markup: Markup, language: &str) -> Cow<'a, Template> {
        own.map_or_else(|| Cow::Owned(Template::built_in(markup, language)), Cow::Borrowed)
    }

    /// The text for a credit; empty where it fills no place.
    pub fn fill(&self, credit: &Credit, markup: Markup) -> String {
        let filled = self.paragraphs.iter().filter_map(|paragraph| fill_paragraph(paragraph, credit, markup));
        filled.collect::<Vec<_>>().join("\n\n")
    }
}

fn fill_paragraph(paragraph: &[Vec<Piece>], credit: &Credit, markup: Markup) -> Option<String> {
    let mut lines = Vec::new();
    let (mut places, mut filled) = (0, 0);
    for line in paragraph {
        let mut text = String::new();
        let (mut places_here, mut filled_here) = (0, 0);
        for piece in line {
            match piece {
                Piece::Text(piece) => text += piece,
                Piece::Place(place) => {
                    let entries = place.entries(credit, markup);
                    places_here += 1;
                    filled_here += usize::from(!entries.is_empty());
                    text += &entries.join(if markup == Markup::Plain { "\n" } else { ", " });
                }
            }
        }
        (places, filled) = (places + places_here, filled + filled_here);
        if places_here == 0 || filled_here > 0 {
            lines.push(text);
        }
    }
    (places == 0 || filled > 0).then(|| lines.join("\n"))
}

fn pieces(line: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, brace) = rest.split_at(at);
        text += before;
        if let Some(behind) = brace.strip_prefix("{{").or_else(|| brace.strip_prefix("}}")) {
            text.push_str(&brace[..1]);
            rest = behind;
            continue;
        }
        let Some((name, behind)) = brace.strip_prefix('{').and_then(|brace| brace.split_once('}')) else {
            return Err(format!("has a single {}: write it twice where it is text", &brace[..1]));
        };
        let place = PLACES.iter().find(|(known, _)| *known == name);
        let (_, place) =
            place.ok_or_else(|| format!("has an unknown place {{{name}}}: {}", known_places()))?;
        pieces.extend((!text.is_empty()).then(|| Piece::Text(std::mem::take(&mut text))));
        pieces.push(Piece::Place(*place));
        rest = behind;
    }
    text += rest;
    pieces.extend((!text.is_empty()).then_some(Piece::Text(text)));
    Ok(pieces)
}

fn known_places() -> String {
    format!("there are {}", PLACES.map(|(name, _)| format!("{{{name}}}")).join(", "))
}

/// As text of Markdown: each of its signs is escaped, and names by which chats call everybody call nobody.
fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // Others mean something at the beginning of a line alone.
        if matches!(
            c,
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '~' | '|' | '#' | '!' | '&'
        ) {
            out.push('\\');
        }
        out.push(c);
    }
    for everybody in ["@everyone", "@here"] {
        out = out.replace(everybody, &everybody.replace('@', "@\u{200b}"));
    }
    out
}

/// As the address of a link in Markdown.
fn markdown_address(url: &str) -> String {
    url.chars().fold(String::with_capacity(url.len()), |mut out, c| {
        match c {
            '(' | ')' | '<' | '>' | '\\' | '*' => out += &format!("%{:02X}", u32::from(c)),
            c => out.push(c),
        }
        out
    })
}

fn html(text: &str) -> String {
    htmlize::escape_all_quotes(text).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn credit() -> Credit {
        let link = |label: &str, url: &str| CreditLink::new(label, url).unwrap();
        Credit {
            posts: vec![
                link("X", "https://x.com/ann_b/status/1"),
                link("Bluesky", "https://bsky.app/profile/did:plc:a/post/2"),
            ],
            accounts: vec![link("@ann_b (X)", "https://x.com/ann_b")],
            elsewhere: vec![link("Instagram", "https://www.instagram.com/ann/")],
            page: CreditLink::new("the page", "https://danbooru.donmai.us/posts/1"),
            artist: Some("ann_b".to_owned()),
        }
    }

    fn fill(template: &str, markup: Markup, credit: &Credit) -> String {
        Template::parse(template).unwrap().fill(credit, markup)
    }

    #[test]
    fn the_posts_then_the_artists_links_and_nothing_else() {
        let text = |markup, language| Template::built_in(markup, language).fill(&credit(), markup);
        assert_eq!(
            text(Markup::Plain, "en"),
            "Posts:\nhttps://x.com/ann_b/status/1\nhttps://bsky.app/profile/did:plc:a/post/2\n\n\
             Artist:\nhttps://x.com/ann_b\nhttps://www.instagram.com/ann/"
        );
        assert_eq!(
            text(Markup::Markdown, "fr"),
            "**Publications\u{a0}:** [X](https://x.com/ann_b/status/1), \
             [Bluesky](https://bsky.app/profile/did:plc:a/post/2)\n\n\
             **Artiste\u{a0}:** [@ann\\_b (X)](https://x.com/ann_b), [Instagram](https://www.instagram.com/ann/)"
        );
        assert_eq!(
            text(Markup::Html, "en").lines().next().unwrap(),
            "<p>Posts: <a href=\"https://x.com/ann_b/status/1\">X</a>, \
             <a href=\"https://bsky.app/profile/did:plc:a/post/2\">Bluesky</a></p>"
        );
    }

    #[test]
    fn what_is_not_there_leaves_no_trace() {
        let without = Credit { posts: vec![], ..credit() };
        let text = Template::built_in(Markup::Plain, "en").fill(&without, Markup::Plain);
        assert_eq!(text, "Artist:\nhttps://x.com/ann_b\nhttps://www.instagram.com/ann/");
        let lines = "by {artist}\nalso {elsewhere}\n\nfound by us\n\n\n{posts}";
        let bare = Credit { artist: Some("ann".to_owned()), ..Credit::default() };
        assert_eq!(fill(lines, Markup::Plain, &bare), "by ann\n\nfound by us");
        assert_eq!(Template::built_in(Markup::Html, "en").fill(&Credit::default(), Markup::Html), "");
        assert!(Credit::default().is_empty() && !without.is_empty());
    }

    #[test]
    fn braces_and_every_place() {
        let all = "{{{post}}} {posts} {account} {accounts} {elsewhere} {links} {artist} {page}";
        let text = fill(all, Markup::Plain, &credit());
        assert!(
            text.starts_with("{https://x.com/ann_b/status/1} ")
                && text.ends_with(" ann_b https://danbooru.donmai.us/posts/1")
        );
    }

    #[test]
    fn bad_templates_are_told() {
        for (template, expect) in [
            ("by {author}", "has an unknown place {author}: there are {post}, {posts}"),
            ("by {artist", "has a single {: write it twice"),
            ("} {artist}", "has a single }"),
            ("no place {{artist}}", "names nothing: there are {post}"),
            ("", "names nothing"),
            (&"{post}".repeat(2000), "is longer than 10000 bytes"),
        ] {
            let why = Template::parse(template).unwrap_err();
            assert!(why.starts_with(expect), "{template:?}: {why}");
        }
    }

    #[test]
    fn strangers_cannot_leave_their_place() {
        assert_eq!(CreditLink::new("a", "javascript:alert(1)"), None);
        assert_eq!(CreditLink::new("a", "no address"), None);
        let hostile = "a]b(c)*_`\n<script>\"'&\u{202e}@everyone";
        let link = CreditLink::new(hostile, "https://a.example/(\"><script>)?a=b&c=*").unwrap();
        let credit = Credit { elsewhere: vec![link], artist: Some(hostile.to_owned()), ..Credit::default() };
        let html = fill("{elsewhere} {artist}", Markup::Html, &credit);
        assert_eq!(html.matches('<').count(), 2, "{html}");
        let markdown = fill("{elsewhere} {artist}", Markup::Markdown, &credit);
        assert!(markdown.starts_with("[a\\]b(c)\\*\\_\\` \\<script\\>"), "{markdown}");
        assert!(markdown.contains("](https://a.example/%28%22%3E%3Cscript%3E%29?a=b&c=%2A)"), "{markdown}");
        for text in [html, markdown] {
            assert!(!text.contains(['\n', '\u{202e}']), "{text}");
        }
        assert!(!fill("{artist}", Markup::Markdown, &credit).contains("@everyone"));
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_is_read_is_written_again(text in "[{}a-z\n ]{0,60}|.{0,60}") {
            if let Ok(template) = Template::parse(&text) {
                let json = serde_json::to_string(&template).unwrap();
                prop_assert_eq!(&serde_json::from_str::<Template>(&json).unwrap(), &template);
                for markup in Markup::ALL {
                    prop_assert!(!template.fill(&credit(), markup).contains("\n\n\n"));
                }
            }
        }
    }
}
