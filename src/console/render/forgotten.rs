//! What was forgotten, and how far its removal is.

use serde_json::{Value, json};

use crate::base::counted;
use crate::console::table::{Align, Style, Table, Tone, clean, wrap};
use crate::console::words::day;
use crate::domain::forgotten::{MIN_MARK_DIGITS, Mark, Subject, Tombstone};
use crate::proto::view::ForgettingView;

/// What is forgotten, for people: `@jane (twitter:12)`, or the post's id.
fn name(view: &ForgettingView) -> String {
    match (&view.subject, &view.handle) {
        (Subject::Account(key), Some(handle)) => format!("@{} ({})", clean(handle), clean(&key.to_string())),
        (subject, _) => clean(&subject.to_string()),
    }
}

/// Where a removal is, on one line.
pub fn forgetting_progress(view: &ForgettingView) -> String {
    format!("forgetting {}: {} removed", name(view), counted(view.removed.posts, "post"))
}

pub fn forgetting(view: &ForgettingView, style: Style) -> String {
    if !view.has_ended {
        return forgetting_progress(view) + "\n";
    }
    let mut text = format!("{} {}\n", style.paint(Tone::Good, "Forgotten:"), name(view));
    let removed = &view.removed;
    let rows = match removed.posts + removed.accounts {
        0 if view.is_marked_before => "It was forgotten before, and nothing of it was stored.".to_owned(),
        0 => "Nothing of it was stored; its mark keeps it out from now on.".to_owned(),
        _ => format!("{} with {} removed.", counted(removed.posts, "post"), counted(removed.images, "image")),
    };
    let mut words = rows;
    if view.answers > 0 {
        words += &format!(" {} that named it dropped.", counted(view.answers, "kept answer"));
    }
    if view.scans > 0 {
        words += &format!(" {} of it ended.", counted(view.scans, "scan"));
    }
    let mark = short(view.subject.mark());
    words += &format!(" `forget --undo {mark}` lets it be indexed again.");
    text += &(wrap(&words, style.width) + "\n");
    text
}

/// For programs.
pub fn forgetting_json(view: &ForgettingView) -> Value {
    let (network, id) = match &view.subject {
        Subject::Account(key) => (key.network, &key.native),
        Subject::Post(key) => (key.network, &key.native),
    };
    json!({
        "kind": view.subject.kind().as_str(),
        "network": network,
        "id": id,
        "account_name": view.handle,
        "mark": view.subject.mark().to_string(),
        "posts_removed": view.removed.posts,
        "images_removed": view.removed.images,
        "answers_dropped": view.answers,
        "scans_ended": view.scans,
        "was_forgotten_before": view.is_marked_before,
        "ended": view.has_ended,
    })
}

/// All marks, the oldest first.
pub fn list(tombstones: &[Tombstone], more: bool, style: Style) -> String {
    if tombstones.is_empty() {
        return "Nothing is forgotten.\n".to_owned();
    }
    let mut table = Table::new([
        ("mark", Align::Left),
        ("what", Align::Left),
        ("forgotten on", Align::Left),
        ("note", Align::Flexible),
    ]);
    for tombstone in tombstones {
        let what = format!("{} on {}", tombstone.kind.as_str(), tombstone.network);
        table.row([short(tombstone.mark), what, day(tombstone.at), clean(&tombstone.note)]);
    }
    let mut text = table.render(style);
    if more {
        text += &format!("There are more than these {}.\n", tombstones.len());
    }
    text
}

pub fn list_json(tombstones: &[Tombstone]) -> Value {
    let row = |tombstone: &Tombstone| {
        json!({
            "mark": tombstone.mark.to_string(),
            "kind": tombstone.kind.as_str(),
            "network": tombstone.network,
            "forgotten_at": tombstone.at.to_rfc3339(),
            "note": tombstone.note,
        })
    };
    json!(tombstones.iter().map(row).collect::<Vec<_>>())
}

pub fn lifted(mark: Mark, style: Style) -> String {
    let words = "It may be indexed again, when somebody asks for it; what was removed stays removed.";
    format!("{} {}. {words}\n", style.paint(Tone::Good, "Lifted:"), short(mark))
}

/// So much of a mark as tells it from others.
fn short(mark: Mark) -> String {
    mark.to_string().chars().take(MIN_MARK_DIGITS).collect()
}
