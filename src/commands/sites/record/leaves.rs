//! The values in a page or a JSON answer, apart from its structure, each with what it would be replaced by.

use std::ops::Range;

/// A value, and where it stands in its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    pub range: Range<usize>,
    pub masked: String,
    /// A token, a mail address or the like: replaced whether a reader needs it or not.
    pub is_secret: bool,
}

/// What names in a page and in JSON say of a value that nobody else must see.
const SECRET_NAMES: &[&str] = &[
    "token", "csrf", "xsrf", "session", "secret", "passw", "api_key", "apikey", "authoriz", "cookie",
    "email", "e-mail", "phone", "ipaddr", "ip_addr", "birth",
];

/// Attributes that are structure: what selectors select by.
const STRUCTURE: &[&str] = &[
    "class",
    "id",
    "rel",
    "type",
    "name",
    "property",
    "http-equiv",
    "charset",
    "lang",
    "style",
    "role",
    "for",
    "method",
    "itemprop",
    "width",
    "height",
    "target",
    "tabindex",
    "media",
    "sizes",
    "data-hook",
    "data-testid",
    "data-cy",
    "data-content-type",
    "data-content-extension",
    "data-static-path",
];

/// First parts of a path that say what kind of page it is of, and name nobody.
const SECTIONS: &[&str] = &[
    "about",
    "art",
    "artist",
    "artists",
    "artwork",
    "artworks",
    "c",
    "channel",
    "creator",
    "data",
    "f",
    "favorites",
    "files",
    "full",
    "gallery",
    "i",
    "images",
    "img",
    "img-original",
    "intent",
    "journal",
    "journals",
    "media",
    "members",
    "p",
    "post",
    "posts",
    "profile",
    "projects",
    "s",
    "scraps",
    "search",
    "share",
    "static",
    "status",
    "tags",
    "themes",
    "u",
    "user",
    "users",
    "view",
    "works",
];

/// The values of a body: of JSON, or else of HTML.
pub fn leaves(body: &str) -> Vec<Leaf> {
    let mut found = Leaves { body, leaves: Vec::new() };
    match body.trim_start().starts_with(['{', '[', '"']) {
        true => found.json(0..body.len(), false),
        false => found.html(),
    }
    found.leaves
}

struct Leaves<'a> {
    body: &'a str,
    leaves: Vec<Leaf>,
}

