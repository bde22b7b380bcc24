//! A query, or the search of an image: its accounts, what was found, where it is.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

use super::failure::failure;
use super::verdicts::in_answer;
use crate::api::posts::earliest;
use crate::base::{MicroUsd, counted};
use crate::console::progress::Indexing;
use crate::console::table::{Align, Style, Table, Tone, clean, fit};
use crate::console::words::{day, duration};
use crate::domain::accounts::{Elsewhere, Evidence, OtherAccount};
use crate::domain::addresses::post_url;
use crate::domain::images::{MatchClass, Variant};
use crate::domain::parts::PartsState;
use crate::domain::scans::{CoveredWindow, Window};
use crate::proto::view::{QueryStatus, QueryView, ResultView};

pub fn query(view: &QueryView, style: Style) -> String {
    let mut text = String::new();
    if let Some(code) = view.error {
        text += &failure(code, &view.error_detail, style);
    }
    if !view.accounts.is_empty() {
        text += &accounts(view, style);
    }
    if view.status != QueryStatus::End {
        if !view.results.is_empty() {
            text += &results(view, style);
        }
        let _ = writeln!(text, "{}", progress(view, None));
        return text;
    }
    text += &others(view);
    text += &elsewhere(view);
    if view.error.is_none() {
        text += &results(view, style);
    }
    text += &artwork_pages(view);
    text += &named_posts(view);
    text += &in_answer(&view.verdicts);
    text += &searched(view);
    if view.error.is_none() {
        text += &parts(view);
    }
    let total: u64 = view.steps.iter().map(|(_, ms)| ms).sum();
    // What was refused as it was typed took no time.
    if view.error.is_none() || total > 0 {
        let _ = writeln!(text, "{}", style.paint(Tone::Faint, &format!("Took {}.", duration(total))));
    }
    text
}

/// Accounts of the artist that cannot be read, or were not asked about.
fn others(view: &QueryView) -> String {
    let others = view.others.iter().filter(|other| !other.standing.is_left_out());
    let line = |other: &OtherAccount| {
        let (account, why) = (other.candidate.account.to_string(), other.standing.why());
        format!("not searched: {} {}\n", clean(&account), clean(why))
    };
    others.map(line).collect()
}

/// Pages of the artist's on sites that are not searched.
pub fn elsewhere(view: &QueryView) -> String {
    let page = |page: &Elsewhere| format!("also: {} {}, not searched\n", clean(&page.site), clean(&page.url));
    view.elsewhere.iter().map(page).collect()
}

/// Pages of artworks that were answered before, with the picture of a direct search.
fn artwork_pages(view: &QueryView) -> String {
    if view.artwork_pages.is_empty() {
        return String::new();
    }
    let mut text = "Pages of artworks with this picture:\n".to_owned();
    for page in &view.artwork_pages {
        let (url, class) = (clean(&page.url), class_in_words(page.class));
        let _ = writeln!(text, "  {url} ({class}, answered on {})", day(page.answered_at));
    }
    text
}

/// Posts that the page names and that show the artwork, though nobody knows whose they are.
fn named_posts(view: &QueryView) -> String {
    if view.named_posts.is_empty() {
        return String::new();
    }
    let mut text =
        "The page names posts that show it; nothing tells whether they are the artist's:\n".to_owned();
    for post in &view.named_posts {
        let _ = writeln!(text, "  {}", clean(&post_url(&post.post, post.handle.as_deref())));
    }
    text
}

/// What the answer rests on, and what the rest would cost.
fn searched(view: &QueryView) -> String {
    let mut text = String::new();
    for searched in &view.searched {
        let account = view.accounts.iter().find(|account| account.key == searched.account);
        let Some(name) = account.map(|account| account.handle.as_str()) else { continue };
        let network = searched.account.network.title();
        let about = match searched.whole_at {
            Some(at) => format!("searched whole, last listed on {}", day(at)),
            None if searched.windows.is_empty() => "not searched".to_owned(),
            None => {
                let span =
                    |one: &CoveredWindow| format!("{} to {}", day(one.window.from), day(one.window.to));
                let spans: Vec<String> = searched.windows.iter().map(span).collect();
                format!("searched {}; the rest of the account was not looked through", spans.join(", "))
            }
        };
        let _ = writeln!(text, "{}", clean(&format!("@{name} on {network}: {about}")));
    }
    let is_told = !text.is_empty();
    if view.cost > MicroUsd(0) && (is_told || view.is_direct_search()) {
        let _ = writeln!(text, "Reading for it was billed {}.", view.cost);
    }
    match view.rest {
        _ if !is_told => {}
        Some(MicroUsd(0)) => text += "Add --whole to search the rest; it costs nothing.\n",
        Some(rest) => {
            let _ = writeln!(text, "Add --whole to search the rest, for about {rest}.");
        }
        None => {}
    }
    text
}

