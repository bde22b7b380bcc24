//! What happens to artworks between an artist's desk and a post: each alteration makes a JPEG of
//! one artwork.

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage, RgbaImage};
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

/// What a family of alterations is measured against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// What networks do to uploads.
    Upload,
    /// Mild edits by whoever posts.
    Edit,
    /// Uniform borders, and screenshots cut by hand.
    Border,
    /// What the fingerprint is not made for.
    Beyond,
}

impl Family {
    pub const ALL: [Family; 4] = [Family::Upload, Family::Edit, Family::Border, Family::Beyond];

    pub fn title(self) -> &'static str {
        match self {
            Family::Upload => "what networks do to uploads",
            Family::Edit => "mild edits",
            Family::Border => "uniform borders and screenshots",
            Family::Beyond => "beyond the design",
        }
    }

    /// Least part to be found, where there is a goal.
    pub fn goal(self) -> Option<f64> {
        match self {
            Family::Upload => Some(0.999),
            Family::Edit => Some(0.993),
            Family::Border => Some(0.99),
            Family::Beyond => None,
        }
    }
}

/// One way to alter an artwork.
pub struct Alteration {
    pub family: Family,
    pub name: String,
    /// The altered picture is searched, and the plain one is stored; else the other way round.
    pub is_query: bool,
    make: Box<dyn Fn(&RgbaImage) -> RgbImage + Sync>,
    quality: i32,
}

impl Alteration {
    fn new(
        family: Family,
        name: impl Into<String>,
        quality: i32,
        make: impl Fn(&RgbaImage) -> RgbImage + Sync + 'static,
    ) -> Alteration {
        Alteration { family, name: name.into(), is_query: false, make: Box::new(make), quality }
    }

    fn of_query(mut self) -> Alteration {
        self.is_query = true;
        self.name.push_str(", in the query");
        self
    }

    /// The file that is posted, a JPEG.
    ///
    /// # Errors
    /// When the encoder refuses the picture.
    pub fn apply(&self, artwork: &RgbaImage) -> turbojpeg::Result<Vec<u8>> {
        jpeg(&(self.make)(artwork), self.quality)
    }
}

/// All of them, family by family.
pub fn alterations() -> Vec<Alteration> {
    use Family::{Beyond, Border, Edit, Upload};
    let mut all = Vec::new();
    for quality in [95, 85, 70, 50, 30] {
        all.push(Alteration::new(Upload, format!("JPEG {quality}"), quality, |art| flat(art, 255)));
    }
    for side in [1200, 680, 360] {
        all.push(Alteration::new(Upload, format!("{side} px, JPEG 85"), 85, move |art| {
            fit(&flat(art, 255), side)
        }));
    }
    all.push(Alteration::new(Upload, "on black, JPEG 85", 85, |art| flat(art, 0)));
    for per_mille in [10, 20, 30] {
        let name = format!("cropped by {} %", per_mille / 10);
        all.push(Alteration::new(Edit, name, 85, move |art| crop(&flat(art, 255), per_mille)));
    }
    all.push(Alteration::new(Edit, "watermark", 85, |art| watermark(flat(art, 255))));
    all.push(Alteration::new(Edit, "brighter", 85, |art| imageops::brighten(&flat(art, 255), 24)));
    all.push(Alteration::new(Edit, "more contrast", 85, |art| imageops::contrast(&flat(art, 255), 15.0)));
    all.push(Alteration::new(Edit, "hue turned by 20 degrees", 85, |art| {
        imageops::huerotate(&flat(art, 255), 20)
    }));
    let white = Rgb([255, 255, 255]);
    let black = Rgb([0, 0, 0]);
    let dark = Rgb([21, 32, 43]);
    // Per mille of the side: left, top, right, bottom.
    let frames = [
        ("white border of 5 %", [50, 50, 50, 50], white),
        ("black border of 15 %", [150, 150, 150, 150], black),
        ("letterbox", [0, 200, 0, 200], black),
        ("screenshot, cut by hand", [13, 41, 27, 8], dark),
    ];
    for (name, sides, color) in frames {
        all.push(Alteration::new(Border, name, 85, move |art| frame(&flat(art, 255), sides, color)));
        let asked = Alteration::new(Border, name, 85, move |art| frame(&flat(art, 255), sides, color));
        all.push(asked.of_query());
    }
    for per_mille in [50, 100] {
        let name = format!("cropped by {} %", per_mille / 10);
        all.push(Alteration::new(Beyond, name, 85, move |art| crop(&flat(art, 255), per_mille)));
    }
    all.push(Alteration::new(Beyond, "mirrored", 85, |art| imageops::flip_horizontal(&flat(art, 255))));
    all.push(Alteration::new(Beyond, "quarter turn", 85, |art| imageops::rotate90(&flat(art, 255))));
    all.push(Alteration::new(Beyond, "inverted", 85, |art| {
        let mut picture = flat(art, 255);
        imageops::invert(&mut picture);
        picture
    }));
    all
}

