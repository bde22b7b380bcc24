//! What was found: the posts by what their pictures are to the artwork, the earliest first, each post once.

use std::fmt::Write as _;

use super::markup::{bdi, is_web, link};
use super::part::outline;
use super::render::Page;
use crate::api::answers::Answer;
use crate::api::posts::PostAnswer;
use crate::domain::images::{AnswerPicture, MatchClass, PictureSize, Variant};
use crate::domain::parts::Corners;
use crate::front::http::assets::escape;
use crate::front::http::picture;
use crate::proto::front::PictureOf;

/// Cards of a group that are shown at once; the rest is opened by a click.
const SHOWN_AT_ONCE: usize = 6;

/// A post, with those of its images that are alike in the same way.
struct Card<'a> {
    post: &'a PostAnswer,
    /// The place of its closest image in the answer's list.
    place: usize,
    /// Places of the images in the post, the closest first.
    positions: Vec<&'a str>,
}

/// An answer whose posts are shown.
struct Listed<'a> {
    answer: &'a Answer,
    /// Under which its pictures can be had from this server.
    of: Option<PictureOf>,
}

/// The group of what a person said shows the artwork, whatever its class.
const SAID: &str = "said";

fn group_of(post: &PostAnswer) -> &'static str {
    if post.said_same { SAID } else { post.class.as_str() }
}

/// The images by class, likest first, after those that a person's word puts first; within a class by post, the earliest first, then those whose date is
/// not known.
fn groups(posts: &[PostAnswer]) -> Vec<(&'static str, Vec<Card<'_>>)> {
    let mut groups: Vec<(&'static str, Vec<Card<'_>>)> = Vec::new();
    for class in std::iter::once(SAID).chain(MatchClass::ALL.map(MatchClass::as_str)) {
        let mut cards: Vec<Card<'_>> = Vec::new();
        for (place, post) in posts.iter().enumerate().filter(|(_, post)| group_of(post) == class) {
            let position = post.image_position.split('/').next().unwrap_or_default();
            match cards.iter_mut().find(|card| (card.post.network, &card.post.id) == (post.network, &post.id))
            {
                Some(card) => card.positions.push(position),
                None => cards.push(Card { post, place, positions: vec![position] }),
            }
        }
        cards.sort_by(|a, b| {
            let date = |card: &Card<'_>| (card.post.published.is_none(), card.post.published.clone());
            date(a).cmp(&date(b))
        });
        if !cards.is_empty() {
            groups.push((class, cards));
        }
    }
    groups
}

