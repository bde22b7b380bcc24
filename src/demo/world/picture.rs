//! The pictures of the world: two dozen real artworks, and drawings made up from a number. How they
//! are altered, resized and encoded as the image hosts do. Everything here is a pure function.

use bytes::Bytes;
use image::RgbImage;
use image::imageops::{self, FilterType};
use turbojpeg::{PixelFormat, Subsamp};

/// A real artwork that is part of the program. Licenses: `assets/LICENSES.md`.
#[derive(Debug)]
pub struct Art {
    /// Its file name in `assets/`.
    pub file: &'static str,
    /// In pixels.
    pub width: u32,
    pub height: u32,
    pub bytes: &'static [u8],
}

impl Art {
    /// `jpg`, `png` or `webp`.
    pub fn extension(&self) -> &'static str {
        self.file.rsplit('.').next().unwrap_or_default()
    }
}

macro_rules! arts {
    ($( $name:ident = $file:literal, $width:literal x $height:literal; )*) => {
        /// The real artworks, by what they show.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ArtId { $( $name, )* }

        impl ArtId {
            pub const ALL: &[ArtId] = &[ $( ArtId::$name, )* ];

            pub fn art(self) -> &'static Art {
                match self {
                    $( ArtId::$name => {
                        static ART: Art = Art {
                            file: $file,
                            width: $width,
                            height: $height,
                            bytes: include_bytes!(concat!("../assets/", $file)),
                        };
                        &ART
                    } )*
                }
            }
        }
    };
}

arts! {
    WitchCooking = "p0008.jpg", 646 x 694;
    Flying = "p0030.webp", 692 x 402;
    Hiking = "p0052.webp", 592 x 478;
    PowerToTheMasses = "p0099.jpg", 734 x 972;
    Raining = "p0124.jpg", 516 x 498;
    PushingCart = "p0186.jpg", 824 x 455;
    PokingFire = "p0193.jpg", 610 x 504;
    Standing = "p0127.jpg", 346 x 447;
    PencilSketch = "p0044.jpg", 700 x 634;
    FixingTheProject = "p0049.jpg", 800 x 484;
    EileenHappy = "p0009.jpg", 320 x 720;
    EileenVeryHappy = "p0148.jpg", 320 x 720;
    SylvieGiggle = "p0034.jpg", 456 x 700;
    SylvieSurprised = "p0083.jpg", 456 x 700;
    SylvieBlue = "p0121.jpg", 334 x 700;
    KnightAtTheFord = "p0006.jpg", 500 x 756;
    SwordInTheStone = "p0104.jpg", 500 x 755;
    RoundTable = "p0144.jpg", 500 x 757;
    RabbitAtTheDoor = "p0042.jpg", 500 x 670;
    RabbitInTheGarden = "p0117.jpg", 329 x 720;
    RabbitRunning = "p0051.jpg", 423 x 750;
    RabbitFamily = "p0187.png", 592 x 317;
    // The dragon is transparent, so that the network flattens it.
    Dragon = "p0136.png", 512 x 512;
    DragonHead = "p0138.webp", 512 x 512;
    Cave = "p0126.webp", 512 x 376;
}

/// How a posted picture differs from the artwork.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// Not at all.
    Same,
    /// Lighter and warmer: another "lighting" of the same picture.
    Relit,
    /// A caption bar over the lower sixth.
    Captioned,
    /// Turned over: another picture to a fingerprint.
    Mirrored,
}

/// What can be seen on one uploaded picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Picture {
    Art(ArtId, Change),
    /// Made up from this number: a gradient with shapes. Numbers give distinct fingerprints.
    Drawn(u64),
}

impl Picture {
    /// Width and height of the upload, in pixels, without drawing it.
    pub fn size(self) -> (u32, u32) {
        match self {
            Picture::Art(id, _) => (id.art().width, id.art().height),
            Picture::Drawn(seed) => drawing_size(&mut fastrand::Rng::with_seed(seed)),
        }
    }

    /// Of the upload's file.
    pub fn extension(self) -> &'static str {
        match self {
            Picture::Art(id, _) => id.art().extension(),
            Picture::Drawn(_) => "jpg",
        }
    }

    /// The upload, in its full size, transparency flattened on white.
    ///
    /// # Errors
    /// Never for the shipped artworks (a test decodes each).
    pub fn paint(self) -> Result<RgbImage, PictureError> {
        match self {
            Picture::Art(id, change) => Ok(alter(decode(id.art())?, change)),
            Picture::Drawn(seed) => Ok(draw(seed)),
        }
    }
}

