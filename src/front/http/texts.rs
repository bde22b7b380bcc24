//! The words of the web page in each language, shared by the pages rendered here and by the script.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, header};

/// The file itself, as the script loads it.
pub const TEXTS_JSON: &str = include_str!("web/texts.json");

/// What goes wrong in detail, as the program says it in English, and in French. What stands in `{braces}` is
/// kept, or translated in turn where it is one of these too.
const DETAILS_JSON: &str = include_str!("web/details.json");
/// A detail within a detail within …: no error of the program is deeper.
const MAX_DEPTH: usize = 6;

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

    /// A number with its thousands apart.
    pub fn number(self, number: u64) -> String {
        let separator = match self {
            Language::English => ',',
            // A narrow space at which no line breaks.
            Language::French => '\u{202f}',
        };
        let digits = number.to_string();
        let mut text = String::with_capacity(digits.len() * 2);
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                text.push(separator);
            }
            text.push(digit);
        }
        text
    }

    /// Whether so many, as `number` writes it, are not more than one.
    fn is_one(self, number: &str) -> bool {
        match self {
            Language::English => number == "1",
            Language::French => number == "0" || number == "1",
        }
    }

    /// How long something took or will take: `34 ms`, `1.2 s`, `34 s`, `2 min 5 s`, `3 h 12 min`.
    pub fn duration(self, millis: u64) -> String {
        match millis {
            0..1000 => format!("{millis} ms"),
            1000..10_000 => {
                let point = match self {
                    Language::English => '.',
                    Language::French => ',',
                };
                format!("{}{point}{} s", millis / 1000, millis % 1000 / 100)
            }
            10_000..60_000 => format!("{} s", millis / 1000),
            60_000..3_600_000 if millis % 60_000 < 1000 => format!("{} min", millis / 60_000),
            60_000..3_600_000 => format!("{} min {} s", millis / 60_000, millis % 60_000 / 1000),
            _ => format!("{} h {} min", millis / 3_600_000, millis % 3_600_000 / 60_000),
        }
    }

    /// An amount of money, in cents, or finer where cents would show nothing.
    pub fn dollars(self, amount: f64) -> String {
        let digits =
            if amount > 0.0 && amount < 0.01 { format!("{amount:.3}") } else { format!("{amount:.2}") };
        match self {
            Language::English => format!("${digits}"),
            Language::French => format!("{}\u{a0}$", digits.replace('.', ",")),
        }
    }

    /// The day of a moment in RFC 3339, `2022-09-16T10:00:00Z`; what is none, as it is.
    pub fn day(self, moment: &str) -> String {
        const MONTHS: [[&str; 12]; 2] = [
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
            [
                "janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.",
                "déc.",
            ],
        ];
        let date = moment.split('T').next().unwrap_or_default();
        let mut parts = date.splitn(3, '-').map(|part| part.parse::<usize>().ok());
        let (Some(Some(year)), Some(Some(month)), Some(Some(day))) =
            (parts.next(), parts.next(), parts.next())
        else {
            return moment.to_owned();
        };
        let name = |language: usize| MONTHS[language].get(month.wrapping_sub(1)).copied().unwrap_or("?");
        match self {
            Language::English => format!("{} {day}, {year}", name(0)),
            Language::French if day == 1 => format!("1er {} {year}", name(1)),
            Language::French => format!("{day} {} {year}", name(1)),
        }
    }

    /// `a, b or c`.
    pub fn any_of(self, names: &[String]) -> String {
        match self {
            Language::English => joined(names, " or "),
            Language::French => joined(names, " ou "),
        }
    }

    /// `a, b and c`.
    pub fn all_of(self, names: &[String]) -> String {
        match self {
            Language::English => joined(names, " and "),
            Language::French => joined(names, " et "),
        }
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

fn joined(names: &[String], last_by: &str) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => first.join(", ") + last_by + last,
    }
}

/// All texts.
pub struct Texts {
    /// By language and key.
    texts: BTreeMap<String, BTreeMap<String, String>>,
    /// Pairs of English and French.
    details: Vec<(String, String)>,
}

/// A detail of an error in a language.
#[derive(Debug, PartialEq, Eq)]
pub struct Told {
    pub text: String,
    /// False where it is English, since nobody has translated it.
    pub is_translated: bool,
}

