//! URL recognition: no text panics, and the normalised form of a URL is its own normalised form.

#![no_main]

use aotf::sites::{Kind, identify};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
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
});