impl Page<'_> {
    /// `Found: 3 posts`.
    pub(super) fn found_count(&self, posts: &[PostAnswer]) -> String {
        let mut distinct: Vec<_> = posts.iter().map(|post| (post.network, &post.id)).collect();
        distinct.sort_unstable();
        distinct.dedup();
        match distinct.len() {
            0 => self.text("results.none"),
            n => self.filled("results", &[("n", &self.language.number(n as u64))]),
        }
    }

    /// The results, and below them what is less alike.
    pub(super) fn found(&self, answer: &Answer) -> String {
        // While the search goes on, places change: pictures by their places come with the end.
        let of = self.picture_of(answer).filter(|_| answer.is_final());
        let list = Listed { answer, of };
        // A public server tells no addresses of them.
        let has_pictures =
            answer.posts.iter().chain(&answer.similar_posts).any(|post| is_web(&post.image_url));
        let switch = match has_pictures && list.of.is_none() && answer.is_final() {
            true => self.picture_switch(),
            false => String::new(),
        };
        let mut html = String::from("<section id=\"found\">");
        if answer.posts.is_empty() {
            let hint = match (&self.subject.search, answer.is_final(), answer.complete) {
                (Some(_), ..) => "results.none.image",
                (None, false, _) => "results.so_far",
                (None, true, false) if !answer.searched.is_empty() => "results.none.part",
                (None, true, _) => "results.none.hint",
            };
            let _ = write!(
                html,
                "<div class=\"none\"><h2>{}</h2><p>{}</p></div>{switch}",
                self.text(if answer.is_final() { "results.none" } else { "results.none.yet" }),
                self.text(hint)
            );
        } else {
            let count = self.found_count(&answer.posts);
            let _ = write!(html, "<div class=\"head\"><h2>{count}</h2>{switch}</div>");
            if !answer.is_final() {
                let _ = write!(html, "<p class=\"notice\">{}</p>", self.text("results.so_far"));
            }
        }
        html += &self.artwork(&list);
        let mut number = 0;
        for (class, cards) in groups(&answer.posts) {
            html += &self.group(&list, AnswerPicture::Result, class, &cards, &mut number);
        }
        html += "</section>";
        if !answer.similar_posts.is_empty() {
            let _ = write!(
                html,
                "<section id=\"similar\"><h2>{}</h2><p>{}</p>",
                self.text("similar.title"),
                self.text("similar.hint")
            );
            for (class, cards) in groups(&answer.similar_posts) {
                html += &self.group(&list, AnswerPicture::Similar, class, &cards, &mut number);
            }
            html += "</section>";
        }
        html + &self.parts_state(answer)
    }

    /// Whose pictures this server makes small for the page; `None` where it does not.
    fn picture_of(&self, answer: &Answer) -> Option<PictureOf> {
        if !self.help.page.pictures {
            return None;
        }
        match &self.subject.search {
            Some(identifier) => Some(PictureOf::Search(identifier.clone())),
            None => answer.id.clone().map(PictureOf::Query),
        }
    }

    /// Shows pictures of other hosts, which learn the visitor's address by it, only once they are asked for.
    fn picture_switch(&self) -> String {
        let mut subject = self.subject.clone();
        subject.pictures = !subject.pictures;
        let key = if self.subject.pictures { "images.hide" } else { "images.show" };
        format!(
            "<p class=\"pictures\"><a id=\"pictures\" class=\"button second\" rel=\"nofollow\" \
             href=\"/?{}\">{}</a> <small>{}</small></p>",
            escape(&subject.parameters(self.language)),
            self.text(key),
            self.text("images.hint"),
        )
    }

    /// What is searched for, to be compared with.
    fn artwork(&self, list: &Listed<'_>) -> String {
        if self.subject.search.is_some() {
            // The script has it, if it is the one who sent it.
            return format!(
                "<figure class=\"artwork own\" hidden><img alt=\"{0}\"><figcaption>{0}</figcaption></figure>",
                self.text("artwork.own")
            );
        }
        let Some(image) = &list.answer.image_url else { return String::new() };
        self.small(list, AnswerPicture::Artwork, image, image).map_or_else(String::new, |address| {
            format!(
                "<figure class=\"artwork\">{}<figcaption>{}</figcaption></figure>",
                self.picture(&address, "artwork"),
                self.text("artwork")
            )
        })
    }

    /// Where a small picture is: here, or where its host has it if the visitor wants that; `None`: it is not
    /// shown.
    fn small(&self, list: &Listed<'_>, picture: AnswerPicture, image: &str, small: &str) -> Option<String> {
        match &list.of {
            _ if !is_web(image) => None,
            Some(of) => Some(picture::address(of, picture, PictureSize::Small, image)),
            None => self.subject.pictures.then(|| small.to_owned()),
        }
    }

    pub(super) fn picture(&self, address: &str, alt: &str) -> String {
        format!(
            "<img src=\"{}\" alt=\"{}\" loading=\"lazy\" referrerpolicy=\"no-referrer\">",
            escape(address),
            self.text(alt)
        )
    }

    fn group(
        &self,
        list: &Listed<'_>,
        picture: fn(u16) -> AnswerPicture,
        class: &str,
        cards: &[Card<'_>],
        number: &mut usize,
    ) -> String {
        let mut card = |card: &Card<'_>| {
            *number += 1;
            self.card(list, picture(u16::try_from(card.place).unwrap_or(u16::MAX)), card, *number)
        };
        let (first, rest) = cards.split_at(cards.len().min(SHOWN_AT_ONCE));
        let mut html = format!(
            "<h3 class=\"group\"><span class=\"tag {class}\">{}</span> <small>{}</small></h3>\
             <ul class=\"cards\">{}</ul>",
            self.text(&format!("class.{class}")),
            self.text(&format!("class.{class}.about")),
            first.iter().map(&mut card).collect::<String>(),
        );
        if !rest.is_empty() {
            let count = rest.len();
            let more = self.filled("results.more", &[("n", &self.language.number(count as u64))]);
            let cards: String = rest.iter().map(&mut card).collect();
            let _ = write!(
                html,
                "<details class=\"more-cards\" id=\"more-{number}\"><summary>{more}\
                 <span class=\"visually-hidden\"> ({})</span></summary><ul class=\"cards\">{cards}</ul>\
                 </details>",
                self.text(&format!("class.{class}")),
            );
        }
        html
    }

    fn card(&self, list: &Listed<'_>, picture: AnswerPicture, card: &Card<'_>, number: usize) -> String {
        let post = card.post;
        let network = self.network(post.network);
        let number = self.filled("open.numbered", &[("n", &number.to_string())]);
        let tag = |key: &str| format!("<span class=\"tag\">{}</span>", self.text(key));
        let mut tags = match post.variant {
            Variant::Trimmed => tag("variant.trimmed"),
            Variant::Mirrored | Variant::TurnedRight | Variant::UpsideDown | Variant::TurnedLeft => {
                tag("variant.turned")
            }
            Variant::AsIs | Variant::OnWhite | Variant::OnBlack => String::new(),
        };
        if post.earliest && list.answer.posts.len() > 1 {
            tags += &tag("earliest");
        }
        let tags = match tags.is_empty() {
            true => tags,
            false => format!("<p class=\"verdict\">{tags}</p>"),
        };
        let count = post.image_position.split_once('/').map_or("", |(_, count)| count);
        let key = if card.positions.len() == 1 { "position" } else { "positions" };
        let position = self.filled(key, &[("position", &card.positions.join(", ")), ("count", count)]);
        let day = post.published.as_ref().map_or_else(String::new, |moment| {
            let (moment, day) = (escape(moment), escape(&self.language.day(moment)));
            format!(" · <time datetime=\"{moment}\">{day}</time>")
        });
        let bits = self.filled("distance.bits", &[("n", &post.distance.to_string())]);
        let who = post.handle.as_ref().map_or_else(
            || format!("<p class=\"who\">{network}</p>"),
            |name| format!("<p class=\"who\">{} <small>{network}</small></p>", bdi(&format!("@{name}"))),
        );
        let shown = self.small(list, picture, &post.image_url, &post.thumbnail_url);
        let (shown, part) = match &post.part {
            Some(part) => {
                let artwork = list.answer.image_url.as_deref().filter(|_| self.subject.search.is_none());
                let artwork =
                    artwork.and_then(|image| self.small(list, AnswerPicture::Artwork, image, image));
                (String::new(), self.part(part, artwork.as_deref(), shown.as_deref()))
            }
            None => {
                (shown.map_or_else(String::new, |address| self.picture(&address, "posted")), String::new())
            }
        };
        format!(
            "<li class=\"card\">{shown}{who}{tags}<p class=\"facts\">{position}{day} · {bits}</p>\
             {part}{compare}<div class=\"actions\">{open}\
             <button type=\"button\" class=\"button second js-only\" data-copy=\"{url}\">{copy}\
             <span class=\"visually-hidden\">, {number}</span></button></div></li>",
            compare = self.compare(list, picture, post, &number),
            open = link(&post.url, &self.text("open"), &format!(", {number}"), "button"),
            url = escape(&post.url),
            copy = self.text("copy"),
        )
    }

    /// The artwork and the posted picture side by side, loaded once this is opened.
    fn compare(&self, list: &Listed<'_>, picture: AnswerPicture, post: &PostAnswer, number: &str) -> String {
        if !is_web(&post.image_url) {
            return String::new();
        }
        let outlined = |image: String, corners: Option<&Corners>| match corners {
            Some(corners) => format!("<span class=\"outlined\">{image}{}</span>", outline(corners)),
            None => image,
        };
        let in_artwork = post.part.as_ref().map(|part| &part.in_artwork);
        let in_post = post.part.as_ref().map(|part| &part.in_post);
        let figure = |picture: AnswerPicture, image: &str, name: &str, corners| {
            let large = match &list.of {
                Some(of) => picture::address(of, picture, PictureSize::Large, image),
                None => image.to_owned(),
            };
            let original =
                link(image, &self.text("compare.original"), &format!(": {}, {number}", self.text(name)), "");
            let name = self.text(name);
            let image = format!(
                "<img data-src=\"{}\" alt=\"{name}\" referrerpolicy=\"no-referrer\" hidden>",
                escape(&large)
            );
            format!(
                "<figure>{}<figcaption>{name} · {original}</figcaption></figure>",
                outlined(image, corners)
            )
        };
        let artwork = match &list.answer.image_url {
            _ if self.subject.search.is_some() => {
                let name = self.text("artwork.own");
                let image = outlined(format!("<img alt=\"{name}\">"), in_artwork);
                format!("<figure class=\"own\" hidden>{image}<figcaption>{name}</figcaption></figure>")
            }
            Some(image) if is_web(image) => figure(AnswerPicture::Artwork, image, "artwork", in_artwork),
            _ => String::new(),
        };
        format!(
            "<details class=\"compare\" id=\"compare-{}\"><summary>{}\
             <span class=\"visually-hidden\">, {number}</span></summary>\
             <div class=\"pair\">{artwork}{}</div></details>",
            // Of the picture itself: its number changes when others are found before it.
            escape(&format!("{}-{}", post.url, post.image_position)),
            self.text("compare"),
            figure(picture, &post.image_url, "posted", in_post),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::samples::sample_view;

    #[test]
    fn posts_are_grouped_by_class_each_once_and_the_earliest_first() {
        let sample = Answer::from(&sample_view()).posts[0].clone();
        let image = |id: &str, position: &str, class, published: Option<&str>| PostAnswer {
            id: id.to_owned(),
            image_position: position.to_owned(),
            class,
            published: published.map(str::to_owned),
            ..sample.clone()
        };
        let (same, edited) = (MatchClass::Identical, MatchClass::EditedOrVariant);
        let found = [
            image("1", "2/4", same, Some("2022-05-01T00:00:00Z")),
            image("1", "3/4", edited, Some("2022-05-01T00:00:00Z")),
            image("2", "1/1", same, None),
            image("3", "1/1", same, Some("2021-05-01T00:00:00Z")),
            image("1", "1/4", same, Some("2022-05-01T00:00:00Z")),
        ];
        let shown: Vec<(&str, Vec<(&str, String)>)> = groups(&found)
            .into_iter()
            .map(|(class, cards)| {
                let cards = cards.iter().map(|card| (card.post.id.as_str(), card.positions.join(" ")));
                (class, cards.collect())
            })
            .collect();
        let expect = [
            (same.as_str(), vec![("3", "1".to_owned()), ("1", "2 1".to_owned()), ("2", "1".to_owned())]),
            (edited.as_str(), vec![("1", "3".to_owned())]),
        ];
        assert_eq!(shown, expect);
    }
}
