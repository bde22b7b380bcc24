//! Where tests find what they read. Small files lie in `tests/fixtures/`; what is large, or not ours to copy,
//! lies outside of the repository. A test of the latter kind is marked
//! `#[cfg_attr(not(material), ignore = "needs AOTF_TEST_MATERIAL")]`: without the material it is ignored, and
//! counted.

use std::path::{Path, PathBuf};

/// A file of `tests/fixtures/`.
pub fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(path)
}

/// A file of the material that lies outside, as `build.rs` has found it.
///
/// # Panics
/// When there is no material: tests that need it are ignored then.
pub fn outside(path: &str) -> PathBuf {
    let folder = option_env!("AOTF_MATERIAL_FOUND");
    Path::new(folder.expect("no test material: set AOTF_TEST_MATERIAL and build again")).join(path)
}
