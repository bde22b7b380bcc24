//! Texts of strangers on their way to a terminal or a log. What would steer a terminal, forge a line or
//! turn the direction of what follows becomes U+FFFD (in JSON an escape), and nothing else changes.

use std::fmt::{self, Write as _};
use std::io;

use serde::Serialize;

/// True for control characters (C0, DEL, C1), line and paragraph separators, and characters that embed,
/// override or isolate a direction (Unicode Bidirectional Algorithm, section 2).
pub fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Shows a value as one line that steers nothing.
pub struct Shown<T>(pub T);

impl<T: fmt::Display> fmt::Display for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Replacing(f), "{}", self.0)
    }
}

struct Replacing<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl fmt::Write for Replacing<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for (place, part) in text.split(steers).enumerate() {
            if place > 0 {
                self.0.write_char(char::REPLACEMENT_CHARACTER)?;
            }
            self.0.write_str(part)?;
        }
        Ok(())
    }
}

/// A text of JSON whose strings hold such characters as escapes: the same JSON.
pub fn shown_json(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        // serde_json escapes the C0 controls within strings; outside they are layout.
        if steers(c) && !c.is_ascii() || c == '\u{7f}' {
            let _ = write!(text, "\\u{:04x}", u32::from(c));
        } else {
            text.push(c);
        }
    }
    text
}

/// A value as JSON on one line, so written.
///
/// # Errors
/// The value has no JSON form.
pub fn json<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<String> {
    serde_json::to_string(value).map(|json| shown_json(&json))
}

/// The output of a command: the last guard, since each text of a stranger goes through [`Shown`] where it
/// is placed. Lines and tabs pass.
pub struct ShownOutput<W> {
    inner: W,
    /// The beginning of a character whose end has not been written yet.
    begun: Vec<u8>,
}

impl<W: io::Write> ShownOutput<W> {
    pub fn new(inner: W) -> ShownOutput<W> {
        ShownOutput { inner, begun: Vec::new() }
    }

    /// What it writes to.
    pub fn into_inner(self) -> W {
        self.inner
    }
}

impl<W: io::Write> io::Write for ShownOutput<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begun.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.begun) {
            // The end of a character may follow.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Ok(_) | Err(_) => self.begun.len(),
        };
        let rest = self.begun.split_off(whole);
        let text = String::from_utf8_lossy(&self.begun);
        let passes = |c: char| matches!(c, '\n' | '\t') || !steers(c);
        let shown: String =
            text.chars().map(|c| if passes(c) { c } else { char::REPLACEMENT_CHARACTER }).collect();
        self.begun = rest;
        self.inner.write_all(shown.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn what_steers_is_replaced() {
        for (text, expect) in [
            ("plain, 画家, ไทย, עברית", "plain, 画家, ไทย, עברית"),
            ("\x1b[2J\x07", "\u{fffd}[2J\u{fffd}"),
            ("one\ntwo\r\u{2028}three", "one\u{fffd}two\u{fffd}\u{fffd}three"),
            ("\u{9b}31m", "\u{fffd}31m"),
            ("a\u{202e}gpj.exe\u{2066}", "a\u{fffd}gpj.exe\u{fffd}"),
        ] {
            assert_eq!(Shown(text).to_string(), expect, "{text:?}");
        }
    }

    #[test]
    fn json_stays_the_same_json() {
        let value = serde_json::json!({ "a\u{202e}": "x\u{9b}\x1b\u{7f}\n", "b": [1] });
        let shown = shown_json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(shown.chars().all(|c| c == '\n' || !steers(c)), "{shown:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        assert_eq!(json(&value).unwrap(), r#"{"a\u202e":"x\u009b\u001b\u007f\n","b":[1]}"#);
    }

    #[test]
    fn output_is_clean_wherever_it_is_cut() {
        let text = "画\x1b家\u{202e}\u{9b}\tend\n".as_bytes();
        for cut in 0..text.len() {
            let mut out = Vec::new();
            let mut output = ShownOutput::new(&mut out);
            output.write_all(&text[..cut]).unwrap();
            output.write_all(&text[cut..]).unwrap();
            drop(output);
            assert_eq!(String::from_utf8(out).unwrap(), "画\u{fffd}家\u{fffd}\u{fffd}\tend\n", "{cut}");
        }
        let mut out = Vec::new();
        ShownOutput::new(&mut out).write_all(b"a\xff\xfeb").unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "a\u{fffd}\u{fffd}b");
    }
}
