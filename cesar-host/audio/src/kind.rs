//! Recognition of a file by its structure: the container before the codec.
//!
//! The first bytes decide (behind ID3v2 tags, which any format may have in front). Streams without a container (MPEG audio, ADTS)
//! have no such bytes; their demuxers walk the whole file, but only if nothing else was recognised. Playlists, archives and
//! documents are named and refused: their content is in other files.

mod claimed;
mod first_packet;
mod last_packet;

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

pub(crate) use claimed::{Walk, claimed_length, dolby_frame, dts_frame, ends_there, goes_on, is_name, is_recording};
pub(crate) use first_packet::first_packet;

/// Bytes examined.
pub(crate) const HEAD: usize = 4096;

/// Maximum number of skipped tags in front.
const MOST_TAGS: usize = 16;

/// The kind of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// RIFF, RF64, BW64 or Wave64 with samples.
    Wave,
    Mp4,
    Matroska,
    Ogg,
    Flac,
    /// Read by symphonia's readers: AIFF, CAF, Monkey's Audio.
    General(&'static str),
    /// Read only by ffmpeg, with the name of its demuxer.
    Foreign(&'static str),
    /// Not a recording: its type, with an article, and the remedy.
    Refused(&'static str, &'static str),
    /// Unknown: possibly a stream without a container.
    Unknown,
}

const TAR: &str = "a tar archive";
const UNPACK: &str = "unpack it and give the recordings in it";
const GIVE_RECORDING: &str = "give the recording that it names";
const GIVE_SOUND: &str = "give a recording with sound";

/// Bytes at an offset, and the kind of a file with them.
type Magic = (usize, &'static [u8], Kind);

const MAGIC: &[Magic] = &[
    (0, b"\x1a\x45\xdf\xa3", Kind::Matroska),
    (0, b"OggS", Kind::Ogg),
    (0, b"fLaC", Kind::Flac),
    (0, b"caff", Kind::General("caf")),
    (0, b"MAC ", Kind::General("ape")),
    (0, b"riff\x2e\x91\xcf\x11", Kind::Wave),
    (0, b"FLV\x01", Kind::Foreign("flv")),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Kind::Foreign("asf")),
    (0, b"\x00\x00\x01\xba", Kind::Foreign("mpeg")),
    (0, b"#!AMR-WB\n", Kind::Foreign("amr")),
    (0, b"#!AMR\n", Kind::Foreign("amr")),
    (0, b".snd", Kind::Foreign("au")),
    (0, b"Creative Voice File", Kind::Foreign("voc")),
    (0, b"wvpk", Kind::Foreign("wv")),
    (0, b"TTA1", Kind::Foreign("tta")),
    (0, b"TTA2", Kind::Foreign("tta")),
    (0, b"tBaK", Kind::Foreign("tak")),
    (0, b"MP+", Kind::Foreign("mpc")),
    (0, b"MPCK", Kind::Foreign("mpc8")),
    (0, b".RMF", Kind::Foreign("rm")),
    (0, b".ra\xfd", Kind::Foreign("rm")),
    (0, b"DSD ", Kind::Foreign("dsf")),
    (0, b"FRM8", Kind::Foreign("iff")),
    (0, b"ajkg", Kind::Foreign("shn")),
    (0, b"NIST_1A", Kind::Foreign("nistsphere")),
    (0, b".SoX", Kind::Foreign("sox")),
    (0, b"XoS.", Kind::Foreign("sox")),
    (0, b"\x64\xa3\x01\x00", Kind::Foreign("ircam")),
    (0, b"\x64\xa3\x02\x00", Kind::Foreign("ircam")),
    (0, b"nut/multimedia container", Kind::Foreign("nut")),
    (0, b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02", Kind::Foreign("mxf")),
    (0, b"\xb7\xd8\x00\x20\x37\x49\xda\x11", Kind::Foreign("wtv")),
    (0, b"\x7f\xfe\x80\x01", Kind::Foreign("dts")),
    (0, b"\xfe\x7f\x01\x80", Kind::Foreign("dts")),
    (0, b"\x1f\xff\xe8\x00", Kind::Foreign("dts")),
    (0, b"\xff\x1f\x00\xe8", Kind::Foreign("dts")),
    (0, b"DTSHDHDR", Kind::Foreign("dtshd")),
    (0, b"2BIT", Kind::Foreign("avr")),
    (0, b"fap ", Kind::Foreign("paf")),
    (0, b" paf", Kind::Foreign("paf")),
    (0, b"#EXTM3U", Kind::Refused("a playlist (M3U)", GIVE_RECORDING)),
    (0, b"[playlist]", Kind::Refused("a playlist (PLS)", GIVE_RECORDING)),
    (
        0,
        b"ffconcat",
        Kind::Refused("a list of files for ffmpeg", GIVE_RECORDING),
    ),
    (0, b"[Reference]", Kind::Refused("a playlist (ASX)", GIVE_RECORDING)),
    (
        0,
        b"v=0",
        Kind::Refused("a description of streams (SDP)", GIVE_RECORDING),
    ),
    (0, b"PK\x03\x04", Kind::Refused("a ZIP archive", UNPACK)),
    (0, b"PK\x05\x06", Kind::Refused("a ZIP archive", UNPACK)),
    (0, b"Rar!\x1a\x07", Kind::Refused("a RAR archive", UNPACK)),
    (0, b"7z\xbc\xaf\x27\x1c", Kind::Refused("a 7-Zip archive", UNPACK)),
    (0, b"\x1f\x8b\x08", Kind::Refused("compressed (gzip)", UNPACK)),
    (0, b"BZh", Kind::Refused("compressed (bzip2)", UNPACK)),
    (0, b"\xfd7zXZ\x00", Kind::Refused("compressed (xz)", UNPACK)),
    (0, b"\x28\xb5\x2f\xfd", Kind::Refused("compressed (zstd)", UNPACK)),
    (257, b"ustar", Kind::Refused(TAR, UNPACK)),
    (0, b"%PDF-", Kind::Refused("a PDF document", GIVE_SOUND)),
    (0, b"\x89PNG\r\n", Kind::Refused("a picture (PNG)", GIVE_SOUND)),
    (0, b"\xff\xd8\xff\xe0", Kind::Refused("a picture (JPEG)", GIVE_SOUND)),
    (0, b"\xff\xd8\xff\xe1", Kind::Refused("a picture (JPEG)", GIVE_SOUND)),
    (0, b"GIF8", Kind::Refused("a picture (GIF)", GIVE_SOUND)),
    (0, b"MThd", Kind::Refused("a MIDI file", GIVE_SOUND)),
    (
        0,
        b"\x00\x05\x16\x07\x00\x02\x00\x00",
        Kind::Refused(
            "a companion file of macOS (AppleDouble)",
            "give the recording without `._` in its name",
        ),
    ),
];

/// Texts, by their beginning behind white space, in lower case.
const TEXTS: &[(&str, &str, &str)] = &[
    ("#extm3u", "a playlist (M3U)", GIVE_RECORDING),
    ("[playlist]", "a playlist (PLS)", GIVE_RECORDING),
    ("ffconcat", "a list of files for ffmpeg", GIVE_RECORDING),
    ("<mpd", "a manifest (DASH)", GIVE_RECORDING),
    ("<smil", "a playlist (SMIL)", GIVE_RECORDING),
    ("<asx", "a playlist (ASX)", GIVE_RECORDING),
    ("<svg", "a picture (SVG)", GIVE_SOUND),
    ("<!doctype html", "a web page", "download the recording itself"),
    ("<html", "a web page", "download the recording itself"),
    ("<?xml", "an XML document", GIVE_RECORDING),
    ("webvtt", "a file of subtitles", GIVE_SOUND),
];

impl Kind {
    /// Whether it is that of recordings, by more than frames.
    pub(crate) fn is_recording(self) -> bool {
        !matches!(self, Self::Unknown | Self::Refused(..))
    }

    /// The demuxer of ffmpeg for it; `None` if ffmpeg may choose among the allowed ones.
    pub(crate) fn ffmpeg(self) -> Option<&'static str> {
        Some(match self {
            Self::Wave | Self::Refused(..) | Self::Unknown => return None,
            Self::Mp4 => "mov",
            Self::Matroska => "matroska",
            Self::Ogg => "ogg",
            Self::Flac => "flac",
            Self::General(name) | Self::Foreign(name) => name,
        })
    }
}

/// Recognises the file at `path`.
///
/// # Errors
/// Errors of reading the file.
pub(crate) fn recognise(path: &Path) -> io::Result<Kind> {
    recognise_at(path, 0)
}

/// Recognises the file that begins at `start` of the file at `path`.
///
/// # Errors
/// Errors of reading the file.
pub(crate) fn recognise_at(path: &Path, mut start: u64) -> io::Result<Kind> {
    let mut file = File::open(path)?;
    for _ in 0..MOST_TAGS {
        file.seek(SeekFrom::Start(start))?;
        let mut head = Vec::with_capacity(HEAD);
        file.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
        match id3_length(&head) {
            Some(length) => start += length,
            None => return Ok(by_head(&head)),
        }
    }
    Ok(Kind::Unknown)
}

/// The media type of a file, for browsers.
pub(crate) fn media_type(path: &Path) -> io::Result<&'static str> {
    let mut head = Vec::with_capacity(HEAD);
    File::open(path)?.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(type_by_head(&head, recognise(path)?))
}

