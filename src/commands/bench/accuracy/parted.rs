//! Of an artwork, what travels is often a part, or a picture with the artwork in it: crops, captions,
//! screenshots of posts, collages, turns, photos of screens. Each alteration makes a picture of one artwork.

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

use super::alter::fit;

/// One way to alter an artwork.
pub struct Parting {
    pub name: &'static str,
    /// Makes the picture of the artwork at this place among all. The others are there for collages.
    pub make: fn(&[RgbImage], usize) -> RgbImage,
    /// Quality of the JPEG that it is kept as, where it is not the usual one.
    pub quality: Option<i32>,
    /// It counts for the mean. What only a mirrored or an inverted query finds is told beside it.
    pub is_plain_query: bool,
}

/// All of them, in the order of the tables.
pub const PARTINGS: [Parting; 32] = [
    alteration("plain", |art, at| art[at].clone()),
    alteration("crop, 90 % of the area", |art, at| crop(&art[at], 0.90, at)),
    alteration("crop, 75 %", |art, at| crop(&art[at], 0.75, at)),
    alteration("crop, 50 %", |art, at| crop(&art[at], 0.50, at)),
    alteration("crop, 35 %", |art, at| crop(&art[at], 0.35, at)),
    alteration("crop, 25 %", |art, at| crop(&art[at], 0.25, at)),
    alteration("one side cut by 15 %", |art, at| cut(&art[at], 0.15, at)),
    alteration("one side cut by 30 %", |art, at| cut(&art[at], 0.30, at)),
    alteration("one side cut by 50 %", |art, at| cut(&art[at], 0.50, at)),
    alteration("caption bar, 15 %", |art, at| caption(&art[at], 0.15, at)),
    alteration("caption bar, 30 %", |art, at| caption(&art[at], 0.30, at)),
    alteration("screenshot, dark, full width", |art, at| screenshot(&art[at], 1.0, true, at)),
    alteration("screenshot, light, 80 %", |art, at| screenshot(&art[at], 0.8, false, at)),
    alteration("screenshot, dark, 60 %", |art, at| screenshot(&art[at], 0.6, true, at)),
    alteration("collage of 2", |art, at| collage(art, at, 2)),
    alteration("collage of 4", |art, at| collage(art, at, 4)),
    alteration("turned by 2 degrees", |art, at| turned(&art[at], 2.0)),
    alteration("turned by 5 degrees", |art, at| turned(&art[at], 5.0)),
    alteration("turned by 15 degrees", |art, at| turned(&art[at], 15.0)),
    alteration("turned by 90 degrees", |art, at| imageops::rotate90(&art[at])),
    alteration("photo of a screen", |art, at| photo(&art[at], at)),
    alteration("watermark all over", |art, at| watermark(art[at].clone())),
    alteration("stickers, 10 %", |art, at| stickers(art[at].clone(), 0.10, at)),
    alteration("stickers, 20 %", |art, at| stickers(art[at].clone(), 0.20, at)),
    alteration("gray", |art, at| tinted(art[at].clone(), |gray| [gray; 3])),
    alteration("sepia", |art, at| tinted(art[at].clone(), |gray| [gray * 1.07, gray * 0.87, gray * 0.64])),
    alteration("blurred by 3 px", |art, at| imageops::blur(&art[at], 3.0)),
    Parting { quality: Some(10), ..alteration("JPEG 10", |art, at| art[at].clone()) },
    alteration("200 px", |art, at| fit(&art[at], 200)),
    alteration("150 px", |art, at| fit(&art[at], 150)),
    Parting {
        is_plain_query: false,
        ..alteration("mirrored", |art, at| imageops::flip_horizontal(&art[at]))
    },
    Parting { is_plain_query: false, ..alteration("inverted", |art, at| inverted(art[at].clone())) },
];

const fn alteration(name: &'static str, make: fn(&[RgbImage], usize) -> RgbImage) -> Parting {
    Parting { name, make, quality: None, is_plain_query: true }
}

