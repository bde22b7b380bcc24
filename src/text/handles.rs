//! Handles: `@name` where the text says whose network it is on.

use super::cost;
use super::mention::{Mention, Naming};
use super::words::{self, Kind, continues_a_word, is_loose};

/// Where the addresses of X's accounts begin.
pub(super) const X: &str = "https://twitter.com/";
/// Longest handle of X.
const MAX_HANDLE: usize = 15;
/// How far before a handle its network's name may stand, in bytes.
const REACH: usize = 96;
/// Longest run of letters that is looked at; a Fediverse name has 30, a part of a host name 63.
const MAX_WORD: usize = 128;
/// Words that stand for everybody in a room, or for no name: `@everyone`.
const NO_NAMES: [&str; 3] = ["everyone", "here", "channel"];

/// Where the mention before ended, whose label is not the next one's, and whether it was a handle of X.
#[derive(Clone, Copy, Default)]
pub(super) struct Previous {
    pub(super) end: usize,
    pub(super) is_on_x: bool,
}

/// The handle, Fediverse address, Bluesky host or Pixiv number that begins at byte `at`.
pub(super) fn at(text: &str, previous: Previous, at: usize) -> Option<Mention> {
    let first = text[at..].chars().next()?;
    // Within a word nothing begins, and nothing needs to be looked at.
    let glued = text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || "._-+%".contains(c));
    match first {
        '@' => handle(text, previous, at, glued),
        '/' => pixiv_style(text, at),
        _ if glued || !first.is_ascii_alphanumeric() => None,
        _ => labelled(text, previous, at),
    }
}

/// `@name`, `@user@server.example`, `@name.bsky.social`
fn handle(text: &str, previous: Previous, at: usize, glued: bool) -> Option<Mention> {
    let name_at = at + 1;
    let name = word(&text[name_at..]);
    if name.is_empty() {
        return None;
    }
    let end = name_at + name.len();
    let label = Label::before(text, previous.end, at);
    let after = &text[end..];
    let mention = |end, url: Option<String>, naming| Some(Mention { start: at, end, url, naming });

    if let Some(server) = after.strip_prefix('@').map(host).filter(|host| host.contains('.')) {
        let named = !glued && (label.names(Kind::Fediverse) || label.is_empty());
        let url = named.then(|| fediverse(name, server));
        return mention(end + 1 + server.len(), url, Naming::Before);
    }
    let domain = host(&text[name_at..]);
    if domain.contains('.') {
        let suffixed = label.is_empty() && is_bluesky(domain);
        let named = !glued && (label.names(Kind::Bluesky) || suffixed);
        return mention(name_at + domain.len(), named.then(|| bluesky(domain)), Naming::Before);
    }
    let is_name = name.len() <= MAX_HANDLE
        && !name.contains('-')
        && !after.starts_with(continues_a_word)
        && !NO_NAMES.iter().any(|word| name.eq_ignore_ascii_case(word));
    let naming = match is_name {
        false => None,
        // `twitter@name` is no mail address.
        true if glued => label.ends_with(Kind::X).then_some(Naming::Before),
        true if label.names_x() || previous.is_on_x && label.is_the_other_side() => Some(Naming::Before),
        true => (label.names_no_network() && named_behind(after)).then_some(Naming::Behind),
    };
    let url = naming.map(|_| format!("{X}{name}"));
    mention(end, url, naming.unwrap_or(Naming::Before))
}

