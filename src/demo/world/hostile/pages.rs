//! Hostile pages: what a stranger can write to make a reader work, each made from a good answer.

use serde_json::Value;

/// One kind of hostile page.
pub struct HostilePage {
    pub name: &'static str,
    /// The page of this many bytes, made from a good one; `None` where the good one is of another form.
    pub make: fn(&[u8], usize) -> Option<Vec<u8>>,
}

macro_rules! pages {
    ($($name:literal: $make:expr,)*) => { &[$(HostilePage { name: $name, make: $make },)*] };
}

#[rustfmt::skip]
pub const HOSTILE: &[HostilePage] = pages! {
    // Nothing but this.
    "<b>": |good, size| whole(good, size, "", "<b>", ""),
    "<div>": |good, size| whole(good, size, "", "<div>", ""),
    "<": |good, size| whole(good, size, "", "<", ""),
    "NUL": |good, size| whole(good, size, "", "\0", ""),
    "no UTF-8": |_, size| Some(vec![0xff; size]),
    "<!-- without an end": |good, size| whole(good, size, "", "<!-- ", ""),
    "attribute without an end": |good, size| whole(good, size, "<a href=\"", "https://x.com/a", ""),
    "one element of attributes": |good, size| whole(good, size, "<a href=https://x.com/a class=a", " a=1", ">"),
    "scripts of a state": |good, size| whole(good, size, "", "<script>self.__next_f.push([1,\"\\\"campaign\\\":[\\\"curtainType\\\":[\"])</script>", ""),
    "a state without an end": |good, size| whole(good, size, "<script>window.__INITIAL_STATE__ = JSON.parse(\"", "\\\\u0041", ""),
    "a state of lists": |good, size| whole(good, size, "<script id=__NEXT_DATA__>[", "[0],", "[0]]</script>"),
    "a state of objects": |good, size| whole(good, size, "<script id=__NEXT_DATA__>[", "{\"a\":0},", "0]</script>"),
    "a state of numbers": |good, size| whole(good, size, "<script id=__NEXT_DATA__>[", "0,", "0]</script>"),
    // Behind each start tag of the good page.
    "much <b>": |good, size| spread(good, size, "<b>"),
    "much <div></div>": |good, size| spread(good, size, "<div></div>"),
    "much <br>": |good, size| spread(good, size, "<br>"),
    "much <p a=1 b=2>": |good, size| spread(good, size, "<p a=1 b=2>"),
    "much <p class>": |good, size| spread(good, size, "<p class=\"a b c d e f g h i j k l\" id=a>"),
    "much <table><tr><td>": |good, size| spread(good, size, "<table><tr><td>"),
    "much <svg><style>": |good, size| spread(good, size, "<svg><style>"),
    "much <meta>": |good, size| spread(good, size, "<meta http-equiv=refresh content=\"0;url=http://a.example/\">"),
    "much <!-- -->": |good, size| spread(good, size, "<!-- a -->"),
    "much &amp;": |good, size| spread(good, size, "&amp;"),
    "much &#x": |good, size| spread(good, size, "&#x41;"),
    "much é": |good, size| spread(good, size, "é"),
    "much text": |good, size| spread(good, size, "a "),
    "much @a": |good, size| spread(good, size, "@a "),
    "much Twitter: @a": |good, size| spread(good, size, "Twitter: @a "),
    "much https://x.com/a": |good, size| spread(good, size, "https://x.com/a "),
    "much a.b": |good, size| spread(good, size, "a.b.c/"),
    "links": |good, size| spread(good, size, "<a href=https://x.com/a>a</a>"),
    "links, each another": |good, size| each_another(good, size, |n| format!("<a href=https://x.com/a{n}>a</a>")),
    "links to pages, each another": |good, size| each_another(good, size, |n| format!("<a href=https://a{n}.carrd.co/>a</a>")),
    "links of 1 MiB": |good, size| spread(good, size, &format!("<a href=\"https://x.com/{}\">", "a".repeat(1 << 20))),
    "links of redirectors": |good, size| {
        let link = format!("<a href=\"{}https://x.com/a\">", "https://unsafelink.com/".repeat(170));
        spread(good, size, &link)
    },
    // JSON.
    "json: numbers": |good, size| beside(good, size, "[", "0,", "0]"),
    "json: lists": |good, size| beside(good, size, "[", "[],", "0]"),
    "json: objects": |good, size| beside(good, size, "[", "{\"a\":0},", "0]"),
    "json: empty texts": |good, size| beside(good, size, "[", "\"\",", "0]"),
    "json: short texts": |good, size| beside(good, size, "[", "\"a\",", "0]"),
    "json: members": |_, size| json_members(size),
    "json: escapes": |good, size| beside(good, size, "\"", "\\u0041", "\""),
    "json: one text": |good, size| beside(good, size, "\"", "a", "\""),
    "json: a number": |good, size| beside(good, size, "", "1", ""),
    "json: deep": |good, size| beside(good, size, "", "[", ""),
    "json: each list longer": |good, size| lists(good, size, false),
    "json: each list longer, each another": |good, size| lists(good, size, true),
    "json: each text of @a": |good, size| texts(good, size, "Twitter: @a "),
    "json: each text of addresses": |good, size| texts(good, size, " https://x.com/a"),
    "json: each text of links": |good, size| texts(good, size, "<a href=https://x.com/a>a</a>"),
    "json: each text of <b>": |good, size| texts(good, size, "<b>"),
    "json: each text of &amp;": |good, size| texts(good, size, "&amp;"),
    "json: each text of texts": |good, size| texts(good, size, "[\"a\",\"b\"],"),
    "json: each text of é": |good, size| texts(good, size, "é"),
};

