//! Exit statuses that several commands share.

use std::process::ExitCode;

/// A wrong configuration (`EX_CONFIG` of sysexits.h).
pub const EX_CONFIG: u8 = 78;

/// The command did its work, and the answer is no: no links could be read, a site does not work.
pub const NOT_SO: u8 = 3;

/// Success if `is_so`, otherwise the status `no`.
pub fn of_answer(is_so: bool, no: u8) -> ExitCode {
    if is_so { ExitCode::SUCCESS } else { ExitCode::from(no) }
}