fn type_by_head(head: &[u8], kind: Kind) -> &'static str {
    let names = |name: &[u8]| memchr::memmem::find(head, name).is_some();
    match kind {
        Kind::Wave => "audio/wav",
        Kind::Mp4 if head.get(4..8) == Some(b"ftyp") && head.get(8..11) == Some(b"M4A") => "audio/mp4",
        Kind::Mp4 => "video/mp4",
        Kind::Matroska if names(b"webm") => "video/webm",
        Kind::Matroska => "video/x-matroska",
        Kind::Ogg => "audio/ogg",
        Kind::Flac => "audio/flac",
        Kind::General("aiff") => "audio/aiff",
        Kind::General("caf") => "audio/x-caf",
        Kind::Foreign("avi") => "video/x-msvideo",
        Kind::Foreign("mpeg") => "video/mpeg",
        Kind::Foreign("mpegts") => "video/mp2t",
        Kind::Foreign("amr") => "audio/amr",
        Kind::Foreign("au") => "audio/basic",
        // The sync words of ADTS and of MPEG audio, behind tags or not.
        Kind::Unknown if head.starts_with(b"ID3") => "audio/mpeg",
        Kind::Unknown => match head.first_chunk::<2>() {
            Some([0xff, second]) if second & 0xf6 == 0xf0 => "audio/aac",
            Some([0xff, second]) if second & 0xe0 == 0xe0 => "audio/mpeg",
            _ => "application/octet-stream",
        },
        Kind::General(_) | Kind::Foreign(_) | Kind::Refused(..) => "application/octet-stream",
    }
}

