//! AVIF, still pictures in one piece. The decoder works without unsafe code and refuses damaged
//! streams; brightness and color become RGB here, row by row.

use std::fmt::Display;

use avif_parse::{AV1Metadata, AvifData};
use rav1d_safe::src::managed::{
    ColorRange, Decoder, Frame, MatrixCoefficients, PixelLayout, PlaneView8, PlaneView16, Planes, Settings,
};

use super::limits::{DecodeError, Limits, check_frame_bytes, check_sides};
use super::rows::{Layout, RowSink};

const FORMAT: &str = "AVIF";

pub(super) fn decode(bytes: &[u8], limits: &Limits, sink: &mut dyn RowSink) -> Result<(), DecodeError> {
    let file = AvifData::from_reader(&mut &bytes[..]).map_err(refused)?;
    let color = file.primary_item_metadata().map_err(refused)?;
    let alpha = file.alpha_item_metadata().map_err(refused)?;
    let frame_bytes = |picture: &AV1Metadata| {
        check_sides(picture.max_frame_width.get(), picture.max_frame_height.get(), limits, FORMAT)?;
        let samples = if picture.monochrome { 1 } else { 3 };
        Ok(pixels_of(picture) * samples * u64::from(picture.bit_depth.div_ceil(8)))
    };
    let alpha_bytes = alpha.as_ref().map_or(Ok(0), frame_bytes)?;
    check_frame_bytes(frame_bytes(&color)? + alpha_bytes, limits)?;

    let color = decode_frame(&file.primary_item, pixels_of(&color))?;
    let alpha = match (&file.alpha_item, &alpha) {
        (Some(item), Some(metadata)) => Some(decode_frame(item, pixels_of(metadata))?),
        _ => None,
    };
    show(&color, alpha.as_ref(), file.premultiplied_alpha, sink)
}

fn refused(error: avif_parse::Error) -> DecodeError {
    match error {
        avif_parse::Error::Unsupported(_) => DecodeError::Unsupported("AVIF of several tiles or in motion"),
        error => broken(error),
    }
}

fn broken(why: impl Display) -> DecodeError {
    DecodeError::broken(FORMAT, why.to_string())
}

/// As the stream's header tells; no frame of it is larger.
fn pixels_of(picture: &AV1Metadata) -> u64 {
    u64::from(picture.max_frame_width.get()) * u64::from(picture.max_frame_height.get())
}

/// The picture of a stream; of several layers, the finest.
fn decode_frame(stream: &[u8], max_pixels: u64) -> Result<Frame, DecodeError> {
    let mut settings = Settings::default();
    settings.threads = 1;
    settings.all_layers = false;
    settings.frame_size_limit = u32::try_from(max_pixels).unwrap_or(u32::MAX);
    let mut decoder = Decoder::with_settings(settings).map_err(broken)?;
    let mut newest = decoder.decode(stream).map_err(broken)?;
    while let Some(frame) = decoder.get_frame().map_err(broken)? {
        newest = Some(frame);
    }
    newest.ok_or_else(|| broken("there is no picture in it"))
}

