//! How the artwork's URL is read out of a request: the rules that keep clients working which put
//! the URL into the query string without encoding it.
//!
//! 1. The value starts after the first `url=` that begins the query string or follows a `&`.
//! 2. A value that starts with a literal `scheme://` was not encoded: everything up to the end of
//!    the query string belongs to it, `&`, `+` and percent escapes included, exactly as sent. So
//!    other parameters, if any, go before `url`.
//! 3. Any other value is an ordinary form parameter: it ends at the next `&` and is decoded once
//!    (`%XX`, and `+` for a space).
//!
//! In all cases white space around the URL is dropped, and an empty URL counts as none.

use url::form_urlencoded;

use crate::api::limits::MAX_URL_CHARS;
use crate::domain::failure::FailureCode;

/// The most bytes of a body that holds a URL: `MAX_URL_CHARS` of the widest characters.
pub const MAX_URL_BODY_BYTES: usize = 1024;

/// The URL in a raw query string, or the code that says why there is none to work with.
pub fn from_query_string(query: &str) -> Result<String, FailureCode> {
    text_in(query).map_or(Err(FailureCode::NoUrlField), |text| checked(&text))
}

/// What stands where the URL belongs, whatever it is; `None` where the parameter is missing.
pub fn text_in(query: &str) -> Option<String> {
    let value = raw_value(query, "url")?;
    Some(if starts_with_scheme(value) { value.to_owned() } else { decoded(value) })
}

/// The URL in the body of a `POST /query`: the body is the URL, never encoded. A body in the form
/// of a query string (`url=...`, what an HTML form or `curl -d url=...` sends) is read as one.
pub fn from_body(body: &[u8]) -> Result<String, FailureCode> {
    let text = String::from_utf8_lossy(body);
    if text.trim_start().starts_with("url=") { from_query_string(text.trim()) } else { checked(&text) }
}

/// Another parameter of a query string, decoded; `None` where it is missing or empty.
pub fn named(query: &str, name: &str) -> Option<String> {
    let value = decoded(raw_value(query, name)?);
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

/// The same, where it has to stand before the artwork's URL, whose own parameters are nobody else's.
pub fn named_before_url(query: &str, name: &str) -> Option<String> {
    let own = match query.find("url=").filter(|at| *at == 0 || query.as_bytes().get(at - 1) == Some(&b'&')) {
        Some(at) if starts_with_scheme(&query[at + 4..]) => &query[..at],
        Some(_) | None => query,
    };
    named(own, name)
}

/// A URL that was given alone: trimmed, neither empty nor too long.
pub fn checked(url: &str) -> Result<String, FailureCode> {
    let url = url.trim();
    if url.is_empty() {
        Err(FailureCode::NoUrlField)
    } else if url.chars().count() > MAX_URL_CHARS {
        Err(FailureCode::UrlTooLong)
    } else {
        Ok(url.to_owned())
    }
}

/// What follows the first `name=` that begins a parameter, to the end of the query string.
fn raw_value<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    let mut rest = query;
    loop {
        if let Some(value) = rest.strip_prefix(name).and_then(|after| after.strip_prefix('=')) {
            return Some(value);
        }
        rest = rest.split_once('&')?.1;
    }
}