/// A picture could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    #[error("could not decode the JPEG artwork {file}")]
    Jpeg { file: &'static str, source: turbojpeg::Error },
    #[error("could not decode the artwork {file}")]
    Decode { file: &'static str, source: image::ImageError },
    #[error("the pixels of the artwork {file} do not fill its size")]
    Incomplete { file: &'static str },
    #[error("could not encode a picture of {width} x {height} pixels as JPEG")]
    Encode { width: u32, height: u32, source: turbojpeg::Error },
}

fn decode(art: &'static Art) -> Result<RgbImage, PictureError> {
    if art.extension() == "jpg" {
        let picture = turbojpeg::decompress(art.bytes, PixelFormat::RGB)
            .map_err(|source| PictureError::Jpeg { file: art.file, source })?;
        // Decompressed rows are packed: three bytes a pixel, no padding.
        return RgbImage::from_raw(art.width, art.height, picture.pixels)
            .ok_or(PictureError::Incomplete { file: art.file });
    }
    let picture = image::load_from_memory(art.bytes)
        .map_err(|source| PictureError::Decode { file: art.file, source })?;
    let rgba = picture.into_rgba8();
    let mut flat = RgbImage::new(rgba.width(), rgba.height());
    for (to, from) in flat.pixels_mut().zip(rgba.pixels()) {
        let alpha = u32::from(from[3]);
        for channel in 0..3 {
            to[channel] = ((u32::from(from[channel]) * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
        }
    }
    Ok(flat)
}

fn alter(mut picture: RgbImage, change: Change) -> RgbImage {
    match change {
        Change::Same => picture,
        Change::Relit => {
            for pixel in picture.pixels_mut() {
                for (channel, add) in [22_u8, 14, 4].into_iter().enumerate() {
                    pixel[channel] = pixel[channel].saturating_add(add);
                }
            }
            picture
        }
        Change::Captioned => {
            let (width, height) = picture.dimensions();
            for y in height - height / 6..height {
                for x in 0..width {
                    picture.put_pixel(x, y, image::Rgb([24, 24, 32]));
                }
            }
            picture
        }
        Change::Mirrored => imageops::flip_horizontal(&picture),
    }
}

/// As a network re-encodes an upload: fitted into a square of `longest` pixels (never enlarged), JPEG
/// of quality 85 with halved color.
pub fn network_jpeg(picture: &RgbImage, longest: u32) -> Result<Bytes, PictureError> {
    let (width, height) = picture.dimensions();
    let largest = width.max(height);
    if largest <= longest {
        return encode(picture, 85);
    }
    let scaled = |side: u32| (side * longest + largest / 2) / largest;
    resized_jpeg(picture, scaled(width).max(1), scaled(height).max(1), 85)
}

/// The middle square in 150 pixels, as networks show it in lists.
pub fn thumbnail_jpeg(picture: &RgbImage) -> Result<Bytes, PictureError> {
    let (width, height) = picture.dimensions();
    let side = width.min(height);
    let square = imageops::crop_imm(picture, (width - side) / 2, (height - side) / 2, side, side).to_image();
    resized_jpeg(&square, 150, 150, 85)
}

/// In exactly this size, as artwork sites offer their lighter versions.
pub fn resized_jpeg(
    picture: &RgbImage,
    width: u32,
    height: u32,
    quality: i32,
) -> Result<Bytes, PictureError> {
    if picture.dimensions() == (width, height) {
        return encode(picture, quality);
    }
    encode(&imageops::resize(picture, width, height, FilterType::Triangle), quality)
}

fn encode(picture: &RgbImage, quality: i32) -> Result<Bytes, PictureError> {
    let (width, height) = picture.dimensions();
    let pixels = turbojpeg::Image {
        pixels: picture.as_raw().as_slice(),
        width: width as usize,
        pitch: width as usize * 3,
        height: height as usize,
        format: PixelFormat::RGB,
    };
    turbojpeg::compress(pixels, quality, Subsamp::Sub2x2)
        .map(|jpeg| Bytes::copy_from_slice(&jpeg))
        .map_err(|source| PictureError::Encode { width, height, source })
}

/// The first two draws of a drawing's numbers are its size.
fn drawing_size(random: &mut fastrand::Rng) -> (u32, u32) {
    (random.u32(280..400), random.u32(280..400))
}

/// A gradient between four colors with a dozen ellipses and bars of very different sizes on it. Cheap
/// (under a millisecond), and different enough in its low frequencies that two numbers give
/// fingerprints as far apart as two real artworks.
fn draw(seed: u64) -> RgbImage {
    let mut random = fastrand::Rng::with_seed(seed);
    let (width, height) = drawing_size(&mut random);
    let mut picture = gradient(width, height, [(); 4].map(|()| color(&mut random)));
    for _ in 0..random.u32(9..15) {
        let shape = Shape {
            x: random.i32(0..width as i32),
            y: random.i32(0..height as i32),
            half_width: random.i32(14..110),
            half_height: random.i32(14..110),
            round: random.bool(),
        };
        let paint = color(&mut random);
        shape.fill(&mut picture, paint);
    }
    picture
}

fn color(random: &mut fastrand::Rng) -> [u8; 3] {
    [random.u8(..), random.u8(..), random.u8(..)]
}

/// Corners in the order: top left, top right, bottom left, bottom right. In 16.16 fixed point.
fn gradient(width: u32, height: u32, corners: [[u8; 3]; 4]) -> RgbImage {
    let fixed = |value: u8| i32::from(value) << 16;
    let mut picture = RgbImage::new(width, height);
    let rows = picture.as_flat_samples_mut().samples.chunks_exact_mut(width as usize * 3);
    for (y, row) in rows.enumerate() {
        let down = |top: u8, bottom: u8| fixed(top) + (fixed(bottom) - fixed(top)) / height as i32 * y as i32;
        let left: [i32; 3] = std::array::from_fn(|channel| down(corners[0][channel], corners[2][channel]));
        let right: [i32; 3] = std::array::from_fn(|channel| down(corners[1][channel], corners[3][channel]));
        let step: [i32; 3] = std::array::from_fn(|channel| (right[channel] - left[channel]) / width as i32);
        let mut value = left;
        for pixel in row.chunks_exact_mut(3) {
            for channel in 0..3 {
                pixel[channel] = (value[channel] >> 16) as u8;
                value[channel] += step[channel];
            }
        }
    }
    picture
}

/// An ellipse or a bar round a center; what lies outside the picture is cut off.
struct Shape {
    x: i32,
    y: i32,
    half_width: i32,
    half_height: i32,
    round: bool,
}

impl Shape {
    fn fill(&self, picture: &mut RgbImage, color: [u8; 3]) {
        let (width, height) = (picture.width() as i32, picture.height() as i32);
        for y in (self.y - self.half_height).max(0)..(self.y + self.half_height).min(height) {
            let reach = if self.round {
                let part = f64::from(y - self.y) / f64::from(self.half_height);
                (f64::from(self.half_width) * (1.0 - part * part).max(0.0).sqrt()) as i32
            } else {
                self.half_width
            };
            let from = (self.x - reach).max(0);
            let to = (self.x + reach).min(width);
            if from >= to {
                continue;
            }
            let start = (y * width + from) as usize * 3;
            let end = (y * width + to) as usize * 3;
            for pixel in picture.as_flat_samples_mut().samples[start..end].chunks_exact_mut(3) {
                pixel.copy_from_slice(&color);
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A plain perceptual hash, good enough to tell what is alike here: the program's own lies in a
    /// room that this one may not use.
    pub fn rough_hash(picture: &RgbImage) -> u64 {
        let (width, height) = picture.dimensions();
        let mut sums = [(0.0, 0.0); 32 * 32];
        for (x, y, pixel) in picture.enumerate_pixels() {
            let (sum, count) = &mut sums[(y * 32 / height * 32 + x * 32 / width) as usize];
            *sum += 0.299 * f64::from(pixel[0]) + 0.587 * f64::from(pixel[1]) + 0.114 * f64::from(pixel[2]);
            *count += 1.0;
        }
        let gray = sums.map(|(sum, count)| sum / count);
        let cosine: [[f64; 32]; 8] = std::array::from_fn(|k| {
            std::array::from_fn(|n| (std::f64::consts::PI * (k * (2 * n + 1)) as f64 / 64.0).cos())
        });
        let mut low = Vec::with_capacity(64);
        for v in 0..8 {
            for u in 0..8 {
                let mut sum = 0.0;
                for y in 0..32 {
                    for x in 0..32 {
                        sum += gray[y * 32 + x] * cosine[u][x] * cosine[v][y];
                    }
                }
                low.push(sum);
            }
        }
        let mut sorted = low.clone();
        sorted.sort_by(f64::total_cmp);
        let median = (sorted[31] + sorted[32]) / 2.0;
        low.iter().fold(0, |bits, value| bits << 1 | u64::from(*value > median))
    }

    pub fn decode_jpeg(bytes: &[u8]) -> RgbImage {
        let picture = turbojpeg::decompress(bytes, PixelFormat::RGB).unwrap();
        RgbImage::from_raw(picture.width as u32, picture.height as u32, picture.pixels).unwrap()
    }

    #[test]
    fn every_artwork_decodes_in_its_size() {
        for id in ArtId::ALL {
            let picture = Picture::Art(*id, Change::Same);
            assert_eq!(picture.paint().unwrap().dimensions(), picture.size(), "{id:?}");
        }
    }

    #[test]
    fn drawings_are_the_same_each_time_and_unlike_each_other() {
        let hashes: Vec<u64> =
            (0..150).map(|seed| rough_hash(&Picture::Drawn(seed).paint().unwrap())).collect();
        assert_eq!(Picture::Drawn(7).paint().unwrap(), Picture::Drawn(7).paint().unwrap());
        assert_eq!(Picture::Drawn(7).paint().unwrap().dimensions(), Picture::Drawn(7).size());
        for (index, one) in hashes.iter().enumerate() {
            for other in &hashes[..index] {
                assert!((one ^ other).count_ones() > 6);
            }
        }
    }

    #[test]
    fn what_the_network_serves_is_like_the_upload() {
        for id in ArtId::ALL {
            let upload = Picture::Art(*id, Change::Same).paint().unwrap();
            for longest in [680, 1200] {
                let served = decode_jpeg(&network_jpeg(&upload, longest).unwrap());
                assert!(served.width().max(served.height()) <= longest);
                let distance = (rough_hash(&upload) ^ rough_hash(&served)).count_ones();
                assert!(distance <= 4, "{id:?} at {longest}: {distance}");
            }
        }
    }
}
