//! URLs as people paste them: lenient reading, strict hosts. Pure.

use url::{Host, Url};

/// An `http` or `https` URL with a name for a host, read leniently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    url: Url,
    /// Lower case, without a final dot, without `www.`.
    host: String,
}

/// Longer texts are no URL; far above the API's own limit, only to bound the work.
const MAX_LEN: usize = 4096;

impl Address {
    /// Reads what was pasted: surrounding spaces, a missing scheme (`deviantart.com/x`), `&amp;` for `&`
    /// and the `site:` prefix that gallery-dl writes before a URL are all put right.
    pub fn parse(text: &str) -> Option<Address> {
        let text = text.trim();
        if text.is_empty() || text.len() > MAX_LEN || text.chars().any(char::is_control) {
            return None;
        }
        let mut text = text.to_owned();
        // Escaped once for each page it was copied through.
        while text.contains("&amp;") {
            text = text.replace("&amp;", "&");
        }
        let text = without_extractor_prefix(&text);
        let url = match text.split_once("://") {
            Some((scheme, _))
                if scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https") =>
            {
                Url::parse(text).ok()?
            }
            // `twitter.com/x?u=https://...` has a `://`, but not behind a scheme.
            Some((before, _)) if !before.contains('/') => return None,
            _ if text.starts_with("//") => Url::parse(&format!("https:{text}")).ok()?,
            _ if looks_like_host(text) => Url::parse(&format!("https://{text}")).ok()?,
            _ => return None,
        };
        Address::from_url(url)
    }

    /// The same, for a URL that is already one.
    pub fn from_url(url: Url) -> Option<Address> {
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        let host = match url.host()? {
            Host::Domain(domain) => {
                let domain = domain.strip_suffix('.').unwrap_or(domain);
                if !domain.contains('.')
                    || domain.split('.').any(str::is_empty)
                    || !domain.bytes().all(is_host_byte)
                {
                    return None;
                }
                domain.to_ascii_lowercase()
            }
            address => address.to_string(),
        };
        let host = host.strip_prefix("www.").filter(|rest| rest.contains('.')).unwrap_or(&host).to_owned();
        Some(Address { url, host })
    }

    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The host in lower case, without `www.`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// True for the host itself, never for a look-alike such as `deviantart.com.evil.example`.
    pub fn is_on(&self, host: &str) -> bool {
        self.host == host
    }

    pub fn is_on_any(&self, hosts: &[&str]) -> bool {
        hosts.contains(&self.host.as_str())
    }

    /// What stands before `.{domain}`; `None` on the domain itself and elsewhere.
    pub fn subdomain_of(&self, domain: &str) -> Option<&str> {
        self.host.strip_suffix(domain)?.strip_suffix('.').filter(|sub| !sub.is_empty())
    }

    /// The parts of the path that are not empty, still percent-encoded.
    pub fn segments(&self) -> Vec<&str> {
        self.url
            .path_segments()
            .map(|parts| parts.filter(|part| !part.is_empty()).collect())
            .unwrap_or_default()
    }

    /// The first value of this query parameter, decoded, if it is not empty.
    pub fn query(&self, name: &str) -> Option<String> {
        self.url
            .query_pairs()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
            .filter(|value| !value.is_empty())
    }

    pub fn fragment(&self) -> Option<&str> {
        self.url.fragment().filter(|fragment| !fragment.is_empty())
    }
}

/// After IDNA: letters, digits, and what names of hosts hold beside them in practice.
fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

/// `philomena:https://host/1` becomes `https://host/1`.
fn without_extractor_prefix(text: &str) -> &str {
    match text.split_once(':') {
        Some((prefix, rest))
            if (rest.starts_with("https://") || rest.starts_with("http://"))
                && !prefix.is_empty()
                && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric()) =>
        {
            rest
        }
        _ => text,
    }
}

fn looks_like_host(text: &str) -> bool {
    let host = text.split(['/', '?', '#']).next().unwrap_or_default();
    host.contains('.')
        && !host.contains(['@', ' ', ','])
        && host.rsplit('.').next().is_some_and(|top| {
            let top = top.split(':').next().unwrap_or_default();
            top.chars().count() >= 2 && top.chars().all(char::is_alphabetic)
        })
}

/// A number as sites write ids: decimal digits only, at most 20, without leading zeros.
pub fn number(text: &str) -> Option<String> {
    let digits = text.trim_start_matches('0');
    let usable = !text.is_empty() && text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit());
    (usable && !digits.is_empty()).then(|| digits.to_owned())
}

/// A name as sites write them in paths: letters, digits, `_`, `-`, `.` and nothing else.
pub fn name(text: &str) -> Option<&str> {
    let usable = !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
        && text.bytes().any(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    usable.then_some(text)
}

/// Percent-decodes `text`, as a query value is decoded except that `+` stays.
pub fn decode(text: &str) -> String {
    let protected = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    url::form_urlencoded::parse(format!("v={protected}").as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// Percent-encodes `text` for use as one value in a query string.
pub fn encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, host: Option<&str>) {
        assert_eq!(Address::parse(text).map(|address| address.host().to_owned()).as_deref(), host, "{text}");
    }

    #[test]
    fn reads_what_people_paste() {
        check(" https://www.DeviantArt.com/x ", Some("deviantart.com"));
        check("deviantart.com/x", Some("deviantart.com"));
        check("//pixiv.net/i/1", Some("pixiv.net"));
        check("philomena:https://manebooru.art/307071", Some("manebooru.art"));
        check("https://user:pass@example.com:80/image.jpg", Some("example.com"));
        check("https://deviantart.com@evil.example/", Some("evil.example"));
        check("https://example.com./", Some("example.com"));
        check("♨️.com", Some("xn--j6h.com"));
        check("http://[::1]:3000", Some("[::1]"));
        let address = Address::parse("a.example/x?b=1&amp;amp;c=2").unwrap();
        assert_eq!(address.query("c").as_deref(), Some("2"));
        check("twitter.com/intent/user?u=https://a.example", Some("twitter.com"));
    }

    #[test]
    fn refuses_what_is_no_url() {
        for text in [
            "",
            "example",
            "file://example.jpg",
            "mailto://user@gmail.com",
            "user@gmail.com",
            "javascript:alert(0)",
            "http://localhost",
            "https://.example.com",
            "https://",
            "https://./",
            "https://[]:3000",
            "http://http://:example.com",
            "an artwork. by me",
            "1.5",
            "https://www.d&Amp;eviantart.com/",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn a_suffix_is_not_a_host() {
        let address = Address::parse("https://deviantart.com.evil.example/x").unwrap();
        assert!(!address.is_on("deviantart.com"));
        assert_eq!(address.subdomain_of("deviantart.com"), None);
        let address = Address::parse("https://evildeviantart.com/x").unwrap();
        assert_eq!(address.subdomain_of("deviantart.com"), None);
    }

    #[test]
    fn decodes_and_encodes() {
        assert_eq!(decode("a%20b+c%26d"), "a b+c&d");
        assert_eq!(encode("a b&c"), "a+b%26c");
        assert_eq!(number("00123"), Some("123".to_owned()));
        assert_eq!(number("0"), None);
        assert_eq!(number("12a"), None);
    }
}
