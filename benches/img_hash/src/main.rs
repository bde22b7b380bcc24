//! Reads paths of images, one a line, and writes for each its DCT hash and its gradient hash of 64 bits, in
//! hex.

use std::io::{self, BufRead, Write};

use img_hash::{HashAlg, HasherConfig, image};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = || HasherConfig::new().hash_size(8, 8);
    // Its DCT hash is the mean hash of the picture's lowest frequencies.
    let dct = config().hash_alg(HashAlg::Mean).preproc_dct().to_hasher();
    let gradient = config().hash_alg(HashAlg::Gradient).to_hasher();
    let mut out = io::stdout().lock();
    for path in io::stdin().lock().lines() {
        let picture = image::open(path?)?;
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let (dct, gradient) = (dct.hash_image(&picture), gradient.hash_image(&picture));
        writeln!(out, "{} {}", hex(dct.as_bytes()), hex(gradient.as_bytes()))?;
    }
    Ok(())
}
