//! Accounts and pages that people name in free text: profile texts, captions, contact fields.
//!
//! Pure, and knows no site: it finds addresses (`addresses`), handles behind the name of a network (`handles`), and
//! leaves out what the words around it credit to somebody else (`credits`). Called by the readers of `sites`, which
//! keep what they recognize. A wrong account is worse than a missed one, so whatever is in doubt is left out.
//! `tests/fixtures/texts.tsv` holds texts in ten languages with what must come of each.

mod addresses;
mod credits;
mod handles;
mod mention;
mod names;

/// Text beyond this is not looked at: no profile and no caption is as long.
const MAX_TEXT_BYTES: usize = 128 * 1024;
/// Mentions that are looked at in one text, and so the links that it can give. A text with more is a list of other
/// people's.
const MAX_MENTIONS: usize = 500;

/// What a text names: whole URLs, bare ones (`twitter.com/name`), and handles behind their network's name
/// (`Twitter: @name`) as URLs, in the text's order, each once. The time that it takes is bounded.
pub fn links_in_text(text: &str) -> Vec<String> {
    let text = &text[..text.floor_char_boundary(MAX_TEXT_BYTES)];
    let mut found: Vec<String> = Vec::new();
    let mut mentions = 0;
    let mut before = 0;
    let mut at = 0;
    while at < text.len() && mentions < MAX_MENTIONS {
        let Some(mention) = addresses::at(text, at).or_else(|| handles::at(text, before, at)) else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
            continue;
        };
        (before, at) = (mention.end, mention.end);
        let Some(url) = mention.url else { continue };
        mentions += 1;
        let around = credits::Surroundings { before: &text[..mention.start], after: &text[mention.end..] };
        if !found.contains(&url) && !credits::names_somebody_else(&around) {
            found.push(url);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of the table: language, text, and the URLs that must be found, or nothing.
    fn rows() -> impl Iterator<Item = (&'static str, String, Vec<&'static str>)> {
        include_str!("../../tests/fixtures/texts.tsv")
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
            .map(|line| {
                let mut cells = line.split('\t');
                let language = cells.next().unwrap();
                let text = cells
                    .next()
                    .unwrap_or_else(|| panic!("a row without a text: {line}"))
                    .replace("\\n", "\n");
                (language, text, cells.next().unwrap_or_default().split_whitespace().collect())
            })
    }

    #[test]
    fn texts_name_accounts_or_nothing() {
        let mut wrong = Vec::new();
        for (language, text, expected) in rows() {
            let found = links_in_text(&text);
            if found != expected {
                wrong.push(format!("{language} {text:?}\n    found    {found:?}\n    expected {expected:?}"));
            }
        }
        assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
    }

    #[test]
    fn the_table_has_as_many_texts_that_name_nobody() {
        let (with, without): (Vec<_>, Vec<_>) = rows().partition(|(_, _, urls)| !urls.is_empty());
        assert!(with.len() >= 120 && without.len() >= 120, "{} with, {} without", with.len(), without.len());
        for language in ["en", "ja", "ko", "zh", "ru", "es", "de", "fr", "th", "ar"] {
            for rows in [&with, &without] {
                assert!(rows.iter().filter(|row| row.0 == language).count() >= 8, "few texts in {language}");
            }
        }
    }

    #[test]
    fn a_long_text_is_read_once() {
        for piece in ["x.com/a ", "@", "a.", "a@", "https://", "x: @", "(", "http://a(", "ツ", "twitter and "]
        {
            let text = format!("Twitter: @ann {}", piece.repeat(100_000));
            assert_eq!(
                links_in_text(&text).first().map(String::as_str),
                Some("https://twitter.com/ann"),
                "{piece}"
            );
        }
    }
}
