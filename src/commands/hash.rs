//! `aotf hash FILE...`: fingerprints as people and scripts see them.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::base::ErrorChain;
use crate::fingerprint::decode::{DecodeError, Limits};
use crate::fingerprint::phash;

#[derive(Debug, Args)]
pub struct HashArgs {
    /// Images; - is standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

pub fn run(args: &HashArgs, out: &mut dyn Write) -> ExitCode {
    hash(&args.files, out, &mut io::stderr()).into()
}

/// Why there is no fingerprint of a file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("could not read the file")]
    Read(#[source] io::Error),
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// Prints `16-hex-digits  path` for each file, as ImageHash prints fingerprints; what fails, and what is of
/// low quality, goes to `err`, one line per file, and the others go on. Returns the exit status: 0, or 1 if
/// any failed.
fn hash(files: &[PathBuf], out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let limits = Limits::default();
    let mut status = 0;
    for path in files {
        let result = load(path, &limits).and_then(|bytes| Ok(phash(&bytes, &limits)?));
        let written = match result {
            Ok((fingerprint, low_quality)) => {
                if low_quality {
                    // If nobody reads this, the fingerprint is printed all the same.
                    let _ =
                        writeln!(err, "{}: of low quality, no search finds anything by it", path.display());
                }
                writeln!(out, "{fingerprint}  {}", path.display())
            }
            Err(error) => {
                status = 1;
                writeln!(err, "{}: {}", path.display(), ErrorChain(&error))
            }
        };
        if written.is_err() {
            return 1; // Nobody reads any more.
        }
    }
    status
}

/// Reads a file, or standard input for `-`, but little more than the limits allow.
pub fn load(path: &Path, limits: &Limits) -> Result<Vec<u8>, FileError> {
    let max_bytes = limits.max_bytes as u64 + 1;
    let mut bytes = Vec::new();
    match path.as_os_str() == "-" {
        true => io::stdin().lock().take(max_bytes).read_to_end(&mut bytes),
        false => File::open(path).and_then(|file| file.take(max_bytes).read_to_end(&mut bytes)),
    }
    .map_err(FileError::Read)?;
    Ok(bytes)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A PNG in gray, of one level per position.
    pub fn write_png(path: &Path, side: u32, level: impl Fn(u32, u32) -> u32) {
        let mut encoder = png::Encoder::new(File::create(path).unwrap(), side, side);
        encoder.set_color(png::ColorType::Grayscale);
        let pixels: Vec<u8> = (0..side * side).map(|i| level(i % side, i / side) as u8).collect();
        encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    }

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn hash_prints_what_it_can_and_tells_what_it_cannot() {
        let folder = tempfile::tempdir().unwrap();
        let [good, text_file, gone] =
            ["a b.png", "note.txt", "gone.png"].map(|name| folder.path().join(name));
        write_png(&good, 32, |x, y| x * x * 3 + y * 11 + x * y);
        std::fs::write(&text_file, "no image").unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let status = hash(&[text_file.clone(), good.clone(), gone.clone()], &mut out, &mut err);
        assert_eq!(status, 1);
        assert_eq!(text(out), format!("85020007ff4affbe  {}\n", good.display()));
        let err = text(err);
        let lines: Vec<&str> = err.lines().collect();
        assert_eq!(lines[0], format!("{}: not an image", text_file.display()));
        assert!(lines[1].starts_with(&format!("{}: could not read the file: ", gone.display())), "{err}");
        assert_eq!(hash(&[good], &mut Vec::new(), &mut Vec::new()), 0);

        let flat = folder.path().join("flat.png");
        write_png(&flat, 32, |_, _| 90);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        assert_eq!(hash(std::slice::from_ref(&flat), &mut out, &mut err), 0);
        assert_eq!(text(out).lines().count(), 1);
        assert_eq!(
            text(err),
            format!("{}: of low quality, no search finds anything by it\n", flat.display())
        );
    }
}
