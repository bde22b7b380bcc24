//! The section `[log]`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use super::section::section;

section! {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Log {
        /// A level, or a filter such as `info,aotf::broker=debug`.
        level: String = "info".to_owned(), text(filter);
        format: LogFormat = LogFormat::Text, choice(&[("text", LogFormat::Text), ("json", LogFormat::Json)]);
        /// Whether every request over HTTP is logged, whatever `level` says of the rest.
        requests: bool = false, switch();
        /// Whether every answer is noted in `logs/results.jsonl` of the data folder.
        results_log: bool = false, switch();
        /// Where the log goes instead of the standard error. Not in the file: `serve` sets it when its
        /// console has the terminal.
        file: Option<PathBuf> = None;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

fn filter(text: &str) -> Result<String, String> {
    match EnvFilter::try_new(text) {
        Ok(_) if !text.trim().is_empty() => Ok(text.to_owned()),
        Ok(_) | Err(_) => {
            Err("must be error, warn, info, debug, trace, or a filter such as info,aotf::broker=debug"
                .to_owned())
        }
    }
}
