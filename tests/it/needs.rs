//! What a test does where the machine lacks what it drives: a server, a browser, an interpreter.

use std::fmt::Display;
use std::io::Write;

/// Says that this test, or part of it, is not run. It is said past the test runner, which keeps to itself
/// what a passing test prints. With `AOTF_TEST_ALL` set it is a failure: so runs the CI, which installs
/// everything.
#[track_caller]
pub fn skipped(why: impl Display) {
    assert!(std::env::var_os("AOTF_TEST_ALL").is_none(), "SKIPPED although AOTF_TEST_ALL is set: {why}");
    not_here(why);
}

/// The same for what no installation gives: rights, processors.
pub fn not_here(why: impl Display) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}
