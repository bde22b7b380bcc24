//! The credit to copy: in each markup, with a button.

use std::fmt::Write as _;

use super::render::Page;
use crate::domain::credit::{Credit, Markup, Template};
use crate::front::http::assets::escape;

impl Page<'_> {
    /// Empty where nobody was found.
    pub(super) fn credit(&self, credit: &Credit) -> String {
        if credit.is_empty() {
            return String::new();
        }
        let mut html = format!(
            "<details id=\"credit\"><summary>{}</summary><p>{}</p>",
            self.text("credit"),
            self.text("credit.hint")
        );
        for (markup, own) in Markup::ALL.iter().zip(self.own_credits) {
            let template = Template::or_built_in(own, *markup, self.language.code());
            let (name, text) = (self.text(&format!("credit.{markup}")), template.fill(credit, *markup));
            let text = escape(&text);
            let _ = write!(
                html,
                "<div class=\"credit\"><label for=\"credit-{markup}\">{name}</label>\
                 <textarea id=\"credit-{markup}\" rows=\"{rows}\" readonly>\n{text}</textarea>\
                 <button type=\"button\" class=\"button second js-only\" data-copy=\"{text}\">{copy}\
                 <span class=\"visually-hidden\">, {name}</span></button></div>",
                rows = text.lines().count().clamp(2, 8),
                copy = self.text("credit.copy"),
            );
        }
        html + "</details>"
    }
}
