//! The first packet of files that consist of packets without a header, behind a beginning that is destroyed.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::{Kind, last_packet, transport_stream};
use crate::stop::Stoppable;

/// Bytes searched at once.
const PIECE: u64 = 1 << 20;

/// Bytes behind a place by which it is judged.
const JUDGED: usize = 4096;

/// Maximum position of the first packet.
const FARTHEST: u64 = 64 << 20;

/// The position of the first packet of a transport or program stream, in the first half of the file; `None` for other kinds, or if there
/// is none.
pub(crate) fn first_packet(kind: Kind, path: &Path) -> io::Result<Option<u64>> {
    let is_packet: fn(&[u8]) -> bool = match kind {
        Kind::Foreign("mpegts") => transport_stream,
        Kind::Foreign("mpeg") => last_packet::are_packets,
        _ => return Ok(None),
    };
    let file = File::open(path)?;
    let limit = (file.metadata()?.len() / 2).min(FARTHEST);
    let mut file = Stoppable(file);
    let mut start = 0;
    while start <= limit {
        file.seek(SeekFrom::Start(start))?;
        let mut piece = Vec::new();
        file.by_ref().take(PIECE + JUDGED as u64).read_to_end(&mut piece)?;
        let places = piece.len().min(usize::try_from(PIECE).unwrap_or(usize::MAX));
        let found = (0..places).find(|at| is_packet(&piece[*at..piece.len().min(at + JUDGED)]));
        if let Some(at) = found {
            return Ok(Some(start + at as u64));
        }
        start += PIECE;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kind: &'static str, content: &[u8]) -> Option<u64> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        first_packet(Kind::Foreign(kind), file.path()).unwrap()
    }

    #[test]
    fn the_first_packet_is_behind_what_is_destroyed() {
        let mut packet = [7; 188];
        packet[0] = 0x47;
        let pack = [
            &b"\0\0\x01\xba\x44"[..],
            &[3; 8],
            &[0xf8],
            b"\0\0\x01\xc0\x07\xd0",
            &[5; 2_000],
        ]
        .concat();
        for (kind, content) in [("mpegts", packet.repeat(20_000)), ("mpeg", pack.repeat(2_000))] {
            for lost in [0, 5_000, 1_500_000] {
                let whole = [vec![0x55; lost / 2], vec![0; lost - lost / 2], content.clone()].concat();
                let first = found(kind, &whole);
                assert!(first == Some(lost as u64), "{kind} {lost} {first:?}");
            }
            assert_eq!(
                found(kind, &[vec![1; 3 * content.len()], content].concat()),
                None,
                "{kind}"
            );
        }
        assert_eq!(found("avi", &packet.repeat(100)), None);
    }
}
