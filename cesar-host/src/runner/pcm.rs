//! Decoded audio in memory that a runner can map without copying: a sealed memory file of native-endian `f32` samples.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt as _;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use sha2::{Digest as _, Sha256};

/// How much is copied at a time, in bytes: a whole number of samples.
const CHUNK: usize = 1 << 18;

/// Mono samples at 16 kHz, unchangeable.
#[derive(Debug)]
pub struct Pcm {
    file: File,
    samples: u64,
    digest: [u8; 32],
}

impl Pcm {
    /// Number of samples.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// SHA-256 of the samples as little-endian `f32`.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Writes the samples as little-endian `f32`.
    ///
    /// # Errors
    /// Those of `writer`.
    pub fn copy_to(&self, writer: &mut dyn Write) -> io::Result<()> {
        let (mut chunk, mut position) = (vec![0; CHUNK], 0);
        loop {
            // The position of the file itself belongs to whoever wrote it.
            let length = self.file.read_at(&mut chunk, position)?;
            if length == 0 {
                return Ok(());
            }
            if cfg!(target_endian = "big") {
                chunk[..length].chunks_exact_mut(4).for_each(<[u8]>::reverse);
            }
            writer.write_all(&chunk[..length])?;
            position += length as u64;
        }
    }
}

impl AsFd for Pcm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Collects samples, hashing while writing.
#[derive(Debug)]
pub struct PcmWriter {
    file: File,
    samples: u64,
    hasher: Sha256,
    bytes: Vec<u8>,
}

impl PcmWriter {
    /// An empty memory file.
    ///
    /// # Errors
    /// When the kernel gives none.
    pub fn new() -> io::Result<Self> {
        let file = memfd_create("cesar-pcm", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        Ok(Self {
            file: File::from(file),
            samples: 0,
            hasher: Sha256::new(),
            bytes: Vec::new(),
        })
    }

    /// Appends samples.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn write(&mut self, samples: &[f32]) -> io::Result<()> {
        self.bytes.clear();
        self.bytes
            .extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        self.hasher.update(&self.bytes);
        if cfg!(target_endian = "big") {
            self.bytes.clear();
            self.bytes
                .extend(samples.iter().flat_map(|sample| sample.to_ne_bytes()));
        }
        self.file.write_all(&self.bytes)?;
        self.samples += samples.len() as u64;
        Ok(())
    }

    /// Seals the file: from now on nobody, this process included, can change or shrink it.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn finish(self) -> io::Result<Pcm> {
        fcntl_add_seals(
            &self.file,
            SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL,
        )?;
        Ok(Pcm {
            file: self.file,
            samples: self.samples,
            digest: self.hasher.finalize().into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_sealed_and_hashed() {
        let mut writer = PcmWriter::new().unwrap();
        writer.write(&[0.0, 1.0]).unwrap();
        writer.write(&[-1.0]).unwrap();
        let pcm = writer.finish().unwrap();
        assert_eq!(pcm.samples(), 3);
        let expected: [u8; 32] = Sha256::digest([0, 0, 0, 0, 0, 0, 0x80, 0x3f, 0, 0, 0x80, 0xbf]).into();
        assert_eq!(pcm.digest(), expected);
        let mut copy = Vec::new();
        pcm.copy_to(&mut copy).unwrap();
        assert_eq!(
            Sha256::digest(&copy),
            Sha256::digest([0, 0, 0, 0, 0, 0, 0x80, 0x3f, 0, 0, 0x80, 0xbf])
        );
        assert!((&pcm.file).write_all(b"more").is_err());
        assert!(pcm.file.set_len(0).is_err());
    }
}
