//! Picture files: made when first asked for, kept for the next time. And the network's image host.

use std::collections::HashMap;
use std::sync::Mutex;

use bytes::Bytes;

use super::exchange::{Answer, Call};
use super::facts::{Facts, MediaKind};
use super::picture::{self, Change, Picture, PictureError};

/// Above every limit on images: 21 MiB.
pub const TOO_BIG_BYTES: u64 = 21 * 1024 * 1024;

/// One file of one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Form {
    /// As the network serves it: the longest side, in pixels.
    Network(u32),
    NetworkThumbnail,
    /// As an artwork site offers it: width and height.
    Site(u32, u32),
}

/// Makes and keeps files. At most one file for each size of each picture: some tens of megabytes when
/// everything was asked for in one size.
#[derive(Debug, Default)]
pub struct Images {
    kept: Mutex<HashMap<(Picture, Form), Bytes>>,
}

impl Images {
    /// As a network shows an upload whose longest side is at most so many pixels.
    pub fn shown(&self, picture: Picture, longest: u32) -> Answer {
        self.answer(picture, Form::Network(longest))
    }

    /// Makes the file that indexing downloads, so that asking for it later costs no drawing.
    pub fn prepare(&self, picture: Picture) {
        self.answer(picture, Form::Network(680));
    }

    /// The file that the artist uploaded to an artwork site.
    pub fn original(&self, picture: Picture) -> Answer {
        match picture {
            Picture::Art(id, Change::Same) => {
                let content_type = match id.art().extension() {
                    "png" => "image/png",
                    "webp" => "image/webp",
                    _ => "image/jpeg",
                };
                Answer::image(content_type, Bytes::from_static(id.art().bytes))
            }
            other => {
                let (width, height) = other.size();
                self.version(other, width, height)
            }
        }
    }

    /// A lighter version on an artwork site, JPEG, in exactly this size.
    pub fn version(&self, picture: Picture, width: u32, height: u32) -> Answer {
        self.answer(picture, Form::Site(width.max(1), height.max(1)))
    }

    fn answer(&self, picture: Picture, form: Form) -> Answer {
        match self.get(picture, form) {
            Ok(bytes) => Answer::image("image/jpeg", bytes),
            Err(error) => Answer::text(500, format!("{}", crate::base::ErrorChain(&error))),
        }
    }

    /// Two threads that ask for the same at once both make it; the results are equal.
    fn get(&self, picture: Picture, form: Form) -> Result<Bytes, PictureError> {
        if let Some(bytes) = self.kept().get(&(picture, form)) {
            return Ok(bytes.clone());
        }
        let painted = picture.paint()?;
        let bytes = match form {
            Form::Network(longest) => picture::network_jpeg(&painted, longest)?,
            Form::NetworkThumbnail => picture::thumbnail_jpeg(&painted)?,
            Form::Site(width, height) => picture::resized_jpeg(&painted, width, height, 75)?,
        };
        self.kept().insert((picture, form), bytes.clone());
        Ok(bytes)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<(Picture, Form), Bytes>> {
        // A panic while the map was held cannot have left it half changed.
        self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// `pbs.twimg.com`: `/media/{name}?format=jpg&name=small`, `/media/{name}.jpg`, `/media/{name}.jpg:small`,
/// and the still pictures of videos.
pub fn network(facts: &Facts, images: &Images, call: &Call) -> Answer {
    let segments = call.segments();
    let (file, still) = match segments.as_slice() {
        ["media", file] => (*file, false),
        ["ext_tw_video_thumb", _, "pu", "img", file] | ["tweet_video_thumb", file] => (*file, true),
        _ => return Answer::text(404, "not found"),
    };
    let (file, colon_size) = match file.split_once(':') {
        Some((file, size)) => (file, Some(size)),
        None => (file, None),
    };
    let (name, dot_format) = match file.split_once('.') {
        Some((name, format)) => (name, Some(format)),
        None => (file, None),
    };
    let format = dot_format.or(call.parameter("format")).unwrap_or("jpg");
    let size = colon_size.or(call.parameter("name")).unwrap_or("medium");
    let Some(media) = facts.media_by_name(name).filter(|media| (media.kind != MediaKind::Photo) == still)
    else {
        return Answer::text(404, "not found");
    };
    // Uploads here are all kept as JPEG; asking for another format of one answers as for old files.
    if media.gone || format != "jpg" {
        return Answer::text(404, "not found");
    }
    let form = match size {
        "orig" | "4096x4096" => Form::Network(4096),
        "large" => Form::Network(2048),
        "medium" => Form::Network(1200),
        "small" => Form::Network(680),
        "360x360" => Form::Network(360),
        "thumb" => Form::NetworkThumbnail,
        _ => return Answer::text(404, "not found"),
    };
    images.answer(media.picture, form)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::world::cast;
    use crate::demo::world::exchange::Body;

    fn get(facts: &Facts, images: &Images, path: &str, query: &[(&str, &str)]) -> Answer {
        let call = Call {
            host: "pbs.twimg.com".into(),
            path: path.into(),
            query: query.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            ..Call::default()
        };
        network(facts, images, &call)
    }

    #[test]
    fn an_image_has_several_addresses() {
        let (facts, images) = (cast::build(), Images::default());
        let media = facts.media.iter().find(|media| media.kind == MediaKind::Photo && !media.gone).unwrap();
        let path = format!("/media/{}", media.name);
        for (path, query, status) in [
            (path.clone(), &[("format", "jpg"), ("name", "small")][..], 200),
            (format!("{path}.jpg"), &[][..], 200),
            (format!("{path}.jpg:orig"), &[][..], 200),
            (path.clone(), &[("format", "webp"), ("name", "small")][..], 404),
            (path.clone(), &[("format", "jpg"), ("name", "gigantic")][..], 404),
            ("/media/AAAAAAAAAAAAAAA".to_owned(), &[][..], 404),
        ] {
            assert_eq!(get(&facts, &images, &path, query).status, status, "{path} {query:?}");
        }
        let gone = facts.media.iter().find(|media| media.gone).unwrap();
        assert_eq!(get(&facts, &images, &format!("/media/{}.jpg", gone.name), &[]).status, 404);
    }

    #[test]
    fn files_are_kept() {
        let images = Images::default();
        let Body::Whole(first) = images.version(Picture::Drawn(1), 100, 100).body else { panic!("an image") };
        let Body::Whole(again) = images.version(Picture::Drawn(1), 100, 100).body else { panic!("an image") };
        assert_eq!(first.as_ptr(), again.as_ptr());
    }
}
