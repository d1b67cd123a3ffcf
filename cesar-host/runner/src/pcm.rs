//! Decoded audio that a runner can map without copying: native-endian `f32` samples in a file without a name.
//!
//! Up to [`IN_MEMORY`] this is a sealed memory file. A longer recording is on disk: an hour of samples is 230 MB, which the kernel
//! can drop from memory only if they are in a file. The file has no name (any more), so it ends with the last process that holds
//! it; only a descriptor for reading leaves this module.

use std::env;
use std::fs::{File, Permissions};
use std::io::{self, Seek as _, Write};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use sha2::{Digest as _, Sha256};

/// Bytes copied at a time: a whole number of samples.
const CHUNK: usize = 1 << 18;

/// Maximum size in memory, in bytes: 17 minutes.
const IN_MEMORY: u64 = 64 << 20;

/// The reason why samples cannot be stored.
#[derive(Debug, thiserror::Error)]
pub enum PcmError {
    /// No memory for them.
    #[error("no memory for the decoded audio: {0}")]
    Memory(io::Error),
    /// No space on the disk for them.
    #[error(
        "the decoded audio (230 MB an hour) cannot be written to `{}` ({error}); free space there, or name another folder with {remedy}",
        folder.display()
    )]
    Disk {
        /// The folder of the file.
        folder: PathBuf,
        /// The setting that changes the folder.
        remedy: &'static str,
        /// The error of the system.
        error: io::Error,
    },
}

/// The place for samples that do not fit in memory.
#[derive(Debug, Clone)]
pub struct Room {
    folder: PathBuf,
    /// The setting that changes the folder.
    remedy: &'static str,
    in_memory: u64,
}

impl Room {
    /// A folder of the cache.
    #[must_use]
    pub fn of_cache(folder: PathBuf) -> Self {
        Self {
            folder,
            remedy: "`--cache-dir`",
            in_memory: IN_MEMORY,
        }
    }

    /// The system's folder for temporary files.
    #[must_use]
    pub fn of_system() -> Self {
        Self {
            folder: env::temp_dir(),
            remedy: "`TMPDIR`",
            in_memory: IN_MEMORY,
        }
    }

    fn refused(&self, error: io::Error) -> PcmError {
        PcmError::Disk {
            folder: self.folder.clone(),
            remedy: self.remedy,
            error,
        }
    }

    /// A file without a name, which others cannot open for writing.
    fn file(&self) -> io::Result<File> {
        let file = tempfile::tempfile_in(&self.folder)?;
        file.set_permissions(Permissions::from_mode(0o400))?;
        Ok(file)
    }
}

