//! `aotf thumbnails`: what the console starts to fetch the pictures of found posts, and to make small ones of
//! them. Confined like a worker that indexes: strangers' bytes are decoded where no key and no file of the
//! user is.

use std::io::{Read, Write};
use std::time::Duration;

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use url::Url;

use crate::base::ErrorChain;
use crate::base::roles::Role;
use crate::config::Settings;
use crate::console::pictures::{Form, Order, Picture};
use crate::daemon::roles::confine;
use crate::fetch::{Fetch, HttpFetch, Request, Response};
use crate::fingerprint::Limits;
use crate::fingerprint::decode::{self, Layout, RowSink};
use crate::supervisor;

/// More is no order of the console.
const MAX_ORDER_BYTES: u64 = 256 * 1024;
const MAX_PICTURES: usize = 16;
/// A picture that a host serves as a small one is far below both.
const MAX_IMAGE_BYTES: usize = 8 * 1024 * 1024;
const MAX_PIXELS: u64 = 25_000_000;
const MAX_FRAME_BYTES: usize = 100 * 1024 * 1024;
/// The pictures that come out.
const WIDTH: usize = 240;
const HEIGHT: usize = 160;
/// For everything; who waits for it waits a little longer.
const DEADLINE: Duration = Duration::from_secs(20);

