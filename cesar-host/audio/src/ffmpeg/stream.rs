//! The Matroska stream that ffmpeg writes to its standard output: clusters of blocks of floats, each with a time.
//!
//! The reader supports only the part of the format (RFC 9559) that ffmpeg writes to a pipe: identifiers and sizes, cluster times,
//! blocks without lacing. The time unit is a millisecond, ffmpeg's default.

use std::io::{self, Read};

use crate::demux::Nanoseconds;

const SEGMENT: u32 = 0x1853_8067;
const CLUSTER: u32 = 0x1F43_B675;
const TIMESTAMP: u32 = 0xE7;
const SIMPLE_BLOCK: u32 = 0xA3;
const BLOCK_GROUP: u32 = 0xA0;
const BLOCK: u32 = 0xA1;

/// Maximum size of a block; a larger one is not from ffmpeg.
const LARGEST_BLOCK: u64 = 64 << 20;

const MILLISECOND: Nanoseconds = 1_000_000;

/// Reads blocks one by one.
pub(super) struct StreamReader<R> {
    reader: R,
    channels: u16,
    /// In ms.
    cluster: i64,
    bytes: Vec<u8>,
}

impl<R: Read> StreamReader<R> {
    pub(super) fn new(reader: R, channels: u16) -> Self {
        Self {
            reader,
            channels,
            cluster: 0,
            bytes: Vec::new(),
        }
    }

    /// Appends the samples of the next block and returns its time; `None` at the end.
    pub(super) fn next(&mut self, samples: &mut Vec<f32>) -> io::Result<Option<Nanoseconds>> {
        while let Some(id) = self.identifier()? {
            let size = self.size()?;
            match (id, size) {
                (SEGMENT | CLUSTER | BLOCK_GROUP, _) => {}
                (TIMESTAMP, Some(size)) => {
                    self.body(size)?;
                    let value = self
                        .bytes
                        .iter()
                        .fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
                    self.cluster = i64::try_from(value).map_err(|_| wrong("a time is out of range"))?;
                }
                (SIMPLE_BLOCK | BLOCK, Some(size)) => {
                    self.body(size)?;
                    return self.block(samples).map(Some);
                }
                (_, Some(size)) => self.skip(size)?,
                (_, None) => return Err(wrong("an element has no size")),
            }
        }
        Ok(None)
    }

    fn block(&self, samples: &mut Vec<f32>) -> io::Result<Nanoseconds> {
        // Track number (one byte for the first 126 tracks), time relative to the cluster, flags.
        let Some((&[_, high, low, _], data)) = self.bytes.split_first_chunk::<4>() else {
            return Err(wrong("a block is too short"));
        };
        let frame = 4 * usize::from(self.channels);
        let whole = data.len() - data.len() % frame;
        samples.extend(
            data[..whole]
                .as_chunks()
                .0
                .iter()
                .map(|&sample| f32::from_le_bytes(sample)),
        );
        Ok((self.cluster + i64::from(i16::from_be_bytes([high, low]))) * MILLISECOND)
    }

    fn body(&mut self, size: u64) -> io::Result<()> {
        if size > LARGEST_BLOCK {
            return Err(wrong("a block is too long"));
        }
        self.bytes.clear();
        self.reader.by_ref().take(size).read_to_end(&mut self.bytes)?;
        match self.bytes.len() as u64 == size {
            true => Ok(()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn skip(&mut self, size: u64) -> io::Result<()> {
        io::copy(&mut self.reader.by_ref().take(size), &mut io::sink()).map(drop)
    }

    /// The next identifier with its length marker; `None` at the end.
    fn identifier(&mut self) -> io::Result<Option<u32>> {
        let mut first = [0];
        if self.reader.read(&mut first)? == 0 {
            return Ok(None);
        }
        let more = first[0].leading_zeros();
        if more > 3 {
            return Err(wrong("an identifier is too long"));
        }
        let mut value = u32::from(first[0]);
        for _ in 0..more {
            value = value << 8 | u32::from(self.byte()?);
        }
        Ok(Some(value))
    }

    /// A size; `None` for "unknown".
    fn size(&mut self) -> io::Result<Option<u64>> {
        let first = self.byte()?;
        let more = first.leading_zeros();
        if more > 7 {
            return Err(wrong("a size is too long"));
        }
        let mut value = u64::from(first) & ((1 << (7 - more)) - 1);
        for _ in 0..more {
            value = value << 8 | u64::from(self.byte()?);
        }
        Ok((value != (1 << (7 * (more + 1))) - 1).then_some(value))
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.reader.read_exact(&mut byte)?;
        Ok(byte[0])
    }
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("its output cannot be understood: {what}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_the_time_of_their_cluster_and_their_own() {
        let mut stream = b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff".to_vec();
        stream.extend(b"\x1f\x43\xb6\x75\xff\xe7\x82\x03\xe8\xec\x81\x00\xa3\x8c\x81\xff\xfe\x80");
        stream.extend([1.0_f32, -0.5].iter().flat_map(|sample| sample.to_le_bytes()));
        let mut reader = StreamReader::new(stream.as_slice(), 2);
        let mut samples = Vec::new();
        assert_eq!(reader.next(&mut samples).unwrap(), Some(998 * MILLISECOND));
        assert_eq!(samples, [1.0, -0.5]);
        assert_eq!(reader.next(&mut samples).unwrap(), None);
        for length in 1..stream.len() {
            let mut reader = StreamReader::new(&stream[..length], 2);
            while let Ok(Some(_)) = reader.next(&mut samples) {}
        }
    }
}
