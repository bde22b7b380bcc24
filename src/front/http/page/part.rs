//! The part that a posted picture shares with the artwork: outlined in both, side by side, and said in words.

use std::fmt::Write as _;

use super::render::Page;
use crate::api::answers::{Answer, PartsAnswer, PartsStateName};
use crate::api::posts::PartAnswer;
use crate::domain::parts::{Corners, percent_of_picture};

/// Its outline, to be laid over a picture. What is hidden from screen readers is said in words beside it.
pub(super) fn outline(corners: &Corners) -> String {
    let mut points = String::new();
    for [x, y] in corners {
        let _ = write!(points, "{:.1},{:.1} ", x * 100.0, y * 100.0);
    }
    format!(
        "<svg viewBox=\"0 0 100 100\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <polygon points=\"{}\"></polygon></svg>",
        points.trim_end()
    )
}

impl Page<'_> {
    /// Both small pictures, as far as they are shown, with the outline; then the same in words.
    pub(super) fn part(&self, part: &PartAnswer, artwork: Option<&str>, posted: Option<&str>) -> String {
        let figure = |address: Option<&str>, corners, alt: &str, name: &str| {
            address.map_or_else(String::new, |address| {
                let picture = self.picture(address, alt);
                let (outline, name) = (outline(corners), self.text(name));
                format!(
                    "<figure><span class=\"outlined\">{picture}{outline}</span>\
                     <figcaption>{name}</figcaption></figure>"
                )
            })
        };
        let figures = figure(artwork, &part.in_artwork, "artwork", "part.in_artwork")
            + &figure(posted, &part.in_post, "posted", "part.in_post");
        let figures = match figures.is_empty() {
            true => figures,
            false => format!("<div class=\"pair parts\">{figures}</div>"),
        };
        let number = |n: u64| self.language.number(n);
        let words = self.filled(
            "part.about",
            &[
                ("artwork", &*number(percent_of_picture(&part.in_artwork))),
                ("post", &number(percent_of_picture(&part.in_post))),
                ("n", &number(part.keypoints.into())),
            ],
        );
        let tag = |is_so: bool, key: &str| match is_so {
            true => format!(" <span class=\"tag\">{}</span>", self.text(key)),
            false => String::new(),
        };
        let tags = tag(part.mirrored, "part.mirrored") + &tag(part.inverted, "part.inverted");
        format!("{figures}<p class=\"facts\">{words}{tags}</p>")
    }

    /// Whether crops and the like were looked for, where what was found does not say it.
    pub(super) fn parts_state(&self, answer: &Answer) -> String {
        let PartsAnswer { state, images_without } = answer.parts;
        let key = match state {
            PartsStateName::Off | PartsStateName::Searched => return String::new(),
            PartsStateName::Incomplete => "parts.incomplete",
            PartsStateName::OnlyAlike => "parts.only_alike",
            PartsStateName::TooFew => "parts.too_few",
        };
        let text = self.filled(key, &[("n", &self.language.number(images_without))]);
        format!("<p id=\"parts\" class=\"facts\">{text}</p>")
    }
}