/// Reads an `Order`, confines itself, and writes a `Picture` for each address.
///
/// # Errors
/// The order is not understood, the process cannot be confined, or nobody reads. A picture that cannot be had
/// is an answer.
pub fn run(input: impl Read, mut out: impl Write) -> anyhow::Result<()> {
    supervisor::die_with_parent().context("could not tie this process to its parent")?;
    let order: Order = serde_json::from_reader(input.take(MAX_ORDER_BYTES)).context("no order")?;
    let settings =
        Settings { fetch: order.fetch.clone(), upstreams: order.upstreams.clone(), ..Settings::default() };
    confine(Role::Indexing, &settings)?;
    std::thread::spawn(|| {
        std::thread::sleep(DEADLINE);
        std::process::exit(1);
    });
    let fetch = HttpFetch::start(&settings.fetch, &settings.upstreams)?;
    for picture in pictures(&order, &fetch) {
        serde_json::to_writer(&mut out, &picture)?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(())
}

fn pictures(order: &Order, fetch: &dyn Fetch) -> Vec<Picture> {
    let urls: Vec<Option<Url>> =
        order.urls.iter().take(MAX_PICTURES).map(|url| Url::parse(url).ok()).collect();
    let requests = urls
        .iter()
        .flatten()
        .map(|url| Request::get(url.clone()).max_bytes(MAX_IMAGE_BYTES as u64).max_redirects(2).retries(1));
    let mut answers = fetch.fetch_all(requests.collect()).into_iter();
    let picture = |url: Option<Url>| {
        let answer = url.and_then(|_| answers.next()).ok_or("not an address")?;
        let response = answer.map_err(|error| ErrorChain(&error).to_string())?;
        small(&response, order.form)
    };
    urls.into_iter().map(picture).map(|made| made.unwrap_or_else(Picture::Failed)).collect()
}

fn small(response: &Response, form: Form) -> Result<Picture, String> {
    if response.status != 200 {
        return Err(format!("the server answers {}", response.status));
    }
    let limits = Limits {
        max_bytes: MAX_IMAGE_BYTES,
        max_pixels: MAX_PIXELS,
        max_frame_bytes: MAX_FRAME_BYTES,
        ..Limits::default()
    };
    let mut shrink = Shrink::default();
    decode::decode(&response.body, &limits, &mut shrink).map_err(|error| ErrorChain(&error).to_string())?;
    match form {
        Form::Png => {
            shrink.png().map(|png| Picture::Png(BASE64.encode(png))).map_err(|error| error.to_string())
        }
        Form::Sixel => Ok(Picture::Sixel(shrink.sixel())),
    }
}

/// Makes a picture small while its rows pass by: each pixel is the mean of a field, on white.
#[derive(Default)]
struct Shrink {
    from: (usize, usize),
    to: (usize, usize),
    channels: Option<Layout>,
    next_row: usize,
    /// Red, green, blue and the number of pixels, for each field.
    sums: Vec<[u64; 4]>,
}

impl RowSink for Shrink {
    fn start(&mut self, width: u32, height: u32, layout: Layout) {
        self.from = (width as usize, height as usize);
        self.to = fitted(self.from);
        self.channels = Some(layout);
        self.next_row = 0;
        self.sums = vec![[0; 4]; self.to.0 * self.to.1];
    }

    fn row(&mut self, pixels: &[u8]) {
        let Some(layout) = self.channels else { return };
        let y = self.next_row * self.to.1 / self.from.1.max(1);
        self.next_row += 1;
        for (x, pixel) in pixels.chunks_exact(layout.bytes_per_pixel()).enumerate() {
            let field = y * self.to.0 + x * self.to.0 / self.from.0.max(1);
            let Some(sums) = self.sums.get_mut(field) else { continue };
            let (red, green, blue, alpha) = match (layout, pixel) {
                (Layout::Gray, &[gray]) => (gray, gray, gray, 255),
                (Layout::GrayAlpha, &[gray, alpha]) => (gray, gray, gray, alpha),
                (Layout::Rgb, &[red, green, blue]) | (Layout::Rgbx, &[red, green, blue, _]) => {
                    (red, green, blue, 255)
                }
                (Layout::Rgba, &[red, green, blue, alpha]) => (red, green, blue, alpha),
                _ => continue,
            };
            for (sum, level) in sums.iter_mut().zip([red, green, blue]) {
                *sum += (u64::from(level) * u64::from(alpha) + 255 * (255 - u64::from(alpha))) / 255;
            }
            sums[3] += 1;
        }
    }
}

/// The size that a picture gets: never larger than it is, at least one pixel.
fn fitted((width, height): (usize, usize)) -> (usize, usize) {
    let (width, height) = (width.max(1), height.max(1));
    if width <= WIDTH && height <= HEIGHT {
        (width, height)
    } else if width * HEIGHT > height * WIDTH {
        (WIDTH, (height * WIDTH / width).max(1))
    } else {
        ((width * HEIGHT / height).max(1), HEIGHT)
    }
}

impl Shrink {
    fn rgb(&self) -> Vec<[u8; 3]> {
        let mean = |[red, green, blue, count]: &[u64; 4]| {
            [red, green, blue].map(|sum| u8::try_from(sum / count.max(&1)).unwrap_or(255))
        };
        self.sums.iter().map(mean).collect()
    }

    fn png(&self) -> Result<Vec<u8>, png::EncodingError> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, self.to.0 as u32, self.to.1 as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&self.rgb().concat())?;
        writer.finish()?;
        Ok(file)
    }

    /// The body of a sixel sequence: 216 colors, six levels a channel, dithered.
    fn sixel(&self) -> String {
        const LEVELS: u32 = 6;
        /// Thresholds of ordered dithering, in sixteenths.
        const BAYER: [[u32; 4]; 4] = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];
        let (width, height) = self.to;
        let colors: Vec<u32> = self
            .rgb()
            .iter()
            .enumerate()
            .map(|(index, rgb)| {
                let threshold = BAYER[(index / width.max(1)) % 4][index % width.max(1) % 4];
                rgb.iter().fold(0, |color, level| {
                    let scaled = u32::from(*level) * (LEVELS - 1) * 16 + threshold * 255;
                    color * LEVELS + (scaled / (255 * 16)).min(LEVELS - 1)
                })
            })
            .collect();
        let mut body = format!("\"1;1;{width};{height}");
        let mut used: Vec<u32> = colors.clone();
        used.sort_unstable();
        used.dedup();
        let percent = |level: u32| level * 100 / (LEVELS - 1);
        for color in &used {
            let (red, green, blue) = (color / 36, color / 6 % 6, color % 6);
            body += &format!("#{color};2;{};{};{}", percent(red), percent(green), percent(blue));
        }
        for band in colors.chunks(width.max(1) * 6) {
            for color in used.iter().filter(|color| band.contains(color)) {
                body += &format!("#{color}");
                let mut run: Option<(u8, usize)> = None;
                for x in 0..width {
                    let bits = band.iter().skip(x).step_by(width.max(1)).enumerate();
                    let bits =
                        bits.filter(|(_, other)| *other == color).fold(0, |bits, (y, _)| bits | 1 << y);
                    run = match run {
                        Some((same, count)) if same == bits => Some((same, count + 1)),
                        ended => {
                            add_run(&mut body, ended);
                            Some((bits, 1))
                        }
                    };
                }
                add_run(&mut body, run);
                body.push('$');
            }
            body.push('-');
        }
        body
    }
}

