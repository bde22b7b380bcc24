//! How errors are told to people (the whole chain of causes) and what the program does about them.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::clock::Timestamp;
use super::shown::Shown;

/// Shows an error with all its causes, `outer: middle: inner`, on one line that steers no terminal: errors
/// quote what strangers sent.
pub struct ErrorChain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Shown(self.0))?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {}", Shown(error))?;
            cause = error.source();
        }
        Ok(())
    }
}

/// A cause that is lines of our own, such as the end of a log: the program tells each on a line below the
/// error; elsewhere they stand in one.
#[derive(Debug, thiserror::Error)]
#[error("{}", if .0.is_empty() { "none".to_owned() } else { .0.join(" | ") })]
pub struct LinesBelow(pub Vec<String>);

/// What a caught panic says.
pub fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a text")
}

/// What a caller should do about an error. Decided once, beside the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Wait until then, whatever else is to be asked of the same host, and try again.
    WaitUntil(Timestamp),
    /// Try again after at least this long.
    RetryAfter(Duration),
    /// Try again later, a bounded number of times, with growing pauses.
    Backoff,
    /// Never try again: the answer will not change.
    GiveUp,
    /// The program is stopping: give the work back untouched.
    Stop,
}
