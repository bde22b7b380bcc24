//! Compiles the C that lies between libjpeg-turbo and `fingerprint::decode::jpeg` (libjpeg reports errors by
//! `longjmp`, which may not cross Rust), lists the migrations, and finds out which version this is.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Between libjpeg-turbo and the decoder.
const SOURCE: &str = "src/fingerprint/decode/jpeg_rows.c";

fn main() {
    let system = env::var("CARGO_CFG_TARGET_OS").expect("cargo sets it");
    if system != "linux" {
        // An error of cargo's instead of hundreds of the compiler's.
        println!(
            "cargo::error=aotf is for Linux, and {system} lacks what it is built on: processes that die with their \
             parent, /proc, shared memory without names, seccomp and Landlock. Build and run it on Linux, in a \
             virtual machine, or in a container (Containerfile)."
        );
        return;
    }
    println!("cargo::rerun-if-changed={SOURCE}");
    let include = env::var_os("DEP_TURBOJPEG_INCLUDE").map(PathBuf::from);
    let include = include.expect("turbojpeg-sys tells where it put jpeglib.h");
    cc::Build::new().file(SOURCE).include(include).compile("aotf_jpeg_rows");
    migrations();
    println!("cargo::rustc-env=AOTF_VERSION={}", version());
    find_test_material();
}

/// Sets `cfg(material)` where the test material is at hand that is too large for the repository, or not ours
/// to copy: in `AOTF_TEST_MATERIAL`, else beside the checkout. Tests that need it are ignored where it is
/// not.
fn find_test_material() {
    println!("cargo::rustc-check-cfg=cfg(material)");
    println!("cargo::rerun-if-env-changed=AOTF_TEST_MATERIAL");
    let named = env::var_os("AOTF_TEST_MATERIAL").map_or_else(|| "../shared/material".into(), PathBuf::from);
    let Ok(folder) = named.canonicalize() else { return };
    let mark = folder.join("art/manifest.csv");
    // Only a file that is there: for one that is missing cargo would build anew each time.
    if mark.exists() {
        println!("cargo::rerun-if-changed={}", mark.display());
        println!("cargo::rustc-env=AOTF_MATERIAL_FOUND={}", folder.display());
        println!("cargo::rustc-cfg=material");
    }
}

/// `0.1.0 (1a2b3c4d5e6f)`. The same sources give the same text: no date, no machine. `AOTF_COMMIT` says it
/// where there is no repository, as in a container or from an archive.
fn version() -> String {
    println!("cargo::rerun-if-env-changed=AOTF_COMMIT");
    let version = env::var("CARGO_PKG_VERSION").expect("cargo sets it");
    let given = env::var("AOTF_COMMIT").ok().filter(|commit| !commit.is_empty());
    match given.or_else(commit) {
        Some(commit) => format!("{version} ({})", commit.chars().take(12).collect::<String>()),
        None => version,
    }
}

/// The commit that is checked out, where this is a repository and git is installed.
fn commit() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output =
            Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned())
    };
    // Only a release names its commit: an unoptimized build would be linked anew at each commit.
    if env::var("PROFILE").ok()? != "release" {
        return None;
    }
    // Not of a repository that merely holds this folder, such as a vendored copy.
    let top = git(&["rev-parse", "--show-toplevel"])?;
    if Path::new(&top).canonicalize().ok()? != env::current_dir().ok()?.canonicalize().ok()? {
        return None;
    }
    for file in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", file])?;
        if Path::new(&path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    git(&["rev-parse", "HEAD"])
}

/// Writes a list of the files `NNNN_what_they_do.sql` in each folder of `migrations/`, so that none is kept by hand.
fn migrations() {
    let mut lists = String::new();
    for folder in ["mysql", "postgres", "sqlite", "state"] {
        println!("cargo::rerun-if-changed=migrations/{folder}");
        let files =
            fs::read_dir(Path::new("migrations").join(folder)).expect("the folder is in the repository");
        let mut files: Vec<String> = files
            .map(|file| file.expect("the folder can be read").file_name().to_string_lossy().into_owned())
            .collect();
        files.sort();
        lists.push_str(&format!("pub const {}: &[Migration] = &[\n", folder.to_uppercase()));
        for file in files {
            let named = file.strip_suffix(".sql").and_then(|stem| stem.split_once('_'));
            let (number, name) = named.unwrap_or_else(|| panic!("{file} is not named NNNN_what_it_does.sql"));
            let number: u32 =
                number.parse().unwrap_or_else(|_| panic!("{file} does not begin with a number"));
            let name = name.replace('_', " ");
            lists.push_str(&format!(
                "    Migration {{ number: {number}, name: {name:?}, \
                 sql: include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/migrations/{folder}/{file}\")) }},\n"
            ));
        }
        lists.push_str("];\n");
    }
    let out = env::var_os("OUT_DIR").map(PathBuf::from).expect("cargo sets it");
    fs::write(out.join("migrations.rs"), lists).expect("cargo's folder can be written");
}
