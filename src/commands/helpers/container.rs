//! `aotf container ROLE`: one process of the tree; the root starts it.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use crate::base::roles::Role;
use crate::daemon::roles;
use crate::ipc::container::{ConnectArgs, run_container};

#[derive(Debug, Args)]
pub struct ContainerArgs {
    role: String,
    door: String,
    root_pid: u32,
}

/// # Errors
/// There is no such role.
pub fn run(args: ContainerArgs) -> anyhow::Result<ExitCode> {
    let ContainerArgs { role, door, root_pid } = args;
    let role = Role::from_name(&role).with_context(|| format!("there is no role {role:?}"))?;
    Ok(run_container(roles::work_of(role), &ConnectArgs { door, root_pid }, roles::prepare))
}
