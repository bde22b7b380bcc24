//! Whether the words around a mention say that it is somebody else's: a credit, a denial, a friend, a fan's
//! account; or that it is no more.
//!
//! The words stand in `words.txt`. They can only be wrong towards silence: a text that is taken for a credit
//! loses a link, one that is not gains a wrong artist. What no list can hold is told by the form: a label
//! that is neither a network's name nor a word for oneself (`Costume: @name (X)`) names a part that somebody
//! else had.

use super::cost;
use super::mention::Naming;
use super::words::{self, Kind};

/// What stands on both sides of a mention.
pub(super) struct Surroundings<'a> {
    pub(super) before: &'a str,
    pub(super) after: &'a str,
    pub(super) naming: Naming,
}

/// How far to each side is looked, in bytes.
const REACH: usize = 120;
/// Signs that make a label of what stands before them.
const LABEL_SIGNS: [char; 4] = [':', '：', '→', '⇒'];

pub(super) fn names_somebody_else(around: &Surroundings<'_>) -> bool {
    let before = clause_before(around.before);
    let (after, next) = clauses_after(around.after);
    ends_in_credit(&before)
        || stands_below_a_credit(around.before)
        || names_the_credited(&before)
        || has_a_strange_label(&before, around.naming)
        || words::stand_in(&before, Kind::Before)
        || words::stand_in(&after, Kind::Behind)
        || [Kind::Behind, Kind::GoneBehind].iter().any(|kind| words::strip_start(&next, *kind).is_some())
        || is_honored(&after)
        || is_gone(&before, &after)
}

/// The last word before the mention is the name of X: `Twitter: https://...`.
pub(super) fn is_labelled(around: &Surroundings<'_>) -> bool {
    let before = clause_before(around.before);
    let text = before.trim_end_matches(words::is_loose);
    [Kind::X, Kind::XShort, Kind::Former].iter().any(|kind| words::ends_with(text, *kind))
}

/// The clause in which the mention stands, as far as it stands before it; lower case.
fn clause_before(text: &str) -> String {
    let near = &text[text.ceil_char_boundary(text.len().saturating_sub(REACH))..];
    cost::spend(near.len());
    let begin = near
        .char_indices()
        .rev()
        .skip_while(|(_, c)| c.is_whitespace() && *c != '\n')
        .find(|(index, c)| is_end(*c, &near[index + c.len_utf8()..]))
        .map_or(0, |(index, c)| index + c.len_utf8());
    near[begin..].to_lowercase()
}

/// The same behind it, up to the next handle, which has words of its own; and what follows a comma at its
/// end.
fn clauses_after(text: &str) -> (String, String) {
    let near = &text[..text.floor_char_boundary(REACH)];
    cost::spend(near.len());
    let clause = |text: &str| {
        text.char_indices()
            .find(|(index, c)| *c == '@' || is_end(*c, &text[index + c.len_utf8()..]))
            .map_or(text.len(), |(index, _)| index)
    };
    let end = clause(near);
    let next = near[end..].strip_prefix([',', '、', '，', '،']).unwrap_or_default().trim_start();
    (near[..end].to_lowercase(), next[..clause(next)].to_lowercase())
}

fn is_end(c: char, rest: &str) -> bool {
    match c {
        '\n' | '|' | '｜' | '•' | '·' | '。' | '！' | '!' | '?' | '？' | ';' | '；' | ',' | '、' | '，'
        | '／' | '✦' | '★' | '☆' | '♡' | '◆' | '■' | '،' => true,
        // An address has full stops and slashes within.
        '.' | '/' => rest.starts_with(char::is_whitespace),
        _ => false,
    }
}

/// The last word before the mention, past the network's name and signs, gives the credit:
/// `icon by twitter @name`.
fn ends_in_credit(before: &str) -> bool {
    // `w/`, `(c)` and `🎨:` end in signs.
    if words::ends_with(before.trim_end_matches([' ', '<', '(', '[']), Kind::Credit) {
        return true;
    }
    let mut text = before.trim_end_matches(words::is_loose);
    // `Nameさん @name`; `my Twitter's @name` is none.
    let honored = words::ends_with(text, Kind::Honorific) && !text.ends_with('s');
    if honored || words::ends_with(text, Kind::Earlier) {
        return true;
    }
    for _ in 0..5 {
        if words::ends_with(text, Kind::NoCredit) {
            return false;
        }
        if words::ends_with(text, Kind::Credit) {
            return true;
        }
        let Some(rest) =
            words::strip_last(text, Kind::Former).or_else(|| words::strip_last(text, Kind::Filler))
        else {
            return false;
        };
        text = rest.trim_end_matches(words::is_loose);
    }
    false
}

