//! Picture files: made when first asked for, kept for the next time.

use std::collections::HashMap;
use std::sync::Mutex;

use bytes::Bytes;

use super::exchange::Answer;
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

    /// The small square that a network shows of an upload in its lists.
    pub fn thumbnail(&self, picture: Picture) -> Answer {
        self.answer(picture, Form::NetworkThumbnail)
    }

    /// Makes the file that indexing downloads, so that asking for it later costs no drawing.
    pub fn prepare(&self, picture: Picture) {
        self.answer(picture, Form::Network(680));
    }

    /// The file that the artist uploaded to an artwork site.
    pub fn original(&self, picture: Picture) -> Answer {
        match picture {
            Picture::Art(id, Change::Same) => {
                let content_type = match picture.extension() {
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

    /// A file of a work: as uploaded, or a JPEG whose longest side is at most `longest` pixels.
    pub fn file(&self, picture: Option<Picture>, longest: Option<u32>) -> Answer {
        let Some(picture) = picture else { return Answer::text(404, "not found") };
        match longest {
            None => self.original(picture),
            Some(longest) => {
                let (width, height) = picture.size();
                let largest = width.max(height).max(longest);
                self.version(picture, width * longest / largest, height * longest / largest)
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::world::exchange::Body;

    #[test]
    fn files_are_kept() {
        let images = Images::default();
        let Body::Whole(first) = images.version(Picture::Drawn(1), 100, 100).body else { panic!("an image") };
        let Body::Whole(again) = images.version(Picture::Drawn(1), 100, 100).body else { panic!("an image") };
        assert_eq!(first.as_ptr(), again.as_ptr());
    }
}
