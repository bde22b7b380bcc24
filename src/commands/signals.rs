//! How commands that take their time are ended from outside.

use anyhow::Context;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::base::StopSignal;
use crate::base::signals::CaughtSignals;

/// A signal that is set by Ctrl-C, a hang-up or `kill`.
///
/// # Errors
/// The system refuses to watch for them.
pub fn stop_on_signals() -> anyhow::Result<StopSignal> {
    let stop = StopSignal::new();
    let stopping = stop.clone();
    let told = move |_| {
        stopping.set();
        false
    };
    CaughtSignals::catch(&[SIGHUP, SIGINT, SIGTERM])
        .and_then(|signals| signals.tell(told))
        .context("could not watch for signals")?;
    Ok(stop)
}
