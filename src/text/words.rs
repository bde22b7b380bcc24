//! The words that the room knows, by kind: `words.txt`, read once. How a text is compared with them.

use std::collections::HashMap;
use std::sync::LazyLock;

/// What words are there for; the comments of `words.txt` say it of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    X,
    XShort,
    Former,
    Bluesky,
    Fediverse,
    Pixiv,
    Other,
    Between,
    At,
    Side,
    Own,
    Credit,
    Filler,
    NoCredit,
    Before,
    Honorific,
    Behind,
    Gone,
    New,
    GoneBehind,
    Earlier,
    Possessive,
}

const KINDS: [(&str, Kind); 22] = [
    ("x", Kind::X),
    ("x-short", Kind::XShort),
    ("former", Kind::Former),
    ("bluesky", Kind::Bluesky),
    ("fediverse", Kind::Fediverse),
    ("pixiv", Kind::Pixiv),
    ("other", Kind::Other),
    ("between", Kind::Between),
    ("at", Kind::At),
    ("side", Kind::Side),
    ("own", Kind::Own),
    ("credit", Kind::Credit),
    ("filler", Kind::Filler),
    ("no-credit", Kind::NoCredit),
    ("before", Kind::Before),
    ("honorific", Kind::Honorific),
    ("behind", Kind::Behind),
    ("gone", Kind::Gone),
    ("new", Kind::New),
    ("gone-behind", Kind::GoneBehind),
    ("earlier", Kind::Earlier),
    ("possessive", Kind::Possessive),
];

const TABLE: &str = include_str!("words.txt");

/// The words by kind, and by the character that they begin and end with: a text is compared with few of them.
struct Words {
    by_first: HashMap<(Kind, char), Vec<&'static str>>,
    by_last: HashMap<(Kind, char), Vec<&'static str>>,
}

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let mut words = Words { by_first: HashMap::new(), by_last: HashMap::new() };
    for (kind, _, line) in lines() {
        for word in line {
            let mut letters = word.chars();
            let first = letters.next().expect("words.txt: a word has letters");
            let last = letters.next_back().unwrap_or(first);
            words.by_first.entry((kind, first)).or_default().push(word);
            words.by_last.entry((kind, last)).or_default().push(word);
        }
    }
    words
});

/// The words of one kind with which the text may begin.
fn beginning(text: &str, kind: Kind) -> impl Iterator<Item = &'static str> {
    let found = text.chars().next().and_then(|first| WORDS.by_first.get(&(kind, first)));
    found.into_iter().flatten().copied()
}

/// The words of one kind with which the text may end.
fn ending(text: &str, kind: Kind) -> impl Iterator<Item = &'static str> {
    let found = text.chars().next_back().and_then(|last| WORDS.by_last.get(&(kind, last)));
    found.into_iter().flatten().copied()
}

/// Kind, language and words of each line.
fn lines() -> impl Iterator<Item = (Kind, &'static str, std::str::Split<'static, &'static str>)> {
    TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
        let (head, words) = line.split_once(": ").expect("words.txt: a line has a colon");
        let (name, language) = head.split_once(' ').expect("words.txt: a line has a kind and a language");
        let (_, kind) = KINDS.iter().find(|(known, _)| *known == name).expect("words.txt: a known kind");
        (*kind, language, words.split(", "))
    })
}

/// What stands before the longest of these words, where the text ends with one.
pub(super) fn strip_last(text: &str, kind: Kind) -> Option<&str> {
    // Hangul and Arabic glue the name of a network to what stands before it, but a credit is a whole word.
    let is_letter = match kind {
        Kind::Credit | Kind::NoCredit | Kind::Earlier | Kind::Own => parts_words,
        _ => continues_a_word,
    };
    let strip = |word: &'static str| {
        let rest = text.strip_suffix(word)?;
        // Signs of emphasis touch a word and are none of it: `__twitter__`.
        let touched = rest.trim_end_matches('_');
        (!word.starts_with(is_letter) || !touched.ends_with(is_letter)).then_some(rest)
    };
    ending(text, kind).filter_map(strip).min_by_key(|rest| rest.len())
}

/// The text ends with one of these words.
pub(super) fn ends_with(text: &str, kind: Kind) -> bool {
    strip_last(text, kind).is_some()
}

/// What stands behind the longest of these words, where the text begins with one.
pub(super) fn strip_first(text: &str, kind: Kind) -> Option<&str> {
    beginning(text, kind)
        .filter_map(|word| text.strip_prefix(word).filter(|rest| ends_a_word(word, rest)))
        .min_by_key(|rest| rest.len())
}

