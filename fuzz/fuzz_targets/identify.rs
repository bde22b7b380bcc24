//! URL recognition: no text panics or takes more time or memory than its length allows, and the normalised
//! form of a URL is its own normalised form.

#![no_main]

use aotf::sites::{Kind, identify};
use libfuzzer_sys::fuzz_target;

use cost::{Most, bounded};

mod cost;

/// Recognised twice; expressions are compiled at the first.
const BASE: Most = Most { nanos: 20_000_000, memory_bytes: 4 << 20 };
const PER_BYTE: Most = Most { nanos: 2_000, memory_bytes: 100 };

fuzz_target!(|text: &str| bounded(&Most::of(text.len(), BASE, PER_BYTE), "a text", || check(text)));

fn check(text: &str) {
    let found = identify(text);
    let Some(normalised) = found.url else {
        assert_eq!(found.kind, Kind::NotAnUrl, "{text:?}");
        return;
    };
    // What is normalised may have become too long to be pasted; else it means the same page.
    let again = identify(&normalised);
    if again.kind != Kind::NotAnUrl {
        assert_eq!((again.kind, again.url.as_deref()), (found.kind, Some(normalised.as_str())), "{text:?}");
    }
}