/// What has no `@` and counts behind its network's name: `Pixiv ID: 1234567`, `Bluesky: name.example`,
/// `Mastodon: user@server.example`.
fn labelled(text: &str, previous: Previous, at: usize) -> Option<Mention> {
    let rest = &text[at..];
    let digits = word(rest).bytes().take_while(u8::is_ascii_digit).count();
    let is_number = (4..=9).contains(&digits)
        && !rest[digits..].starts_with(|c: char| c.is_ascii_alphanumeric() || "%/+_".contains(c));
    let name = word(rest);
    let server = rest[name.len()..].strip_prefix('@').map(host).filter(|host| host.contains('.'));
    let domain = host(rest);
    if !is_number && server.is_none() && !domain.contains('.') {
        return None;
    }
    let mention =
        |length, url| Some(Mention { start: at, end: at + length, url: Some(url), naming: Naming::Before });
    let label = Label::before(text, previous.end, at);
    if let Some(server) = server {
        let named = label.names(Kind::Fediverse);
        return if named { mention(name.len() + 1 + server.len(), fediverse(name, server)) } else { None };
    }
    if domain.contains('.') && !rest[domain.len()..].starts_with(['/', '@', ':']) {
        let named = is_bluesky(domain) || label.is_marked() && label.ends_with(Kind::Bluesky);
        return if named { mention(domain.len(), bluesky(domain)) } else { None };
    }
    let named = is_number && label.is_marked() && label.ends_with(Kind::Pixiv);
    if named { mention(digits, format!("https://www.pixiv.net/users/{}", &rest[..digits])) } else { None }
}

/// `twitter/name`: how Pixiv writes a link to an account of X, alone on its line or behind a label.
fn pixiv_style(text: &str, at: usize) -> Option<Mention> {
    const NETWORK: &str = "twitter";
    let before = text[..at].strip_suffix(NETWORK)?;
    let name = word(&text[at + 1..]);
    let after = text[at + 1 + name.len()..].trim_start_matches(' ');
    let lower = name.to_ascii_lowercase();
    let known = [Kind::X, Kind::XShort, Kind::Bluesky, Kind::Fediverse, Kind::Other, Kind::Between];
    let is_name = (4..=MAX_HANDLE).contains(&name.len())
        && !name.contains('-')
        && !known.iter().any(|kind| words::strip_first(&lower, *kind).is_some());
    let stands_apart = before.trim_end_matches(' ').is_empty()
        || before.trim_end_matches(' ').ends_with(['\n', ':', '：', '[', '(', '（']);
    let ends = after.is_empty() || after.starts_with(['\n', '\r', ']', ')', '）', '　']);
    (is_name && stands_apart && ends).then(|| Mention {
        start: at - NETWORK.len(),
        end: at + 1 + name.len(),
        url: Some(format!("{X}{name}")),
        naming: Naming::Before,
    })
}

fn fediverse(name: &str, server: &str) -> String {
    format!("https://{}/@{name}", server.to_ascii_lowercase())
}

fn bluesky(domain: &str) -> String {
    format!("https://bsky.app/profile/{}", domain.to_ascii_lowercase())
}

/// A handle below Bluesky's own domain.
fn is_bluesky(domain: &str) -> bool {
    let lower = domain.to_ascii_lowercase();
    lower.strip_suffix(".bsky.social").is_some_and(|name| !name.is_empty())
}

/// What stands before a handle, in the same sentence.
struct Label {
    /// The last part that has words, lower case, without the signs at its end.
    text: String,
    /// The punctuation and white space that stood at its end.
    tail: String,
    /// A sign that parts cells or lines stands in the tail: `Twitter | @name`.
    apart: bool,
}

impl Label {
    /// The label of what stands at byte `at`, not beyond byte `begin`.
    fn before(text: &str, begin: usize, at: usize) -> Label {
        let begin = text.ceil_char_boundary(begin.max(at.saturating_sub(REACH)));
        cost::spend(at - begin);
        let before = &text[begin..at];
        let words = before.trim_end_matches(is_loose);
        let tail = before[words.len()..].to_owned();
        let part = words.rfind(|c| parts_cells(c) || ends_sentence(c));
        let begin = part.map_or(0, |index| index + words[index..].chars().next().map_or(1, char::len_utf8));
        // `Works at X. @name`: a full stop ends what was said before. `Twitter;@name` is a slip.
        let slip = tail == ";" || tail == "；";
        let trimmed = tail.trim_end();
        let stopped = tail.contains(ends_sentence) && !slip
            || trimmed.starts_with(". ")
            || trimmed == "." && tail.ends_with(' ')
            || tail.matches('\n').count() > 1;
        let apart = tail.contains(parts_cells);
        Label { text: if stopped { String::new() } else { words[begin..].to_lowercase() }, tail, apart }
    }