fn show(
    color: &Frame,
    alpha: Option<&Frame>,
    premultiplied: bool,
    sink: &mut dyn RowSink,
) -> Result<(), DecodeError> {
    let (width, height) = (color.width(), color.height());
    let planes = Picture::of(color)?;
    let alpha = alpha.map(Picture::of).transpose()?;
    if let Some(alpha) = &alpha
        && (alpha.width, alpha.height) != (planes.width, planes.height)
    {
        return Err(broken("its transparency is of another size"));
    }
    let layout = match (planes.chroma.is_some(), alpha.is_some()) {
        (false, false) => Layout::Gray,
        (false, true) => Layout::GrayAlpha,
        (true, false) => Layout::Rgb,
        (true, true) => Layout::Rgba,
    };
    sink.start(width, height, layout);
    let mut pixels = Vec::with_capacity(planes.width * layout.bytes_per_pixel());
    let mut rows = <[Vec<f32>; 4]>::default();
    for y in 0..planes.height {
        let [luma, blue, red, cover] = &mut rows;
        planes.luma_row(y, luma);
        planes.chroma_rows(y, blue, red);
        if let Some(alpha) = &alpha {
            alpha.luma_row(y, cover);
        }
        pixels.clear();
        for x in 0..planes.width {
            let cover = alpha.as_ref().map(|_| cover[x].clamp(0.0, 1.0));
            let divisor = cover.filter(|&cover| premultiplied && cover > 0.0).unwrap_or(1.0);
            let level = |level: f32| byte(level / divisor);
            match planes.chroma {
                None => pixels.push(level(luma[x])),
                Some(_) => pixels.extend(planes.model.rgb(luma[x], blue[x], red[x]).map(level)),
            }
            pixels.extend(cover.map(byte));
        }
        sink.row(&pixels);
    }
    Ok(())
}

/// From 0 to 1, and what rounding and compression carried beyond.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
fn byte(level: f32) -> u8 {
    (level * 255.0 + 0.5).clamp(0.0, 255.0) as u8
}

enum Plane<'a> {
    Eight(PlaneView8<'a>),
    Sixteen(PlaneView16<'a>),
}

impl Plane<'_> {
    fn height(&self) -> usize {
        match self {
            Plane::Eight(view) => view.height(),
            Plane::Sixteen(view) => view.height(),
        }
    }

    /// A row, each sample as `(sample - zero) / one`.
    fn row(&self, y: usize, zero: f32, one: f32, row: &mut Vec<f32>) {
        row.clear();
        match self {
            Plane::Eight(view) => row.extend(view.row(y).iter().map(|&s| (f32::from(s) - zero) / one)),
            Plane::Sixteen(view) => row.extend(view.row(y).iter().map(|&s| (f32::from(s) - zero) / one)),
        }
    }
}

/// A decoded picture, and how its samples are read.
struct Picture<'a> {
    width: usize,
    height: usize,
    luma: Plane<'a>,
    /// Toward blue, toward red.
    chroma: Option<[Plane<'a>; 2]>,
    /// Whether a sample of chroma stands for two pixels, across and down.
    halved: (bool, bool),
    full_range: bool,
    depth: u8,
    model: ColorModel,
}