impl Leaves<'_> {
    fn push(&mut self, range: Range<usize>, name: &str) {
        let value = &self.body[range.clone()];
        if value.trim().is_empty() {
            return;
        }
        let name = name.to_ascii_lowercase();
        let is_secret = SECRET_NAMES.iter().any(|secret| name.contains(secret)) || name == "sid";
        let (masked, is_secret) = match without_signature(value).filter(|unsigned| unsigned != value) {
            Some(unsigned) => (unsigned, true),
            None => (mask(value), is_secret),
        };
        if masked != value {
            self.leaves.push(Leaf { range, masked, is_secret });
        }
    }

    /// Text in quotes and long numbers, in JSON and in scripts that hold some. A text before a colon is a
    /// name.
    fn json(&mut self, within: Range<usize>, is_script: bool) {
        let text = &self.body[within.clone()];
        let bytes = text.as_bytes();
        let (mut at, mut outside, mut name) = (0, 0, "");
        while at < bytes.len() {
            let skipped = match &text.as_bytes()[at..] {
                [b'/', b'/', ..] if is_script => text[at..].find('\n'),
                [b'/', b'*', ..] if is_script => text[at..].find("*/").map(|end| end + 2),
                [b'"', ..] => None,
                [b'\'' | b'`', ..] if is_script => None,
                _ => Some(1),
            };
            if let Some(skipped) = skipped {
                at += skipped;
                continue;
            }
            self.numbers(within.start + outside..within.start + at, name);
            let (start, quote) = (at + 1, bytes[at]);
            at = start;
            while at < bytes.len() && bytes[at] != quote {
                at += if bytes[at] == b'\\' { 2 } else { 1 };
            }
            let end = at.min(bytes.len());
            at = (end + 1).min(bytes.len());
            outside = at;
            if text[at..].trim_start().starts_with(':') {
                name = &text[start..end];
            } else {
                self.text(within.start + start..within.start + end, name);
            }
        }
        self.numbers(within.start + outside.min(text.len())..within.end, name);
    }

    /// A text, which may be JSON again, with its quotes escaped.
    fn text(&mut self, within: Range<usize>, name: &str) {
        let text = &self.body[within.clone()];
        if !text.contains('"') {
            return self.push(within, name);
        }
        let (mut begin, mut name) = (0, name);
        let quotes: Vec<usize> = text.match_indices('"').map(|(at, _)| at).collect();
        for end in quotes.into_iter().chain([text.len()]) {
            let content = text[begin..end].trim_end_matches('\\');
            let range = within.start + begin..within.start + begin + content.len();
            let behind = text[end..].trim_start_matches('"').trim_start();
            if begin > 0 && behind.starts_with(':') && !is_structure(content) {
                name = content;
            } else if is_structure(content) {
                self.numbers(range, name);
            } else {
                self.push(range, name);
            }
            begin = (end + 1).min(text.len());
        }
    }

    fn numbers(&mut self, within: Range<usize>, name: &str) {
        let text = &self.body[within.clone()];
        let mut at = 0;
        while let Some(start) = text[at..].find(|c: char| c.is_ascii_digit()).map(|found| at + found) {
            let end =
                text[start..].find(|c: char| !c.is_ascii_digit()).map_or(text.len(), |found| start + found);
            // Small ones count things, and say true and false.
            if end - start > 3 {
                self.push(within.start + start..within.start + end, name);
            }
            at = end;
        }
    }

    fn html(&mut self) {
        let body = self.body;
        let mut at = 0;
        while at < body.len() {
            let tag = body[at..].find('<').map_or(body.len(), |found| at + found);
            self.push(at..tag, "");
            if body[tag..].starts_with("<!--") {
                at = body[tag..].find("-->").map_or(body.len(), |found| tag + found + 3);
                continue;
            }
            let Some(end) = end_of_tag(body, tag) else { return };
            let name: String = body[tag + 1..end]
                .chars()
                .take_while(char::is_ascii_alphanumeric)
                .collect::<String>()
                .to_lowercase();
            self.attributes(tag + 1 + name.len()..end);
            at = end + 1;
            // What stands in these is no markup.
            if matches!(name.as_str(), "script" | "style") {
                let close = body[at..].find(&format!("</{name}")).map_or(body.len(), |found| at + found);
                if name == "script" {
                    self.json(at..close, true);
                }
                at = close;
            }
        }
    }

    fn attributes(&mut self, within: Range<usize>) {
        let text = &self.body[within.clone()];
        let mut found: Vec<(&str, Range<usize>)> = Vec::new();
        let mut at = 0;
        while let Some(equals) = text[at..].find('=').map(|found| at + found) {
            let name = text[at..equals].trim_end().rsplit(|c: char| c.is_whitespace() || c == '"').next();
            let rest = text[equals + 1..].trim_start();
            let start = text.len() - rest.len();
            let (value, next) = match rest.chars().next().filter(|quote| matches!(quote, '"' | '\'')) {
                Some(quote) => {
                    let end = rest[1..].find(quote).map_or(text.len(), |found| start + 1 + found);
                    (start + 1..end, (end + 1).min(text.len()))
                }
                None => {
                    let end = rest.find(char::is_whitespace).map_or(text.len(), |found| start + found);
                    (start..end, end)
                }
            };
            found.push((name.unwrap_or_default(), value));
            at = next;
        }
        // `<meta name="csrf-token" content="...">`: the name of the value stands in another attribute.
        let names = |(name, range): &(&str, Range<usize>)| {
            matches!(*name, "name" | "id" | "property").then(|| text[range.clone()].to_owned())
        };
        let called: Vec<String> = found.iter().filter_map(names).collect();
        for (name, range) in &found {
            if !STRUCTURE.contains(name) {
                let range = within.start + range.start..within.start + range.end;
                self.push(range, &format!("{name} {}", called.join(" ")));
            }
        }
    }
}

