//! The section `[database]`.

use serde::{Deserialize, Serialize};

use super::section::{Section, section};

section! {
    /// Not printed: the address may hold a password.
    #[derive(Clone, PartialEq, Serialize, Deserialize)]
    pub struct Database {
        /// `sqlite:aotf.db` (relative to `data_dir`), `mysql://...` or `postgres://...`.
        url: String = "sqlite:aotf.db".to_owned(), text(database_url);
    }
    also(note_password)
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").finish_non_exhaustive()
    }
}

fn database_url(text: &str) -> Result<String, String> {
    match text.split_once(':') {
        Some(("sqlite", path)) if !path.is_empty() => Ok(text.to_owned()),
        Some(("mysql" | "mariadb" | "postgres" | "postgresql", rest)) if rest.starts_with("//") => {
            Ok(text.to_owned())
        }
        _ => {
            Err("must be sqlite:FILE, mysql://USER:PASSWORD@HOST/NAME or postgres://USER:PASSWORD@HOST/NAME"
                .to_owned())
        }
    }
}

fn note_password(database: &mut Database, section: &mut Section<'_>) {
    if url::Url::parse(&database.url).is_ok_and(|url| url.password().is_some()) {
        section.note_secret("url");
    }
}
