//! Handles: `@name` where the text says whose network it is on.

use super::mention::Mention;
use super::names;

/// Longest handle of X.
const MAX_HANDLE: usize = 15;
/// How far before a handle its network's name may stand, in bytes.
const REACH: usize = 96;

/// The handle, Fediverse address or Pixiv number that begins at byte `at`; `before` is where the mention before it
/// ended, whose label is not this one's.
pub(super) fn at(text: &str, before: usize, at: usize) -> Option<Mention> {
    let rest = &text[at..];
    let first = rest.chars().next()?;
    if first.is_ascii_digit() {
        return pixiv_number(text, before, at);
    }
    if !matches!(first, '@' | '＠') {
        return None;
    }
    let name_at = at + first.len_utf8();
    let name = word(&text[name_at..]);
    if name.is_empty() {
        return None;
    }
    let end = name_at + name.len();
    let label = Label::of(&text[floor(text, before.max(at.saturating_sub(REACH)))..at]);
    let glued =
        text[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '%'));
    let after = &text[end..];
    let nothing = |end| Some(Mention { start: at, end, url: None });

    // `@user@server.example`
    if let Some(server) = after.strip_prefix(['@', '＠']).map(host).filter(|host| host.contains('.')) {
        let end = end + after.len() - after.strip_prefix(['@', '＠']).map_or(0, str::len) + server.len();
        let named = label.names(names::FEDIVERSE) || label.is_empty();
        let url = (named && !glued).then(|| format!("https://{}/@{name}", server.to_ascii_lowercase()));
        return Some(Mention { start: at, end, url });
    }
    // `@name.bsky.social`
    let domain = host(&text[name_at..]);
    if domain.contains('.') {
        let end = name_at + domain.len();
        let lower = domain.to_ascii_lowercase();
        let named = label.names(names::BLUESKY) || (label.is_empty() && lower.ends_with(".bsky.social"));
        let url = (named && !glued).then(|| format!("https://bsky.app/profile/{lower}"));
        return Some(Mention { start: at, end, url });
    }
    if name.len() > MAX_HANDLE || name.contains('-') || after.starts_with(continues_a_word) {
        return nothing(end);
    }
    let named = match glued {
        // `twitter@name` is no mail address.
        true => label.ends_with(names::TWITTER),
        false => label.names_twitter() || (label.names_nothing() && named_behind(after)),
    };
    Some(Mention { start: at, end, url: named.then(|| format!("https://twitter.com/{name}")) })
}

/// `Pixiv ID: 1234567`
fn pixiv_number(text: &str, before: usize, at: usize) -> Option<Mention> {
    let digits = text[at..].bytes().take_while(u8::is_ascii_digit).count();
    let end = at + digits;
    let apart = !text[..at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '/' | '_'))
        && !text[end..]
            .starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '%' | '/' | '+' | '_'));
    let named = || {
        let label = Label::of(&text[floor(text, before.max(at.saturating_sub(REACH)))..at]);
        label.is_marked() && label.ends_with(names::PIXIV)
    };
    ((4..=9).contains(&digits) && apart && named()).then(|| Mention {
        start: at,
        end,
        url: Some(format!("https://www.pixiv.net/users/{}", &text[at..end])),
    })
}

/// What stands before a handle, on the same line and in the same sentence.
struct Label {
    /// Lower case, without the punctuation and white space at its end.
    text: String,
    /// The punctuation and white space that stood at its end.
    tail: String,
}

impl Label {
    fn of(before: &str) -> Label {
        let begin = before
            .char_indices()
            .rev()
            .find(|(_, c)| {
                matches!(
                    c,
                    '\n' | '|'
                        | '｜'
                        | '。'
                        | '！'
                        | '!'
                        | '?'
                        | '？'
                        | ';'
                        | '；'
                        | '•'
                        | '✦'
                        | '★'
                        | '☆'
                        | '♡'
                        | '◆'
                        | '■'
                        | '▼'
                )
            })
            .map_or(0, |(index, c)| index + c.len_utf8());
        let line = &before[begin..];
        let text = line.trim_end_matches(is_loose);
        let tail = line[text.len()..].to_owned();
        // `Works at X. @name`: a full stop ends what was said before.
        let stopped = tail.trim_end().starts_with(". ") || tail.trim_end() == "." && tail.ends_with(' ');
        Label { text: if stopped { String::new() } else { text.to_lowercase() }, tail }
    }