/// Where the tag that begins at `start` ends; a `>` in quotes does not end it.
fn end_of_tag(body: &str, start: usize) -> Option<usize> {
    let mut quote = None;
    for (at, c) in body[start..].char_indices() {
        match (quote, c) {
            (None, '>') => return Some(start + at),
            (None, '"' | '\'') if body[..start + at].trim_end().ends_with('=') => quote = Some(c),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
    }
    None
}

/// What stands between two texts of JSON.
fn is_structure(piece: &str) -> bool {
    let words = ["true", "false", "null", "undefined"];
    let rest = words.iter().fold(piece.to_owned(), |rest, word| rest.replace(word, ""));
    rest.chars().all(|c| !c.is_alphabetic())
}

/// A JSON web token without its signature, which alone makes it valid.
fn without_signature(value: &str) -> Option<String> {
    let start = value.find("eyJ")?;
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let end = value[start..].find(|c| !is_part(c)).map_or(value.len(), |found| start + found);
    let token = &value[start..end];
    let (signed, signature) = token.rsplit_once('.').filter(|(signed, _)| signed.contains('.'))?;
    Some(format!("{}{signed}.{}{}", &value[..start], "x".repeat(signature.len()), &value[end..]))
}

/// The same shape without what it says: `x` for a letter, `1` for a digit. Of an address the parts remain
/// that say what kind it is: the host where it is a known site's, the first part of the path, the names in
/// the query.
pub fn mask(value: &str) -> String {
    // `//host/path`: by the scheme of the page.
    let relative = value.strip_prefix("//").filter(|_| value.len() > 3).map(|rest| ("", rest));
    match value.split_once("://").or(relative) {
        Some((scheme, rest)) if scheme.len() <= 10 && !rest.contains(char::is_whitespace) => {
            let (host, path) = rest.split_at(rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len()));
            // `ann.carrd.co` names a person.
            let found = crate::sites::identify(&format!("https://{host}/"));
            let known = found.site.is_some() && found.id.is_none();
            let host = if known { host.to_owned() } else { mask_text(host) };
            let separator = if scheme.is_empty() { "//" } else { "://" };
            format!("{scheme}{separator}{host}{}", mask_path(path))
        }
        _ if value.starts_with('/') && !value.contains(char::is_whitespace) => mask_path(value),
        _ => mask_text(value),
    }
}

fn mask_path(path: &str) -> String {
    let (path, query) = path.split_at(path.find(['?', '#']).unwrap_or(path.len()));
    let mut parts = path.splitn(3, '/');
    let (before, first, rest) = (parts.next(), parts.next(), parts.next());
    let mut masked = before.unwrap_or_default().to_owned();
    if let Some(first) = first {
        masked.push('/');
        masked.push_str(&if SECTIONS.contains(&first) { first.to_owned() } else { mask_text(first) });
    }
    if let Some(rest) = rest {
        masked.push('/');
        masked.push_str(&mask_text(rest));
    }
    for (index, pair) in query.split('&').enumerate() {
        if index > 0 {
            masked.push('&');
        }
        match pair.split_once('=') {
            Some((name, value)) => masked.push_str(&format!("{name}={}", mask_text(value))),
            None => masked.push_str(&mask_text(pair)),
        }
    }
    masked
}