/// A scheme as in RFC 3986, then `://`, neither of them encoded.
fn starts_with_scheme(value: &str) -> bool {
    let Some((scheme, _)) = value.split_once("://") else { return false };
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

fn decoded(value: &str) -> String {
    let until_next = value.split('&').next().unwrap_or_default();
    // The parser wants `name=value`; with the name in front, a `=` inside the value stays in it.
    let pair = format!("v={until_next}");
    form_urlencoded::parse(pair.as_bytes()).next().map_or_else(String::new, |(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use FailureCode::{NoUrlField, UrlTooLong};

    #[track_caller]
    fn check(query: &str, expect: Result<&str, FailureCode>) {
        assert_eq!(from_query_string(query), expect.map(str::to_owned), "{query}");
    }

    #[test]
    fn query_strings() {
        check("", Err(NoUrlField));
        check("url", Err(NoUrlField));
        check("url=", Err(NoUrlField));
        check("url=%20+", Err(NoUrlField));
        check("curl=https://a.example/", Err(NoUrlField));
        check("url=&x=https://a.example/", Err(NoUrlField));
        // Not encoded: all of the rest belongs to the URL.
        check("url=https://a.example/art/1", Ok("https://a.example/art/1"));
        check("url=https://a.example/p?mode=m&id=98", Ok("https://a.example/p?mode=m&id=98"));
        check("url=https://a.example/p?tags=a+b", Ok("https://a.example/p?tags=a+b"));
        check("url=https://a.example/%E3%81%82?q=1%2B1", Ok("https://a.example/%E3%81%82?q=1%2B1"));
        check(
            "url=https://a.example/?url=https://b.example/",
            Ok("https://a.example/?url=https://b.example/"),
        );
        check("lang=fr&url=https://a.example/p?a=1&b=2", Ok("https://a.example/p?a=1&b=2"));
        check("url=HTTPS://A.example/", Ok("HTTPS://A.example/"));
        // Encoded, by whatever taste.
        check("url=https%3A%2F%2Fa.example%2Fp%3Fmode%3Dm%26id%3D98", Ok("https://a.example/p?mode=m&id=98"));
        check("url=https%3a%2f%2fa.example%2f&lang=fr", Ok("https://a.example/"));
        check("url=https%3A//a.example/p%3Fa%3D1&x=2", Ok("https://a.example/p?a=1"));
        check("url=https:%2F%2Fa.example%2F", Ok("https://a.example/"));
        check("url=https%3A%2F%2Fa.example%2Fq%3Da%2Bb", Ok("https://a.example/q=a+b"));
        check("url=https%3A%2F%2Fa.example%2F%25E3%2581%2582", Ok("https://a.example/%E3%81%82"));
        check("url=+https%3A%2F%2Fa.example%2F+", Ok("https://a.example/"));
        // Not URLs, but that is for the broker to say.
        check("url=hello", Ok("hello"));
        check("url=a=b&c=d", Ok("a=b"));
        check("url=a.example/p?to=https://b.example/", Ok("a.example/p?to=https://b.example/"));
        check("url=%FF", Ok("\u{fffd}"));
    }

    #[test]
    fn the_limit_counts_characters() {
        let url = |chars: usize| format!("https://a.example/{}", "é".repeat(chars - 18));
        check(&format!("url={}", url(256)), Ok(&url(256)));
        check(&format!("url={}", url(257)), Err(UrlTooLong));
    }

    #[test]
    fn bodies() {
        #[track_caller]
        fn check(body: &str, expect: Result<&str, FailureCode>) {
            assert_eq!(from_body(body.as_bytes()), expect.map(str::to_owned), "{body}");
        }
        check("", Err(NoUrlField));
        check(" \n", Err(NoUrlField));
        check("https://a.example/p?a=1&b=%20+\n", Ok("https://a.example/p?a=1&b=%20+"));
        check("url=https%3A%2F%2Fa.example%2F", Ok("https://a.example/"));
        check("url=", Err(NoUrlField));
    }

    #[test]
    fn other_parameters() {
        assert_eq!(named("identifier=a%2Fb&x=1", "identifier").as_deref(), Some("a/b"));
        assert_eq!(named("identifier=", "identifier"), None);
        assert_eq!(named("x=1", "identifier"), None);
        let webhook = |query: &str| named_before_url(query, "webhook");
        assert_eq!(webhook("webhook=bot&url=https://a.example/?a=1&b=2").as_deref(), Some("bot"));
        assert_eq!(
            webhook("url=https://a.example/?a=1&webhook=bot"),
            None,
            "it belongs to the page's address"
        );
        assert_eq!(webhook("url=https%3A%2F%2Fa.example&webhook=bot").as_deref(), Some("bot"));
        assert_eq!(webhook("webhook=bot").as_deref(), Some("bot"));
    }
}