/// The line above the mention's is a credit and nothing else: `Character design`, and `Name https://...`
/// below it.
fn stands_below_a_credit(before: &str) -> bool {
    let near = &before[before.ceil_char_boundary(before.len().saturating_sub(REACH))..];
    cost::spend(near.len());
    let Some((above, _)) = near.rsplit_once('\n') else { return false };
    let above = above.trim_end_matches('\r').rsplit('\n').next().unwrap_or_default();
    let line = above.trim_matches(words::is_loose).to_lowercase();
    words::strip_last(&line, Kind::Credit).is_some_and(|rest| rest.trim_matches(words::is_loose).is_empty())
}

/// The mention stands in brackets behind the name of who is credited: `for @name (`, `design by Name (`.
fn names_the_credited(before: &str) -> bool {
    const BRACKETS: [char; 5] = ['(', '（', '[', '<', '【'];
    let Some(named) = before.trim_end().strip_suffix(BRACKETS) else { return false };
    // `[@name](`, `"@name":[`
    let named = named.trim_end_matches([' ', ']', '"', ':', '*']);
    let is_network = [Kind::X, Kind::XShort].iter().any(|kind| words::ends_with(named, *kind));
    if is_network {
        return false;
    }
    let handle = named.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
    if handle.strip_suffix('@').is_some_and(ends_in_credit) {
        return true;
    }
    let credits = |sign: &str| {
        named.match_indices(sign).any(|(index, _)| words::ends_with(named[..index].trim_end(), Kind::Credit))
    };
    let by = named.rfind(" by ").is_some_and(|index| !named[index + 4..].starts_with("me"));
    by || ["は", "：", ":", "→"].into_iter().any(credits)
}

/// A label stands before the mention or its network that is no word for oneself: `Banner: Twitter @name`,
/// `Costume: @name (X)`, or the network's name is somebody else's: `my senior's Twitter: @name`.
fn has_a_strange_label(before: &str, naming: Naming) -> bool {
    if naming == Naming::Behind {
        return !speaks_of_oneself(before);
    }
    let names =
        |text: &str| [Kind::X, Kind::XShort, Kind::Other].iter().any(|kind| words::ends_with(text, *kind));
    let mut text = before.trim_end_matches(words::is_loose);
    for _ in 0..8 {
        let network = [Kind::Former, Kind::X, Kind::XShort, Kind::Other]
            .iter()
            .find_map(|kind| words::strip_last(text, *kind));
        let Some(rest) = network.or_else(|| words::strip_last(text, Kind::Between)) else {
            return false;
        };
        text = rest.trim_end_matches(words::is_loose);
        if network.is_none() || text.is_empty() {
            continue;
        }
        if let Some(owner) = words::strip_last(text, Kind::Possessive) {
            return words::strip_last(owner.trim_end(), Kind::Own).is_none();
        }
        let is_label = naming == Naming::Before && rest[text.len()..].contains(LABEL_SIGNS);
        if is_label {
            return !names(text) && !words::stands_alone_in(text, Kind::Own);
        }
    }
    false
}

/// Nothing stands before the mention, or last a word for oneself: `find me as @name`.
fn speaks_of_oneself(before: &str) -> bool {
    let mut text = before.trim_end_matches(words::is_loose);
    for _ in 0..5 {
        if text.is_empty() || words::ends_with(text, Kind::Own) {
            return true;
        }
        match words::strip_last(text, Kind::Between) {
            Some(rest) => text = rest.trim_end_matches(words::is_loose),
            None => return false,
        }
    }
    false
}

/// How others are spoken of follows the mention, perhaps behind a space.
fn is_honored(after: &str) -> bool {
    let ends = |rest: &str, apart: bool| {
        // Behind an honorific comes a particle, a sign or nothing; `さんぽ` is another word.
        let next = rest.chars().next();
        let is_particle = next.is_none_or(|c| "のにがをはへとかもで".contains(c) || !c.is_alphabetic());
        is_particle || (!apart && next.is_some_and(|c| !c.is_ascii_alphanumeric() && c != 'ぽ'))
    };
    let close = after.trim_start_matches([')', '）', ']', ' ', '\u{3000}']);
    let apart =
        after.len() > close.len() && after[..after.len() - close.len()].ends_with(char::is_whitespace);
    words::strip_start(close, Kind::Honorific).is_some_and(|rest| ends(rest, apart))
}

/// The account was suspended, left, stolen. A new one may be named behind the old one's end.
fn is_gone(before: &str, after: &str) -> bool {
    let gone = words::last_of(before, Kind::Gone);
    gone.is_some_and(|gone| words::last_of(before, Kind::New).is_none_or(|new| new < gone))
        || words::stand_in(after, Kind::GoneBehind)
}
