//! What people said that has acted on an answer. Their words are anything, and shown as text.

use std::fmt::Write as _;

use super::markup::{bdi, link};
use super::render::Page;
use crate::api::answers::Answer;
use crate::api::verdicts::SaidAnswer;
use crate::front::http::assets::escape;

impl Page<'_> {
    pub(super) fn verdicts(&self, answer: &Answer) -> String {
        if answer.verdicts.is_empty() {
            return String::new();
        }
        let mut html = format!(
            "<section id=\"verdicts\"><h2>{}</h2><p>{}</p><ul class=\"accounts\">",
            self.text("verdicts.title"),
            self.text("verdicts.hint")
        );
        for said in &answer.verdicts {
            let _ = write!(html, "<li>{}</li>", self.said(said));
        }
        html + "</ul></section>"
    }

    fn said(&self, said: &SaidAnswer) -> String {
        let name = match (&said.handle, &said.account, &said.post) {
            (Some(handle), ..) => bdi(&format!("@{handle}")),
            (None, Some(named), _) | (None, None, Some(named)) => bdi(named),
            (None, None, None) => String::new(),
        };
        let subject = link(&said.url, &name, "", "");
        let image = said.image.map_or_else(String::new, |image| {
            format!(" ({})", self.filled("verdict.image", &[("n", &image.to_string())]))
        });
        let day = escape(&self.language.day(&said.at));
        let why = match said.why.is_empty() {
            true => String::new(),
            false => format!(" <q>{}</q>", bdi(&said.why)),
        };
        let key = |value: serde_json::Result<serde_json::Value>| {
            value.ok().as_ref().and_then(|value| value.as_str()).unwrap_or_default().to_owned()
        };
        let effect = key(serde_json::to_value(said.effect));
        format!(
            "{subject}{image}: {} <span class=\"why\">· <time datetime=\"{}\">{day}</time> · {}</span>{why}",
            self.text(&format!("verdict.{}", said.verdict.as_str())),
            escape(&said.at),
            self.text(&format!("verdict.effect.{effect}")),
        )
    }
}
