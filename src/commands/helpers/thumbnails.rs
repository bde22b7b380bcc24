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
use crate::fingerprint::decode;
use crate::fingerprint::shrink::Shrink;
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
    let mut shrink = Shrink::into(WIDTH, HEIGHT);
    decode::decode(&response.body, &limits, &mut shrink).map_err(|error| ErrorChain(&error).to_string())?;
    match form {
        Form::Png => {
            png(&shrink).map(|png| Picture::Png(BASE64.encode(png))).map_err(|error| error.to_string())
        }
        Form::Sixel => Ok(Picture::Sixel(sixel(&shrink))),
    }
}

fn png(shrink: &Shrink) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let (width, height) = shrink.size();
    let mut encoder = png::Encoder::new(&mut file, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&shrink.rgb().concat())?;
    writer.finish()?;
    Ok(file)
}

/// The body of a sixel sequence: 216 colors, six levels a channel, dithered.
fn sixel(shrink: &Shrink) -> String {
    const LEVELS: u32 = 6;
    /// Thresholds of ordered dithering, in sixteenths.
    const BAYER: [[u32; 4]; 4] = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];
    let (width, height) = shrink.size();
    let colors: Vec<u32> = shrink
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
                let bits = bits.filter(|(_, other)| *other == color).fold(0, |bits, (y, _)| bits | 1 << y);
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
    use crate::fingerprint::decode::{Layout, RowSink};

    /// A picture of these pixels, drawn by rows.
    fn shrunk(width: u32, height: u32, layout: Layout, pixel: impl Fn(u32, u32) -> Vec<u8>) -> Shrink {
        let mut shrink = Shrink::into(WIDTH, HEIGHT);
        shrink.start(width, height, layout);
        for y in 0..height {
            shrink.row(&(0..width).flat_map(|x| pixel(x, y)).collect::<Vec<u8>>());
        }
        shrink
    }

    #[test]
    fn a_png_holds_the_pixels() {
        let picture = shrunk(3, 2, Layout::Rgb, |x, y| vec![x as u8, y as u8, 9]);
        let file = png(&picture).unwrap();
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
        let body = sixel(&picture);
        assert!(body.starts_with("\"1;1;5;7#5;2;0;0;100#180;2;100;0;0#"), "{body}");
        // Rows 0 to 5 of columns 0 and 1, in blue, are every other pixel.
        assert!(body.contains("#5iTiTi$") && body.contains("#180TiTiT$-"), "{body}");
        let plain = sixel(&shrunk(100, 6, Layout::Gray, |_, _| vec![0]));
        assert_eq!(plain, "\"1;1;100;6#0;2;0;0;0#0!100~$-");
    }
}