impl<'a> Picture<'a> {
    fn of(frame: &'a Frame) -> Result<Picture<'a>, DecodeError> {
        let (luma, chroma) = match frame.planes() {
            Planes::Depth8(planes) => {
                (Plane::Eight(planes.y()), planes.u().zip(planes.v()).map(|(u, v)| [u, v].map(Plane::Eight)))
            }
            Planes::Depth16(planes) => (
                Plane::Sixteen(planes.y()),
                planes.u().zip(planes.v()).map(|(u, v)| [u, v].map(Plane::Sixteen)),
            ),
        };
        let color = frame.color_info();
        Ok(Picture {
            width: frame.width() as usize,
            height: frame.height() as usize,
            luma,
            chroma,
            halved: match frame.pixel_layout() {
                PixelLayout::I420 => (true, true),
                PixelLayout::I422 => (true, false),
                PixelLayout::I444 | PixelLayout::I400 => (false, false),
            },
            full_range: color.color_range == ColorRange::Full,
            depth: frame.bit_depth(),
            model: ColorModel::of(color.matrix_coefficients)?,
        })
    }

    /// Black and white of the brightness, in samples.
    fn luma_range(&self) -> (f32, f32) {
        let unit = f32::from(1_u16 << (self.depth - 8));
        match self.full_range {
            true => (0.0, 256.0 * unit - 1.0),
            false => (16.0 * unit, 219.0 * unit),
        }
    }

    /// No color, and the way from one extreme to the other, in samples.
    fn chroma_range(&self) -> (f32, f32) {
        let unit = f32::from(1_u16 << (self.depth - 8));
        match self.full_range {
            true => (128.0 * unit, 256.0 * unit - 1.0),
            false => (128.0 * unit, 224.0 * unit),
        }
    }

    fn luma_row(&self, y: usize, row: &mut Vec<f32>) {
        let (zero, one) = self.luma_range();
        self.luma.row(y, zero, one, row);
    }

    /// Both rows of chroma, a sample for each pixel.
    fn chroma_rows(&self, y: usize, blue: &mut Vec<f32>, red: &mut Vec<f32>) {
        let Some(chroma) = &self.chroma else { return };
        // Three planes of levels, where it is no chroma at all.
        let (zero, one) = match self.model {
            ColorModel::Rgb => self.luma_range(),
            _ => self.chroma_range(),
        };
        let (across, down) = self.halved;
        let mut other = Vec::new();
        for (plane, row) in chroma.iter().zip([blue, red]) {
            if down {
                let (near, far) = halved_neighbors(y, plane.height());
                plane.row(near, zero, one, row);
                plane.row(far, zero, one, &mut other);
                row.iter_mut().zip(&other).for_each(|(near, far)| *near = between(*near, *far));
            } else {
                plane.row(y, zero, one, row);
            }
            if across {
                std::mem::swap(row, &mut other);
                row.clear();
                row.extend((0..self.width).map(|x| {
                    let (near, far) = halved_neighbors(x, other.len());
                    between(other[near], other[far])
                }));
            }
        }
    }
}

/// Of samples that each lie between two pixels, the one beside this pixel and the next on its other side.
fn halved_neighbors(pixel: usize, n_samples: usize) -> (usize, usize) {
    let near = pixel / 2;
    match pixel.is_multiple_of(2) {
        true => (near, near.saturating_sub(1)),
        false => (near, (near + 1).min(n_samples - 1)),
    }
}

/// The level at a pixel between two samples, of which the far one is three times as far.
fn between(near: f32, far: f32) -> f32 {
    (near * 3.0 + far) / 4.0
}

/// What the three planes mean.
enum ColorModel {
    /// Green, blue, red: lossless pictures.
    Rgb,
    YCgCo,
    /// Brightness, of which red and blue are these shares, and the differences to blue and to red.
    YCbCr {
        red: f32,
        blue: f32,
    },
}

impl ColorModel {
    /// The shares are those of ITU-T H.273, table 4.
    fn of(matrix: MatrixCoefficients) -> Result<ColorModel, DecodeError> {
        use MatrixCoefficients as Matrix;
        Ok(match matrix {
            Matrix::Identity => ColorModel::Rgb,
            Matrix::YCgCo => ColorModel::YCgCo,
            Matrix::BT709 => ColorModel::YCbCr { red: 0.2126, blue: 0.0722 },
            Matrix::FCC => ColorModel::YCbCr { red: 0.30, blue: 0.11 },
            Matrix::BT470BG | Matrix::BT601 | Matrix::Unspecified => {
                ColorModel::YCbCr { red: 0.299, blue: 0.114 }
            }
            Matrix::SMPTE240 => ColorModel::YCbCr { red: 0.212, blue: 0.087 },
            Matrix::BT2020NCL => ColorModel::YCbCr { red: 0.2627, blue: 0.0593 },
            Matrix::Reserved
            | Matrix::BT2020CL
            | Matrix::SMPTE2085
            | Matrix::ChromaDerivedNCL
            | Matrix::ChromaDerivedCL
            | Matrix::ICtCp => return Err(DecodeError::Unsupported("AVIF of this color model")),
        })
    }

    fn rgb(&self, first: f32, second: f32, third: f32) -> [f32; 3] {
        match *self {
            ColorModel::Rgb => [third, first, second],
            ColorModel::YCgCo => [first - second + third, first + second, first - second - third],
            ColorModel::YCbCr { red, blue } => {
                let r = first + 2.0 * (1.0 - red) * third;
                let b = first + 2.0 * (1.0 - blue) * second;
                [r, (first - red * r - blue * b) / (1.0 - red - blue), b]
            }
        }
    }
}
