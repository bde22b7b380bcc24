//! The settings that a command reads: those of the file and the environment.

use std::path::PathBuf;

use clap::Args;

use crate::config::{self, ConfigError, Loaded, Settings};

#[derive(Debug, Default, Args)]
pub struct ConfigFile {
    /// Configuration file (default: $AOTF_CONFIG, ./parameters.toml, /etc/aotf/parameters.toml)
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigFile {
    /// # Errors
    /// The file cannot be read, or something in it is wrong.
    pub fn load(&self) -> Result<Settings, ConfigError> {
        self.load_with_origin().map(|loaded| loaded.settings)
    }

    /// The same, with where they come from.
    ///
    /// # Errors
    /// As of `load`.
    pub fn load_with_origin(&self) -> Result<Loaded, ConfigError> {
        let environment: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        config::load(self.config.as_deref(), &environment)
    }
}
