//! The sample of the parameter file with some values put in. Pure.

use std::net::SocketAddr;

use toml::Value;

/// The file that documents every key.
const SAMPLE: &str = include_str!("../../../parameters.sample.toml");

/// What the new file says differently from the sample; `None` leaves the default.
#[derive(Clone, Default, PartialEq)]
pub struct Answers {
    pub data_dir: Option<String>,
    pub bind: Option<SocketAddr>,
    /// Dollars a day that reads may cost; 0 is without limit.
    pub daily_usd: Option<f64>,
    /// The token itself, never shown.
    pub bearer_token: Option<String>,
    /// Further keys, by the section's header.
    pub others: Vec<(&'static str, &'static str, Value)>,
}

/// The text of the parameter file.
pub fn render(answers: &Answers) -> String {
    let mut sample = Sample::new();
    if let Some(folder) = &answers.data_dir {
        sample.set("", "data_dir", folder.as_str().into());
    }
    if let Some(bind) = answers.bind {
        sample.set("[http]", "bind", bind.to_string().into());
    }
    for (section, key, value) in &answers.others {
        sample.set(section, key, value.clone());
    }
    if let Some(dollars) = answers.daily_usd {
        sample.set("[twitter.budget]", "daily_usd", dollars.into());
    }
    if let Some(token) = &answers.bearer_token {
        sample.begin_section("[[twitter.credentials]]");
        sample.replace("[[twitter.credentials]]", "bearer_token_file", "bearer_token", token.as_str().into());
    }
    sample.text()
}

struct Sample(Vec<String>);

impl Sample {
    /// The sample without its first lines, which say to copy it.
    fn new() -> Sample {
        let lines = SAMPLE.lines().map(str::to_owned);
        let mut lines: Vec<String> = lines.skip_while(|line| line.as_str() != "#").collect();
        lines.insert(
            0,
            "# Written by `aotf init`: every key with its default, but for what you answered.".to_owned(),
        );
        Sample(lines)
    }

    fn set(&mut self, section: &str, key: &str, value: Value) {
        self.replace(section, key, key, value);
    }

    /// Puts `new = value` where `section` has `old`, also where that is commented out.
    fn replace(&mut self, section: &str, old: &str, new: &str, value: Value) {
        let mut present = "";
        for line in &mut self.0 {
            if line.starts_with('[') {
                present = line.as_str();
            }
            let bare = line.strip_prefix('#').unwrap_or(line);
            let is_it = bare.split_once('=').is_some_and(|(key, _)| key.trim_end() == old);
            if is_it && present == section {
                *line = format!("{new} = {value}");
                return;
            }
        }
        unreachable!("the sample documents {old} in {section:?}, as a test says");
    }

    /// Takes a section's header out of its comment.
    fn begin_section(&mut self, header: &str) {
        let commented = format!("#{header}");
        if let Some(line) = self.0.iter_mut().find(|line| **line == commented) {
            header.clone_into(line);
        }
    }

    fn text(self) -> String {
        self.0.join("\n") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::MicroUsd;
    use crate::base::ids::Network;
    use crate::config::{self, Settings};

    fn settings(answers: &Answers) -> Settings {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("parameters.toml");
        std::fs::write(&path, render(answers)).unwrap();
        std::os::unix::fs::chown(&path, None, None).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, private).unwrap();
        config::load(Some(&path), &[]).unwrap_or_else(|error| panic!("{error}")).settings
    }

    #[test]
    fn what_was_answered_is_set_and_everything_else_has_its_default() {
        let answers = Answers {
            data_dir: Some("/var/lib/a \"b\"\\c".to_owned()),
            bind: Some("[::1]:8080".parse().unwrap()),
            daily_usd: Some(2.5),
            bearer_token: Some("AAAA%2Fb\"=".to_owned()),
            others: Vec::new(),
        };
        let mut settings = settings(&answers);
        assert_eq!(settings.data_dir.to_str(), answers.data_dir.as_deref());
        assert_eq!(Some(settings.http.bind), answers.bind);
        assert_eq!(
            settings.twitter.credentials.first().map(|credential| credential.bearer_token.reveal()),
            answers.bearer_token.as_deref()
        );
        let defaults = Settings::default();
        settings.data_dir.clone_from(&defaults.data_dir);
        settings.http.bind = defaults.http.bind;
        assert_eq!(settings.twitter.budget.daily.map(MicroUsd::usd), Some(2.5));
        settings.twitter.budget = defaults.twitter.budget;
        settings.twitter.credentials.clear();
        assert!(settings.networks.contains(&Network::Twitter), "a key for X is there to be used");
        settings.networks.clone_from(&defaults.networks);
        assert_eq!(settings, defaults);
    }

    #[test]
    fn without_answers_it_is_the_sample() {
        let text = render(&Answers::default());
        assert!(text.starts_with("# Written by `aotf init`"), "{text}");
        assert!(!text.contains("Copy this file"), "{text}");
        assert_eq!(
            text.lines().filter(|line| line.starts_with('[')).count(),
            SAMPLE.lines().filter(|line| line.starts_with('[')).count()
        );
        assert!(settings(&Answers::default()).twitter.credentials.is_empty());
    }
}
