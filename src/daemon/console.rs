//! The console, where the daemon has a terminal.

use std::sync::Arc;
use std::time::Duration;

use crate::console::pictures::Outside;
use crate::console::{AtWork, Bond, ConsoleEnd, SavedTerminal};
use crate::front;
use crate::ipc::container::{ContainerContext, ContainerError};

/// The console may show the reply to `stop` before it ends; work that it follows is not waited for longer.
const LAST_REPLY: Duration = Duration::from_secs(1);

pub fn main(context: ContainerContext) -> Result<(), ContainerError> {
    context.control.ready();
    let socket = front::admin_socket(&context.settings);
    let outside = Outside::of(&context.settings);
    // The line editor blocks on the terminal: the end of the program must not wait for a key.
    let terminal = SavedTerminal::capture();
    let at_work = Arc::new(AtWork::default());
    let last = Arc::clone(&at_work);
    context.stop.when_set(move || {
        last.wait_for_end(LAST_REPLY);
        if let Some(terminal) = &terminal {
            terminal.restore();
        }
        std::process::exit(0);
    });
    let log = context.settings.log.file.as_deref();
    match crate::console::run(&socket, Bond::DaemonsOwn, log, &outside, &at_work) {
        Ok(ConsoleEnd::Left | ConsoleEnd::StopRequested) => {}
        Ok(ConsoleEnd::StopConfirmed) => context.control.request_stop("Ctrl-C on the console"),
        Err(error) => return Err(ContainerError::passing("the console ended", error)),
    }
    context.stop.wait_forever();
    Ok(())
}
