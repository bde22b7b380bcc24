//! From three planes of samples to red, green and blue (ITU-T H.273).

use crate::fingerprint::decode::limits::DecodeError;

/// What the three planes mean.
pub(super) enum ColorModel {
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
    /// The matrices are numbered, and their shares given, in ITU-T H.273, table 4. Where none is named (2),
    /// it is that of JPEG, as in libavif.
    pub(super) fn of(matrix: u16) -> Result<ColorModel, DecodeError> {
        Ok(match matrix {
            0 => ColorModel::Rgb,
            1 => ColorModel::YCbCr { red: 0.2126, blue: 0.0722 },
            2 | 5 | 6 => ColorModel::YCbCr { red: 0.299, blue: 0.114 },
            4 => ColorModel::YCbCr { red: 0.30, blue: 0.11 },
            7 => ColorModel::YCbCr { red: 0.212, blue: 0.087 },
            8 => ColorModel::YCgCo,
            9 => ColorModel::YCbCr { red: 0.2627, blue: 0.0593 },
            _ => return Err(DecodeError::Unsupported("AVIF of this color model")),
        })
    }

    pub(super) fn rgb(&self, first: f32, second: f32, third: f32) -> [f32; 3] {
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
