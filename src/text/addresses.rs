//! Addresses in a text, with a scheme or without one.

use super::cost;
use super::mention::{Mention, Naming};

/// Longest host name, as DNS has it.
const MAX_HOST_BYTES: usize = 253;
/// Longest address that is looked at; browsers take no longer ones.
const MAX_ADDRESS_BYTES: usize = 2048;

/// The address that begins at byte `at`.
pub(super) fn at(text: &str, at: usize) -> Option<Mention> {
    let rest = &text[at..];
    if let Some(scheme) = scheme(rest) {
        let has_host = rest[scheme..].starts_with(|c: char| c.is_ascii_alphanumeric());
        let end = || at + scheme + address_length(&rest[scheme..]);
        return has_host.then(end).map(|end| Mention {
            start: at,
            end,
            url: Some(text[at..end].to_owned()),
            naming: Naming::Address,
        });
    }
    bare(text, at)
}

/// The address is one of X.
pub(super) fn is_on_x(address: &str) -> bool {
    let rest = scheme(address).map_or(address, |length| &address[length..]);
    let host = rest[..host_length(rest)].to_ascii_lowercase();
    let host = ["www.", "mobile.", "m."].iter().find_map(|front| host.strip_prefix(front)).unwrap_or(&host);
    matches!(host, "twitter.com" | "x.com")
}

/// The length of `http://` or `https://` where the text begins with it.
fn scheme(text: &str) -> Option<usize> {
    ["https://", "http://"]
        .into_iter()
        .find(|scheme| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
        .map(str::len)
}

/// `twitter.com/name`, `name.carrd.co`: an address without its scheme.
fn bare(text: &str, at: usize) -> Option<Mention> {
    let rest = &text[at..];
    let begins = rest.starts_with(|c: char| c.is_ascii_alphanumeric());
    // Within a word, a path or a mail address there is no beginning.
    let within = text[..at].ends_with(|c: char| {
        c.is_ascii_alphanumeric()
            || matches!(c, '_' | '.' | '-' | '@' | '＠' | '/' | '+' | '%' | '=' | '&' | '#' | '~')
    });
    if !begins || within {
        return None;
    }
    let length = host_length(rest);
    let host = rest[..length].trim_end_matches(['.', '-']);
    let after = &rest[host.len()..];
    // Where no host follows, nothing is passed over, and nothing far ahead was looked at for it.
    if let Some(domain) =
        after.strip_prefix('@').filter(|text| host_length(text) > 0).map(|text| &text[..address_length(text)])
        && domain.contains('.')
    {
        // The front of a mail address; the whole is passed over.
        return Some(Mention {
            start: at,
            end: at + host.len() + 1 + domain.len(),
            url: None,
            naming: Naming::Address,
        });
    }
    if host.len() > MAX_HOST_BYTES || !is_host(host) {
        return None;
    }
    let has_path = after.starts_with('/') && !after.starts_with("//");
    // `v1.2.final` and `sentence.Next` are no hosts; `name.carrd.co` is one, also alone.
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    let stands_alone = host.split('.').count() >= 3
        && !host.bytes().any(|byte| byte.is_ascii_uppercase())
        && !host.split('.').any(is_number);
    if !has_path && !stands_alone {
        return None;
    }
    let end = match has_path {
        true => at + address_length(rest),
        false => at + host.len(),
    };
    Some(Mention { start: at, end, url: Some(text[at..end].to_owned()), naming: Naming::Address })
}

/// How many bytes of the text may be a host name's.
fn host_length(text: &str) -> usize {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    let length = text.bytes().take(MAX_HOST_BYTES + 1).take_while(is_part).count();
    cost::spend(length);
    length
}

/// At least two labels, the last of letters alone.
fn is_host(host: &str) -> bool {
    let mut labels = host.rsplit('.');
    let top = labels.next().unwrap_or_default();
    top.len() >= 2
        && top.bytes().all(|byte| byte.is_ascii_alphabetic())
        && host.contains('.')
        && labels.all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'))
}

/// How many bytes of the text belong to the address that it begins with. Only ASCII does: in Japanese,
/// Chinese, Korean and Thai the next word touches the address. A bracket belongs to it when its partner does;
/// punctuation at the end is the sentence's; a second address behind the first is one of its own, unless the
/// first asks for it.
fn address_length(text: &str) -> usize {
    let mut open = 0_i32;
    let mut end = 0;
    for (index, c) in text.char_indices().take_while(|(index, _)| *index < MAX_ADDRESS_BYTES) {
        match c {
            '(' => open += 1,
            ')' if open == 0 => break,
            ')' => open -= 1,
            'h' | 'H' if index > 0 && scheme(&text[index..]).is_some() => {
                if text[..index].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
                    break;
                }
            }
            '<' | '>' | '"' | '[' | ']' | '{' | '}' | '|' | '\\' | '^' | '`' | ',' => break,
            c if c.is_ascii_graphic() => {}
            _ => break,
        }
        end = index + c.len_utf8();
    }
    cost::spend(end);
    text[..end].trim_end_matches(['.', ';', '!', '?', '\'', '*', ':', '(']).len()
}
