//! Detection of truncated files, for example from interrupted copies.
//!
//! Only lengths are followed, nothing is loaded: the variables of CTranslate2's weights, the tensors of whisper.cpp's files, the
//! fields of an ONNX file (a protobuf message). Other formats are unknown.

use std::fs::File;
use std::io::{self, BufReader, Read as _};
use std::path::Path;

/// Whether a file is truncated; `None` if the format is unknown.
pub(super) fn is_truncated(path: &Path) -> Option<bool> {
    let file = File::open(path).ok()?;
    let left = file.metadata().ok()?.len();
    let mut walk = Walk {
        file: BufReader::new(file),
        left,
    };
    let name = path.file_name()?.to_str()?;
    let outcome = if name == "model.bin" {
        ctranslate2(&mut walk)
    } else if name.starts_with("ggml-") && !name.contains("silero") {
        ggml(&mut walk)
    } else if name.ends_with(".onnx") {
        protobuf(&mut walk)
    } else {
        return None;
    };
    match outcome {
        Ok(()) => Some(false),
        Err(Stop::Truncated) => Some(true),
        Err(Stop::Foreign) => None,
    }
}

/// The reason why a walk ended early.
enum Stop {
    /// The file ended.
    Truncated,
    /// The file has another format, or uses unknown parts of it.
    Foreign,
}

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        Self::Truncated
    }
}

struct Walk {
    file: BufReader<File>,
    left: u64,
}

impl Walk {
    fn skip(&mut self, count: u64) -> Result<(), Stop> {
        self.left = self.left.checked_sub(count).ok_or(Stop::Truncated)?;
        let count = i64::try_from(count).map_err(|_| Stop::Truncated)?;
        Ok(self.file.seek_relative(count)?)
    }

    fn bytes<const COUNT: usize>(&mut self) -> Result<[u8; COUNT], Stop> {
        let mut bytes = [0; COUNT];
        self.left = self.left.checked_sub(COUNT as u64).ok_or(Stop::Truncated)?;
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn u8(&mut self) -> Result<u64, Stop> {
        self.bytes::<1>().map(|[byte]| u64::from(byte))
    }

    fn u16(&mut self) -> Result<u64, Stop> {
        self.bytes().map(|bytes| u64::from(u16::from_le_bytes(bytes)))
    }

    fn u32(&mut self) -> Result<u64, Stop> {
        self.bytes().map(|bytes| u64::from(u32::from_le_bytes(bytes)))
    }

    /// Seven bits a byte, least significant first.
    fn varint(&mut self) -> Result<u64, Stop> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            number |= (byte & 127) << shift;
            if byte < 128 {
                return Ok(number);
            }
        }
        Err(Stop::Foreign)
    }
}

fn ctranslate2(walk: &mut Walk) -> Result<(), Stop> {
    let _version = walk.u32()?;
    let name = walk.u16()?;
    walk.skip(name)?;
    let _revision = walk.u32()?;
    for _ in 0..walk.u32()? {
        let name = walk.u16()?;
        walk.skip(name)?;
        let rank = walk.u8()?;
        // Dimensions, and the type.
        walk.skip(rank * 4 + 1)?;
        let length = walk.u32()?;
        walk.skip(length)?;
    }
    Ok(())
}

fn ggml(walk: &mut Walk) -> Result<(), Stop> {
    if walk.u32()? != 0x6767_6d6c {
        return Err(Stop::Foreign);
    }
    // The numbers of the architecture.
    walk.skip(11 * 4)?;
    let (mels, frequencies) = (walk.u32()?, walk.u32()?);
    walk.skip(mels.saturating_mul(frequencies).saturating_mul(4))?;
    for _ in 0..walk.u32()? {
        let token = walk.u32()?;
        walk.skip(token)?;
    }
    while walk.left > 0 {
        let (rank, name, kind) = (walk.u32()?, walk.u32()?, walk.u32()?);
        if rank > 4 {
            return Err(Stop::Foreign);
        }
        let mut elements: u64 = 1;
        for _ in 0..rank {
            elements = elements.saturating_mul(walk.u32()?);
        }
        let (block, bytes) = block(kind).ok_or(Stop::Foreign)?;
        walk.skip(name)?;
        walk.skip((elements / block).saturating_mul(bytes))?;
    }
    Ok(())
}

/// Block size of a type: numbers and bytes.
fn block(kind: u64) -> Option<(u64, u64)> {
    match kind {
        0 => Some((1, 4)),
        1 => Some((1, 2)),
        2 => Some((32, 18)),
        3 => Some((32, 20)),
        6 => Some((32, 22)),
        7 => Some((32, 24)),
        8 => Some((32, 34)),
        _ => None,
    }
}

fn protobuf(walk: &mut Walk) -> Result<(), Stop> {
    while walk.left > 0 {
        match walk.varint()? & 7 {
            0 => drop(walk.varint()?),
            1 => walk.skip(8)?,
            2 => {
                let length = walk.varint()?;
                walk.skip(length)?;
            }
            5 => walk.skip(4)?,
            _ => return Err(Stop::Foreign),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(name: &str, content: &[u8]) -> Option<bool> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        is_truncated(&path)
    }

    /// A complete file is complete; a file cut anywhere but at one of `ends` is truncated.
    fn is_told(name: &str, content: &[u8], ends: &[usize]) {
        assert_eq!(cut(name, content), Some(false), "{name}");
        for length in (1..content.len()).filter(|length| !ends.contains(length)) {
            assert_eq!(cut(name, &content[..length]), Some(true), "{name}, {length} bytes");
        }
    }

    #[test]
    fn truncated_files_are_detected() {
        let words = |numbers: &[u32]| {
            numbers
                .iter()
                .flat_map(|number| number.to_le_bytes())
                .collect::<Vec<u8>>()
        };
        let weights = [
            &words(&[6])[..],
            b"\x0c\0WhisperSpec\0",
            &words(&[3, 1]),
            b"\x02\0w\0\x01",
            &words(&[2]),
            b"\x04",
            &words(&[4]),
            b"abcd",
        ];
        is_told("model.bin", &weights.concat(), &[]);
        let head = [
            words(&[0x6767_6d6c]),
            words(&[0; 11]),
            words(&[1, 1, 0]),
            words(&[1, 2]),
            b"ab".to_vec(),
        ]
        .concat();
        let ggml = [&head[..], &words(&[1, 1, 8, 32]), b"w", &[0; 34]].concat();
        is_told("ggml-mine.bin", &ggml, &[head.len()]);
        // A number, and a text of three bytes.
        is_told("mine.onnx", b"\x08\x96\x01\x12\x03abc", &[3]);
        assert_eq!(cut("tokenizer.json", b"{"), None);
        assert_eq!(cut("ggml-other.bin", b"GGUF and so on"), None);
    }
}