/// What stands behind the longest of these, where the text begins with one, which need not end there: `さんの`.
pub(super) fn strip_start(text: &str, kind: Kind) -> Option<&str> {
    beginning(text, kind).filter_map(|word| text.strip_prefix(word)).min_by_key(|rest| rest.len())
}

/// One of these phrases stands in the text; it may be the beginning of a longer word.
pub(super) fn stand_in(text: &str, kind: Kind) -> bool {
    last_of(text, kind).is_some()
}

/// Where the last of these phrases begins in the text.
pub(super) fn last_of(text: &str, kind: Kind) -> Option<usize> {
    let begins = |index: &usize| {
        beginning(&text[*index..], kind)
            .any(|phrase| text[*index..].starts_with(phrase) && begins_a_word(text, *index, phrase))
    };
    text.char_indices().rev().map(|(index, _)| index).find(begins)
}

/// One of these words stands in the text as a word of its own.
pub(super) fn stands_alone_in(text: &str, kind: Kind) -> bool {
    text.char_indices().any(|(index, _)| {
        beginning(&text[index..], kind).any(|word| {
            let rest = text[index..].strip_prefix(word);
            begins_a_word(text, index, word) && rest.is_some_and(|rest| ends_a_word(word, rest))
        })
    })
}

fn begins_a_word(text: &str, index: usize, word: &str) -> bool {
    !word.starts_with(parts_words) || !text[..index].ends_with(parts_words)
}

/// Scripts that glue endings to a word (Hangul, Arabic) do not make another word of it.
fn ends_a_word(word: &str, rest: &str) -> bool {
    !word.ends_with(parts_words) || !rest.starts_with(continues_a_word)
}

/// A letter of a script that parts its words with spaces.
fn parts_words(c: char) -> bool {
    c.is_alphabetic()
        && !matches!(c, '\u{0e00}'..='\u{0e7f}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
        || c == '_'
        || c.is_ascii_digit()
}

/// A letter or sign that makes what stands before it part of a longer word.
pub(super) fn continues_a_word(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || c == '_'
        || matches!(c, '\u{00c0}'..='\u{024f}' | '\u{0370}'..='\u{052f}' | '\u{1e00}'..='\u{1fff}')
}

/// Punctuation, signs and white space, which stand between words.
pub(super) fn is_loose(c: char) -> bool {
    !c.is_alphanumeric() && !matches!(c, '🦋' | '🐘' | '🐦' | '🐤' | '𝕏' | '©' | '🔞') && !is_mark(c)
}

/// Vowel signs of Thai and Arabic, which are part of a word though no letters.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{0e31}' | '\u{0e34}'..='\u{0e3a}' | '\u{0e47}'..='\u{0e4e}' | '\u{064b}'..='\u{0652}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_is_in_order() {
        let mut seen = BTreeSet::new();
        for (kind, language, words) in lines() {
            for word in words {
                assert!(!word.is_empty() && word.trim() == word, "{kind:?} {language}: {word:?}");
                assert_eq!(word.to_lowercase(), word, "texts are compared in lower case");
                assert!(seen.insert((kind, language, word)), "twice: {kind:?} {language} {word}");
            }
        }
        for (name, kind) in KINDS {
            assert!(lines().any(|line| line.0 == kind), "no word of the kind {name}");
        }
    }

    #[test]
    fn every_language_has_words_for_credits_and_for_oneself() {
        for language in ["en", "ja", "ko", "zh", "ru", "es", "pt", "de", "fr", "th", "ar"] {
            for kind in [Kind::Own, Kind::Credit, Kind::Before, Kind::Behind, Kind::Gone, Kind::GoneBehind] {
                assert!(lines().any(|line| line.0 == kind && line.1 == language), "{kind:?} in {language}");
            }
        }
    }

    #[test]
    fn words_end_where_their_script_ends_them() {
        let ends = |text: &str, kind| strip_last(text, kind).map(str::len);
        assert_eq!(ends("my twitter", Kind::X), Some(3));
        assert_eq!(ends("__twitter", Kind::X), Some(2));
        assert_eq!(ends("mytwitter", Kind::X), None);
        assert_eq!(ends("推特", Kind::X), Some(0));
        assert_eq!(ends("我的推特", Kind::X), Some(6));
        assert!(stands_alone_in("follow me there", Kind::Own));
        assert!(!stands_alone_in("welcome there", Kind::Own));
        assert!(stands_alone_in("普段はtwitter", Kind::Own));
    }
}
