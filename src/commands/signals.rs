//! How commands that take their time are ended from outside.

use anyhow::Context;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::base::StopSignal;

/// A signal that is set by Ctrl-C, a hang-up or `kill`.
///
/// # Errors
/// The system refuses to watch for them.
pub fn stop_on_signals() -> anyhow::Result<StopSignal> {
    let stop = StopSignal::new();
    let stopping = stop.clone();
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).context("could not watch for signals")?;
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            if signals.forever().next().is_some() {
                stopping.set();
            }
        })
        .context("could not start a thread")?;
    Ok(stop)
}
