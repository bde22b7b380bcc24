//! The configuration: no text panics or takes more time or memory than its length allows; what is wrong is
//! told, with every problem on a line of its own.

#![no_main]

use std::cell::RefCell;
use std::io::{Seek, Write};

use libfuzzer_sys::fuzz_target;
use tempfile::NamedTempFile;

use cost::{Most, bounded};

mod cost;

/// The file is read from the disk.
const BASE: Most = Most { nanos: 100_000_000, memory_bytes: 8 << 20 };
/// Each problem quotes a line, and a line may have several.
const PER_BYTE: Most = Most { nanos: 20_000, memory_bytes: 4_000 };

thread_local! {
    static FILE: RefCell<NamedTempFile> = RefCell::new(NamedTempFile::new().expect("a temporary file"));
}

fuzz_target!(|text: &str| {
    FILE.with_borrow_mut(|file| {
        file.as_file().set_len(0).expect("the file can be emptied");
        file.rewind().expect("the file can be read again");
        file.write_all(text.as_bytes()).expect("the file can be written");
        bounded(&Most::of(text.len(), BASE, PER_BYTE), "a configuration", || {
            if let Err(error) = aotf::config::load(Some(file.path()), &[]) {
                assert!(!error.to_string().is_empty());
            }
        });
    });
});