/// The length of the ID3v2 tag at the start of these bytes.
fn id3_length(head: &[u8]) -> Option<u64> {
    let header = head.first_chunk::<10>().filter(|header| header.starts_with(b"ID3"))?;
    let size = header[6..]
        .iter()
        .fold(0, |size, byte| size << 7 | u64::from(byte & 0x7F));
    let footer = if header[5] & 0x10 != 0 { 10 } else { 0 };
    Some(10 + size + footer)
}

/// The kind of a file that begins with these bytes.
pub(crate) fn by_head(head: &[u8]) -> Kind {
    let has = |offset: usize, bytes: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(bytes));
    if is_tar(head) {
        return Kind::Refused(TAR, UNPACK);
    }
    if let Some(kind) = riff(head).or_else(|| text(head)) {
        return kind;
    }
    if let Some((.., kind)) = MAGIC.iter().find(|(offset, bytes, _)| has(*offset, bytes)) {
        return *kind;
    }
    if is_mp4(head) {
        return Kind::Mp4;
    }
    match transport_stream(head) {
        true => Kind::Foreign("mpegts"),
        false => dolby(head).unwrap_or(Kind::Unknown),
    }
}

/// A header of tar, by its checksum: headers of version 7 have no other mark. The name comes first, so it may begin like any other file.
fn is_tar(head: &[u8]) -> bool {
    const CHECKSUM: std::ops::Range<usize> = 148..156;
    let Some(header) = head.first_chunk::<512>() else {
        return false;
    };
    let digits = header[CHECKSUM]
        .trim_ascii()
        .split(|byte| matches!(byte, 0 | b' '))
        .next();
    let stated = digits
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| i32::from_str_radix(digits, 8).ok());
    let sum = |value: fn(u8) -> i32| -> i32 {
        let counted = |(index, byte): (usize, &u8)| value(if CHECKSUM.contains(&index) { b' ' } else { *byte });
        header.iter().enumerate().map(counted).sum()
    };
    // Some old programs treated bytes as signed.
    header[0] != 0
        && stated.is_some_and(|stated| stated == sum(i32::from) || stated == sum(|byte| i32::from(byte.cast_signed())))
}