    /// No word stands before the handle in its line or cell; signs and emoji may.
    fn is_empty(&self) -> bool {
        self.apart || !self.text.chars().any(char::is_alphanumeric)
    }

    /// A sign follows the name that makes it a label.
    fn is_marked(&self) -> bool {
        self.tail.contains(|c| ":：→⇒➡=＝-–—►▶▸»>⇨@︰∶;)）]】」".contains(c))
            || self.tail == "("
            || self.tail == "（"
    }

    fn ends_with(&self, kind: Kind) -> bool {
        self.holds(words::strip_last(&self.text, kind))
    }

    /// What stands before the name leaves it a label: in a line or cell of its own the name stands alone.
    fn holds(&self, rest: Option<&str>) -> bool {
        rest.is_some_and(|rest| !self.apart || !rest.chars().any(char::is_alphanumeric))
    }

    /// One of these names is the last word before the handle, or the last but for words that go between.
    fn names(&self, kind: Kind) -> bool {
        let mut text = self.text.as_str();
        for _ in 0..4 {
            if self.holds(words::strip_last(text, kind)) {
                return true;
            }
            match words::strip_last(text, Kind::Between) {
                Some(rest) => text = rest.trim_end_matches(is_loose),
                None => return false,
            }
        }
        false
    }

    /// The handle is one of X: its name stands before it, perhaps in a list of networks that have the same
    /// handle.
    fn names_x(&self) -> bool {
        let mut text = self.text.as_str();
        let mut marked = self.is_marked() || self.apart;
        for _ in 0..8 {
            let name = words::strip_last(text, Kind::Former).or_else(|| words::strip_last(text, Kind::X));
            if name.is_some() {
                return self.holds(name);
            }
            if let Some(rest) = words::strip_last(text, Kind::XShort) {
                return self.holds(Some(rest)) && is_short_name(rest, marked);
            }
            let (rest, is_network) = match words::strip_last(text, Kind::Other) {
                Some(rest) => (rest, true),
                None => match words::strip_last(text, Kind::Between) {
                    Some(rest) => (rest, false),
                    None => return false,
                },
            };
            text = rest.trim_end_matches(is_loose);
            let gap = &rest[text.len()..];
            if is_network {
                let is_and = |word: &&str| text.strip_suffix(*word).is_some_and(|rest| rest.ends_with(' '));
                const AND: [&str; 7] = ["and", "und", "et", "y", "e", "и", "with"];
                let listed = gap.contains(['/', '／', '&', '＆', '+', '・', '、', ','])
                    || AND.iter().any(is_and)
                    || text.ends_with(['と', '和']);
                if !listed {
                    return false;
                }
                marked = true;
            } else {
                marked |= gap.contains([':', '：']);
            }
        }
        false
    }

    /// Between a handle of X and this one stand only signs and what tells one account of a person from the
    /// other:
    /// `@main (SFW) | @other (NSFW)`.
    fn is_the_other_side(&self) -> bool {
        let mut text = self.text.as_str();
        for sides in 0..4 {
            if text.is_empty() {
                return sides > 0;
            }
            let Some(rest) = words::strip_last(text, Kind::Side) else { return false };
            text = rest.trim_end_matches(is_loose);
        }
        false
    }

    /// No network at all is named before the handle.
    fn names_no_network(&self) -> bool {
        [Kind::Other, Kind::Bluesky, Kind::Fediverse, Kind::Pixiv].iter().all(|kind| !self.names(*kind))
    }
}

