//! The program: parses its arguments and hands over.

use std::process::ExitCode;

fn main() -> ExitCode {
    aotf::cli::run()
}