/// A column of six pixels so many times.
fn add_run(body: &mut String, run: Option<(u8, usize)>) {
    let Some((bits, count)) = run else { return };
    let letter = char::from(b'?' + bits);
    if count > 3 {
        *body += &format!("!{count}{letter}");
    } else {
        body.extend(std::iter::repeat_n(letter, count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of these pixels, drawn by rows.
    fn shrunk(width: u32, height: u32, layout: Layout, pixel: impl Fn(u32, u32) -> Vec<u8>) -> Shrink {
        let mut shrink = Shrink::default();
        shrink.start(width, height, layout);
        for y in 0..height {
            shrink.row(&(0..width).flat_map(|x| pixel(x, y)).collect::<Vec<u8>>());
        }
        shrink
    }

    #[test]
    fn sizes() {
        assert_eq!(fitted((240, 160)), (240, 160));
        assert_eq!(fitted((680, 680)), (160, 160));
        assert_eq!(fitted((1200, 10)), (240, 2));
        assert_eq!(fitted((65_500, 1)), (240, 1));
        assert_eq!(fitted((1, 65_500)), (1, 160));
    }

    #[test]
    fn pixels_are_means_on_white() {
        let half = shrunk(480, 320, Layout::Rgb, |x, _| if x % 2 == 0 { vec![0; 3] } else { vec![200; 3] });
        assert_eq!(half.to, (240, 160));
        assert!(half.rgb().iter().all(|rgb| *rgb == [100; 3]));
        let clear = shrunk(2, 1, Layout::Rgba, |x, _| vec![10, 20, 30, if x == 0 { 0 } else { 255 }]);
        assert_eq!(clear.rgb(), [[255; 3], [10, 20, 30]]);
        assert_eq!(shrunk(1, 1, Layout::GrayAlpha, |_, _| vec![7, 255]).rgb(), [[7; 3]]);
    }

    #[test]
    fn a_png_holds_the_pixels() {
        let picture = shrunk(3, 2, Layout::Rgb, |x, y| vec![x as u8, y as u8, 9]);
        let file = picture.png().unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels, picture.rgb().concat());
    }

    #[test]
    fn sixels_hold_every_pixel_once() {
        let picture =
            shrunk(
                5,
                7,
                Layout::Rgb,
                |x, y| if (x + y) % 2 == 0 { vec![255, 0, 0] } else { vec![0, 0, 255] },
            );
        let body = picture.sixel();
        assert!(body.starts_with("\"1;1;5;7#5;2;0;0;100#180;2;100;0;0#"), "{body}");
        // Rows 0 to 5 of columns 0 and 1, in blue, are every other pixel.
        assert!(body.contains("#5iTiTi$") && body.contains("#180TiTiT$-"), "{body}");
        let plain = shrunk(100, 6, Layout::Gray, |_, _| vec![0]).sixel();
        assert_eq!(plain, "\"1;1;100;6#0;2;0;0;0#0!100~$-");
    }
}
