//! The process tree with real processes and stand-ins for the roles: this executable runs itself
//! again as a root (`root`), whose containers are this executable too (`container`).
//! Without arguments it runs the cases; an argument filters them by name.
#![expect(clippy::disallowed_methods, reason = "tests wait for real processes")]

mod cases;
mod daemon;
mod escape;
mod roles;

use std::panic::catch_unwind;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("root") => roles::root_main(&args[1..]),
        Some("container") => roles::container_main(&args[1..]),
        // What `cargo test` passes to every harness is of no concern here.
        _ => run_cases(args.iter().find(|arg| !arg.starts_with('-')).map_or("", |filter| filter)),
    }
}

fn run_cases(filter: &str) -> ExitCode {
    if std::env::args().any(|arg| arg == "--list") {
        cases::ALL.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let (mut passed, mut failed) = (0, Vec::new());
    for (name, case) in cases::ALL.iter().filter(|(name, _)| name.contains(filter)) {
        let started = std::time::Instant::now();
        let result = catch_unwind(case);
        let outcome = if result.is_ok() { "ok" } else { "FAILED" };
        println!("test tree::{name} ... {outcome} ({} ms)", started.elapsed().as_millis());
        match result {
            Ok(()) => passed += 1,
            Err(_) => failed.push(*name),
        }
    }
    println!("\ntest result: {passed} passed; {} failed {failed:?}", failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
