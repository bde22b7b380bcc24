//! `aotf db cleanup`: what refers to nothing any more.

use std::io::{self, Write};

use clap::Args;

use crate::base::Timestamp;
use crate::store::Location;
use crate::store::integrity::{self, Finding};

#[derive(Debug, Args)]
pub struct CleanupArgs {
    #[arg(long, visible_alias = "apply")]
    pub yes: bool,
}

pub fn run(args: &CleanupArgs, database: &Location, out: &mut impl Write) -> anyhow::Result<()> {
    let found = integrity::clean_up(database, args.yes, Timestamp::now())?;
    Ok(tell(&found, args.yes, out)?)
}

fn tell(found: &[Finding], done: bool, out: &mut impl Write) -> io::Result<()> {
    if found.is_empty() {
        return writeln!(out, "There is nothing to clean up.");
    }
    for Finding { about, rows, .. } in found {
        writeln!(out, "{rows:>12}  {about}")?;
    }
    match done {
        true => writeln!(out, "Removed."),
        false => writeln!(out, "Nothing was changed; --yes removes this."),
    }
}