/// Whether crops and the like were looked for, where that is not the whole truth by itself.
fn parts(view: &QueryView) -> String {
    let text = match view.parts {
        PartsState::Off | PartsState::Searched => return String::new(),
        PartsState::Incomplete { images_without } => {
            let images = counted(usize::try_from(images_without).unwrap_or(usize::MAX), "image");
            format!("Crops and screenshots were not looked for among {images} whose details are not known.")
        }
        PartsState::OnlyAlike => "Crops and screenshots are only looked for within accounts.".to_owned(),
        PartsState::TooFew => {
            "The picture shows too few details for crops and screenshots of it to be found.".to_owned()
        }
    };
    text + "\n"
}

fn accounts(view: &QueryView, style: Style) -> String {
    let mut table = Table::new([
        ("account", Align::Left),
        ("on", Align::Left),
        ("because", Align::Left),
        ("found by way of", Align::Flexible),
    ]);
    for account in &view.accounts {
        let way = account.chain.last().cloned().unwrap_or_default();
        let (name, network) = (format!("@{}", account.handle), account.key.network.title());
        table.row([name, network.to_owned(), evidence(account.evidence).to_owned(), way]);
    }
    table.render(style) + "\n"
}

fn results(view: &QueryView, style: Style) -> String {
    let mut text = match view.results.len() {
        0 if view.is_direct_search() => "Nothing that is indexed shows this picture.\n".to_owned(),
        0 => "None of the artist's indexed posts shows this artwork.\n".to_owned(),
        count => style.paint(Tone::Good, &format!("Found {}.", counted(count, "post"))) + "\n",
    };
    // A search through everything finds posts of anybody; whose those of a page are stands above.
    let name_accounts = view.accounts.is_empty();
    let tables = [&view.results, &view.similar].map(|results| found_table(results, name_accounts));
    let all_fit = tables.iter().all(|table| table.fits(style.width));
    for ((results, table), title) in
        [&view.results, &view.similar].into_iter().zip(tables).zip(["", "Less alike:\n"])
    {
        if !results.is_empty() {
            text += title;
            text +=
                &if all_fit { table.render(style) } else { found_in_lines(results, name_accounts, style) };
        }
    }
    text
}

fn found_table(results: &[ResultView], name_accounts: bool) -> Table {
    let mut columns = vec![
        ("post", Align::Flexible),
        ("image", Align::Left),
        ("distance", Align::Right),
        ("", Align::Left),
        ("published", Align::Left),
    ];
    if name_accounts {
        columns.push(("account", Align::Left));
    }
    let mut table = Table::new(columns);
    let earliest = earliest(results).filter(|_| results.len() > 1);
    for result in results {
        let first = if Some(&result.post) == earliest { ", first" } else { "" };
        let mut row = vec![
            post_url(&result.post, result.handle.as_deref()),
            format!("{}/{}", result.position, result.count),
            result.distance.to_string(),
            format!("{}{}", verdict(result), turn(result.variant)),
            result.published.map_or_else(String::new, |moment| day(moment) + first),
        ];
        if name_accounts {
            row.push(account_of(result));
        }
        table.row(row);
    }
    table
}

