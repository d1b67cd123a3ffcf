//! Elements of EBML (RFC 8794): identifiers, sizes and values.

/// Identifiers, with their length markers (RFC 9559, 5).
pub(super) mod id {
    pub(crate) const EBML: u32 = 0x1A45_DFA3;
    pub(crate) const DOC_TYPE: u32 = 0x4282;
    pub(crate) const VOID: u32 = 0xEC;
    pub(crate) const CRC_32: u32 = 0xBF;
    pub(crate) const SEGMENT: u32 = 0x1853_8067;
    pub(crate) const SEEK_HEAD: u32 = 0x114D_9B74;
    pub(crate) const SEEK: u32 = 0x4DBB;
    pub(crate) const SEEK_ID: u32 = 0x53AB;
    pub(crate) const SEEK_POSITION: u32 = 0x53AC;
    pub(crate) const INFO: u32 = 0x1549_A966;
    pub(crate) const TIMESTAMP_SCALE: u32 = 0x2A_D7B1;
    pub(crate) const DURATION: u32 = 0x4489;
    pub(crate) const TRACKS: u32 = 0x1654_AE6B;
    pub(crate) const TRACK_ENTRY: u32 = 0xAE;
    pub(crate) const TRACK_NUMBER: u32 = 0xD7;
    pub(crate) const TRACK_UID: u32 = 0x73C5;
    pub(crate) const TRACK_TYPE: u32 = 0x83;
    pub(crate) const FLAG_ENABLED: u32 = 0xB9;
    pub(crate) const FLAG_DEFAULT: u32 = 0x88;
    pub(crate) const DEFAULT_DURATION: u32 = 0x23_E383;
    pub(crate) const NAME: u32 = 0x536E;
    pub(crate) const LANGUAGE: u32 = 0x22_B59C;
    pub(crate) const LANGUAGE_BCP47: u32 = 0x22_B59D;
    pub(crate) const CODEC_ID: u32 = 0x86;
    pub(crate) const CODEC_PRIVATE: u32 = 0x63A2;
    pub(crate) const CODEC_DELAY: u32 = 0x56AA;
    pub(crate) const AUDIO: u32 = 0xE1;
    pub(crate) const SAMPLING_FREQUENCY: u32 = 0xB5;
    pub(crate) const OUTPUT_SAMPLING_FREQUENCY: u32 = 0x78B5;
    pub(crate) const CHANNELS: u32 = 0x9F;
    pub(crate) const BIT_DEPTH: u32 = 0x6264;
    pub(crate) const CONTENT_ENCODINGS: u32 = 0x6D80;
    pub(crate) const CONTENT_ENCODING: u32 = 0x6240;
    pub(crate) const CONTENT_ENCODING_ORDER: u32 = 0x5031;
    pub(crate) const CONTENT_ENCODING_SCOPE: u32 = 0x5032;
    pub(crate) const CONTENT_ENCODING_TYPE: u32 = 0x5033;
    pub(crate) const CONTENT_COMPRESSION: u32 = 0x5034;
    pub(crate) const CONTENT_COMP_ALGO: u32 = 0x4254;
    pub(crate) const CONTENT_COMP_SETTINGS: u32 = 0x4255;
    pub(crate) const CLUSTER: u32 = 0x1F43_B675;
    pub(crate) const TIMESTAMP: u32 = 0xE7;
    pub(crate) const SILENT_TRACKS: u32 = 0x5854;
    pub(crate) const POSITION: u32 = 0xA7;
    pub(crate) const PREV_SIZE: u32 = 0xAB;
    pub(crate) const SIMPLE_BLOCK: u32 = 0xA3;
    pub(crate) const BLOCK_GROUP: u32 = 0xA0;
    pub(crate) const BLOCK: u32 = 0xA1;
    pub(crate) const BLOCK_DURATION: u32 = 0x9B;
    pub(crate) const DISCARD_PADDING: u32 = 0x75A2;
    pub(crate) const ENCRYPTED_BLOCK: u32 = 0xAF;
    pub(crate) const CUES: u32 = 0x1C53_BB6B;
    pub(crate) const ATTACHMENTS: u32 = 0x1941_A469;
    pub(crate) const CHAPTERS: u32 = 0x1043_A770;
    pub(crate) const TAGS: u32 = 0x1254_C367;
    pub(crate) const TAG: u32 = 0x7373;
    pub(crate) const TARGETS: u32 = 0x63C0;
    pub(crate) const TAG_TRACK_UID: u32 = 0x63C5;
    pub(crate) const SIMPLE_TAG: u32 = 0x67C8;
    pub(crate) const TAG_NAME: u32 = 0x45A3;
    pub(crate) const TAG_STRING: u32 = 0x4487;
}

