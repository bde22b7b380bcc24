//! What the demo prints. Colors and lines that change only on a terminal, and no colors with `NO_COLOR`.

use std::io::{IsTerminal, Write};
use std::path::Path;

use super::api::{Answer, ResultEntry};
use super::progress::{Change, Step};
use super::world::cases::{Ask, Case, Expect};

#[derive(Clone, Copy)]
enum Style {
    Bold,
    Faint,
    Good,
    Bad,
}

/// Standard output. A reader that went away (`| head`) is no error: the demo goes on.
pub struct Screen {
    color: bool,
    /// Lines can be written over.
    live: bool,
}

impl Screen {
    pub fn new() -> Screen {
        let live = std::io::stdout().is_terminal();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Screen { color: live && !no_color, live }
    }

    pub fn title(&self) {
        self.line(&self.paint(Style::Bold, "A small world on this machine, and the daemon against it"));
        self.line("");
    }

    /// Something that is ready: what, details, milliseconds it took.
    pub fn ready(&self, what: &str, details: &str, ms: u64) {
        self.row(what, details, ms);
    }

    pub fn asking(&self, case: &Case, page: &str) {
        self.line("");
        self.line(&format!("Query  {}", self.paint(Style::Bold, page)));
        self.line(&format!("       {}", self.paint(Style::Faint, case.about)));
        self.line("");
    }

    pub fn change(&self, change: &Change) {
        match change {
            Change::Running { step, result } if self.live => {
                self.write(&format!(
                    "\r\x1b[K  {}  {}",
                    numbered(*step),
                    self.paint(Style::Faint, &shown(result))
                ));
            }
            Change::Running { .. } => {}
            Change::Done { step, result, ms } => {
                if self.live {
                    self.write("\r\x1b[K");
                }
                self.row(&numbered(*step), result, *ms);
            }
        }
    }

    /// The first result in full.
    pub fn found(&self, page: &str, result: &ResultEntry, total_ms: u64) {
        let account = match &result.account_name {
            Some(name) => format!("@{name} (id {})", result.account_id),
            None => format!("id {}", result.account_id),
        };
        let unlinked = format!("https://x.com/i/status/{}", result.tweet_id);
        let post = result.url.as_deref().unwrap_or(&unlinked);
        self.line("");
        self.line(&self.paint(Style::Good, &format!("Found in {total_ms} ms")));
        self.line(&format!("  post      {}", self.paint(Style::Bold, post)));
        self.line(&format!("  image     {}", result.image_position.replace('/', " of ")));
        self.line(&format!("  distance  {} of 64 bits", result.distance));
        self.line(&format!("  account   {account}"));
        self.line(&format!("  artwork   {page}"));
    }

    pub fn verdict(&self, well: bool, sentence: &str) {
        self.line("");
        self.line(&self.paint(if well { Style::Good } else { Style::Bad }, sentence));
    }

    /// Everything else that can be asked, with what it answers.
    pub fn cases(&self, cases: &[Case], api: &str, sample: &Path) {
        self.line("");
        self.line(&self.paint(Style::Bold, "Other pages to ask for"));
        let (tour, others): (Vec<&Case>, Vec<&Case>) = cases.iter().partition(|case| case.tour.is_some());
        for case in others.iter().filter(|case| !matches!(case.expect, Expect::Error(_))) {
            self.case(case, api, sample);
        }
        self.line("");
        self.line(&self.paint(Style::Bold, "The same on every site, and through every kind of link page"));
        for case in tour {
            let (Some(stop), Some(page)) = (case.tour, case.url()) else { continue };
            self.line(&format!("  {:<13} {page}", stop.site));
        }
        self.line("");
        self.line(&self.paint(Style::Bold, "What provokes each error"));
        for case in cases.iter().filter(|case| matches!(case.expect, Expect::Error(_))) {
            self.case(case, api, sample);
        }
    }

    fn case(&self, case: &Case, api: &str, sample: &Path) {
        let ask = match &case.ask {
            Ask::Query(page) => page.clone(),
            Ask::Shell(line) => line.replace("{api}", api).replace("{image}", &sample.to_string_lossy()),
        };
        self.line(&format!(
            "  {} {}",
            expected(&case.expect),
            self.paint(Style::Faint, &format!("({})", case.about))
        ));
        self.line(&format!("      {ask}"));
    }