fn riff(head: &[u8]) -> Option<Kind> {
    let form = head.get(8..12)?;
    Some(match (&head[..4], form) {
        (b"RIFF" | b"RIFX" | b"RF64" | b"BW64", b"WAVE") => Kind::Wave,
        (b"RIFF", b"AVI ") => Kind::Foreign("avi"),
        (b"RIFF", b"RMID") => Kind::Refused("a MIDI file", GIVE_SOUND),
        (b"RIFF", b"WEBP") => Kind::Refused("a picture (WebP)", GIVE_SOUND),
        (b"FORM", b"AIFF" | b"AIFC") => Kind::General("aiff"),
        (b"FORM", _) => Kind::Foreign("iff"),
        _ => return None,
    })
}

fn text(head: &[u8]) -> Option<Kind> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let start = head.iter().position(|byte| !byte.is_ascii_whitespace())?;
    let beginning = head[start..]
        .iter()
        .take(2048)
        .map(u8::to_ascii_lowercase)
        .collect::<Vec<_>>();
    let beginning = String::from_utf8_lossy(&beginning);
    let begins = |(word, what, advice): &(&str, &'static str, &'static str)| {
        let is_inside_xml = beginning.starts_with("<?xml") && word.starts_with('<') && beginning.contains(word);
        (beginning.starts_with(word) || is_inside_xml).then_some(Kind::Refused(what, advice))
    };
    TEXTS.iter().find_map(begins)
}

/// An atom with a name that can begin MP4 and QuickTime files, and a possible size.
fn is_mp4(head: &[u8]) -> bool {
    const FIRST: [&[u8; 4]; 10] = [
        b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"moof", b"sidx",
    ];
    let Some((size, name)) = head.split_first_chunk::<4>() else {
        return false;
    };
    let size = u32::from_be_bytes(*size);
    FIRST.iter().any(|first| name.starts_with(*first)) && (size <= 1 || size >= 8)
}

/// The sync byte in each of the first packets, of 188 bytes, of 192 with a time in front (M2TS), or of 204 with a check behind.
fn transport_stream(head: &[u8]) -> bool {
    let every = |first: usize, length: usize| {
        let mut syncs = head.iter().skip(first).step_by(length);
        head.len() > first + 4 * length && syncs.all(|byte| *byte == 0x47)
    };
    every(0, 188) || every(4, 192) || every(0, 204)
}