    /// No word stands before the handle; signs and emoji may.
    fn is_empty(&self) -> bool {
        !self.text.chars().any(char::is_alphanumeric)
    }

    /// A sign follows the name that makes it a label.
    fn is_marked(&self) -> bool {
        self.tail.contains([
            ':', '：', '→', '⇒', '➡', '=', '＝', '-', '–', '—', '►', '▶', '▸', '»', '>', '⇨', '@', '︰', '∶',
        ]) || self.tail.contains([')', '）', ']', '】', '」'])
    }

    fn ends_with(&self, names: &[&str]) -> bool {
        names.iter().any(|name| strip_name(&self.text, name).is_some())
    }

    /// One of these names is the last word before the handle, or the last but for words that go between.
    fn names(&self, names: &[&str]) -> bool {
        let mut text = self.text.as_str();
        for _ in 0..4 {
            if names.iter().any(|name| strip_name(text, name).is_some()) {
                return true;
            }
            match strip_any(text, BETWEEN) {
                Some(rest) => text = rest.trim_end_matches(is_loose),
                None => return false,
            }
        }
        false
    }

    /// The handle is one of X: its name stands before it, perhaps in a list of networks that have the same handle.
    fn names_twitter(&self) -> bool {
        let mut text = self.text.as_str();
        let mut marked = self.is_marked();
        for _ in 0..8 {
            if strip_any(text, names::TWITTER).is_some() {
                return true;
            }
            if let Some(rest) = strip_any(text, names::TWITTER_SHORT) {
                let alone = !rest.chars().any(char::is_alphanumeric);
                // `twitter/x @name`
                let doubled = strip_any(rest.trim_end_matches(is_loose), names::TWITTER).is_some();
                return marked || alone || doubled;
            }
            let (rest, is_network) = match strip_any(text, names::OTHERS) {
                Some(rest) => (rest, true),
                None => match strip_any(text, BETWEEN) {
                    Some(rest) => (rest, false),
                    None => return false,
                },
            };
            text = rest.trim_end_matches(is_loose);
            let gap = &rest[text.len()..];
            if is_network {
                let listed = gap.contains(['/', '／', '&', '＆', '+', '・', '、', ','])
                    || strip_any(text, &["and", "und", "et", "y", "и", "と", "和"]).is_some();
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

    /// No network at all is named before the handle.
    fn names_nothing(&self) -> bool {
        let known = [names::OTHERS, names::BLUESKY, names::FEDIVERSE, names::PIXIV];
        !known.iter().any(|names| self.names(names))
    }
}

/// Words that may stand between a network's name and the handle.
const BETWEEN: &[&str] = &[
    "and",
    "is",
    "are",
    "my",
    "me",
    "at",
    "on",
    "account",
    "accounts",
    "acc",
    "acct",
    "handle",
    "username",
    "user",
    "id",
    "name",
    "art",
    "main",
    "sfw",
    "nsfw",
    "alt",
    "also",
    "here",
    "now",
    "new",
    "personal",
    "sub",
    "find",
    "follow",
    "formerly twitter",
    "ex-twitter",
    "アカウント",
    "アカ",
    "垢",
    "は",
    "が",
    "の",
    "も",
    "です",
    "メイン",
    "本垢",
    "サブ",
    "サブ垢",
    "絵垢",
    "新",
    "こちら",
    "と",
    "계정",
    "아이디",
    "은",
    "는",
    "이",
    "도",
    "본계",
    "부계",
    "그림계",
    "메인",
    "帐号",
    "账号",
    "帳號",
    "帳号",
    "号",
    "是",
    "在",
    "id是",
    "叫",
    "和",
    "аккаунт",
    "акк",
    "мой",
    "мой аккаунт",
    "ник",
    "основной",
    "в",
    "и",
    "cuenta",
    "mi",
    "mi cuenta",
    "usuario",
    "en",
    "es",
    "soy",
    "y",
    "konto",
    "mein",
    "ist",
    "name",
    "als",
    "und",
    "compte",
    "mon",
    "est",
    "pseudo",
    "sur",
    "et",
    "บัญชี",
    "แอค",
    "ไอดี",
    "คือ",
    "ชื่อ",
    "حسابي",
    "حساب",
    "على",
    "هو",
];

/// `@name (Twitter)`, `@name on X`: the network's name stands behind the handle.
fn named_behind(after: &str) -> bool {
    let lower = after.get(..floor(after, 40)).unwrap_or(after).to_lowercase();
    let rest = lower.trim_start_matches(' ');
    if let Some(inside) = rest.strip_prefix(['(', '（', '[']) {
        return strip_name_before(inside.trim_start())
            .is_some_and(|rest| rest.trim_start().starts_with([')', '）', ']', '/', ',']));
    }
    let behind =
        ["on ", "en ", "auf ", "sur ", "в ", "على ", "via "].iter().find_map(|word| rest.strip_prefix(word));
    behind
        .and_then(|text| strip_name_before(text.trim_start()))
        .is_some_and(|rest| !rest.trim_start().starts_with([':', '：', '@', '.']))
}

/// What follows a name of X that the text begins with.
fn strip_name_before(text: &str) -> Option<&str> {
    names::TWITTER
        .iter()
        .chain(&["x"])
        .find_map(|name| text.strip_prefix(name).filter(|rest| !rest.starts_with(continues_a_word)))
}

/// Takes the name off the end of the text, where it is a word of its own.
fn strip_name<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let rest = text.strip_suffix(name)?;
    let begins_ascii = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    let begins_word = name.starts_with(continues_a_word);
    let within = rest.ends_with(|c: char| match begins_ascii {
        true => c.is_ascii_alphanumeric() || c == '_' || (c.is_alphabetic() && continues_a_word(c)),
        false => begins_word && c.is_alphabetic() && continues_a_word(c),
    });
    (!within).then_some(rest)
}

fn strip_any<'a>(text: &'a str, names: &[&str]) -> Option<&'a str> {
    // The longest one, so that `sub` does not stand for the end of another word in the list.
    names.iter().filter_map(|name| strip_name(text, name)).min_by_key(|rest| rest.len())
}

