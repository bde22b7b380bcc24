//! The daemon: started by `serve`, reached by `console` and by the commands that `ask` it.

use std::path::PathBuf;

use clap::Args;

use crate::commands::settings::ConfigFile;
use crate::config::ConfigError;
use crate::console::pictures::Outside;
use crate::front;

pub mod ask;
pub mod console;
pub mod serve;

/// Where a running daemon is.
#[derive(Debug, Args)]
pub struct Daemon {
    #[command(flatten)]
    config: ConfigFile,
    /// The daemon's admin socket (default: where the configuration says)
    #[arg(long, value_name = "FILE")]
    socket: Option<PathBuf>,
}

impl Daemon {
    fn socket(&self) -> Result<PathBuf, ConfigError> {
        match &self.socket {
            Some(socket) => Ok(socket.clone()),
            None => Ok(front::admin_socket(&self.config.load()?)),
        }
    }

    /// How pictures are fetched. Beside `--socket` there need be no configuration: the defaults do then.
    fn outside(&self) -> Outside {
        Outside::of(&self.config.load().unwrap_or_default())
    }
}
