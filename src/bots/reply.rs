//! What becomes of a text before it is sent: it fits, and calls nobody. Pure.

use crate::base::shown::steers;

/// The length as chats count it, in UTF-16 code units.
pub fn utf16_length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// The text with so many units at most: it ends with a whole line, or with a whole link of a list.
pub fn fitting(text: &str, max_units: usize) -> String {
    const MORE: &str = "\n…";
    if utf16_length(text) <= max_units {
        return text.to_owned();
    }
    let room = max_units.saturating_sub(utf16_length(MORE));
    let mut units = 0;
    let end = text.char_indices().find(|(_, c)| {
        units += c.len_utf16();
        units > room
    });
    let head = &text[..end.map_or(text.len(), |(at, _)| at)];
    let at_line = head.rfind('\n');
    let at_link = head.rfind(", [");
    let cut = at_line.max(at_link).unwrap_or(0);
    // A single line without links is cut anywhere: there is nothing whole to keep.
    let kept = if cut == 0 { head } else { &head[..cut] };
    format!("{}{MORE}", kept.trim_end())
}

/// No name in it calls a person or everybody, and nothing turns its direction. Addresses stay as they are.
pub fn calling_nobody(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Where the path of the last address begins, and where that address ends: an `@` may stand between.
    let (mut before, mut path, mut address_end) = (' ', 0, 0);
    for (at, c) in text.char_indices() {
        if at >= address_end
            && let Some(address) = address_at(&text[at..])
        {
            (path, address_end) = (at + address.path, at + address.end);
        }
        match c {
            '\n' => out.push(c),
            c if steers(c) => {}
            '@' => {
                let in_address = (path..address_end).contains(&at)
                    && (before.is_ascii_alphanumeric()
                        || matches!(before, '/' | '.' | '-' | '_' | '=' | '%'));
                // Of mail: nobody's name begins within a word.
                let in_word = before.is_ascii_alphanumeric();
                out.push_str(if in_address || in_word { "@" } else { "@\u{200b}" });
            }
            c => out.push(c),
        }
        before = c;
    }
    out
}

/// Where the parts of an address are that a text begins with.
struct Address {
    path: usize,
    end: usize,
}

/// `None` where it begins with none that chats would make a link of.
fn address_at(text: &str) -> Option<Address> {
    let scheme = ["https://", "http://"].into_iter().find(|scheme| text.starts_with(scheme))?.len();
    let ends = |c: char| c.is_whitespace() || steers(c) || "<>\"'`|{}\\^()[]".contains(c);
    let end = text.find(ends).unwrap_or(text.len());
    let path = scheme + text[scheme..end].find('/')?;
    let host = &text[scheme..path];
    let is_host = host.contains('.')
        && !host.starts_with('.')
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':'));
    is_host.then_some(Address { path, end })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_ends_with_what_is_whole() {
        assert_eq!(fitting("abc", 3), "abc");
        assert_eq!(
            fitting("https://a.example\nhttps://b.example\nhttps://c.example", 40),
            "https://a.example\nhttps://b.example\n…"
        );
        assert_eq!(fitting("**Posts:** [a](https://a), [b](https://b)", 36), "**Posts:** [a](https://a)\n…");
        assert_eq!(fitting("aaaaaa", 4), "aa\n…");
        assert_eq!(fitting("🎨🎨🎨", 5), "🎨\n…");
    }

    #[test]
    fn nobody_is_called() {
        assert_eq!(
            calling_nobody("@everyone (@ann) \u{202e}x\n@b"),
            "@\u{200b}everyone (@\u{200b}ann) x\n@\u{200b}b"
        );
        let address = "https://mastodon.example/@ann and a@b.example";
        assert_eq!(calling_nobody(address), address);
        for sign in
            [".", "-", "/", "=", "_", "%", "é", "(", "http://", "https://a.example/ ", "https://a.example/("]
        {
            assert_eq!(calling_nobody(&format!("{sign}@name")), format!("{sign}@\u{200b}name"));
        }
    }

    proptest! {
        #[test]
        fn every_text_fits(text in "(.|\n|🎨|, \\[){0,60}", room in 4_usize..40) {
            prop_assert!(utf16_length(&fitting(&text, room)) <= room);
            let sent = calling_nobody(&text);
            prop_assert!(sent.chars().all(|c| c == '\n' || !steers(c)));
        }
    }
}
