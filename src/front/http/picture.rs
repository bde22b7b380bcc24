//! `GET /picture`: a picture of an answer, made small by a process that is confined for it, for the page of
//! this server alone. Only where the operator serves pictures (`page.pictures`).

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, RawQuery, State};
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::caller::Caller;
use super::error::{Closed, HttpError};
use super::kept_pictures::Key;
use super::limits::RateClass;
use super::state::Api;
use super::url_parameter;
use crate::domain::images::{AnswerPicture, PictureSize};
use crate::proto::front::{FrontAnswer, FrontQuestion, PictureOf};

pub(super) const PATH: &str = "/picture";
/// The host of the picture has this long.
const DEADLINE: Duration = Duration::from_secs(25);

/// The address of a picture. It changes with the image, so that it can be kept.
pub(super) fn address(of: &PictureOf, picture: AnswerPicture, size: PictureSize, image: &str) -> String {
    let (name, id) = match of {
        PictureOf::Query(id) => ("query", id),
        PictureOf::Search(identifier) => ("search", identifier),
    };
    let place = match picture {
        AnswerPicture::Artwork => "artwork".to_owned(),
        AnswerPicture::Result(place) => format!("result-{place}"),
        AnswerPicture::Similar(place) => format!("similar-{place}"),
    };
    let size = match size {
        PictureSize::Small => "small",
        PictureSize::Large => "large",
    };
    let mut address = url::form_urlencoded::Serializer::new(format!("{PATH}?"));
    address.append_pair(name, id).append_pair("picture", &place).append_pair("size", size);
    address.append_pair("v", &version_of(image)).finish()
}

fn version_of(image: &str) -> String {
    format!("{:08x}", crc32fast::hash(image.as_bytes()))
}

/// What an address asks for; `None` where it is none of ours.
fn asked(query: &str) -> Option<Key> {
    let named = |name: &str| url_parameter::named(query, name);
    let of = match (named("query"), named("search")) {
        (Some(id), None) => PictureOf::Query(id),
        (None, Some(identifier)) => PictureOf::Search(identifier),
        _ => return None,
    };
    let picture = named("picture")?;
    let picture = match picture.split_once('-') {
        None if picture == "artwork" => AnswerPicture::Artwork,
        Some(("result", place)) => AnswerPicture::Result(place.parse().ok()?),
        Some(("similar", place)) => AnswerPicture::Similar(place.parse().ok()?),
        _ => return None,
    };
    let size = match named("size")?.as_str() {
        "small" => PictureSize::Small,
        "large" => PictureSize::Large,
        _ => return None,
    };
    let version = named("v").filter(|version| version.len() == 8)?;
    let is_short = |text: &str| text.len() <= 64;
    let (PictureOf::Query(id) | PictureOf::Search(id)) = &of;
    is_short(id).then_some(Key { of, picture, size, version })
}

pub(super) async fn picture(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Result<Response, HttpError> {
    let key = asked(&query.unwrap_or_default()).filter(|_| api.page.pictures).ok_or(HttpError::NotFound)?;
    if caller.cross_site {
        return Err(HttpError::Forbidden(Closed::OtherSites));
    }
    if !caller.advanced && matches!(key.of, PictureOf::Search(_)) {
        return Err(HttpError::Forbidden(Closed::Search));
    }
    let now = (api.now)();
    if let Some(kept) = api.pictures.get(&key, now) {
        return kept.map(shown).ok_or(HttpError::NotFound);
    }
    api.count(&caller, RateClass::Picture)?;
    let _place = api.pictures_waiting.try_acquire().map_err(|_| HttpError::Busy)?;
    let question = FrontQuestion::Picture {
        of: key.of.clone(),
        picture: key.picture,
        size: key.size,
        client: caller.client(),
    };
    match api.ask_within(question, None, DEADLINE).await? {
        FrontAnswer::Picture { image, jpeg } if version_of(&image) == key.version => {
            let jpeg = Bytes::from(jpeg);
            api.pictures.keep(key, Some(jpeg.clone()), now);
            Ok(shown(jpeg))
        }
        FrontAnswer::Picture { .. } => Err(HttpError::NotFound),
        FrontAnswer::Refused { .. } => {
            api.pictures.keep(key, None, now);
            Err(HttpError::NotFound)
        }
        FrontAnswer::Overloaded => Err(HttpError::Busy),
        _ => Err(HttpError::Unexpected),
    }
}

fn shown(jpeg: Bytes) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "image/jpeg"),
        (header::CACHE_CONTROL, "private, max-age=3600, immutable"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("x-robots-tag"), "noindex"),
    ];
    (headers, jpeg).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_written() {
        for of in [PictureOf::Query("0123".to_owned()), PictureOf::Search("a&b=c".to_owned())] {
            for picture in [AnswerPicture::Artwork, AnswerPicture::Result(3), AnswerPicture::Similar(9)] {
                for size in [PictureSize::Small, PictureSize::Large] {
                    let address = address(&of, picture, size, "https://i.example/a.png");
                    let (_, query) = address.split_once('?').unwrap();
                    let version = version_of("https://i.example/a.png");
                    let expect = Key { of: of.clone(), picture, size, version };
                    assert_eq!(asked(query), Some(expect), "{address}");
                }
            }
        }
        for odd in [
            "",
            "query=a",
            "query=a&picture=result-70000&size=small&v=01234567",
            "query=a&picture=result--1&size=small&v=01234567",
            "query=a&picture=other&size=small&v=01234567",
            "query=a&picture=artwork&size=huge&v=01234567",
            "query=a&picture=artwork&size=small",
            "query=a&search=b&picture=artwork&size=small&v=01234567",
            &format!("query={}&picture=artwork&size=small&v=01234567", "a".repeat(100)),
        ] {
            assert_eq!(asked(odd), None, "{odd}");
        }
    }
}
