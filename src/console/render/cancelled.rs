//! What became of that which was to be cancelled.

use crate::console::table::{Style, Tone, clean, wrap};
use crate::domain::failure::FailureCode;
use crate::proto::front::FrontAnswer;
use crate::proto::view::ScanState;

/// Whether it is cancelled; otherwise it had ended before.
pub fn is_cancelled(answer: &FrontAnswer) -> bool {
    match answer {
        FrontAnswer::Scan(view) => {
            matches!(view.state, ScanState::Failed { code: FailureCode::Cancelled, .. })
        }
        other => other.query().is_some_and(|view| view.error == Some(FailureCode::Cancelled)),
    }
}

pub fn cancelled(answer: &FrontAnswer, style: Style) -> String {
    let (subject, detail) = match answer {
        FrontAnswer::Scan(view) => (format!("the scan of @{}", view.handle), ""),
        other => other.query().map_or_else(Default::default, |view| {
            let detail = view.error_detail.strip_prefix(FailureCode::Cancelled.explanation());
            (view.subject.clone(), detail.unwrap_or_default().trim_start())
        }),
    };
    let subject = clean(&subject);
    if !is_cancelled(answer) {
        return format!("It had ended already, so nothing is cancelled: {subject}.\n");
    }
    let mut text = format!("{} {subject}\n", style.paint(Tone::Good, "Cancelled:"));
    if !detail.is_empty() {
        text += &(wrap(&clean(detail), style.width) + "\n");
    }
    text
}