fn is_json(good: &[u8]) -> bool {
    good.trim_ascii_start().starts_with(b"{") || good.trim_ascii_start().starts_with(b"[")
}

fn whole(_good: &[u8], size: usize, before: &str, unit: &str, after: &str) -> Option<Vec<u8>> {
    let count = size.saturating_sub(before.len() + after.len()) / unit.len();
    Some([before, &unit.repeat(count), after].concat().into_bytes())
}

/// The good page with the unit behind each of its start tags, as often as there is room. Where there is no
/// good page, the units alone.
fn spread(good: &[u8], size: usize, unit: &str) -> Option<Vec<u8>> {
    let mut unit = std::iter::repeat(unit.to_owned());
    filled(good, size, &mut move || unit.next().unwrap_or_default())
}

fn each_another(good: &[u8], size: usize, unit: fn(usize) -> String) -> Option<Vec<u8>> {
    let mut number = 0;
    filled(good, size, &mut move || {
        number += 1;
        unit(number)
    })
}

fn filled(good: &[u8], size: usize, unit: &mut dyn FnMut() -> String) -> Option<Vec<u8>> {
    if is_json(good) {
        return None;
    }
    let good = String::from_utf8_lossy(good).into_owned();
    let mut pieces: Vec<&str> = Vec::new();
    let mut rest = good.as_str();
    // Scripts are read as they are.
    while let Some(start) = rest.find('<') {
        let is_start = rest[start + 1..].starts_with(|c: char| c.is_ascii_alphabetic());
        let Some(end) = rest[start..].find('>').map(|end| start + end + 1) else { break };
        if is_start && !rest[start..].to_ascii_lowercase().starts_with("<script") {
            pieces.push(&rest[..end]);
            rest = &rest[end..];
        } else {
            let close = rest[start..].find("</script>").filter(|_| is_start).map_or(end, |at| start + at);
            pieces.push(&rest[..close]);
            rest = &rest[close..];
        }
    }
    let share = size.saturating_sub(good.len()) / pieces.len().max(1);
    let mut page = String::with_capacity(size);
    if pieces.is_empty() {
        pieces.push("");
    }
    for piece in pieces {
        page.push_str(piece);
        let until = page.len() + share;
        loop {
            let next = unit();
            if page.len() + next.len() > until {
                break;
            }
            page.push_str(&next);
        }
    }
    page.push_str(rest);
    Some(page.into_bytes())
}