    /// Where to go on.
    pub fn addresses(&self, api: &str, console: bool) {
        self.line("");
        self.line(&format!("Web page  {}", self.paint(Style::Bold, &format!("{api}/"))));
        self.line(&format!("API       {api}/query?url=PAGE"));
        let end = if console {
            "The console follows: `query PAGE`, `help`; `stop` ends the demo."
        } else {
            "Ctrl-C ends the demo."
        };
        self.line(end);
        self.line("");
    }

    pub fn say(&self, sentence: &str) {
        self.line(sentence);
    }

    fn row(&self, what: &str, result: &str, ms: u64) {
        let time = self.paint(Style::Faint, &format!("{ms:>6} ms"));
        self.line(&format!("  {what:<29} {:<38} {time}", shown(result)));
    }

    fn line(&self, text: &str) {
        self.write(&format!("{text}\n"));
    }

    fn write(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    fn paint(&self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Bold => "1",
            Style::Faint => "2",
            Style::Good => "32",
            Style::Bad => "31",
        };
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn numbered(step: Step) -> String {
    let number = Step::ALL.iter().position(|other| *other == step).unwrap_or_default() + 1;
    format!("{number} {}", step.title())
}

fn shown(result: &str) -> String {
    if result.is_empty() { "-".to_owned() } else { result.to_owned() }
}

fn expected(expect: &Expect) -> String {
    match expect {
        Expect::Post { post, handle, position, .. } => {
            format!("post {post} of @{handle}, image {}", position.replace('/', " of "))
        }
        Expect::Elsewhere { network, handle, .. } => format!("a post of @{handle} on {network}"),
        Expect::Nothing => "no result".to_owned(),
        Expect::Error(code) => (*code).to_owned(),
    }
}

/// Whether the answer is the expected one, and a sentence that says so.
pub fn judge(expect: &Expect, answer: &Answer) -> (bool, String) {
    if let Some(error) = &answer.error {
        let detail = answer.error_detail.as_deref().unwrap_or_default();
        return (
            false,
            format!("The daemon answered {error} instead of a post. {detail}").trim_end().to_owned(),
        );
    }
    let Expect::Post { post, account, within, .. } = expect else {
        return (false, "The demo expects no post here.".to_owned());
    };
    let wanted = post.to_string();
    match answer.results.iter().position(|result| result.tweet_id == wanted) {
        None if answer.results.is_empty() => {
            (false, format!("The daemon found no post; post {wanted} was expected."))
        }
        None => (false, format!("The daemon found other posts; post {wanted} was expected.")),
        Some(0) => {
            let first = &answer.results[0];
            if first.account_id != account.to_string() {
                (false, format!("The expected post was found, but under account {}.", first.account_id))
            } else if first.distance > *within {
                (false, format!("The expected post was found, but {} bits away.", first.distance))
            } else {
                (true, "This is the expected post.".to_owned())
            }
        }
        Some(place) => {
            (false, format!("The expected post {wanted} was found, but only in place {}.", place + 1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_expected_post_in_first_place_is_right() {
        let expect = Expect::Post { post: 7, account: 1, handle: "a", position: "1/1", within: 6 };
        let result = |id: &str, distance| ResultEntry {
            tweet_id: id.to_owned(),
            account_id: "1".to_owned(),
            distance,
            ..ResultEntry::default()
        };
        let check = |results: Vec<ResultEntry>, well: bool, word: &str| {
            let (judged, sentence) = judge(&expect, &Answer { results, ..Answer::default() });
            assert_eq!(judged, well, "{sentence}");
            assert!(sentence.contains(word), "{sentence}");
        };
        check(vec![result("7", 2), result("8", 4)], true, "expected");
        check(vec![result("8", 0), result("7", 2)], false, "place 2");
        check(vec![result("8", 0)], false, "other posts");
        check(vec![result("7", 8)], false, "8 bits");
        check(vec![], false, "no post");
        let failed = Answer { error: Some("NOT_AN_URL".into()), ..Answer::default() };
        assert!(judge(&expect, &failed).1.contains("NOT_AN_URL"));
    }
}