/// Maximum length of an element's header, in bytes.
pub(super) const LONGEST_HEADER: usize = 12;

/// The header of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) id: u32,
    /// Bytes of the body; `None` if unknown.
    pub(super) size: Option<u64>,
    /// Bytes of the header.
    pub(super) length: u64,
}

impl Header {
    /// Reads the header at the start of `bytes`; `None` if it is invalid or incomplete.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let id_length = bytes.first()?.leading_zeros() as usize + 1;
        if id_length > 4 {
            return None;
        }
        let id = bytes.get(..id_length)?;
        let (size, size_length) = number(&bytes[id_length..])?;
        Some(Self {
            id: id.iter().fold(0, |id, byte| id << 8 | u32::from(*byte)),
            size,
            length: (id_length + size_length) as u64,
        })
    }
}

/// The number of variable length at the start of `bytes`, `None` for "unknown", and its bytes.
pub(super) fn number(bytes: &[u8]) -> Option<(Option<u64>, usize)> {
    let length = bytes.first()?.leading_zeros() as usize + 1;
    if length > 8 {
        return None;
    }
    let all_ones = (1_u64 << (7 * length)) - 1;
    let value = unsigned(bytes.get(..length)?) & all_ones;
    Some((Some(value).filter(|value| *value != all_ones), length))
}

/// An unsigned integer of up to eight bytes.
pub(super) fn unsigned(body: &[u8]) -> u64 {
    body.iter().take(8).fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// A signed integer of up to eight bytes.
pub(super) fn signed(body: &[u8]) -> i64 {
    let first = body.first().map_or(0, |first| i64::from(first.cast_signed()));
    let rest = body.iter().take(8).skip(1);
    rest.fold(first, |value, byte| value << 8 | i64::from(*byte))
}

/// A number of four or eight bytes; `None` for other lengths and non-finite numbers.
pub(super) fn float(body: &[u8]) -> Option<f64> {
    let value = match body.len() {
        4 => f64::from(f32::from_be_bytes(*body.first_chunk()?)),
        8 => f64::from_be_bytes(*body.first_chunk()?),
        _ => return None,
    };
    Some(value).filter(|value| value.is_finite())
}

/// A text up to its first zero; `None` if empty.
pub(super) fn text(body: &[u8]) -> Option<String> {
    /// Maximum length of a track's title.
    const LONGEST: usize = 4096;
    let body = &body[..body.len().min(LONGEST)];
    let end = body.iter().position(|byte| *byte == 0).unwrap_or(body.len());
    let text = String::from_utf8_lossy(&body[..end]).trim().to_owned();
    Some(text).filter(|text| !text.is_empty())
}

/// The elements in a body in memory: identifiers and bodies. Ends at the first that does not fit.
pub(super) fn children(body: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let mut rest = body;
    std::iter::from_fn(move || {
        let header = Header::parse(rest)?;
        let start = usize::try_from(header.length).ok()?;
        let end = start.checked_add(usize::try_from(header.size?).ok()?)?;
        let body = rest.get(start..end)?;
        rest = &rest[end..];
        Some((header.id, body))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_as_many_bytes_as_their_first_says() {
        for (bytes, expected) in [
            (&[0x81][..], Some((Some(1), 1))),
            (&[0xFF], Some((None, 1))),
            (&[0x40, 0x02], Some((Some(2), 2))),
            (&[0x7F, 0xFF], Some((None, 2))),
            (&[0x01, 0, 0, 0, 0, 0, 1, 0], Some((Some(256), 8))),
            (&[0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], Some((None, 8))),
            (&[0x40], None),
            (&[0x00, 1, 2, 3, 4, 5, 6, 7, 8], None),
            (&[], None),
        ] {
            assert_eq!(number(bytes), expected, "{bytes:x?}");
        }
    }

    #[test]
    fn values_are_read_at_every_length() {
        assert_eq!(signed(&[]), 0);
        assert_eq!(signed(&[0xFF]), -1);
        assert_eq!(signed(&[0x80, 0x00]), -32_768);
        assert_eq!(signed(&[0x01, 0x00]), 256);
        assert_eq!(unsigned(&[1, 0, 0]), 65_536);
        assert_eq!(float(&48_000_f64.to_be_bytes()), Some(48_000.0));
        assert_eq!(float(&[1]), None);
        assert_eq!(text(b" a\0b"), Some("a".to_owned()));
        assert_eq!(text(b"\0"), None);
    }

    #[test]
    fn a_child_that_does_not_fit_is_the_end() {
        let found: Vec<_> = children(&[0xD7, 0x81, 5, 0x83, 0x82, 1]).collect();
        assert_eq!(found, [(id::TRACK_NUMBER, &[5][..])]);
    }
}