/// The good JSON with one more member, or one more item.
fn beside(good: &[u8], size: usize, before: &str, unit: &str, after: &str) -> Option<Vec<u8>> {
    let more = whole(good, size.saturating_sub(good.len() + 8), before, unit, after)?;
    let good = good.trim_ascii();
    Some(match good {
        [] => more,
        [b'{', b'}'] => [b"{\"zz\":", more.as_slice(), b"}"].concat(),
        [b'[', b']'] => [b"[", more.as_slice(), b"]"].concat(),
        [b'{', rest @ ..] => [b"{\"zz\":", more.as_slice(), b",", rest].concat(),
        [b'[', rest @ ..] => [b"[", more.as_slice(), b",", rest].concat(),
        _ => return None,
    })
}

fn json_members(size: usize) -> Option<Vec<u8>> {
    let mut text = String::with_capacity(size);
    text.push('{');
    let mut number = 0;
    while text.len() + 20 < size {
        text.push_str(&format!("\"{number}\":0,"));
        number += 1;
    }
    text.push_str("\"z\":0}");
    Some(text.into_bytes())
}

/// Every list has its items again and again; with `anew`, each copy has other texts.
fn lists(good: &[u8], size: usize, anew: bool) -> Option<Vec<u8>> {
    let value: Value = serde_json::from_slice(good).ok()?;
    let mut count = 0;
    visit(&mut value.clone(), &mut |value| count += usize::from(is_list(value)));
    let share = size.saturating_sub(good.len()) / count.max(1);
    let mut value = value;
    if count == 0 {
        return None;
    }
    let mut number = 0;
    visit_inside_out(&mut value, &mut |value| {
        let Some(items) = value.as_array_mut().filter(|items| !items.is_empty()) else { return };
        let own = items.clone();
        let length =
            own.iter().map(|item| item.to_string().len() + 1 + if anew { 8 } else { 0 }).sum::<usize>();
        // A list within a list is repeated with it: the outer ones have their share by what is within
        // already.
        for _ in 0..(share / length.max(1)) {
            let mut more = own.clone();
            if anew {
                for item in &mut more {
                    visit(item, &mut |value| {
                        if let Value::String(text) = value {
                            number += 1;
                            text.push_str(&number.to_string());
                        }
                    });
                }
            }
            items.extend(more);
        }
    });
    let mut text = value.to_string().into_bytes();
    // What became longer than any answer is none.
    (text.len() <= size + size / 4).then(|| {
        text.shrink_to_fit();
        text
    })
}

fn is_list(value: &Value) -> bool {
    value.as_array().is_some_and(|items| !items.is_empty())
}

/// Every text of the good JSON is followed by the unit, as often as there is room.
fn texts(good: &[u8], size: usize, unit: &str) -> Option<Vec<u8>> {
    let mut value: Value = serde_json::from_slice(good).ok()?;
    let mut count = 0;
    visit(&mut value, &mut |value| count += usize::from(value.is_string()));
    let share = size.saturating_sub(good.len()) / count.max(1);
    let escaped = serde_json::to_string(unit).ok()?.len() - 2;
    let more = unit.repeat(share / escaped.max(1));
    visit(&mut value, &mut |value| {
        if let Value::String(text) = value
            // Addresses and ids stay what they are: a reader goes no further where they are odd.
            && (text.contains(' ') || text.len() > 40 || count < 4)
        {
            text.push_str(&more);
        }
    });
    let value = value.to_string().into_bytes();
    (value.len() > good.len() + 1024).then_some(value)
}

fn visit(value: &mut Value, each: &mut dyn FnMut(&mut Value)) {
    each(value);
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| visit(item, each)),
        Value::Object(fields) => fields.values_mut().for_each(|field| visit(field, each)),
        _ => {}
    }
}

fn visit_inside_out(value: &mut Value, each: &mut dyn FnMut(&mut Value)) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| visit_inside_out(item, each)),
        Value::Object(fields) => fields.values_mut().for_each(|field| visit_inside_out(field, each)),
        _ => {}
    }
    each(value);
}