impl Texts {
    pub fn embedded() -> Texts {
        const VALID: &str = "the embedded file is valid, which a test shows";
        Texts {
            texts: serde_json::from_str(TEXTS_JSON).expect(VALID),
            details: serde_json::from_str(DETAILS_JSON).expect(VALID),
        }
    }

    /// What the program says of an error, for people who speak this language.
    pub fn detail(&self, language: Language, english: &str) -> Told {
        match language {
            Language::English => Told { text: english.to_owned(), is_translated: true },
            Language::French => match self.translated(english, MAX_DEPTH) {
                Some(text) => Told { text, is_translated: true },
                None => Told { text: english.to_owned(), is_translated: false },
            },
        }
    }

    fn translated(&self, english: &str, depth: usize) -> Option<String> {
        let depth = depth.checked_sub(1)?;
        self.details.iter().find_map(|(pattern, french)| {
            let mut text = french.clone();
            // A list is translated if something in it is.
            let mut is_translated = pattern != french;
            for (place, found) in places_of(pattern, english)? {
                let inner = self.translated(found, depth);
                is_translated |= inner.is_some();
                let found = inner.unwrap_or_else(|| found.to_owned());
                // What was found may hold braces of its own.
                text = text.replace(&format!("{{{place}}}"), &found.replace('{', "\u{1}"));
            }
            is_translated.then(|| text.replace('\u{1}', "{"))
        })
    }

    /// The text for `key`; the key itself where there is none (codes of errors younger than the page).
    pub fn get<'t>(&'t self, language: Language, key: &'t str) -> &'t str {
        self.texts.get(language.code()).and_then(|texts| texts.get(key)).map_or(key, String::as_str)
    }

    /// A text with its `{name}` places filled; of `{name|post|posts}`, the word that goes with the number
    /// that stands at `name`.
    pub fn fill(&self, language: Language, key: &str, places: &[(&str, &str)]) -> String {
        let mut filled = String::new();
        let mut rest = self.get(language, key);
        while let Some((before, after)) = rest.split_once('{') {
            filled += before;
            let Some((place, after)) = after.split_once('}') else { break };
            let (name, words) = place.split_once('|').unwrap_or((place, ""));
            let value = places.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
            filled += match words.split_once('|') {
                Some((one, _)) if language.is_one(value) => one,
                Some((_, many)) => many,
                None => value,
            };
            rest = after;
        }
        filled + rest
    }
}