/// A short name counts with a sign behind it, and alone, doubled, or behind a word that goes before a
/// network's name;
/// `Model X: @name` is none.
fn is_short_name(rest: &str, marked: bool) -> bool {
    let before = rest.trim_end_matches(is_loose);
    // `twitter/x @name`, `on X @name`
    if before.is_empty()
        || [Kind::X, Kind::Former].iter().any(|kind| words::ends_with(before, *kind))
        || rest.ends_with(' ') && words::ends_with(before, Kind::At)
    {
        return true;
    }
    // `DMはX(@name)へ`: hiragana before it parts a name from a word, as a space does elsewhere.
    if rest.ends_with(['/', '／', '|']) || rest.trim_end().ends_with(['/', '／']) {
        return true;
    }
    let parted = rest.ends_with(|c| ('ぁ'..='ん').contains(&c))
        || rest.ends_with(['\u{3000}', '\t'])
        || rest.ends_with("  ")
        || rest.trim_end().ends_with(|c: char| is_loose(c) && !"-.'’".contains(c));
    let goes_before = [Kind::Between, Kind::Own, Kind::Other, Kind::Bluesky];
    marked && (parted || goes_before.iter().any(|kind| words::ends_with(before, *kind)))
}

fn parts_cells(c: char) -> bool {
    matches!(c, '\n' | '|' | '｜' | '•' | '✦' | '★' | '☆' | '♡' | '◆' | '■' | '▼')
}

fn ends_sentence(c: char) -> bool {
    matches!(c, '。' | '！' | '!' | '?' | '？' | ';' | '；')
}

/// `@name (Twitter)`, `@name on X`, `@name - my Twitter`: the network's name stands behind the handle.
fn named_behind(after: &str) -> bool {
    const NEAR: usize = 64;
    let near = &after[..after.floor_char_boundary(NEAR)];
    cost::spend(near.len());
    let lower = near.to_lowercase();
    let rest = lower.trim_start_matches([' ', '\u{3000}']);
    if let Some(inside) = rest.strip_prefix(['(', '（', '[']) {
        let inside = inside.trim_start();
        let inside = words::strip_first(inside, Kind::At).map_or(inside, str::trim_start);
        return strip_x(inside)
            .is_some_and(|rest| rest.trim_start().starts_with([')', '）', ']', '/', ',', '・', '、']));
    }
    if let Some(behind) = words::strip_start(rest, Kind::At) {
        let goes_on = |rest: &str| {
            let rest = rest.trim_start();
            rest.starts_with([':', '：', '@'])
                || rest.starts_with('.')
                    && !rest[1..].trim().is_empty()
                    && !rest[1..].starts_with(char::is_whitespace)
        };
        return strip_x(behind.trim_start()).is_some_and(|rest| !goes_on(rest));
    }
    // Behind a sign the name ends the sentence: `@name - Twitter @other` is another's label.
    let Some(behind) = rest.strip_prefix(['-', '–', '—', '←', '@', '=']) else { return false };
    let behind = behind.trim_start();
    let behind = words::strip_first(behind, Kind::Own).map_or(behind, str::trim_start);
    strip_x(behind).is_some_and(|rest| {
        let rest = rest.strip_prefix("です").unwrap_or(rest).trim_start_matches([' ', '\u{3000}', '\r']);
        rest.is_empty() || rest.starts_with(['\n', '.', '!', '。', '！', ')', '）', '|', ',', '/', '／'])
    })
}

/// What follows a name of X that the text begins with.
fn strip_x(text: &str) -> Option<&str> {
    words::strip_first(text, Kind::X)
        .or_else(|| words::strip_first(text, Kind::Former))
        .or_else(|| text.strip_prefix(['x', '𝕏']).filter(|rest| !rest.starts_with(continues_a_word)))
}

/// The letters, digits, `_` and `-` that the text begins with.
fn word(text: &str) -> &str {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let length = text.bytes().take(MAX_WORD).take_while(is_part).count();
    cost::spend(length);
    &text[..length]
}

/// The host name that the text begins with, without a full stop at its end.
fn host(text: &str) -> &str {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let length = text.bytes().take(254).take_while(is_part).count();
    cost::spend(length);
    let host = text[..length].trim_end_matches(['.', '-']);
    let top = host.rsplit('.').next().unwrap_or_default();
    let is_host =
        top.len() >= 2 && top.bytes().all(|byte| byte.is_ascii_alphabetic()) && !host.contains("..");
    if is_host { host } else { "" }
}
