//! How every bench says what it has measured.

use std::io::{self, Write};

use serde::Serialize;

use crate::base::shown;

/// Prints what was measured: as JSON on one line, or for people as `table` writes it.
///
/// # Errors
/// `out` takes no more.
pub fn report<T: Serialize + ?Sized>(
    measured: &T,
    json: bool,
    out: &mut dyn Write,
    table: impl FnOnce(&T, &mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    if json { writeln!(out, "{}", shown::json(measured)?) } else { table(measured, out) }
}
