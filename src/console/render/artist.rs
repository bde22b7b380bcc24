//! Who made an artwork: the accounts with their reasons, and those that are left out.

use std::fmt::Write as _;

use super::failure::failure;
use super::query::{elsewhere, progress};
use crate::api::artist::ArtistAnswer;
use crate::api::named_accounts::{AccountStateName, NamedAccountAnswer};
use crate::base::MicroUsd;
use crate::console::table::{Style, Tone, clean};
use crate::console::words::duration;
use crate::proto::view::{QueryStatus, QueryView};

pub fn artist(view: &QueryView, style: Style) -> String {
    let mut text = String::new();
    if let Some(code) = view.error {
        text += &failure(code, &view.error_detail, style);
    }
    if view.status != QueryStatus::End {
        let _ = writeln!(text, "{}", progress(view, None));
        return text;
    }
    let answer = ArtistAnswer::of(view, view.wanted.resolves());
    text += &answer.accounts.iter().map(|account| named(account, style)).collect::<String>();
    if !answer.left_out.is_empty() {
        text += "Left out:\n";
        for account in &answer.left_out {
            let _ = writeln!(text, "  {} {}", clean(&name(account)), clean(&account.detail));
        }
    }
    text += &elsewhere(view);
    match view.look_up {
        _ if view.cost > MicroUsd(0) => {
            let _ = writeln!(text, "Looking the accounts up was billed {}.", view.cost);
        }
        Some(price) if price > MicroUsd(0) && !view.wanted.resolves() => {
            let _ = writeln!(text, "Without --no-resolve they are looked up, for {price} at most.");
        }
        _ => {}
    }
    let total: u64 = view.steps.iter().map(|(_, ms)| ms).sum();
    if view.error.is_none() || total > 0 {
        let _ = writeln!(text, "{}", style.paint(Tone::Faint, &format!("Took {}.", duration(total))));
    }
    text
}

/// An account: its address, whether it is there, and below why it is believed to be the artist's.
fn named(account: &NamedAccountAnswer, style: Style) -> String {
    let tone = match account.state {
        AccountStateName::Confirmed => Tone::Good,
        AccountStateName::Missing | AccountStateName::Suspended => Tone::Bad,
        _ => Tone::Faint,
    };
    let state = style.paint(tone, &clean(&account.detail));
    let mut text = format!("{} {state}: {}\n", clean(&name(account)), clean(&account.url));
    let because = account.evidence.map(|evidence| evidence.because().to_owned());
    let way = account.chain.last().map(|page| format!("by way of {page}"));
    let reasons: Vec<String> = because.into_iter().chain(way).collect();
    if !reasons.is_empty() {
        let _ = writeln!(text, "  {}", clean(&reasons.join(", ")));
    }
    text
}

/// `@jane_paints on X`.
fn name(account: &NamedAccountAnswer) -> String {
    let handle = account.handle.as_ref().map(|handle| format!("@{handle}"));
    let name = handle.or_else(|| account.id.clone()).unwrap_or_default();
    format!("{name} on {}", account.network.title())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::samples::sample_artist;
    use crate::domain::wanted::Wanted;

    const STYLE: Style = Style { colors: false, width: 80 };

    #[test]
    fn accounts_are_told_with_their_reasons() {
        let text = artist(&sample_artist(), STYLE);
        let expect = "\
@jane_paints on X is there: https://x.com/jane_paints
  a field of the artist's profile, by way of https://a.example/jane
@jane.example on Bluesky is there: https://bsky.app/profile/jane.example
@missing on X does not exist: https://x.com/missing
  the text of a profile, or a link page, by way of https://a.example/art/1
";
        assert!(text.starts_with(expect), "{text}");
        assert!(
            text.contains("\n104 on X was not looked up (resolve=0): https://x.com/i/user/104\n"),
            "{text}"
        );
        assert!(text.contains("\nLeft out:\n  @pixiv on X is the site's own account\n"), "{text}");
        assert!(text.contains("also: Instagram https://www.instagram.com/jane_paints/"), "{text}");
        assert!(text.contains("\nLooking the accounts up was billed $0.01.\nTook 1.2 s.\n"), "{text}");
    }

    #[test]
    fn what_was_not_looked_up_says_what_that_costs() {
        let view = QueryView { wanted: Wanted::ArtistAsNamed, cost: MicroUsd(0), ..sample_artist() };
        let text = artist(&view, STYLE);
        assert!(text.contains("\nWithout --no-resolve they are looked up, for $0.02 at most.\n"), "{text}");
    }

    #[test]
    fn what_strangers_wrote_steers_no_terminal() {
        let mut view = sample_artist();
        view.accounts[0].handle = "a\u{1b}[2J".to_owned();
        view.accounts[0].chain = vec!["https://a.example/\u{7}\n@forged".to_owned()];
        let text = artist(&view, STYLE);
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
        assert!(!text.lines().any(|line| line.starts_with("@forged")), "{text}");
    }
}
