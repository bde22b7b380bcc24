//! The part that a posted picture shares with the artwork: outlined in both, side by side, and said in words.

use std::fmt::Write as _;

use super::render::Page;
use crate::api::answers::{Answer, PartsAnswer, PartsStateName};
use crate::api::posts::PartAnswer;

/// Its outline, to be laid over a picture. What is hidden from screen readers is said in words beside it.
pub(super) fn outline(corners: &[[f64; 2]; 4]) -> String {
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

/// How much of the picture it is, in percent: what lies outside of the picture counts for nothing there.
fn share(corners: &[[f64; 2]; 4]) -> u64 {
    let corners = corners.map(|corner| corner.map(|side| side.clamp(0.0, 1.0)));
    let next = corners.iter().cycle().skip(1);
    let twice: f64 = corners.iter().zip(next).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum();
    // At most 50 for each half.
    (twice.abs() * 50.0).round() as u64
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
                ("artwork", &*number(share(&part.in_artwork))),
                ("post", &number(share(&part.in_post))),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_that_of_what_can_be_seen() {
        let check = |corners, percent| assert_eq!(share(&corners), percent, "{corners:?}");
        check([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]], 100);
        check([[0.5, 0.0], [1.0, 0.0], [1.0, 0.5], [0.5, 0.5]], 25);
        // Mirrored, the corners go round the other way.
        check([[1.0, 0.0], [0.5, 0.0], [0.5, 0.5], [1.0, 0.5]], 25);
        check([[-2.0, -1.0], [3.0, -1.0], [3.0, 2.0], [-2.0, 2.0]], 100);
        check([[0.3, 0.3]; 4], 0);
    }
}