/// For narrow terminals: an address that is cut is worth nothing, so it has a line of its own.
fn found_in_lines(results: &[ResultView], name_accounts: bool, style: Style) -> String {
    let mut text = String::new();
    let earliest = earliest(results).filter(|_| results.len() > 1);
    for result in results {
        let image = format!("image {}/{}", result.position, result.count);
        let distance = format!("distance {}", result.distance);
        let first = if Some(&result.post) == earliest { ", first" } else { "" };
        let published = result.published.map(|moment| format!("published {}{first}", day(moment)));
        let account = name_accounts.then(|| account_of(result));
        let facts = [account, Some(verdict(result).to_owned()), Some(image), Some(distance), published];
        let facts: Vec<String> = facts.into_iter().flatten().collect();
        let facts = format!("  {}", fit(&facts.join(", "), style.width.saturating_sub(2)));
        let _ = writeln!(
            text,
            "{}\n{}",
            clean(&post_url(&result.post, result.handle.as_deref())),
            style.paint(Tone::Faint, &facts)
        );
    }
    text
}

/// Whose post it is, and where: `@jane on X`; the network alone where no name is known.
fn account_of(result: &ResultView) -> String {
    let network = result.post.network.title();
    result.handle.as_ref().map_or_else(|| network.to_owned(), |name| format!("@{name} on {network}"))
}

/// How the image had to be turned to match, as an addition to the verdict.
fn turn(variant: Variant) -> &'static str {
    match variant {
        Variant::Mirrored => ", mirrored",
        Variant::TurnedRight => ", turned right",
        Variant::UpsideDown => ", upside down",
        Variant::TurnedLeft => ", turned left",
        Variant::AsIs | Variant::OnWhite | Variant::OnBlack | Variant::Trimmed => "",
    }
}

/// A class in words, the same as on the web page; a person's word stands before it.
fn verdict(result: &ResultView) -> &'static str {
    if result.said_same {
        return "a person's word";
    }
    class_in_words(result.class)
}

fn class_in_words(class: MatchClass) -> &'static str {
    match class {
        MatchClass::Identical => "identical",
        MatchClass::Recompressed => "recompressed",
        MatchClass::EditedOrVariant => "edited or variant",
        MatchClass::InsideAnother => "inside another",
        MatchClass::PartInCommon => "part in common",
        MatchClass::Similar => "similar",
    }
}

fn evidence(evidence: Option<Evidence>) -> &'static str {
    match evidence {
        Some(Evidence::Person) => "a person said so",
        Some(Evidence::Mutual) => "linked both ways",
        Some(Evidence::ProfileField) => "named in profile",
        Some(Evidence::Curated) => "known to curators",
        Some(Evidence::ProfileText) => "linked from profile",
        Some(Evidence::WorkText) => "linked from artwork",
        Some(Evidence::SameHandle) => "same name",
        None => "",
    }
}

/// Where a running query is, on one line; where it passes on a terminal, of so many columns.
pub fn progress(view: &QueryView, width: Option<usize>) -> String {
    let spent = view.steps.last().map_or(0, |(_, ms)| *ms);
    let mut line = format!("{}, {}", step_name(view.status), duration(spent));
    if let Some(before) = view.queue_position.filter(|before| *before > 0) {
        let _ = write!(line, ", {before} before this one");
    }
    if let Some(Window { from, to }) = view.looking {
        let _ = write!(line, ", looking at {} to {}", day(from), day(to));
        if view.cost > MicroUsd(0) {
            let _ = write!(line, ", {}", view.cost);
        }
    }
    if !view.results.is_empty() && view.status != QueryStatus::End {
        let _ = write!(line, ", found {} so far", view.results.len());
    }
    let indexing = Indexing {
        listed: view.posts_listed,
        indexed: view.posts_indexed,
        still_listing: view.still_listing,
        total: view.posts_total,
        elapsed_ms: spent,
    };
    if view.posts_listed > 0 && view.status == QueryStatus::IndexAccounts {
        line += ": ";
        line += &indexing.show(width.map(|width| width.saturating_sub(line.width())));
    }
    line
}

/// A step in words.
pub fn step_name(status: QueryStatus) -> &'static str {
    match status {
        QueryStatus::WaitLinkFinder => "waiting to look for the artist's accounts",
        QueryStatus::LinkFinder => "looking for the artist's accounts",
        QueryStatus::WaitIndexAccounts => "waiting to index their posts",
        QueryStatus::IndexAccounts => "indexing their posts",
        QueryStatus::WaitReverseSearch => "waiting to search the image",
        QueryStatus::ReverseSearch => "searching the image",
        QueryStatus::End => "done",
    }
}
