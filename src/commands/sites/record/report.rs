//! The report for people, in the form that CONTRIBUTING.md asks for.

use std::fmt::Write as _;

use super::scrub::Scrubbed;
use crate::sites::recording::{Exchange, Recording};

/// The report on a recording, as Markdown.
pub fn of(recording: &Recording, scrubbed: Scrubbed) -> String {
    let Recording { url, site, recorded, exchanges, read } = recording;
    let mut text = format!(
        "# {site}: {outcome}\n\n\
         - address: <{url}>\n\
         - recorded: {recorded}, by aotf {version}\n\
         - outcome: `{outcome}`{error}\n\
         - replaced: {replaced} values; {needed} are as they came\n\n\
         ## What was expected\n\n(Say what a person sees on the page that the program did not read.)\n\n\
         ## What was asked and answered\n\n",
        outcome = read.outcome,
        version = env!("CARGO_PKG_VERSION"),
        error = read.error.as_ref().map(|error| format!(": {error}")).unwrap_or_default(),
        replaced = scrubbed.replaced,
        needed = scrubbed.needed,
    );
    exchanges.iter().for_each(|exchange| write_exchange(&mut text, exchange));
    text.push_str("\n## What was read\n\n");
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "- {name}: {value}");
    };
    for image in &read.images {
        line("image", &format!("<{image}>"));
    }
    line("published", read.published.as_deref().unwrap_or("not found"));
    for link in &read.links {
        let place = serde_json::to_value(link.place).unwrap_or_default();
        line(&format!("link ({})", place.as_str().unwrap_or_default()), &format!("<{}>", link.url));
    }
    if read.links.is_empty() {
        line("links", "none");
    }
    for problem in &read.problems {
        line("problem", problem);
    }
    text
}

fn write_exchange(text: &mut String, exchange: &Exchange) {
    let Exchange { method, url, status, answered_by, headers, file, failure, .. } = exchange;
    let outcome = failure.clone().unwrap_or_else(|| format!("status {status}"));
    let _ = writeln!(text, "- {method} <{url}>: {outcome}");
    if answered_by != url {
        let _ = writeln!(text, "  - answered by <{answered_by}>");
    }
    for (name, value) in headers {
        let _ = writeln!(text, "  - `{name}: {value}`");
    }
    if !file.is_empty() {
        let _ = writeln!(text, "  - body: [{file}]({file})");
    }
}
