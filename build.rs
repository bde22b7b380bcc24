//! Compiles the C that lies between libjpeg-turbo and `fingerprint::decode::jpeg`: libjpeg reports
//! errors by `longjmp`, which may not cross Rust.

use std::env;
use std::path::PathBuf;

fn main() {
    const SOURCE: &str = "src/fingerprint/decode/jpeg_rows.c";
    println!("cargo::rerun-if-changed={SOURCE}");
    let include = env::var_os("DEP_TURBOJPEG_INCLUDE").map(PathBuf::from);
    let include = include.expect("turbojpeg-sys tells where it put jpeglib.h");
    cc::Build::new().file(SOURCE).include(include).compile("aotf_jpeg_rows");
}