/// A number below `n` that depends on the artwork and on what it is for.
fn drawn(at: usize, purpose: u64, n: u32) -> u32 {
    // The finalizer of MurmurHash3.
    let mut bits =
        (at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ purpose.wrapping_mul(0xff51_afd7_ed55_8ccd);
    bits = (bits ^ bits >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    bits = (bits ^ bits >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    ((bits ^ bits >> 33) % u64::from(n.max(1))) as u32
}

fn crop(art: &RgbImage, area: f64, at: usize) -> RgbImage {
    let side = |length: u32| ((f64::from(length) * area.sqrt()) as u32).max(1);
    let (width, height) = (side(art.width()), side(art.height()));
    let left = drawn(at, 1, art.width() - width + 1);
    let top = drawn(at, 2, art.height() - height + 1);
    imageops::crop_imm(art, left, top, width, height).to_image()
}

fn cut(art: &RgbImage, part: f64, at: usize) -> RgbImage {
    let (width, height) = art.dimensions();
    let left = |length: u32| (f64::from(length) * (1.0 - part)) as u32;
    let (x, y, width, height) = match drawn(at, 3, 4) {
        0 => (0, 0, left(width), height),
        1 => (width - left(width), 0, left(width), height),
        2 => (0, 0, width, left(height)),
        _ => (0, height - left(height), width, left(height)),
    };
    imageops::crop_imm(art, x, y, width.max(1), height.max(1)).to_image()
}

fn fill(picture: &mut RgbImage, [x, y, width, height]: [u32; 4], color: [u8; 3]) {
    for y in y..(y + height).min(picture.height()) {
        for x in x..(x + width).min(picture.width()) {
            picture.put_pixel(x, y, Rgb(color));
        }
    }
}

/// A line of made-up letters, of 3 x 5 dots each.
fn write(picture: &mut RgbImage, [x, y]: [u32; 2], letters: u32, dot: u32, color: [u8; 3], what: u64) {
    for letter in 0..letters {
        let bits = drawn(letter as usize, what, 1 << 15) | 1 << 14 | 1;
        // A gap between words.
        if drawn(letter as usize, what ^ 77, 6) == 0 {
            continue;
        }
        for place in (0..15).filter(|place| bits >> place & 1 == 1) {
            let left = x + letter * 4 * dot + place % 3 * dot;
            fill(picture, [left, y + place / 3 * dot, dot, dot], color);
        }
    }
}

fn caption(art: &RgbImage, part: f64, at: usize) -> RgbImage {
    let bar = (f64::from(art.height()) * part) as u32;
    let mut picture = RgbImage::from_pixel(art.width(), art.height() + bar, Rgb([255; 3]));
    imageops::replace(&mut picture, art, 0, i64::from(bar));
    let dot = (bar / 20).max(1);
    for line in 0..2 {
        let letters = art.width().saturating_sub(20) / (4 * dot);
        write(
            &mut picture,
            [10, bar / 8 + line * bar / 2],
            letters,
            dot,
            [0; 3],
            at as u64 * 2 + u64::from(line) + 100,
        );
    }
    picture
}

/// A post as an app shows it on a phone of 1080 x 1920 pixels: the same frame each time, another text.
fn screenshot(art: &RgbImage, part: f64, is_dark: bool, at: usize) -> RgbImage {
    const WIDTH: u32 = 1080;
    let (ground, ink, faint) = match is_dark {
        true => ([21, 32, 43], [247, 249, 249], [136, 153, 166]),
        false => ([255, 255, 255], [15, 20, 25], [83, 100, 113]),
    };
    let width = (f64::from(WIDTH) * part) as u32;
    let height = (width * art.height() / art.width()).max(1);
    let scaled = imageops::resize(art, width, height, FilterType::CatmullRom);
    let total = (height + 700).max(1400);
    let mut picture = RgbImage::from_pixel(WIDTH, total, Rgb(ground));
    // Clock and battery, title, arrow.
    write(&mut picture, [40, 24], 5, 6, ink, 1);
    fill(&mut picture, [960, 24, 70, 30], ink);
    write(&mut picture, [140, 100], 9, 8, ink, 2);
    for step in 0..20 {
        fill(&mut picture, [40 + step, 120 - step.min(20 - step), 4, 2 * step.min(20 - step) + 4], ink);
    }
    fill(&mut picture, [0, 180, WIDTH, 3], faint);
    // A round picture, a name, a text of its own.
    let color = [drawn(at, 4, 256) as u8, drawn(at, 5, 256) as u8, drawn(at, 6, 256) as u8];
    for y in 0..96_i32 {
        for x in 0..96_i32 {
            if (x - 48) * (x - 48) + (y - 48) * (y - 48) < 48 * 48 {
                picture.put_pixel(40 + x as u32, 210 + y as u32, Rgb(color));
            }
        }
    }
    write(&mut picture, [160, 220], 8 + drawn(at, 7, 8), 6, ink, at as u64 + 1000);
    write(&mut picture, [160, 270], 10, 5, faint, at as u64 + 2000);
    write(&mut picture, [40, 340], 20 + drawn(at, 8, 16), 6, ink, at as u64 + 3000);
    imageops::replace(&mut picture, &scaled, i64::from((WIDTH - width) / 2), 420);
    let below = 420 + height + 30;
    write(&mut picture, [40, below], 22, 5, faint, 3);
    fill(&mut picture, [0, below + 50, WIDTH, 3], faint);
    // Answer, repost, like, share: the same in every screenshot.
    for (button, what) in (0..4).zip(10..) {
        let x = 90 + button * 250;
        for ring in 0..30_i32 {
            let half = (900 - (ring - 15) * (ring - 15) * 4).max(0);
            let half = f64::from(half).sqrt() as u32 / 2;
            fill(&mut picture, [x + 20 - half, below + 75 + ring as u32, 5, 3], faint);
            fill(&mut picture, [x + 20 + half, below + 75 + ring as u32, 5, 3], faint);
        }
        write(&mut picture, [x + 60, below + 80], 3, 5, faint, what);
    }
    fill(&mut picture, [0, total - 110, WIDTH, 3], faint);
    for tab in 0..4 {
        fill(&mut picture, [110 + tab * 260, total - 80, 44, 8], ink);
        fill(&mut picture, [110 + tab * 260, total - 60, 12, 30], ink);
        fill(&mut picture, [142 + tab * 260, total - 60, 12, 30], ink);
    }
    picture
}

/// The artwork in one of the fields, others in the others.
fn collage(all: &[RgbImage], at: usize, n: usize) -> RgbImage {
    let (field_width, field_height) = (600_u32, if n == 2 { 800_u32 } else { 600 });
    let columns = 2;
    let rows = n as u32 / columns;
    let mut picture = RgbImage::from_pixel(columns * field_width, rows * field_height, Rgb([240; 3]));
    let own = drawn(at, 9, n as u32) as usize;
    for field in 0..n {
        let which = if field == own { at } else { (at + 17 * (field + 1) + all.len() / 3) % all.len() };
        let art = &all[which];
        let scale = (f64::from(field_width - 8) / f64::from(art.width()))
            .min(f64::from(field_height - 8) / f64::from(art.height()));
        let side = |length: u32| ((f64::from(length) * scale) as u32).max(1);
        let scaled = imageops::resize(art, side(art.width()), side(art.height()), FilterType::CatmullRom);
        let x = field as u32 % columns * field_width + (field_width - scaled.width()) / 2;
        let y = field as u32 / columns * field_height + (field_height - scaled.height()) / 2;
        imageops::replace(&mut picture, &scaled, i64::from(x), i64::from(y));
    }
    picture
}

/// Which artworks are in the collage of an artwork.
pub fn is_in_collage(n_artworks: usize, at: usize, n: usize, other: usize) -> bool {
    (0..n).any(|field| (at + 17 * (field + 1) + n_artworks / 3) % n_artworks == other)
}

/// Each pixel from the place that `from` names for it, between pixels; white beyond the border.
fn warped(art: &RgbImage, width: u32, height: u32, from: impl Fn(f64, f64) -> (f64, f64)) -> RgbImage {
    let level = |x: i64, y: i64| {
        let is_inside = (0..i64::from(art.width())).contains(&x) && (0..i64::from(art.height())).contains(&y);
        if is_inside { art.get_pixel(x as u32, y as u32).0.map(f64::from) } else { [255.0; 3] }
    };
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = from(f64::from(x), f64::from(y));
        let (left, top) = (x.floor() as i64, y.floor() as i64);
        let (along, down) = (x - x.floor(), y - y.floor());
        let corners =
            [level(left, top), level(left + 1, top), level(left, top + 1), level(left + 1, top + 1)];
        let mix = |channel: usize| {
            let [a, b, c, d] = corners.map(|corner| corner[channel]);
            (a * (1.0 - along) + b * along) * (1.0 - down) + (c * (1.0 - along) + d * along) * down
        };
        Rgb([0, 1, 2].map(|channel| mix(channel).round() as u8))
    })
}

/// In front of white, all of it.
fn turned(art: &RgbImage, degrees: f64) -> RgbImage {
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let (width, height) = (f64::from(art.width()), f64::from(art.height()));
    let (new_width, new_height) = (width * cosine + height * sine, width * sine + height * cosine);
    warped(art, new_width as u32, new_height as u32, |x, y| {
        let (x, y) = (x - new_width / 2.0, y - new_height / 2.0);
        (x * cosine + y * sine + width / 2.0, y * cosine - x * sine + height / 2.0)
    })
}

/// Taken from the side, with the screen's dots, a reflection and grain.
fn photo(art: &RgbImage, at: usize) -> RgbImage {
    let (width, height) = (f64::from(art.width()), f64::from(art.height()));
    let lean = 0.06 + f64::from(drawn(at, 10, 60)) / 1000.0;
    let (new_width, new_height) = (width * 1.12, height * 1.12);
    let mut picture = warped(art, new_width as u32, new_height as u32, |x, y| {
        let (u, v) = (x / new_width, y / new_height);
        let depth = 1.0 + lean * (u - 0.5) * 2.0;
        let (u, v) = ((u - 0.5) * depth * 1.12 + 0.5, (v - 0.5) * depth * 1.12 + 0.02 * (u - 0.5) + 0.5);
        (u * width, v * height)
    });
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        let (fx, fy) = (f64::from(x), f64::from(y));
        let dots = 1.0 + 0.06 * (fx * 1.9).sin() * (fy * 1.7 + fx * 0.13).sin();
        let light = 0.78 + 0.22 * (fx / new_width);
        let grain = f64::from(drawn((y * 5003 + x) as usize, 11, 17)) - 8.0;
        let glare = 40.0 * (-((fx / new_width - 0.8).powi(2) + (fy / new_height - 0.2).powi(2)) * 30.0).exp();
        pixel.0 = pixel
            .0
            .map(|level| (f64::from(level) * dots * light + 10.0 + glare + grain).clamp(0.0, 255.0) as u8);
    }
    imageops::blur(&picture, 1.0)
}