/// What stands in the places of a pattern, if the text is one of its kind.
fn places_of<'a>(pattern: &'a str, text: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
    let (start, mut pattern) = pattern.split_once('{').unwrap_or((pattern, ""));
    let mut rest = text.strip_prefix(start)?;
    let mut places = Vec::new();
    while let Some((place, after)) = pattern.split_once('}') {
        let (literal, next) = after.split_once('{').unwrap_or((after, ""));
        let at = match (literal.is_empty(), next.is_empty()) {
            (true, _) => rest.len(),
            (false, true) => rest.len().checked_sub(literal.len()).filter(|_| rest.ends_with(literal))?,
            (false, false) => rest.find(literal)?,
        };
        let (found, after) = rest.split_at(at);
        if found.is_empty() {
            return None;
        }
        places.push((place, found));
        rest = after.strip_prefix(literal)?;
        pattern = next;
    }
    rest.is_empty().then_some(places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::errors::codes;

    #[test]
    fn languages_have_the_same_texts_and_name_all_errors() {
        let texts = Texts::embedded();
        let keys = |language: Language| texts.texts[language.code()].keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(Language::English), keys(Language::French));
        for (code, _) in codes() {
            assert!(texts.texts["en"].contains_key(&format!("error.{code}")), "{code}");
        }
    }

    #[test]
    fn numbers_days_and_durations_are_those_of_the_language() {
        let (english, french) = (Language::English, Language::French);
        assert_eq!([7, 1234, 1_234_567].map(|n| english.number(n)), ["7", "1,234", "1,234,567"]);
        assert_eq!(french.number(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(
            [34, 1250, 34_900, 120_000, 125_000, 7_380_000].map(|ms| english.duration(ms)),
            ["34 ms", "1.2 s", "34 s", "2 min", "2 min 5 s", "2 h 3 min"]
        );
        assert_eq!(french.duration(1250), "1,2 s");
        assert_eq!(english.day("2022-09-16T10:00:00Z"), "Sep 16, 2022");
        assert_eq!(french.day("2022-09-16T10:00:00Z"), "16 sept. 2022");
        assert_eq!(french.day("2022-08-01T10:00:00Z"), "1er août 2022");
        for odd in ["", "soon", "2022-13-01", "2022-00-01T"] {
            english.day(odd);
        }
        let names = ["X", "Bluesky", "Z"].map(str::to_owned);
        assert_eq!(english.any_of(&names), "X, Bluesky or Z");
        assert_eq!(french.any_of(&names[..2]), "X ou Bluesky");
        assert_eq!(english.all_of(&names), "X, Bluesky and Z");
        assert_eq!(french.all_of(&names[..1]), "X");
    }

    /// French signs stand apart from their word, and no line begins with one.
    #[test]
    fn no_french_line_begins_with_a_sign() {
        let texts = Texts::embedded();
        let details = texts.details.iter().map(|(_, french)| french);
        for text in texts.texts["fr"].values().chain(details) {
            for sign in [" :", " ;", " ?", " !", " »", "« "] {
                assert!(!text.contains(sign), "{text}");
            }
        }
    }

    #[test]
    fn words_go_with_their_numbers() {
        let texts = Texts::embedded();
        let posts = |language: Language, listed: &str| {
            texts.fill(language, "posts", &[("indexed", "0"), ("listed", listed)])
        };
        assert_eq!(posts(Language::English, "1"), "0 of 1 post with images indexed");
        assert_eq!(posts(Language::English, "0"), "0 of 0 posts with images indexed");
        assert_eq!(posts(Language::French, "1"), "0 publication avec images indexée sur 1");
        assert_eq!(texts.fill(Language::English, "queue", &[("n", "{n}")]), "{n} requests before this one");
        // No text has a place that the other language has not, or a word without the other number.
        for (key, english) in &texts.texts["en"] {
            let names = |text: &str| {
                let places = text.split('{').skip(1).filter_map(|part| part.split_once('}'));
                let names = places.map(|(place, _)| {
                    assert!([0, 2].contains(&place.matches('|').count()), "{key}: {place}");
                    place.split('|').next().unwrap_or_default().to_owned()
                });
                names.collect::<std::collections::BTreeSet<String>>()
            };
            assert_eq!(names(english), names(&texts.texts["fr"][key]), "{key}");
        }
    }

    #[test]
    fn details_are_translated_with_what_they_are_about() {
        let texts = Texts::embedded();
        #[track_caller]
        fn check(texts: &Texts, english: &str, expect: Option<&str>) {
            let told = texts.detail(Language::French, english);
            assert_eq!(told.text, expect.unwrap_or(english));
            assert_eq!(told.is_translated, expect.is_some());
            assert_eq!(texts.detail(Language::English, english).text, english);
        }
        check(
            &texts,
            "could not read the page: https://a.example/{1}: x is gone",
            Some("la page n'a pas pu être lue\u{a0}: https://a.example/{1}: x n'existe plus"),
        );
        check(
            &texts,
            "No account of the artist was found from this page. (3 pages were read.)",
            Some("Aucun compte de l'artiste n'a été trouvé à partir de cette page. (3 pages ont été lues.)"),
        );
        check(
            &texts,
            "None of the artist's accounts can be read: @a does not exist, @b is private, @c was moved.",
            Some(
                "Aucun des comptes de l'artiste n'est lisible\u{a0}: @a n'existe pas, @b est privé, @c was moved.",
            ),
        );
        check(&texts, "it has 3 images, not 7", Some("elle a 3 images, pas 7"));
        check(&texts, "something new", None);
        check(&texts, "", None);
        // Of a pattern's places none is forgotten, and none is made up.
        for (english, french) in &texts.details {
            let places = |text: &str| {
                let mut places: Vec<String> = text
                    .split('{')
                    .skip(1)
                    .filter_map(|part| Some(part.split_once('}')?.0.to_owned()))
                    .collect();
                places.sort();
                places
            };
            assert_eq!(places(english), places(french), "{english}");
        }
        // No text is so deep, or so odd, that it hangs.
        let deep = "could not read the page: ".repeat(2000);
        texts.detail(Language::French, &deep);
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
