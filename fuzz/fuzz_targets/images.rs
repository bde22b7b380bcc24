//! Images: no bytes panic or take more memory than the limits say, and the same bytes give the same
//! fingerprint.

#![no_main]

use aotf::fingerprint::{Limits, analyze, query_variants};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { max_bytes: 1 << 20, max_pixels: 1 << 20, max_side: 4096, max_frame_bytes: 8 << 20 };
    let Ok(first) = analyze(bytes, &limits) else { return };
    assert!(u64::from(first.width) * u64::from(first.height) <= limits.max_pixels);
    let second = analyze(bytes, &limits).expect("it was an image a moment ago");
    assert_eq!(first.fingerprint, second.fingerprint);
    let _ = query_variants(bytes, &limits);
});
