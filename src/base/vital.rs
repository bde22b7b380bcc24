//! Threads that their process cannot live without. A panic in one of them ends the process, and whoever
//! watches over it starts another: a process that lives on without its ears answers nobody and dies of
//! nothing.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{self, JoinHandle};

/// Exit status after such a panic: an internal software error (`EX_SOFTWARE` of sysexits.h).
pub const EX_SOFTWARE: i32 = 70;

/// Starts such a thread. That it returns is an ordinary end.
///
/// # Errors
/// When the system cannot start another thread.
pub fn spawn<T: Send + 'static>(
    name: impl Into<String>,
    run: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    thread::Builder::new().name(name.into()).spawn(move || end_with(run))
}

/// Runs what the process cannot live without on this thread.
pub fn end_with<T>(run: impl FnOnce() -> T) -> T {
    // The hook for panics has told what happened, and where.
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| std::process::exit(EX_SOFTWARE))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHILD: &str = "AOTF_TEST_VITAL";

    #[test]
    fn a_panic_ends_the_process() {
        if std::env::var_os(CHILD).is_some() {
            let thread = spawn("vital", || panic!("on purpose")).unwrap();
            let _: Result<(), _> = thread.join();
            panic!("the process outlived it");
        }
        let ended = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "base::vital::tests::a_panic_ends_the_process"])
            .env(CHILD, "1")
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status();
        assert_eq!(ended.unwrap().code(), Some(EX_SOFTWARE));
    }

    #[test]
    fn an_end_is_no_panic() {
        assert_eq!(spawn("vital", || 7).unwrap().join().unwrap(), 7);
    }
}
