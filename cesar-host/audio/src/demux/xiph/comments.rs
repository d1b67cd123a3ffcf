//! Comments of Vorbis, also used by Opus and FLAC (<https://xiph.org/vorbis/doc/v-comment.html>).

/// The comments about a track.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Comments {
    /// `None` if unknown or `und`.
    pub(crate) language: Option<String>,
    pub(crate) title: Option<String>,
    /// The WAVE channel mask of FLAC (RFC 9639, 8.6.2); 0 if the channels have no positions.
    pub(crate) mask: Option<u32>,
}

impl Comments {
    /// Reads the packet of comments of a stream in Ogg, behind the codec's own header.
    pub(crate) fn parse(packet: &[u8]) -> Self {
        let body = match packet {
            [4 | 0x84, _, _, _, body @ ..] => Some(body),
            _ => packet
                .strip_prefix(b"OpusTags")
                .or_else(|| packet.strip_prefix(b"\x03vorbis")),
        };
        body.and_then(Self::of_body).unwrap_or_default()
    }

    fn of_body(body: &[u8]) -> Option<Self> {
        let (_vendor, rest) = piece(body)?;
        let (count, mut rest) = rest.split_first_chunk()?;
        let mut comments = Self::default();
        for _ in 0..u32::from_le_bytes(*count) {
            // A truncated comment is ignored.
            let Some((comment, behind)) = piece(rest) else { break };
            rest = behind;
            comments.language = comments.language.or_else(|| value(comment, b"LANGUAGE="));
            comments.title = comments.title.or_else(|| value(comment, b"TITLE="));
            let mask = || value(comment, b"WAVEFORMATEXTENSIBLE_CHANNEL_MASK=");
            comments.mask = comments.mask.or_else(|| number(&mask()?));
        }
        comments.language = comments
            .language
            .filter(|language| !language.eq_ignore_ascii_case("und"));
        Some(comments)
    }
}

/// A number, hexadecimal behind `0x`.
fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Bytes behind their number, and the rest.
fn piece(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

/// The text behind a name, in any case.
fn value(comment: &[u8], name: &[u8]) -> Option<String> {
    /// Maximum length of a track's title.
    const LONGEST: usize = 4096;
    let (there, text) = comment.split_at_checked(name.len())?;
    let text = String::from_utf8_lossy(&text[..text.len().min(LONGEST)])
        .trim()
        .to_owned();
    Some(text).filter(|text| there.eq_ignore_ascii_case(name) && !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(front: &[u8], comments: &[&str]) -> Vec<u8> {
        let counted = |text: &&str| [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
        let count = (comments.len() as u32).to_le_bytes();
        let texts: Vec<u8> = comments.iter().flat_map(counted).collect();
        [front, &counted(&"vendor"), &count, &texts].concat()
    }

    fn comments(language: Option<&str>, title: Option<&str>) -> Comments {
        Comments {
            language: language.map(str::to_owned),
            title: title.map(str::to_owned),
            mask: None,
        }
    }

    #[test]
    fn names_are_found_in_any_case_behind_any_front() {
        for front in [b"OpusTags".as_slice(), b"\x03vorbis", b"\x04\0\0\x40", b"\x84\0\0\x40"] {
            let packet = packet(
                front,
                &["ENCODER=x", "Title= Gäst ", "language=deu", "TITLE=second", "LANG"],
            );
            assert_eq!(Comments::parse(&packet), comments(Some("deu"), Some("Gäst")));
            for end in 0..packet.len() {
                Comments::parse(&packet[..end]);
            }
        }
    }

    #[test]
    fn the_channel_mask_is_a_number_of_either_base() {
        for (written, mask) in [
            ("0x0F", Some(15)),
            ("0X3f", Some(63)),
            ("51", Some(51)),
            ("0x0", Some(0)),
            ("0xZ", None),
            ("-1", None),
            ("0x1FFFFFFFF", None),
        ] {
            let comment = format!("waveformatextensible_channel_mask={written}");
            let packet = packet(b"\x04\0\0\x40", &[&comment]);
            assert_eq!(Comments::parse(&packet).mask, mask, "{written}");
        }
    }

    #[test]
    fn empty_comments_are_ignored() {
        for written in [&["LANGUAGE=und", "TITLE="][..], &["TITLES=x"], &[]] {
            assert_eq!(Comments::parse(&packet(b"OpusTags", written)), comments(None, None));
        }
        assert_eq!(Comments::parse(b"OpusTags\xff\xff\xff\xff"), comments(None, None));
        assert_eq!(Comments::parse(b"sound"), comments(None, None));
    }
}
