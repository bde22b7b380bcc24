//! The words of the web page in each language, shared by the pages rendered here and by the script.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header};

/// The file itself, as the script loads it.
pub const TEXTS_JSON: &str = include_str!("web/texts.json");

/// A language of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    English,
    French,
}

impl Language {
    pub const ALL: [Language; 2] = [Language::English, Language::French];

    pub fn code(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::French => "fr",
        }
    }

    /// The one that the switch leads to.
    pub fn other(self) -> Language {
        match self {
            Language::English => Language::French,
            Language::French => Language::English,
        }
    }

    pub fn from_code(code: &str) -> Option<Language> {
        Language::ALL.into_iter().find(|language| language.code() == code)
    }

    /// The browser's favorite among ours; English where it names none of them.
    pub fn accepted(headers: &HeaderMap) -> Language {
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let mut best = (Language::English, 0.0);
        for entry in accepted.unwrap_or_default().split(',') {
            // "fr-CH;q=0.9"
            let (tag, parameters) = entry.split_once(';').unwrap_or((entry, ""));
            let code = tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
            let weight = parameters.trim().strip_prefix("q=").map_or(1.0, |q| q.parse().unwrap_or(0.0));
            if let Some(language) = Language::from_code(&code)
                && weight > best.1
            {
                best = (language, weight);
            }
        }
        best.0
    }
}

/// All texts, by language and key.
pub struct Texts(BTreeMap<String, BTreeMap<String, String>>);

impl Texts {
    pub fn embedded() -> Texts {
        Texts(serde_json::from_str(TEXTS_JSON).expect("the embedded file is valid, which a test shows"))
    }

    /// The text for `key`; the key itself where there is none (codes of errors younger than the page).
    pub fn get<'t>(&'t self, language: Language, key: &'t str) -> &'t str {
        self.0.get(language.code()).and_then(|texts| texts.get(key)).map_or(key, String::as_str)
    }

    /// A text with its `{name}` places filled.
    pub fn fill(&self, language: Language, key: &str, places: &[(&str, &str)]) -> String {
        let mut text = self.get(language, key).to_owned();
        for (name, value) in places {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::errors::codes;

    #[test]
    fn languages_have_the_same_texts_and_name_all_errors() {
        let texts = Texts::embedded();
        let keys = |language: Language| texts.0[language.code()].keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(Language::English), keys(Language::French));
        for (code, _) in codes() {
            assert!(texts.0["en"].contains_key(&format!("error.{code}")), "{code}");
        }
    }

    #[test]
    fn the_browser_chooses() {
        #[track_caller]
        fn check(accept: &str, expect: Language) {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, accept.parse().unwrap());
            assert_eq!(Language::accepted(&headers), expect, "{accept}");
        }
        check("fr-CH, fr;q=0.9, en;q=0.8", Language::French);
        check("de, en;q=0.7, fr;q=0.8", Language::French);
        check("de", Language::English);
        check("fr;q=0, en;q=0.1", Language::English);
        check("", Language::English);
    }
}
