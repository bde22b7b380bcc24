//! Reading pages and JSON: pure pieces that several sites share.

use scraper::{Html, Selector};
use serde_json::Value;
use url::Url;

use super::error::Missing;

/// The value at a dotted path such as `props.pageProps.account`; `null` counts as absent.
pub fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, key| value.get(key)).filter(|value| !value.is_null())
}

/// The text at a dotted path, if it is not empty.
pub fn text_at<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    at(value, path)?.as_str().filter(|text| !text.is_empty())
}

/// The elements of the array at a dotted path; nothing if there is no array.
pub fn list_at<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    at(value, path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A number or text as text: ids come in both forms.
pub fn id_at(value: &Value, path: &str) -> Option<String> {
    match at(value, path)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Like `at`, for what a page cannot do without.
pub fn need<'a>(value: &'a Value, path: &str) -> Result<&'a Value, Missing> {
    at(value, path).ok_or_else(|| Missing::new(format!("the field {path}")))
}

/// The JSON in `<script id="...">`.
pub fn script_json(html: &str, id: &str) -> Result<Value, Missing> {
    let missing = || Missing::new(format!("script#{id}"));
    let selector = Selector::parse(&format!("script[id=\"{id}\"]")).map_err(|_| missing())?;
    let page = Html::parse_document(html);
    let script = page.select(&selector).next().ok_or_else(missing)?;
    let text: String = script.text().collect();
    serde_json::from_str(&text).map_err(|_| Missing::new(format!("JSON in script#{id}")))
}

/// Decodes a JavaScript string literal whose opening `quote` has been read; stops at the closing one.
/// `None` if it does not end.
pub fn javascript_string(source: &str, quote: char) -> Option<String> {
    let mut out = String::with_capacity(source.len().min(1 << 20));
    let mut chars = source.chars();
    let mut high_surrogate: Option<u32> = None;
    loop {
        let c = chars.next()?;
        if c == quote {
            return Some(out);
        }
        if c != '\\' {
            out.push(c);
            continue;
        }
        let code = match chars.next()? {
            'n' => '\n' as u32,
            't' => '\t' as u32,
            'r' => '\r' as u32,
            'b' => 8,
            'f' => 12,
            'v' => 11,
            '0' => 0,
            'x' => hex(&mut chars, 2)?,
            'u' => hex(&mut chars, 4)?,
            // A continued line has no content.
            '\n' => continue,
            other => other as u32,
        };
        match (high_surrogate.take(), code) {
            (_, 0xd800..=0xdbff) => high_surrogate = Some(code),
            (Some(high), 0xdc00..=0xdfff) => {
                out.extend(char::from_u32(0x10000 + ((high - 0xd800) << 10) + (code - 0xdc00)));
            }
            (_, code) => out.extend(char::from_u32(code)),
        }
    }
}

fn hex(chars: &mut std::str::Chars<'_>, digits: usize) -> Option<u32> {
    (0..digits).try_fold(0, |value, _| Some(value * 16 + chars.next()?.to_digit(16)?))
}

/// Every `a[href]` of the page that leads somewhere else: absolute, in the page's order.
/// `within` restricts it to descendants of a selector.
pub fn anchors(html: &str, base: &Url, within: Option<&str>) -> Vec<String> {
    let selector = within.map_or("a[href]".to_owned(), |scope| format!("{scope} a[href], {scope}[href]"));
    let Ok(selector) = Selector::parse(&selector) else { return Vec::new() };
    let page = Html::parse_document(html);
    page.select(&selector)
        .filter_map(|anchor| base.join(anchor.value().attr("href")?.trim()).ok())
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .map(String::from)
        .collect()
}

/// The text of a page or fragment without its markup.
pub fn plain_text(html: &str) -> String {
    let page = Html::parse_fragment(html);
    page.root_element().text().collect::<Vec<_>>().join(" ")
}

/// All texts anywhere in the value, in order; at most `MAX_DEPTH` deep.
pub fn texts(value: &Value) -> Vec<&str> {
    let mut found = Vec::new();
    visit(value, 0, &mut |value| {
        if let Value::String(text) = value {
            found.push(text.as_str());
        }
    });
    found
}

