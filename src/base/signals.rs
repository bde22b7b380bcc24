//! Signals of the system, heard on a thread of their own.

use std::io;

use signal_hook::iterator::{Handle, Signals};

use super::vital;

/// Signals that no longer do to this process what they do by default.
#[derive(Debug)]
pub struct CaughtSignals(Signals);

impl CaughtSignals {
    /// Catches them from now on; they wait until somebody is told.
    ///
    /// # Errors
    /// The system refuses.
    pub fn catch(signals: &[i32]) -> io::Result<CaughtSignals> {
        Signals::new(signals).map(CaughtSignals)
    }

    /// Calls `each` with every signal, on a thread that ends when it returns false or when the handle is
    /// closed.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn tell(mut self, mut each: impl FnMut(i32) -> bool + Send + 'static) -> io::Result<Handle> {
        let handle = self.0.handle();
        let run = move || while self.0.forever().next().is_some_and(&mut each) {};
        vital::spawn("signals", run)?;
        Ok(handle)
    }
}
