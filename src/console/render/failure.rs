//! What was refused, or failed: its code, the explanation, and what is known besides.

use std::fmt::Write as _;

use crate::console::table::{Style, Tone, clean, wrap};
use crate::domain::failure::FailureCode;

pub fn failure(code: FailureCode, detail: &str, style: Style) -> String {
    // Many details are the explanation and more.
    let explanation = match detail.strip_prefix(code.explanation()) {
        Some(_) => detail,
        None => code.explanation(),
    };
    let first = wrap(&format!("{code}: {}", clean(explanation)), style.width);
    let mut text = match first.strip_prefix(code.as_str()) {
        Some(rest) => format!("{}{rest}\n", style.paint(Tone::Bad, code.as_str())),
        None => first + "\n",
    };
    if !detail.is_empty() && detail != explanation {
        let _ = writeln!(text, "{}", style.paint(Tone::Faint, &wrap(&clean(detail), style.width)));
    }
    text
}