/// All objects anywhere in the value that have one of these keys.
pub fn objects_with<'a>(value: &'a Value, keys: &[&str]) -> Vec<&'a Value> {
    let mut found = Vec::new();
    visit(value, 0, &mut |value| {
        if value.as_object().is_some_and(|object| keys.iter().any(|key| object.contains_key(*key))) {
            found.push(value);
        }
    });
    found
}

/// Deeper nesting than any real page has; serde_json itself refuses more than 128.
const MAX_DEPTH: usize = 128;

fn visit<'a>(value: &'a Value, depth: usize, each: &mut impl FnMut(&'a Value)) {
    each(value);
    if depth < MAX_DEPTH {
        match value {
            Value::Array(items) => items.iter().for_each(|item| visit(item, depth + 1, each)),
            Value::Object(fields) => fields.values().for_each(|field| visit(field, depth + 1, each)),
            _ => {}
        }
    }
}

/// What looks like a link in free text: whole URLs, bare ones (`twitter.com/name`), and a handle behind
/// the network's name (`Twitter: @name`), as a URL. The caller keeps those it recognises.
pub fn links_in_text(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let separators = |c: char| {
        c.is_whitespace()
            || matches!(c, '<' | '>' | '"' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | ',')
            || matches!(c, '（' | '）' | '「' | '」' | '、' | '。' | '【' | '】' | '→' | '：' | '・')
    };
    let mut after_network = 0u8;
    for word in text.split(separators).filter(|word| !word.is_empty()) {
        let start = word.find("http://").or_else(|| word.find("https://"));
        let candidate = &word[start.unwrap_or(0)..];
        let candidate =
            candidate.trim_matches(|c: char| matches!(c, '.' | ';' | '!' | '?' | '\'' | '*' | ':'));
        if start.is_some() || (candidate.contains('.') && candidate.contains('/') && candidate.is_ascii()) {
            found.push(candidate.to_owned());
        } else if let Some(handle) = handle_in(word)
            && (after_network > 0 || names_twitter(word))
        {
            found.push(format!("https://twitter.com/{handle}"));
        }
        // The handle may stand two words on: `Twitter - @name`.
        after_network = if names_twitter(word) { 2 } else { after_network.saturating_sub(1) };
    }
    found
}

fn names_twitter(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    word == "twitter"
        || word.starts_with("twitter:")
        || word.starts_with("twitter@")
        || word == "x/twitter"
        || word == "twitter/x"
}

/// `@name` in a word, such as `twitter:@name`; an e-mail address has letters right before the `@`.
fn handle_in(word: &str) -> Option<&str> {
    let (before, rest) = word.split_once('@')?;
    if before.ends_with(|c: char| c.is_alphanumeric() || c == '.' || c == '_') && !names_twitter(before) {
        return None;
    }
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    let (handle, rest) = rest.split_at(end);
    let rest = rest.trim_end_matches(['.', ':', ';', '!', '?']);
    ((1..=15).contains(&handle.len()) && rest.is_empty()).then_some(handle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn javascript_strings_are_not_json() {
        assert_eq!(
            javascript_string(r#"{\"a\":\"it\'s \\\" \u00e9\"}");"#, '"').unwrap(),
            r#"{"a":"it's \" é"}"#
        );
        assert_eq!(javascript_string(r#"\ud83d\ude00""#, '"').unwrap(), "😀");
        assert_eq!(javascript_string("no end", '"'), None);
    }

    #[test]
    fn links_stand_in_prose() {
        let text = "Hi! My twitter.com/Foo_1, (https://linktr.ee/foo). mail me@x.example; Twitter: @bar \
                    and Twitter → @baz, 2.5/10, hello @someone";
        assert_eq!(
            links_in_text(text),
            [
                "twitter.com/Foo_1",
                "https://linktr.ee/foo",
                "https://twitter.com/bar",
                "https://twitter.com/baz",
                "2.5/10"
            ]
        );
    }

    #[test]
    fn anchors_are_absolute_and_outbound() {
        let base = Url::parse("https://a.example/x/").unwrap();
        let html = r##"<p><a href="b">1</a><a href="mailto:x@y">2</a><div class=c><a href=" //t.co/z ">3</a></div>"##;
        assert_eq!(anchors(html, &base, None), ["https://a.example/x/b", "https://t.co/z"]);
        assert_eq!(anchors(html, &base, Some(".c")), ["https://t.co/z"]);
    }
}
