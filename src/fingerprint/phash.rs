//! Perceptual hashes: which of the low frequencies of a small gray image lie above their median.

use std::f64::consts::PI;
use std::sync::LazyLock;

use crate::base::Fingerprint;

/// A coefficient nearer to the median than this says nothing: that the 1024 levels are rounded to
/// whole numbers alone leaves noise with a standard deviation of 4.6 on each coefficient.
const NOISE: f64 = 2.0;

/// At most so many of the 64 coefficients may be noise. Of 202 real artworks one has 8 (10 after
/// compression), the others 3 at most; solid, symmetric and one-dimensional images have 32 and
/// more, and lose few of them when they are compressed.
const MAX_NOISY: usize = 12;

/// The 64-bit fingerprint of an image of 32 by 32, and whether it is of low quality.
pub(super) fn phash64(small: &[[u8; 32]]) -> (Fingerprint, bool) {
    static COSINES: LazyLock<Vec<[f64; 32]>> = LazyLock::new(|| cosines(8));
    let coefficients = low_frequencies(small, &COSINES);
    let median = median(&coefficients);
    let noisy = coefficients.iter().filter(|&&value| (value - median).abs() < NOISE).count();
    let bits = coefficients.iter().fold(0, |bits, &value| bits << 1 | u64::from(value > median));
    (Fingerprint(bits), noisy > MAX_NOISY)
}

/// The 256-bit fingerprint of an image of 64 by 64.
pub(super) fn phash256(small: &[[u8; 64]]) -> [u64; 4] {
    static COSINES: LazyLock<Vec<[f64; 64]>> = LazyLock::new(|| cosines(16));
    let coefficients = low_frequencies(small, &COSINES);
    let median = median(&coefficients);
    let mut words = [0; 4];
    for (word, values) in words.iter_mut().zip(coefficients.chunks(64)) {
        *word = values.iter().fold(0, |bits, &value| bits << 1 | u64::from(value > median));
    }
    words
}

/// `cosines(k)[f][n]`: what sample `n` of `N` contributes to frequency `f`, for the `k` lowest.
fn cosines<const N: usize>(k: usize) -> Vec<[f64; N]> {
    let one = |frequency: usize| {
        std::array::from_fn(|n| (PI * frequency as f64 * (2 * n + 1) as f64 / (2 * N) as f64).cos())
    };
    (0..k).map(one).collect()
}

/// The lowest frequencies of the two-dimensional DCT-II (without its constant factor, which
/// changes no bit), as many each way as `cosines` has, row-major: vertical frequency first.
fn low_frequencies<const N: usize>(small: &[[u8; N]], cosines: &[[f64; N]]) -> Vec<f64> {
    let mut coefficients = Vec::with_capacity(cosines.len() * cosines.len());
    for vertical in cosines {
        let mut column_sums = [0.0; N];
        for (row, cosine) in small.iter().zip(vertical) {
            for (sum, &level) in column_sums.iter_mut().zip(row) {
                *sum += cosine * f64::from(level);
            }
        }
        coefficients.extend(cosines.iter().map(|horizontal| {
            column_sums.iter().zip(horizontal).map(|(sum, cosine)| sum * cosine).sum::<f64>()
        }));
    }
    coefficients
}

/// The mean of the two middle ones of an even number of values.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (sorted[sorted.len() / 2 - 1] + sorted[sorted.len() / 2]) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expect_low_quality: bool, level: impl Fn(usize, usize) -> u8) {
        let small: Vec<[u8; 32]> = (0..32).map(|y| std::array::from_fn(|x| level(x, y))).collect();
        assert_eq!(phash64(&small).1, expect_low_quality, "{name}");
    }

    #[test]
    fn degenerate_images_are_of_low_quality() {
        let noise = |x: usize, y: usize| (x * 7919 + y * 104_729 + x * y * 31) as u8;
        check("black", true, |_, _| 0);
        check("gray", true, |_, _| 130);
        check("horizontal gradient", true, |x, _| (x * 8) as u8);
        check("vertical gradient", true, |_, y| (255 - y * 8) as u8);
        check("two boxes", true, |x, _| if x < 16 { 10 } else { 240 });
        check("two unequal boxes", true, |_, y| if y < 9 { 0 } else { 255 });
        check("mirrored", true, |x, y| noise(x.min(31 - x), y));
        check("turned by half", true, |x, y| if y < 16 { noise(x, y) } else { noise(31 - x, 31 - y) });
        check("one bright row", true, |_, y| if y == 5 { 255 } else { 0 });
        check("noise", false, noise);
        check("a box off the middle", false, |x, y| if x < 9 && y < 14 { 200 } else { 20 });
    }

    #[test]
    fn bits_are_in_the_order_of_imagehash() {
        // imagehash.phash of the same 32x32 image: Image.fromarray(...) in mode L
        let small: Vec<[u8; 32]> =
            (0..32).map(|y| std::array::from_fn(|x| (x * x * 3 + y * 11 + x * y) as u8)).collect();
        assert_eq!(phash64(&small).0.to_string(), "85020007ff4affbe");
    }

    #[test]
    fn the_large_hash_has_its_own_matrix() {
        // imagehash.phash(..., hash_size=16)
        let small: Vec<[u8; 64]> =
            (0..64).map(|y| std::array::from_fn(|x| (x * x * 3 + y * 11 + x * y) as u8)).collect();
        let hex: String = phash256(&small).iter().map(|word| format!("{word:016x}")).collect();
        assert_eq!(hex, "946f804921080009004300005a7fe77f67ff3afd05263ad9d6ffaddd6f7fd689");
    }
}
