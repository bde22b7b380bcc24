//! Reading pages and JSON: pure pieces that several sites share.

use serde_json::Value;

use super::error::Missing;
use super::html;
use crate::fetch::json;

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

/// True where the field stands in the value, be it `null`.
pub fn has(value: &Value, path: &str) -> bool {
    let (parent, key) =
        path.rsplit_once('.').map_or((Some(value), path), |(parent, key)| (at(value, parent), key));
    parent.is_some_and(|parent| parent.get(key).is_some())
}

/// The text of a field that is always there, though it may be `null` or empty.
pub fn told<'a>(value: &'a Value, path: &str) -> Result<Option<&'a str>, Missing> {
    if !has(value, path) {
        return Err(Missing::new(format!("the field {path}")));
    }
    Ok(text_at(value, path))
}

/// The list of a field that is always there, though it may be empty.
pub fn need_list<'a>(value: &'a Value, path: &str) -> Result<&'a [Value], Missing> {
    let list = at(value, path).and_then(Value::as_array);
    list.map(Vec::as_slice).ok_or_else(|| Missing::new(format!("the list {path}")))
}

/// The texts that the entries of a list have under the first of `keys` that is theirs. An entry may lack
/// them; where none of the entries has one, the list is not what it was, and `list` names it.
pub fn each<'a>(entries: &[&'a Value], keys: &[&str], list: &str) -> Result<Vec<&'a str>, Missing> {
    if !entries.is_empty() && !entries.iter().any(|entry| keys.iter().any(|key| has(entry, key))) {
        return Err(Missing::new(format!("the field {list}[].{}", keys.join(" or "))));
    }
    Ok(entries.iter().filter_map(|entry| keys.iter().find_map(|key| text_at(entry, key))).collect())
}

/// The JSON in `<script id="...">`.
pub fn script_json(page: &str, id: &str) -> Result<Value, Missing> {
    let missing = || Missing::new(format!("script#{id}"));
    let script = html::first(page, &format!("script[id=\"{id}\"]")).ok_or_else(missing)?;
    json::parse(script.text.as_bytes()).map_err(|_| Missing::new(format!("JSON in script#{id}")))
}

/// The object that a script of the page assigns to `name`: `window.state = {...};`.
pub fn assigned(page: &str, name: &str) -> Result<Value, Missing> {
    let value = page.match_indices(name).find_map(|(at, name)| {
        let value = page[at + name.len()..].trim_start().strip_prefix('=')?.trim_start();
        value.starts_with('{').then_some(value)
    });
    let value = value.ok_or_else(|| Missing::new(name))?;
    json::parse_first(value).ok_or_else(|| Missing::new(format!("JSON in {name}")))
}

/// Longest text of a script that is decoded, in bytes: the state of the largest real pages takes one or two
/// million.
const MAX_SCRIPT_BYTES: usize = 4 << 20;

/// Decodes a JavaScript string literal whose opening `quote` has been read; stops at the closing one.
/// `None` if it does not end, or is longer than any real one.
pub fn javascript_string(source: &str, quote: char) -> Option<String> {
    let mut out = String::with_capacity(source.len().min(1 << 20));
    let mut chars = source.chars();
    let mut high_surrogate: Option<u32> = None;
    loop {
        let c = chars.next().filter(|_| out.len() <= MAX_SCRIPT_BYTES)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_told_and_absence_is_missing() {
        let value =
            serde_json::json!({"a": {"b": null, "c": "x"}, "list": [{"url": "u"}, {"url": null}, {}]});
        assert_eq!(told(&value, "a.b"), Ok(None));
        assert_eq!(told(&value, "a.c"), Ok(Some("x")));
        assert_eq!(told(&value, "a.d"), Err(Missing::new("the field a.d")));
        assert_eq!(told(&value, "b.d"), Err(Missing::new("the field b.d")));
        assert_eq!(need_list(&value, "a").unwrap_err().0, "the list a");
        let entries: Vec<&Value> = list_at(&value, "list").iter().collect();
        assert_eq!(each(&entries, &["href", "url"], "list"), Ok(vec!["u"]));
        assert_eq!(each(&entries, &["href"], "list").unwrap_err().0, "the field list[].href");
        assert_eq!(each(&[], &["href"], "list"), Ok(vec![]));
    }

    #[test]
    fn a_script_assigns_an_object() {
        let page = "<script>if (window.state == 1) {}; window.state_of = 2; window.state = {\"a\": \"};\"};\nlet b = {};</script>";
        assert_eq!(assigned(page, "window.state"), Ok(serde_json::json!({"a": "};"})));
        assert_eq!(assigned("window.state = null", "window.state").unwrap_err().0, "window.state");
        assert_eq!(assigned("window.state = {", "window.state").unwrap_err().0, "JSON in window.state");
        assert!(assigned(&"window.state =  ".repeat(200_000), "window.state").is_err());
    }

    #[test]
    fn javascript_strings_are_not_json() {
        assert_eq!(
            javascript_string(r#"{\"a\":\"it\'s \\\" \u00e9\"}");"#, '"').unwrap(),
            r#"{"a":"it's \" é"}"#
        );
        assert_eq!(javascript_string(r#"\ud83d\ude00""#, '"').unwrap(), "😀");
        assert_eq!(javascript_string("no end", '"'), None);
    }
}