/// AC-3 and E-AC-3, which have two bytes of magic and need a plausible header as well.
fn dolby(head: &[u8]) -> Option<Kind> {
    let bytes = head.first_chunk::<6>()?;
    if !bytes.starts_with(&[0x0b, 0x77]) {
        return None;
    }
    // The stream's identification: up to 10 for AC-3, 11 to 16 for E-AC-3.
    match bytes[5] >> 3 {
        0..=10 => Some(Kind::Foreign("ac3")),
        11..=16 => Some(Kind::Foreign("eac3")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_container_comes_before_the_codec() {
        let mp3 = [0xff, 0xfb, 0x90, 0x64];
        let tagged = [b"ID3\x04\0\0\0\0\0\x05hello".as_slice(), b"fLaC"].concat();
        let mut transport = vec![0; 188 * 8];
        transport.iter_mut().step_by(188).for_each(|byte| *byte = 0x47);
        for (bytes, kind) in [
            (b"RIFF\0\0\0\0WAVEfmt ".as_slice(), Kind::Wave),
            (b"RIFF\0\0\0\0AVI LIST", Kind::Foreign("avi")),
            (b"\0\0\x01\xba\x44\0\x04", Kind::Foreign("mpeg")),
            (b"\0\0\0\x18ftypM4A ", Kind::Mp4),
            (b"\0\0\0\x08wide\0\0", Kind::Mp4),
            (&mp3, Kind::Unknown),
            (&tagged[15..], Kind::Flac),
            (&transport, Kind::Foreign("mpegts")),
            (b"\x0b\x77\x12\x34\x14\x40", Kind::Foreign("ac3")),
        ] {
            assert_eq!(by_head(bytes), kind, "{:?}", bytes.get(..8));
        }
        assert_eq!(id3_length(&tagged), Some(15));
    }

    #[test]
    fn browsers_get_a_type_that_they_play() {
        for (head, wanted) in [
            (b"RIFF\0\0\0\0WAVEfmt ".as_slice(), "audio/wav"),
            (b"\0\0\0\x18ftypM4A ", "audio/mp4"),
            (b"\0\0\0\x18ftypisom", "video/mp4"),
            (b"\x1a\x45\xdf\xa3\x93\x42\x82\x84webm", "video/webm"),
            (b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska", "video/x-matroska"),
            (b"OggS", "audio/ogg"),
            (b"\xff\xfb\x90\x64", "audio/mpeg"),
            (b"\xff\xf1\x50\x80", "audio/aac"),
            (b"<html><script>", "application/octet-stream"),
            (b"MZ", "application/octet-stream"),
        ] {
            assert_eq!(type_by_head(head, by_head(head)), wanted, "{head:?}");
        }
    }

    #[test]
    fn references_to_other_files_are_refused() {
        for text in [
            "#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
            "\u{feff}#EXTM3U\n",
            "  \n#extm3u",
            "ffconcat version 1.0\nfile '/etc/passwd'\n",
            "<?xml version=\"1.0\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\">",
            "<svg xmlns:xlink=\"http://www.w3.org/1999/xlink\">",
            "[playlist]\nFile1=/etc/passwd\n",
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n",
        ] {
            assert!(matches!(by_head(text.as_bytes()), Kind::Refused(..)), "{text}");
        }
        let mut tar = vec![b'a'; 512];
        tar[257..262].copy_from_slice(b"ustar");
        assert!(matches!(by_head(&tar), Kind::Refused("a tar archive", _)));
    }

    /// A header of version 7, of a file with this name.
    fn old_tar(name: &str, checksum: impl Fn(i32) -> String) -> Vec<u8> {
        let mut header = [0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..107].copy_from_slice(b"0000644");
        header[124..135].copy_from_slice(b"00000065155");
        header[148..156].fill(b' ');
        let sum = header.iter().map(|byte| i32::from(*byte)).sum();
        let stated = checksum(sum);
        header[148..148 + stated.len()].copy_from_slice(stated.as_bytes());
        [header.to_vec(), vec![0xff, 0xfb, 0x90, 0x64]].concat()
    }

    #[test]
    fn an_old_tar_is_known_by_its_checksum() {
        for name in ["a.mp3", "RIFF", "OggS", "f\u{fc}nf.mp3"] {
            let tar = old_tar(name, |sum| format!("{sum:06o}\0 "));
            assert_eq!(by_head(&tar), Kind::Refused("a tar archive", UNPACK), "{name}");
            let signed = old_tar(name, |sum| {
                let high = name.bytes().filter(|byte| *byte >= 0x80).count() as i32;
                format!("{:>6o}\0 ", sum - 256 * high)
            });
            assert_eq!(by_head(&signed), Kind::Refused("a tar archive", UNPACK), "{name}");
        }
        assert_eq!(
            by_head(&old_tar("a.mp3", |sum| format!("{:06o}\0 ", sum + 1))),
            Kind::Unknown
        );
        assert_eq!(by_head(&[0; 512]), Kind::Unknown);
        assert_eq!(by_head(&[b' '; 512]), Kind::Unknown);
    }
}
