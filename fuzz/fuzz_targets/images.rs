//! Images: no bytes panic or take more memory than the limits say, and the same bytes give the same
//! fingerprint.

#![no_main]

use aotf::fingerprint::{Limits, analyze, query_variants};
use libfuzzer_sys::fuzz_target;

use cost::{Most, bounded};

mod cost;

/// What the largest image within the limits may cost, decoded three times: about a second of the slowest
/// decoder, and some copies of its pixels.
const MOST: Most = Most { nanos: 5_000_000_000, memory_bytes: 128 << 20 };

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { max_bytes: 1 << 20, max_pixels: 1 << 20, max_side: 4096, max_frame_bytes: 8 << 20 };
    bounded(&MOST, "an image", || {
        let Ok(first) = analyze(bytes, &limits) else { return };
        assert!(u64::from(first.width) * u64::from(first.height) <= limits.max_pixels);
        let second = analyze(bytes, &limits).expect("it was an image a moment ago");
        assert_eq!(first.fingerprint, second.fingerprint);
        let _ = query_variants(bytes, &limits);
    });
});
