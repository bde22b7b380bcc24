//! Accounts and pages that people name in free text: profile texts, captions, contact fields.
//!
//! Pure, and knows no site: it finds addresses (`addresses`), handles behind the name of a network
//! (`handles`), and leaves out what the words around it credit to somebody else (`credits`). Called by the
//! readers of `sites`, which keep what they recognize. A wrong account is worse than a missed one, so
//! whatever is in doubt is left out.
//! `tests/fixtures/texts*.tsv` hold texts in twelve languages with what must come of each; `tests` measures
//! them.

mod addresses;
mod cost;
mod credits;
mod handles;
mod mention;
mod plain;
mod words;

use mention::Naming;

/// Text beyond this is not looked at: no profile and no caption is as long.
const MAX_TEXT_BYTES: usize = 64 * 1024;
/// Mentions that are looked at in one text, and so the links that it can give. A text with more is a list of
/// other people's.
const MAX_MENTIONS: usize = 500;

/// Addresses on X that one text may hold as the artist's own. People have a main one, one for adults, perhaps
/// an old one; a text with more is a list of contributors or friends.
const MAX_OWN_ON_X: usize = 3;

/// What a text names: whole URLs, bare ones (`twitter.com/name`), and handles behind their network's name
/// (`Twitter: @name`) as URLs, in the text's order, each once. The time that it takes is bounded.
pub fn links_in_text(text: &str) -> Vec<String> {
    let text = plain::readable(&text[..text.floor_char_boundary(MAX_TEXT_BYTES)]);
    let mut found: Vec<String> = Vec::new();
    // Addresses on X, whoever's they are, and those found that a network's name is the label of.
    let (mut on_x, mut labelled) = (Vec::new(), Vec::new());
    let mut mentions = 0;
    let mut previous = handles::Previous::default();
    let mut at = 0;
    while at < text.len() && mentions < MAX_MENTIONS {
        let Some(mention) = handles::at(&text, previous, at).or_else(|| addresses::at(&text, at)) else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
            continue;
        };
        let is_handle = mention.naming != Naming::Address && mention.url.is_some();
        at = mention.end;
        let Some(url) = mention.url else {
            previous = handles::Previous { end: at, is_on_x: false };
            continue;
        };
        mentions += 1;
        let around = credits::Surroundings {
            before: &text[..mention.start],
            after: &text[mention.end..],
            naming: mention.naming,
        };
        let is_own = !credits::names_somebody_else(&around);
        previous = handles::Previous { end: at, is_on_x: is_own && is_handle && url.starts_with(handles::X) };
        if mention.naming == Naming::Address && addresses::is_on_x(&url) && !on_x.contains(&url) {
            on_x.push(url.clone());
        }
        if is_own && !found.contains(&url) {
            if mention.naming != Naming::Address || credits::is_labelled(&around) {
                labelled.push(url.clone());
            }
            found.push(url);
        }
    }
    if on_x.len() > MAX_OWN_ON_X {
        found.retain(|url| !on_x.contains(url) || labelled.contains(url));
    }
    found
}

#[cfg(test)]
mod tests;
