//! The manifest: which segments and tails make up the index. Replaced as a whole, by renaming.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use super::error::IndexError;

const MAGIC: &[u8; 8] = b"AOTFman1";

/// A state of the index. Segments cover ascending, disjoint ranges of images; tails follow them,
/// the first being filled before the second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Grows with every manifest of this directory, and is greater than the number of every file
    /// that any manifest so far has named: one counter numbers files and manifests, so that a
    /// number never means two things to a reader. 0 is no manifest.
    pub generation: u64,
    /// Numbers of the segments, oldest first.
    pub segments: Vec<u64>,
    /// Numbers of the tails, oldest first.
    pub tails: Vec<u64>,
}

impl Manifest {
    fn path(dir: &Path) -> PathBuf {
        dir.join("manifest")
    }

    /// The manifest in force, or none if there never was one.
    pub fn load(dir: &Path) -> Result<Option<Manifest>, IndexError> {
        let path = Manifest::path(dir);
        match fs::read(&path) {
            Ok(bytes) => match Manifest::parse(&bytes) {
                Ok(manifest) => Ok(Some(manifest)),
                Err(why) => Err(IndexError::damaged(path, why)),
            },
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(IndexError::file("read", path)(source)),
        }
    }

    /// For the writer: whether the manifest in force is the one of this generation.
    pub fn check(dir: &Path, generation: u64) -> Result<(), IndexError> {
        match Manifest::load(dir)? {
            Some(manifest) if manifest.generation == generation => Ok(()),
            Some(_) => Err(IndexError::damaged(Manifest::path(dir), "it was replaced")),
            None => Err(IndexError::damaged(Manifest::path(dir), "it was removed")),
        }
    }

    /// Puts this manifest in force: after a crash at any moment either this one or the one before
    /// is found. What it names must be on disk already.
    pub fn store(&self, dir: &Path) -> Result<(), IndexError> {
        let path = Manifest::path(dir);
        let fresh = dir.join("manifest.new");
        let mut file = File::create(&fresh).map_err(IndexError::file("create", &fresh))?;
        file.write_all(&self.to_bytes()).map_err(IndexError::file("write", &fresh))?;
        file.sync_all().map_err(IndexError::file("sync", &fresh))?;
        fs::rename(&fresh, &path).map_err(IndexError::file("replace", &path))?;
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(IndexError::file("sync", dir))
    }

    /// Magic, then numbers of 8 bytes: generation, count and numbers of the segments,
    /// count and numbers of the tails; at last the CRC-32 of all before it, in 4 bytes.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        let mut put = |number: u64| bytes.extend_from_slice(&number.to_le_bytes());
        put(self.generation);
        for list in [&self.segments, &self.tails] {
            put(list.len() as u64);
            list.iter().copied().for_each(&mut put);
        }
        let sum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        bytes
    }

    fn parse(bytes: &[u8]) -> Result<Manifest, &'static str> {
        let (body, sum) = bytes.split_last_chunk::<4>().ok_or("it is cut short")?;
        if u32::from_le_bytes(*sum) != crc32fast::hash(body) {
            return Err("it fails its checksum");
        }
        let numbers = body.strip_prefix(MAGIC).ok_or("it is of another version")?;
        let (numbers, []) = numbers.as_chunks::<8>() else { return Err("it is cut short") };
        let mut numbers = numbers.iter().map(|bytes| u64::from_le_bytes(*bytes));
        let mut manifest = Manifest::default();
        let mut next = || numbers.next().ok_or("it is cut short");
        manifest.generation = next()?;
        for list in [&mut manifest.segments, &mut manifest.tails] {
            for _ in 0..next()? {
                list.push(next()?);
            }
        }
        Ok(manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_there_and_back_and_shows_any_damage() {
        let manifest = Manifest { generation: 7, segments: vec![1, 4], tails: vec![8] };
        let bytes = manifest.to_bytes();
        assert_eq!(Manifest::parse(&bytes), Ok(manifest));
        for len in 0..bytes.len() {
            assert!(Manifest::parse(&bytes[..len]).is_err());
        }
        for bit in 0..8 * bytes.len() {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Manifest::parse(&bytes).is_err());
        }
    }
}