/// The same half transparent letters all over the picture.
fn watermark(mut picture: RgbImage) -> RgbImage {
    let (width, height) = picture.dimensions();
    let dot = (width / 130).max(2);
    let mut mask = RgbImage::new(width, height);
    let mut y = 0;
    while y < height {
        let shift = (y / (dot * 15) % 2) * dot * 20;
        let mut x = 0;
        while x + shift < width {
            write(&mut mask, [x + shift, y], 6, dot, [255; 3], 50);
            x += dot * 40;
        }
        y += dot * 15;
    }
    for (pixel, mark) in picture.pixels_mut().zip(mask.pixels()).filter(|(_, mark)| mark.0[0] > 0) {
        pixel.0 =
            [0, 1, 2].map(|at| ((u16::from(pixel.0[at]) * 55 + u16::from(mark.0[at]) * 45) / 100) as u8);
    }
    picture
}

/// Disks of color with a face, over this part of the picture.
fn stickers(mut picture: RgbImage, part: f64, at: usize) -> RgbImage {
    const COUNT: u32 = 5;
    let (width, height) = picture.dimensions();
    let radius =
        (f64::from(width) * f64::from(height) * part / f64::from(COUNT) / std::f64::consts::PI).sqrt() as i64;
    for sticker in 0..COUNT {
        let place =
            |purpose: u64, length: u32| i64::from(drawn(at, purpose + 20 + u64::from(sticker), length));
        let (x, y) = (place(0, width), place(100, height));
        let color =
            [0, 1, 2].map(|channel| 80 + drawn(at, 300 + u64::from(sticker * 3 + channel), 176) as u8);
        for dy in -radius..=radius {
            for dx in -radius..=radius {
                let (px, py) = (x + dx, y + dy);
                let is_inside = (0..i64::from(width)).contains(&px) && (0..i64::from(height)).contains(&py);
                if !is_inside || dx * dx + dy * dy > radius * radius {
                    continue;
                }
                let is_eye = (dx.abs() - radius / 3).pow(2) + (dy + radius / 4).pow(2) < (radius / 7).pow(2);
                let is_mouth = dy > radius / 5 && dx * dx + dy * dy < (radius * 2 / 3).pow(2);
                let color = if is_eye || is_mouth { [30, 20, 20] } else { color };
                picture.put_pixel(px as u32, py as u32, Rgb(color));
            }
        }
    }
    picture
}

fn tinted(mut picture: RgbImage, tint: impl Fn(f64) -> [f64; 3]) -> RgbImage {
    for pixel in picture.pixels_mut() {
        let [red, green, blue] = pixel.0.map(f64::from);
        pixel.0 = tint(0.299 * red + 0.587 * green + 0.114 * blue).map(|level| level.clamp(0.0, 255.0) as u8);
    }
    picture
}

fn inverted(mut picture: RgbImage) -> RgbImage {
    imageops::invert(&mut picture);
    picture
}
