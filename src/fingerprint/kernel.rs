//! The two inner loops that cost the time after decoding, in the fastest form this processor has.
//!
//! Each exists once as plain Rust and once for AVX2; which one runs is decided while running, and
//! they agree to the bit.

/// Bits of the low part of a weight.
pub(super) const SPLIT: u32 = 15;

/// Weights come in multiples of this many, and a row ends with as many zeros: the loops have no
/// remainders.
pub(super) const PADDING: usize = 16;

/// Rec. 601 weights with 16 fractional bits, rounded; they add up to 65,536.
const RED: u32 = 19_595;
const GREEN: u32 = 38_470;
const BLUE: u32 = 7_471;

/// Brightness of one pixel.
#[inline(always)]
pub(super) fn brightness([red, green, blue]: [u8; 3]) -> u8 {
    let sum = RED * u32::from(red) + GREEN * u32::from(green) + BLUE * u32::from(blue);
    ((sum + (1 << 15)) >> 16) as u8
}

/// Which samples of a row make one sum, and with which weights.
pub(super) struct Tap {
    /// Where the low parts begin.
    pub first: usize,
    pub low: Vec<i16>,
    /// Where the high parts begin; empty where all are zero.
    pub first_high: usize,
    pub high: Vec<i16>,
}

/// The weighted sum of samples for each tap. `row` must reach as far as the taps do.
pub(super) fn weigh(row: &[i16], taps: &[Tap], sums: &mut [i32]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        #[expect(unsafe_code, reason = "the processor has just been asked")]
        // SAFETY: the processor has AVX2.
        return unsafe { avx2::weigh(row, taps, sums) };
    }
    weigh_portable(row, taps, sums);
}

fn weigh_portable(row: &[i16], taps: &[Tap], sums: &mut [i32]) {
    let dot = |first: usize, weights: &[i16]| -> i32 {
        let samples = &row[first..first + weights.len()];
        samples.iter().zip(weights).map(|(&sample, &weight)| i32::from(sample) * i32::from(weight)).sum()
    };
    for (sum, tap) in sums.iter_mut().zip(taps) {
        *sum = dot(tap.first, &tap.low) + (dot(tap.first_high, &tap.high) << SPLIT);
    }
}

/// Brightness of pixels of four bytes (red, green, blue, and one that is ignored), as bytes and as
/// wider samples. The slices have one element for each pixel.
pub(super) fn luma(pixels: &[u8], levels: &mut [u8], wide: &mut [i16]) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        #[expect(unsafe_code, reason = "the processor has just been asked")]
        // SAFETY: the processor has AVX2.
        return unsafe { avx2::luma(pixels, levels, wide) };
    }
    luma_portable(pixels, levels, wide);
}

#[inline(always)]
fn luma_portable(pixels: &[u8], levels: &mut [u8], wide: &mut [i16]) {
    let pixels = pixels.as_chunks::<4>().0;
    for ((&[red, green, blue, _], level), wide) in pixels.iter().zip(levels).zip(wide) {
        *level = brightness([red, green, blue]);
        *wide = i16::from(*level);
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m256i, _mm_add_epi32, _mm_cvtsi128_si32, _mm_shuffle_epi32, _mm256_add_epi32,
        _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_loadu_si256, _mm256_madd_epi16,
        _mm256_setzero_si256, _mm256_slli_epi32,
    };

    use super::{PADDING, SPLIT, Tap, luma_portable};

    #[target_feature(enable = "avx2")]
    pub fn weigh(row: &[i16], taps: &[Tap], sums: &mut [i32]) {
        for (sum, tap) in sums.iter_mut().zip(taps) {
            let low = dot(&row[tap.first..], &tap.low);
            let high = dot(&row[tap.first_high..], &tap.high);
            *sum = total(_mm256_add_epi32(low, _mm256_slli_epi32::<{ SPLIT as i32 }>(high)));
        }
    }

    /// The plain loop, compiled for wider registers.
    #[target_feature(enable = "avx2")]
    pub fn luma(pixels: &[u8], levels: &mut [u8], wide: &mut [i16]) {
        luma_portable(pixels, levels, wide);
    }

    /// Eight sums whose total is the weighted sum.
    #[target_feature(enable = "avx2")]
    fn dot(samples: &[i16], weights: &[i16]) -> __m256i {
        let samples = &samples[..weights.len()];
        let mut sums = _mm256_setzero_si256();
        for (samples, weights) in samples.as_chunks().0.iter().zip(weights.as_chunks().0) {
            sums = _mm256_add_epi32(sums, _mm256_madd_epi16(load(samples), load(weights)));
        }
        sums
    }

    #[target_feature(enable = "avx2")]
    fn total(sums: __m256i) -> i32 {
        let sums = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256::<1>(sums));
        let sums = _mm_add_epi32(sums, _mm_shuffle_epi32::<0b01_00_11_10>(sums));
        let sums = _mm_add_epi32(sums, _mm_shuffle_epi32::<0b10_11_00_01>(sums));
        _mm_cvtsi128_si32(sums)
    }

    #[target_feature(enable = "avx2")]
    fn load(values: &[i16; PADDING]) -> __m256i {
        #[expect(unsafe_code, reason = "loads through a pointer")]
        // SAFETY: the array is 32 bytes long, and this load needs no alignment.
        unsafe {
            _mm256_loadu_si256(values.as_ptr().cast())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn gray_stays_as_it_is() {
        for level in 0..=255 {
            assert_eq!(brightness([level; 3]), level);
        }
    }

    #[test]
    fn weights_are_those_of_pillow() {
        // Image.new("RGB", (1, 1), color).convert("L") in Pillow 9.5
        for (color, level) in [([255, 0, 0], 76), ([0, 255, 0], 150), ([0, 0, 255], 29), ([12, 200, 99], 132)]
        {
            assert_eq!(brightness(color), level, "{color:?}");
        }
    }

    proptest! {
        #[test]
        fn all_forms_weigh_alike(
            row in prop::collection::vec(0_i16..256, 64..200),
            low in prop::collection::vec(-(1_i16 << 14)..1 << 14, 48),
            // As true weights, these never sum up beyond 32 bits.
            high in prop::collection::vec(-14_i16..=14, 16),
            first in 0_usize..16,
            first_high in 0_usize..48,
        ) {
            let taps = [Tap { first, low, first_high, high }];
            let (mut fast, mut plain) = ([0], [0]);
            weigh(&row, &taps, &mut fast);
            weigh_portable(&row, &taps, &mut plain);
            prop_assert_eq!(fast, plain);
        }

        #[test]
        fn all_forms_see_the_same_brightness(pixels in prop::collection::vec(any::<[u8; 4]>(), 0..100)) {
            let pixels = pixels.as_flattened();
            let n_pixels = pixels.len() / 4;
            let (mut fast, mut plain) = (vec![0; n_pixels], vec![0; n_pixels]);
            let (mut fast_wide, mut plain_wide) = (vec![0; n_pixels], vec![0; n_pixels]);
            luma(pixels, &mut fast, &mut fast_wide);
            luma_portable(pixels, &mut plain, &mut plain_wide);
            prop_assert_eq!((fast, fast_wide), (plain, plain_wide));
        }
    }
}
