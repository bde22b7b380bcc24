//! `aotf db export`: the database as the original program would have it.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use super::zone::zone_of;
use crate::base::counted;
use crate::store::Location;
use crate::store::import::export::{Exported, export};
use crate::store::state::StateFile;

#[derive(Debug, Args)]
pub struct ExportArgs {
    file: PathBuf,
    /// Time zone of the dates in it (default: this machine's)
    #[arg(long)]
    zone: Option<String>,
}

/// Writes the database as the original would have, into a new file.
///
/// Posts that are known by their ids alone are noted in the state file.
pub fn run(args: &ExportArgs, database: &Location, state: &Path, out: &mut dyn Write) -> anyhow::Result<()> {
    let ExportArgs { file, zone } = args;
    let wanted = match state.exists() {
        true => StateFile::open(state)?.wanted()?,
        false => Vec::new(),
    };
    let exported = export(database, &wanted, file, &zone_of(zone.as_deref())?)?;
    let Exported { accounts, posts, retries, bare_retries, left_out, too_many_images, listed_in_part } =
        exported;
    let [accounts, posts, retries] = [(accounts, "account"), (posts, "post"), (retries, "retry")]
        .map(|(number, noun)| counted(number, noun));
    writeln!(out, "{}: {accounts}, {posts}, {retries}", file.display())?;
    if bare_retries > 0 {
        writeln!(out, "{bare_retries} of the retries are posts known by their ids alone")?;
    }
    if left_out > 0 {
        writeln!(out, "left out: {left_out} accounts and posts of other networks, or with ids beyond 2^63")?;
    }
    if too_many_images > 0 {
        writeln!(out, "left out: {} of more than four images", counted(too_many_images, "post"))?;
    }
    if listed_in_part > 0 {
        let accounts = counted(listed_in_part, "account");
        writeln!(
            out,
            "of {accounts} not all posts were listed yet: the original will list them from the beginning"
        )?;
    }
    Ok(())
}