/// What is stored of every artwork when an altered one is searched.
pub fn plain_post(artwork: &RgbaImage) -> turbojpeg::Result<Vec<u8>> {
    jpeg(&fit(&flat(artwork, 255), 1200), 85)
}

/// In front of a gray of this level.
pub fn flat(artwork: &RgbaImage, level: u8) -> RgbImage {
    let mut picture = RgbImage::new(artwork.width(), artwork.height());
    for (from, to) in artwork.pixels().zip(picture.pixels_mut()) {
        let [red, green, blue, alpha] = from.0.map(u32::from);
        let over = |color: u32| ((color * alpha + u32::from(level) * (255 - alpha) + 127) / 255) as u8;
        *to = Rgb([over(red), over(green), over(blue)]);
    }
    picture
}

/// Made smaller until its longer side has at most so many pixels.
pub fn fit(picture: &RgbImage, side: u32) -> RgbImage {
    let longer = picture.width().max(picture.height());
    if longer <= side {
        return picture.clone();
    }
    let scaled = |length: u32| (length * side / longer).max(1);
    imageops::resize(picture, scaled(picture.width()), scaled(picture.height()), FilterType::CatmullRom)
}

/// Without so many per mille of each side, twice as much above as below.
fn crop(picture: &RgbImage, per_mille: u32) -> RgbImage {
    let (lost_width, lost_height) = (picture.width() * per_mille / 1000, picture.height() * per_mille / 1000);
    let (width, height) = (picture.width() - lost_width, picture.height() - lost_height);
    imageops::crop_imm(picture, lost_width / 2, lost_height * 2 / 3, width, height).to_image()
}

/// A half transparent band with gaps, as of letters, in the lower right corner.
fn watermark(mut picture: RgbImage) -> RgbImage {
    let (width, height) = picture.dimensions();
    let letter = (width / 60).max(2);
    for y in height * 92 / 100..height * 96 / 100 {
        for x in width * 65 / 100..width * 97 / 100 {
            if (x / letter) % 3 != 2 {
                let pixel = picture.get_pixel_mut(x, y);
                pixel.0 = pixel.0.map(|level| ((u16::from(level) + 255) / 2) as u8);
            }
        }
    }
    picture
}

fn frame(picture: &RgbImage, per_mille: [u32; 4], color: Rgb<u8>) -> RgbImage {
    let [left, right] = [per_mille[0], per_mille[2]].map(|part| picture.width() * part / 1000);
    let [top, bottom] = [per_mille[1], per_mille[3]].map(|part| picture.height() * part / 1000);
    let mut framed =
        RgbImage::from_pixel(picture.width() + left + right, picture.height() + top + bottom, color);
    imageops::replace(&mut framed, picture, i64::from(left), i64::from(top));
    framed
}

pub fn jpeg(picture: &RgbImage, quality: i32) -> turbojpeg::Result<Vec<u8>> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let mut compressor = Compressor::new()?;
    compressor.set_quality(quality)?;
    compressor.set_subsamp(Subsamp::Sub2x2)?;
    let pixels = picture.as_raw().as_slice();
    compressor.compress_to_vec(Image { pixels, width, pitch: width * 3, height, format: PixelFormat::RGB })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgba;

    #[test]
    fn alterations_do_what_their_names_say() {
        let art =
            RgbaImage::from_fn(100, 200, |x, y| Rgba([x as u8, y as u8, 9, if x < 50 { 0 } else { 255 }]));
        let white = flat(&art, 255);
        assert_eq!((white.get_pixel(0, 0).0, white.get_pixel(60, 7).0), ([255; 3], [60, 7, 9]));
        assert_eq!(flat(&art, 0).get_pixel(0, 0).0, [0; 3]);
        assert_eq!(fit(&white, 50).dimensions(), (25, 50));
        assert_eq!(crop(&white, 100).dimensions(), (90, 180));
        let framed = frame(&white, [100, 0, 0, 50], Rgb([1, 2, 3]));
        assert_eq!((framed.dimensions(), framed.get_pixel(9, 0).0), ((110, 210), [1, 2, 3]));
        assert_eq!(framed.get_pixel(70, 7).0, [60, 7, 9]);
        for alteration in alterations() {
            assert!(alteration.apply(&art).unwrap().starts_with(b"\xff\xd8"), "{}", alteration.name);
        }
    }
}
