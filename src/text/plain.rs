//! A text as people see it: without signs of no width, with the letters that stand for others.

use std::borrow::Cow;

/// The text with characters of no width left out, full-width letters as ordinary ones, and references of HTML
/// that a service left in its plain text (`&amp;`, `&nbsp;`, `&#64;`) read.
pub(super) fn readable(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| c == '&' || is_invisible(c) || full_width(c).is_some()) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // Whether the last character was full-width, and whether it stays so.
    let (mut was_wide, mut stays) = (false, false);
    while let Some(first) = rest.chars().next() {
        let referred = if first == '&' { reference(rest) } else { None };
        let (c, length) = referred.unwrap_or((first, first.len_utf8()));
        rest = &rest[length..];
        if is_invisible(c) {
            continue;
        }
        let narrow = full_width(c);
        // Behind an ordinary letter a full-width word is the next one: `x.com/nameＰｉｘｉｖ`.
        stays = match was_wide {
            true => stays,
            false => out.ends_with(|last: char| last.is_ascii_alphanumeric() || last == '_'),
        };
        was_wide = narrow.is_some();
        out.push(narrow.filter(|_| !stays).unwrap_or(c));
    }
    Cow::Owned(out)
}

/// The ordinary form of a full-width letter, digit, `＿` or `＠`. Other full-width signs part words, and stay.
fn full_width(c: char) -> Option<char> {
    match c {
        'Ａ'..='Ｚ' | 'ａ'..='ｚ' | '０'..='９' | '＿' | '＠' => {
            char::from_u32(u32::from(c) - 0xfee0)
        }
        _ => None,
    }
}

/// Spaces of no width, marks of direction, soft hyphens, selectors of a variant.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{fe0e}' | '\u{fe0f}' | '\u{feff}')
}

/// The character that a reference at the beginning of the text stands for, and the length of the reference.
fn reference(text: &str) -> Option<(char, usize)> {
    const LONGEST: usize = 10;
    let near = &text[1..text.floor_char_boundary(LONGEST)];
    let name = &near[..near.find(';')?];
    let c = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((c, name.len() + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_as_it_is_seen() {
        let check = |text: &str, expected: &str| assert_eq!(readable(text), expected, "{text:?}");
        check("Ｔｗｉｔｔｅｒ＠ｍｏｃｈｉ＿ｎｅ", "Twitter@mochi_ne");
        check("Ｘ：＠mochi_ne", "X：@mochi_ne");
        check("x.com/nameＰｉｘｉｖ", "x.com/nameＰｉｘｉｖ");
        check("a\u{200b}b\u{2066}c\u{feff}", "abc");
        check("a&amp;b&nbsp;c&#64;d&#x40;e", "a&b c@d@e");
        check("?a=1&b=2;&amp", "?a=1&b=2;&amp");
        check("&#1114112;&#xd800;&#;&;&", "&#1114112;&#xd800;&#;&;&");
        assert!(matches!(readable("（全角）：ツイッター"), Cow::Borrowed(_)));
    }
}