/// Punctuation, signs and white space between a name and a handle.
fn is_loose(c: char) -> bool {
    !c.is_alphanumeric() && !matches!(c, '🦋' | '🐘' | '𝕏') && !is_mark(c)
}

/// Vowel signs of Thai and Arabic, which are part of a word though no letters.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{0e31}' | '\u{0e34}'..='\u{0e3a}' | '\u{0e47}'..='\u{0e4e}' | '\u{064b}'..='\u{0652}')
}

/// A letter or sign that makes what stands before it part of a longer word. Scripts that do not part words, and those
/// that glue particles to a name (Hangul, Arabic), do not.
fn continues_a_word(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || c == '_'
        || matches!(c, '\u{00c0}'..='\u{024f}' | '\u{0370}'..='\u{052f}' | '\u{1e00}'..='\u{1fff}')
}

/// The letters, digits, `_` and `-` that the text begins with.
fn word(text: &str) -> &str {
    let length =
        text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')).count();
    &text[..length]
}

/// The host name that the text begins with, without a full stop at its end.
fn host(text: &str) -> &str {
    let length = text
        .bytes()
        .take(254)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
        .count();
    let host = text[..length].trim_end_matches(['.', '-']);
    let top = host.rsplit('.').next().unwrap_or_default();
    let is_host =
        top.len() >= 2 && top.bytes().all(|byte| byte.is_ascii_alphabetic()) && !host.contains("..");
    if is_host { host } else { "" }
}

/// The nearest place at or after `index` where a character begins.
fn floor(text: &str, index: usize) -> usize {
    (index..=text.len()).find(|index| text.is_char_boundary(*index)).unwrap_or(text.len())
}
