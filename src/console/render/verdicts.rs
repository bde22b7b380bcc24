//! What people say of accounts and pictures: in an answer, and in lists.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::api::verdicts::{VerdictAnswer, VerdictLine, VerdictsList, cursor};
use crate::base::counted;
use crate::console::table::{Align, Style, Table, Tone, clean, wrap};
use crate::console::words::day;
use crate::domain::addresses::{account_url, post_url};
use crate::domain::verdicts::{Claim, Effect, Verdict};
use crate::proto::front::VerdictsAnswer;
use crate::proto::view::VerdictView;

pub fn verdicts(answer: &VerdictsAnswer, style: Style) -> String {
    match answer {
        VerdictsAnswer::Said { verdict, is_new, against } => {
            let head = if *is_new { "Noted:" } else { "It was said already:" };
            let said = format!("{} {}.", verdict.id, sentence(&verdict.claim, &verdict.handle));
            let mut text = format!("{} {}\n", style.paint(Tone::Good, head), clean(&said));
            text += &contradictions(against, style);
            text
        }
        VerdictsAnswer::Taken { new, known, against } => {
            let mut text = format!("Imported {}; {known} were known.\n", counted(*new, "verdict"));
            text += &contradictions(against, style);
            text
        }
        VerdictsAnswer::Removed(verdict) => {
            let said = format!("{} {}.", verdict.id, sentence(&verdict.claim, &verdict.handle));
            format!("{} {}\n", style.paint(Tone::Good, "Taken back:"), clean(&said))
        }
        VerdictsAnswer::List { verdicts, .. } if verdicts.is_empty() => {
            "Nobody has said anything.\n".to_owned()
        }
        VerdictsAnswer::List { verdicts, more } => {
            let mut text = list(verdicts, style);
            if let (true, Some((last, _))) = (more, verdicts.last()) {
                let _ = writeln!(text, "More: verdict list --before={}", cursor(last));
            }
            text
        }
        VerdictsAnswer::Wrong { why } => {
            let told = format!("Nothing is noted: {}.", why.trim_end_matches('.'));
            wrap(&clean(&told), style.width) + "\n"
        }
        VerdictsAnswer::Unknown => {
            "There is no verdict of this id: `verdict list` shows those there are.\n".to_owned()
        }
    }
}

fn list(verdicts: &[(Verdict, bool)], style: Style) -> String {
    let mut table = Table::new([
        ("id", Align::Left),
        ("on", Align::Left),
        ("by", Align::Left),
        ("said", Align::Flexible),
    ]);
    for (verdict, is_contradicted) in verdicts {
        let mut said = sentence(&verdict.claim, &verdict.handle);
        match &verdict.page {
            Some(page) => said += &format!(" (page {page})"),
            None => said += " (any page)",
        }
        if !verdict.why.is_empty() {
            said += &format!(": {}", verdict.why);
        }
        if *is_contradicted {
            said = format!("CONFLICT, does not act: {said}");
        }
        table.row([verdict.id.to_string(), day(verdict.at), verdict.who.clone(), said]);
    }
    match table.fits(style.width) {
        true => table.render(style),
        false => verdicts.iter().map(|(verdict, is)| in_lines(verdict, *is)).collect(),
    }
}

/// For narrow terminals: what is cut is worth nothing.
fn in_lines(verdict: &Verdict, is_contradicted: bool) -> String {
    let conflict = if is_contradicted { ", CONFLICT: it does not act" } else { "" };
    let page = verdict.page.as_deref().unwrap_or("any page");
    let mut text = format!("{} {}, by {}{conflict}\n", verdict.id, day(verdict.at), verdict.who);
    let _ = writeln!(text, "  {}", sentence(&verdict.claim, &verdict.handle));
    let _ = writeln!(text, "  for {page}");
    if !verdict.why.is_empty() {
        let _ = writeln!(text, "  because: {}", verdict.why);
    }
    text.lines().map(|line| clean(line) + "\n").collect()
}

fn contradictions(against: &[Verdict], style: Style) -> String {
    if against.is_empty() {
        return String::new();
    }
    let head = "This contradicts what was said before. Both are kept, and none of them acts:";
    style.paint(Tone::Bad, head)
        + "\n"
        + &against.iter().map(|verdict| in_lines(verdict, true)).collect::<String>()
}

fn sentence(claim: &Claim, handle: &str) -> String {
    match claim {
        Claim::Account { account, is_artists } => {
            let name = match handle {
                "" => account_url(account, ""),
                handle => format!("@{handle} on {}", account.network.title()),
            };
            let name = if name.is_empty() { account.to_string() } else { name };
            format!("{name} {} the artist's", if *is_artists { "is" } else { "is not" })
        }
        Claim::Picture { post, image, is_same } => {
            let post_page = post_url(post, None);
            let post = if post_page.is_empty() { post.to_string() } else { post_page };
            let image = image.map_or_else(|| "the picture".to_owned(), |image| format!("image {image}"));
            format!("{image} of {post} {} the artwork", if *is_same { "is" } else { "is not" })
        }
    }
}

/// What was said that has acted on an answer.
pub fn in_answer(verdicts: &[VerdictView]) -> String {
    let mut text = String::new();
    for VerdictView { claim, handle, at, why, effect, .. } in verdicts {
        let effect = match effect {
            Effect::Added => "added",
            Effect::LeftOut => "left out",
            Effect::First => "stands first",
            Effect::Conflict => "does not act, since others say the opposite",
            Effect::Nothing => "without effect",
        };
        let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
        let said = format!("A person said on {}: {}{why}: {effect}.", day(*at), sentence(claim, handle));
        let _ = writeln!(text, "{}", clean(&said));
    }
    text
}

pub fn verdicts_json(answer: &VerdictsAnswer) -> Value {
    match answer {
        VerdictsAnswer::Said { verdict, is_new, against } => json!(VerdictAnswer {
            verdict: VerdictLine::from(verdict),
            new: *is_new,
            conflicts: against.iter().map(VerdictLine::from).collect(),
        }),
        VerdictsAnswer::Taken { new, known, against } => json!({
            "new": new,
            "known": known,
            "conflicts": against.iter().map(VerdictLine::from).collect::<Vec<_>>(),
        }),
        VerdictsAnswer::Removed(verdict) => {
            let verdict = VerdictLine::from(verdict);
            json!(VerdictAnswer { verdict, new: false, conflicts: Vec::new() })
        }
        VerdictsAnswer::List { verdicts, more } => json!(VerdictsList::of(verdicts, *more)),
        VerdictsAnswer::Wrong { why } => json!({ "error": "BAD_REQUEST", "error_detail": why }),
        VerdictsAnswer::Unknown => {
            json!({ "error": "NOT_FOUND", "error_detail": "there is no verdict of this id" })
        }
    }
}
