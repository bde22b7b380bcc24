//! `aotf man`: the manual pages, from the same definitions as the help.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_mangen::Man;

#[derive(Debug, Args)]
pub struct ManArgs {
    /// The folder for them
    folder: PathBuf,
}

#[derive(Debug, thiserror::Error)]
#[error("could not write {}", path.display())]
pub struct ManError {
    path: PathBuf,
    source: io::Error,
}

/// Writes a page for the program and one for each command, with the commands below it.
///
/// # Errors
/// The folder or a file cannot be written.
pub fn run(args: &ManArgs, mut program: Command) -> Result<(), ManError> {
    let folder = &args.folder;
    fs::create_dir_all(folder).map_err(|source| ManError { path: folder.clone(), source })?;
    program.build();
    let name = program.get_name().to_owned();
    write_pages(&program, &name, folder)
}

fn write_pages(command: &Command, name: &str, folder: &Path) -> Result<(), ManError> {
    let path = folder.join(format!("{name}.1"));
    let page =
        Man::new(command.clone()).title(name.to_uppercase()).section("1").manual("Artists on Twitter Finder");
    let mut text = Vec::new();
    page.render(&mut text)
        .and_then(|()| fs::write(&path, &text))
        .map_err(|source| ManError { path, source })?;
    command
        .get_subcommands()
        .filter(|below| !below.is_hide_set() && below.get_name() != "help")
        .try_for_each(|below| write_pages(below, &format!("{name}-{}", below.get_name()), folder))
}
