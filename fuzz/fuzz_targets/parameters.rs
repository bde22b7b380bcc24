//! The configuration: no text panics; what is wrong is told, with every problem on a line of its own.

#![no_main]

use std::cell::RefCell;
use std::io::{Seek, Write};

use libfuzzer_sys::fuzz_target;
use tempfile::NamedTempFile;

thread_local! {
    static FILE: RefCell<NamedTempFile> = RefCell::new(NamedTempFile::new().expect("a temporary file"));
}

fuzz_target!(|text: &str| {
    FILE.with_borrow_mut(|file| {
        file.as_file().set_len(0).expect("the file can be emptied");
        file.rewind().expect("the file can be read again");
        file.write_all(text.as_bytes()).expect("the file can be written");
        if let Err(error) = aotf::config::load(Some(file.path()), &[]) {
            assert!(!error.to_string().is_empty());
        }
    });
});