/// Mono samples at 16 kHz, immutable.
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
    /// The errors of `writer`.
    pub fn copy_to(&self, writer: &mut dyn Write) -> io::Result<()> {
        let (mut chunk, mut position) = (vec![0; CHUNK], 0);
        loop {
            // The file's own position belongs to the writer.
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

/// Zeros that are left out of a file on disk, in bytes: file systems keep holes by pages.
const LEAST_HOLE: usize = 16 << 10;

/// The place of the samples.
#[derive(Debug)]
enum Place {
    Memory(File),
    Disk(File),
}

/// Collects samples and hashes them.
#[derive(Debug)]
pub struct PcmWriter {
    room: Room,
    place: Place,
    samples: u64,
    hasher: Sha256,
    bytes: Vec<u8>,
}

impl PcmWriter {
    /// An empty memory file, which moves to `room` when it grows.
    ///
    /// # Errors
    /// If the kernel refuses one.
    pub fn new(room: Room) -> Result<Self, PcmError> {
        let file = memfd_create("cesar-pcm", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)
            .map_err(|error| PcmError::Memory(error.into()))?;
        Ok(Self {
            room,
            place: Place::Memory(File::from(file)),
            samples: 0,
            hasher: Sha256::new(),
            bytes: Vec::new(),
        })
    }

    /// Appends samples.
    ///
    /// # Errors
    /// If memory runs out, or the disk is full.
    pub fn write(&mut self, samples: &[f32]) -> Result<(), PcmError> {
        self.bytes.clear();
        self.bytes
            .extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        self.hasher.update(&self.bytes);
        if cfg!(target_endian = "big") {
            self.bytes.clear();
            self.bytes
                .extend(samples.iter().flat_map(|sample| sample.to_ne_bytes()));
        }
        self.samples += samples.len() as u64;
        if self.samples * 4 > self.room.in_memory {
            self.move_to_disk()?;
        }
        match &mut self.place {
            Place::Memory(file) => file.write_all(&self.bytes).map_err(PcmError::Memory),
            // Filled gaps of a recording of some bytes would take gigabytes.
            Place::Disk(file) if self.bytes.len() >= LEAST_HOLE && self.bytes.iter().all(|byte| *byte == 0) => {
                let length = i64::try_from(self.bytes.len()).unwrap_or(i64::MAX);
                file.seek_relative(length).map_err(|error| self.room.refused(error))
            }
            Place::Disk(file) => file.write_all(&self.bytes).map_err(|error| self.room.refused(error)),
        }
    }

    fn move_to_disk(&mut self) -> Result<(), PcmError> {
        let Place::Memory(memory) = &mut self.place else {
            return Ok(());
        };
        let moved = self.room.file().and_then(|mut file| {
            memory.rewind()?;
            io::copy(memory, &mut file)?;
            Ok(file)
        });
        self.place = Place::Disk(moved.map_err(|error| self.room.refused(error))?);
        Ok(())
    }

    /// Makes the samples immutable: no process, including this one, can change or shrink a memory file, and a receiver can only
    /// read a file on disk.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn finish(self) -> Result<Pcm, PcmError> {
        let file = match self.place {
            Place::Memory(file) => sealed(file).map_err(PcmError::Memory)?,
            Place::Disk(file) => {
                // The end may be a hole.
                let whole = file.set_len(self.samples * 4).and_then(|()| for_reading(&file));
                whole.map_err(|error| self.room.refused(error))?
            }
        };
        Ok(Pcm {
            file,
            samples: self.samples,
            digest: self.hasher.finalize().into(),
        })
    }
}

fn sealed(file: File) -> io::Result<File> {
    fcntl_add_seals(
        &file,
        SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL,
    )?;
    Ok(file)
}

/// The same file, opened again, because a descriptor keeps its mode.
fn for_reading(file: &File) -> io::Result<File> {
    File::open(Path::new("/proc/self/fd").join(file.as_raw_fd().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loader::MappedAudio;

    const BYTES: [u8; 12] = [0, 0, 0, 0, 0, 0, 0x80, 0x3f, 0, 0, 0x80, 0xbf];

    /// Three samples, with a limit on the bytes in memory.
    fn written(folder: &Path, in_memory: u64) -> Result<Pcm, PcmError> {
        let room = Room {
            in_memory,
            ..Room::of_cache(folder.to_owned())
        };
        let mut writer = PcmWriter::new(room)?;
        writer.write(&[0.0, 1.0])?;
        writer.write(&[-1.0])?;
        writer.finish()
    }

    #[test]
    fn silence_takes_no_room_on_disk() {
        use std::os::unix::fs::MetadataExt as _;
        let folder = tempfile::tempdir().unwrap();
        let room = |in_memory| Room {
            in_memory,
            ..Room::of_cache(folder.path().to_owned())
        };
        let written = |in_memory| {
            let mut writer = PcmWriter::new(room(in_memory)).unwrap();
            for block in 0..100 {
                let sample = if block == 50 { 0.5 } else { 0.0 };
                writer.write(&[sample; 8192]).unwrap();
            }
            writer.finish().unwrap()
        };
        let (memory, disk) = (written(u64::MAX), written(0));
        assert_eq!(disk.digest(), memory.digest());
        let content = |pcm: &Pcm| {
            let mut bytes = Vec::new();
            pcm.copy_to(&mut bytes).unwrap();
            bytes
        };
        assert!(content(&disk) == content(&memory));
        let allocated = disk.file.metadata().unwrap().blocks() * 512;
        assert!(allocated < 10 * 8192 * 4, "{allocated} bytes");
    }

    #[test]
    fn samples_are_read_only_and_hashed_in_memory_and_on_disk() {
        let folder = tempfile::tempdir().unwrap();
        // A folder in memory, as `/tmp` may be: files there support seals, but these are not set.
        let shared = tempfile::tempdir_in("/dev/shm").unwrap();
        let in_shared = written(shared.path(), 0).unwrap();
        assert!(MappedAudio::map(in_shared.as_fd().try_clone_to_owned().unwrap(), 3).is_ok());
        for (in_memory, on_disk) in [(0, true), (8, true), (11, true), (12, false)] {
            let pcm = written(folder.path(), in_memory).unwrap();
            let is_sealed = rustix::fs::fcntl_get_seals(&pcm).is_ok_and(|seals| seals.contains(SealFlags::WRITE));
            assert_eq!(is_sealed, !on_disk);
            assert_eq!(pcm.samples(), 3);
            let expected: [u8; 32] = Sha256::digest(BYTES).into();
            assert_eq!(pcm.digest(), expected);
            let mut copy = Vec::new();
            pcm.copy_to(&mut copy).unwrap();
            assert_eq!(copy, BYTES);
            assert!((&pcm.file).write_all(b"more").is_err());
            assert!(pcm.file.set_len(0).is_err());
            let mapped = MappedAudio::map(pcm.as_fd().try_clone_to_owned().unwrap(), 3).unwrap();
            assert_eq!(mapped.samples(), [0.0, 1.0, -1.0]);
        }
        assert_eq!(folder.path().read_dir().unwrap().count(), 0, "no file has a name");
    }

    #[test]
    fn a_writable_file_is_not_mapped() {
        let file = tempfile::tempfile().unwrap();
        (&file).write_all(&BYTES).unwrap();
        assert!(MappedAudio::map(for_reading(&file).unwrap().into(), 3).is_ok());
        assert!(MappedAudio::map(for_reading(&file).unwrap().into(), 2).is_err());
        assert!(MappedAudio::map(file.into(), 3).is_err());
        let unsealed = memfd_create("unsealed", MemfdFlags::ALLOW_SEALING).unwrap();
        File::from(unsealed.try_clone().unwrap()).write_all(&BYTES).unwrap();
        assert!(MappedAudio::map(unsealed, 3).is_err());
    }

    #[test]
    fn an_unwritable_folder_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("gone");
        let error = written(&gone, 0).unwrap_err().to_string();
        let shown = error.replace(&*gone.to_string_lossy(), "FOLDER");
        let (start, end) = shown.split_once('(').unwrap().1.split_once('(').unwrap();
        assert_eq!(start, "230 MB an hour) cannot be written to `FOLDER` ");
        assert!(
            end.ends_with("; free space there, or name another folder with `--cache-dir`"),
            "{end}"
        );
    }

    /// `/dev/full` in place of the file: every write fails as on a full disk.
    #[test]
    fn a_full_disk_is_reported() {
        let mut writer = PcmWriter::new(Room::of_cache("/the/cache".into())).unwrap();
        writer.place = Place::Disk(File::options().write(true).open("/dev/full").unwrap());
        let error = writer.write(&[0.0]).unwrap_err().to_string();
        let expected = "the decoded audio (230 MB an hour) cannot be written to `/the/cache` (No space left on device (os error 28)); \
                        free space there, or name another folder with `--cache-dir`";
        assert_eq!(error, expected);
    }
}
