//! What could come next on the line that is being typed. Pure: the line, earlier lines and known names in,
//! words out.

use std::collections::BTreeSet;

use super::line;

/// Words offered at once.
const MAX_OFFERED: usize = 20;

/// What the word at the end of a line could become.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// Where that word begins.
    pub start: usize,
    pub words: Vec<String>,
    /// Names of files too.
    pub files: bool,
}

/// What an argument is.
enum Kind {
    Url,
    Image,
    Name,
    /// What may be under way: a page, an id or an account.
    Work,
    Topic,
    Nothing,
}

/// Completions of the line typed so far. `earlier` are lines of the history, newest first; `names` the
/// accounts that answers have named.
pub fn offer(typed: &str, earlier: &[String], names: &BTreeSet<String>) -> Offer {
    let start = typed.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let (before, word) = typed.split_at(start);
    let mut words = before.split_whitespace();
    let Some(command) = words.next() else {
        return Offer { start, words: commands(word).map(|name| format!("{name} ")).collect(), files: false };
    };
    let Some(command) = line::find(command) else { return Offer { start, ..Offer::default() } };
    if word.starts_with('-') {
        let alike = line::option_names(command).filter(|option| option.starts_with(word));
        return Offer { start, words: alike.collect(), files: false };
    }
    let position = words.filter(|word| !word.starts_with("--")).count();
    let kind = kind_of(command, position);
    let words = match kind {
        Kind::Url | Kind::Image => recent(earlier, &kind, word),
        Kind::Name | Kind::Work => {
            let bare = word.trim_start_matches('@');
            let mut found = recent(earlier, &Kind::Name, bare);
            if let Kind::Work = kind {
                found.splice(..0, recent(earlier, &Kind::Url, word));
            }
            let known = names.iter().filter(|name| name.starts_with(bare) && !found.contains(name));
            let known: Vec<String> = known.take(MAX_OFFERED).cloned().collect();
            found.extend(known);
            found.truncate(MAX_OFFERED);
            found
        }
        Kind::Topic => commands(word).map(str::to_owned).collect(),
        Kind::Nothing => Vec::new(),
    };
    Offer { start, words, files: matches!(kind, Kind::Image) }
}

fn kind_of(command: &clap::Command, position: usize) -> Kind {
    match line::argument_name(command, position) {
        Some("URL") => Kind::Url,
        Some("ID|URL|NAME") => Kind::Work,
        Some("FILE|URL") => Kind::Image,
        Some("NAME" | "NAME|ID" | "ACCOUNT|POST") => Kind::Name,
        Some("COMMAND") => Kind::Topic,
        Some(_) | None => Kind::Nothing,
    }
}

fn commands(word: &str) -> impl Iterator<Item = &'static str> {
    line::commands().map(clap::Command::get_name).filter(move |name| name.starts_with(word))
}

/// Arguments of the same kind in earlier lines that start with `word`: newest first, each once.
fn recent(earlier: &[String], kind: &Kind, word: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in earlier {
        let mut words = line.split_whitespace();
        let Some(command) = words.next().and_then(line::find) else { continue };
        for (position, argument) in words.filter(|word| !word.starts_with("--")).enumerate() {
            let argument = argument.trim_start_matches('@');
            let is_alike =
                std::mem::discriminant(&kind_of(command, position)) == std::mem::discriminant(kind);
            if is_alike && argument.starts_with(word) && !found.iter().any(|known| known == argument) {
                found.push(argument.to_owned());
            }
        }
        if found.len() >= MAX_OFFERED {
            break;
        }
    }
    found.truncate(MAX_OFFERED);
    found
}

/// What is missing from a line: the rest of a command's name, its arguments, or what followed when the same
/// was typed last.
pub fn hint(line: &str, earlier: &[String]) -> Option<String> {
    if line.trim().is_empty() {
        return None;
    }
    if let Some(command) = line::find(line.trim_end()) {
        let gap = if line.ends_with(' ') { "" } else { " " };
        let arguments = line::arguments(command);
        return (!arguments.is_empty()).then(|| format!("{gap}{arguments}"));
    }
    let rest_of = |command: &'static clap::Command| Some((command, command.get_name().strip_prefix(line)?));
    let mut alike = line::commands().filter_map(rest_of);
    match (alike.next(), alike.next()) {
        (Some((command, rest)), None) => {
            Some(format!("{rest} {}", line::arguments(command)).trim_end().to_owned())
        }
        (Some(_), Some(_)) => None,
        (None, _) => {
            let rest =
                earlier.iter().find_map(|past| past.strip_prefix(line)).filter(|rest| !rest.is_empty());
            rest.map(str::to_owned)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn earlier() -> Vec<String> {
        ["query https://b.example/", "scan @jane", "query https://a.example/ --detach", "search x.png joan"]
            .map(str::to_owned)
            .into()
    }

    #[track_caller]
    fn check(typed: &str, expect: &[&str]) {
        let names = ["jack".to_owned(), "jane".to_owned()].into();
        let offer = offer(typed, &earlier(), &names);
        assert_eq!(offer.words, expect, "{typed:?}");
        assert!(typed.is_char_boundary(offer.start));
    }

    #[test]
    fn words_by_their_kind() {
        check("qu", &["query ", "queues "]);
        check("query ", &["https://b.example/", "https://a.example/"]);
        check("query https://a", &["https://a.example/"]);
        check(
            "query https://a.example/ --",
            &["--whole", "--first", "--credit", "--networks", "--thumbnails", "--detach"],
        );
        check("scan ", &["jane", "joan", "jack"]);
        check("scan @ja", &["jane", "jack"]);
        check("search x.png jo", &["joan"]);
        check("help sc", &["scan"]);
        check("stats ", &[]);
        check("dance ", &[]);
        assert!(offer("search ", &[], &BTreeSet::new()).files);
        assert!(!offer("search a.png ", &[], &BTreeSet::new()).files);
    }

    #[test]
    fn hints_complete_the_line() {
        let hint = |line: &str| hint(line, &earlier());
        assert_eq!(hint("que"), None, "query or queues");
        assert_eq!(
            hint("quer").as_deref(),
            Some("y URL [--whole] [--first] [--credit[=MARKUP]] [--networks LIST] [--thumbnails] [--detach]")
        );
        assert_eq!(
            hint("query").as_deref(),
            Some(" URL [--whole] [--first] [--credit[=MARKUP]] [--networks LIST] [--thumbnails] [--detach]")
        );
        assert_eq!(
            hint("query ").as_deref(),
            Some("URL [--whole] [--first] [--credit[=MARKUP]] [--networks LIST] [--thumbnails] [--detach]")
        );
        assert_eq!(hint("query https://").as_deref(), Some("b.example/"), "as it was typed last");
        assert_eq!(hint("query x"), None);
        assert_eq!(hint("thr").as_deref(), Some("eads"));
        assert_eq!(hint(""), None);
        assert_eq!(hint("stats"), None);
    }
}