fn mask_text(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            // `\n`, `\/`, and `\u00e9`, which is a letter.
            '\\' => match chars.next() {
                Some('u') => {
                    masked.push('x');
                    for _ in 0..4 {
                        let _ = chars.next_if(char::is_ascii_hexdigit);
                    }
                }
                Some(escaped) => masked.extend(['\\', escaped]),
                None => masked.push('\\'),
            },
            // `&amp;`
            '&' => {
                masked.push('&');
                let ahead: String = chars.clone().take(9).collect();
                let entity = ahead.split_once(';').map(|(name, _)| name);
                let is_entity =
                    |name: &&str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'#');
                if let Some(name) = entity.filter(is_entity) {
                    masked.push_str(name);
                    for _ in 0..name.len() {
                        let _ = chars.next();
                    }
                }
            }
            c if c.is_numeric() => masked.push('1'),
            c if c.is_uppercase() => masked.push('X'),
            c if c.is_alphabetic() => masked.push('x'),
            c => masked.push(c),
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The body with all its values masked.
    fn all_masked(body: &str) -> String {
        let mut masked = body.to_owned();
        for leaf in leaves(body).iter().rev() {
            masked.replace_range(leaf.range.clone(), &leaf.masked);
        }
        masked
    }

    #[track_caller]
    fn check(body: &str, expected: &str) {
        assert_eq!(all_masked(body), expected);
    }

    #[test]
    fn values_of_json_are_masked_and_its_names_are_not() {
        check(
            r#"{"name": "Ann \"x\" \u00e9", "n": 12345, "few": 12, "on": true, "url": "https:\/\/x.com\/ann"}"#,
            r#"{"name": "Xxx \"x\" x", "n": 11111, "few": 12, "on": true, "url": "xxxxx:\/\/x.xxx\/xxx"}"#,
        );
        check(
            r#"["ann", {"url": "https://x.com/ann/media?a=b"}]"#,
            r#"["xxx", {"url": "https://x.com/xxx/xxxxx?a=x"}]"#,
        );
        // JSON as a text of a script.
        check(
            r#"<script>self.push([1,"{\"name\":\"ann\",\"id\":12345}"])</script>"#,
            r#"<script>self.push([1,"{\"name\":\"xxx\",\"id\":11111}"])</script>"#,
        );
        check(
            "<script>// don't\nvar user = 'ann'; f({name: \"ann\"}) /* it's */</script>",
            "<script>// don't\nvar user = 'xxx'; f({name: \"xxx\"}) /* it's */</script>",
        );
    }

    #[test]
    fn texts_and_attributes_of_html_are_masked_and_selectors_are_not() {
        check(
            "<!-- mark --><p class=\"bio\" data-user='ann'>Hi &amp; <a href=\"/user/ann/\">Ann 7</a></p>",
            "<!-- mark --><p class=\"bio\" data-user='xxx'>Xx &amp; <a href=\"/user/xxx/\">Xxx 1</a></p>",
        );
        check("<img src=\"//x.com/media/ann.png\">", "<img src=\"//x.com/media/xxx.xxx\">");
        check("<a href=https://ann.example/me>x</a>", "<a href=https://xxx.xxxxxxx/xx>x</a>");
        check("<style>.ann{}</style><b>日本</b>", "<style>.ann{}</style><b>xx</b>");
        check("<p title=\"a > b\">x", "<p title=\"x > x\">x");
        for broken in [
            "<",
            "<a",
            "<a href",
            "<a href=",
            "<a href=\"x",
            "<script>",
            "<script>'é\\é",
            "<script>//",
            "<script>/*",
            "\"",
            "{\"a",
            "{\"a\\",
            "&",
            "\\",
        ] {
            let _ = all_masked(broken);
        }
    }

    #[test]
    fn secrets_are_known_by_their_names_and_shape() {
        let secret = |body: &str| leaves(body).iter().any(|leaf| leaf.is_secret);
        assert!(
            secret(r#"{"csrfToken": "abc"}"#)
                && secret(r#"{"sid": "abc"}"#)
                && secret(r#"{"user_email": "a@b.c"}"#)
        );
        assert!(
            secret(r#"<meta name="csrf-token" content="abc">"#)
                && secret(r#"<input value="1a" name="authenticity_token">"#)
        );
        assert!(!secret(r#"{"title": "abc"}"#));
        let signed = r#"{"a": "https://h/x?t=eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl"}"#;
        assert!(secret(signed) && all_masked(signed).contains("eyJhbGciOiJI.eyJzdWIiOiIx.xxxxxxxxxxxx"));
    }
}
