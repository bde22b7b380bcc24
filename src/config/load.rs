//! Finds `parameters.toml`, lays the environment over it, and reads the settings. All problems are found at
//! once.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::document::{self, Place, Problem};
use super::files::{Files, MAX_FILE_BYTES, readable_by_others};
use super::section::{Reading, Section};
use super::settings::Settings;
use super::text_file;

/// Where the file is looked for when none is named.
pub const LOOKED_UP: [&str; 2] = ["parameters.toml", "/etc/aotf/parameters.toml"];

/// Settings, and where they come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    pub settings: Settings,
    /// `None` where no file was found: the defaults.
    pub file: Option<PathBuf>,
    /// A variable of the environment sets a key.
    pub uses_environment: bool,
}

impl Loaded {
    /// Somebody has configured the program, in whatever way.
    pub fn is_configured(&self) -> bool {
        self.file.is_some() || self.uses_environment
    }
}

/// Why there are no settings. The status of the program is 78 then (`EX_CONFIG`).
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("could not read the parameter file {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("{}", Listed { file: file.as_deref(), problems })]
    Problems { file: Option<PathBuf>, problems: Vec<Problem> },
}

struct Listed<'a> {
    file: Option<&'a Path>,
    problems: &'a [Problem],
}

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.map_or_else(|| "the environment".into(), Path::to_string_lossy);
        let plural = if self.problems.len() == 1 { "" } else { "s" };
        write!(f, "{} problem{plural} in {file}:", self.problems.len())?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

/// Reads the parameter file and lays the environment over it. The file is `explicit`, or else the one
/// that `AOTF_CONFIG` names, or else the first of `./parameters.toml` and
/// `/etc/aotf/parameters.toml` that exists, or else none. `environment` holds the program's variables.
///
/// # Errors
/// A named file that cannot be read; or all problems of the file and the environment together.
pub fn load(explicit: Option<&Path>, environment: &[(String, String)]) -> Result<Loaded, ConfigError> {
    let variable = |name: &str| {
        environment.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value)
    };
    let named = explicit.map(Path::to_owned).or_else(|| variable("AOTF_CONFIG").map(PathBuf::from));
    let file = named.or_else(|| LOOKED_UP.map(PathBuf::from).into_iter().find(|path| path.exists()));
    let text = match &file {
        Some(path) => text_file::read(path, MAX_FILE_BYTES)
            .map_err(|source| ConfigError::Read { path: path.clone(), source })?,
        None => String::new(),
    };
    let files =
        Files { parameters: file.clone(), credentials: variable("CREDENTIALS_DIRECTORY").map(PathBuf::from) };
    let uses_environment = environment.iter().any(|(name, _)| document::key_of(name).is_some());
    match read(&text, environment, &files) {
        Ok(settings) => Ok(Loaded { settings, file, uses_environment }),
        Err(problems) => Err(ConfigError::Problems { file, problems }),
    }
}

pub(super) fn read(
    text: &str,
    environment: &[(String, String)],
    files: &Files,
) -> Result<Settings, Vec<Problem>> {
    let mut table = document::parse(text)?;
    let problems = RefCell::new(document::overlay(&mut table, environment));
    let reading = Reading { files, problems, holds_secret: Cell::new(false) };
    let settings = Settings::read(Section::outermost(table, &reading));
    let mut problems = reading.problems.into_inner();
    if let Some(path) = &files.parameters
        && reading.holds_secret.get()
        && let Some(what) = readable_by_others(path)
    {
        problems.push(Problem { place: Place::File, key: String::new(), what });
    }
    if problems.is_empty() {
        return Ok(settings);
    }
    problems.sort();
    Err(problems)
}
