//! Files that lead to other files, which are never read.

use super::*;
use crate::ffmpeg::ALLOWED_DEMUXERS;

/// ffmpeg's demuxers for files that name others, for streams from the network, for scripts and for devices: each opens another file
/// than the given one. Found by searching libavformat's demuxers for calls of `io_open`, `avformat_open_input` or a socket.
const OPENERS: &[&str] = &[
    "alsa",
    "applehttp",
    "avisynth",
    "concat",
    "dash",
    "fbdev",
    "ffmetadata",
    "hls",
    "iec61883",
    "image2",
    "imf",
    "jack",
    "kmsgrab",
    "lavfi",
    "libcdio",
    "libdc1394",
    "mlv",
    "openal",
    "oss",
    "pulse",
    "rtp",
    "rtsp",
    "sap",
    "sdp",
    "sndio",
    "svg_pipe",
    "vapoursynth",
    "video4linux2",
    "vobsub",
    "webm_dash_manifest",
    "x11grab",
    "xcbgrab",
];

#[test]
fn no_demuxer_that_opens_other_files_is_allowed() {
    let allowed: Vec<_> = ALLOWED_DEMUXERS.split(',').collect();
    for opener in OPENERS {
        assert!(!allowed.contains(opener), "{opener}");
    }
    assert!(!allowed.iter().any(|name| name.ends_with("_pipe")), "pictures");
    let list = Command::new("ffmpeg")
        .args(["-hide_banner", "-demuxers"])
        .output()
        .unwrap();
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    let known: Vec<_> = list.split_whitespace().flat_map(|name| name.split(',')).collect();
    let missing = allowed.iter().filter(|name| !known.contains(name)).count();
    assert!(
        missing * 20 < allowed.len(),
        "the names are those of ffmpeg: {missing} are not"
    );
}

/// Another recording of this machine, which must not be read.
fn secret(folder: &TempDir) -> PathBuf {
    let loud: Vec<i16> = (0..32_000_i32)
        .map(|n| if n / 20 % 2 == 0 { 20_000 } else { -20_000 })
        .collect();
    write(folder, "secret.wav", &WavFile::pcm16(16_000, 1, &loud).bytes())
}

/// Every text that a demuxer of [`OPENERS`] recognises, leading to `secret`.
fn leading_to(secret: &Path) -> Vec<(&'static str, String)> {
    let path = secret.display();
    let hls = |uri: String| {
        format!(
            "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:2.0,\n{uri}\n#EXT-X-ENDLIST\n"
        )
    };
    let dash = format!(
        "<?xml version=\"1.0\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" mediaPresentationDuration=\"PT2S\" \
         profiles=\"urn:mpeg:dash:profile:isoff-on-demand:2011\"><Period><AdaptationSet mimeType=\"audio/wav\"><Representation id=\"0\" \
         bandwidth=\"256000\"><BaseURL>file://{path}</BaseURL></Representation></AdaptationSet></Period></MPD>\n"
    );
    vec![
        ("hls", hls(path.to_string())),
        ("hls, file:", hls(format!("file://{path}"))),
        ("hls, concat:", hls(format!("concat:{path}|{path}"))),
        ("hls, subfile", hls(format!("subfile,,start,0,end,0,,:{path}"))),
        ("hls, crypto", hls(format!("crypto:{path}"))),
        ("hls behind a mark", format!("\u{feff}{}", hls(path.to_string()))),
        ("hls behind lines", format!("\n\n  {}", hls(path.to_string()))),
        ("m3u", format!("#EXTM3U\n{path}\n")),
        ("dash", dash.clone()),
        (
            "dash without a declaration",
            dash.split_once('\n').unwrap().1.to_owned(),
        ),
        ("concat", format!("ffconcat version 1.0\nfile '{path}'\n")),
        (
            "sdp",
            format!(
                "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\na=control:{path}\n"
            ),
        ),
        (
            "imf",
            format!(
                "<?xml version=\"1.0\"?><CompositionPlaylist xmlns=\"http://www.smpte-ra.org/schemas/2067-3/2013\"><Id>urn:uuid:{path}</Id>\
             </CompositionPlaylist>"
            ),
        ),
        ("smil", format!("<smil><body><audio src=\"{path}\"/></body></smil>")),
        (
            "asx",
            format!("<asx version=\"3.0\"><entry><ref href=\"{path}\"/></entry></asx>"),
        ),
        ("pls", format!("[playlist]\nFile1={path}\nNumberOfEntries=1\n")),
        (
            "svg",
            format!("<svg xmlns:xlink=\"http://www.w3.org/1999/xlink\"><image xlink:href=\"{path}\"/></svg>"),
        ),
        ("ffmetadata", format!(";FFMETADATA1\ntitle={path}\n")),
        (
            "vobsub",
            format!(
                "# VobSub index file, v7\nid: en, index: 0\ntimestamp: 00:00:01:000, filepos: 000000000\n#{path}\n"
            ),
        ),
        ("avisynth", format!("WavSource(\"{path}\")\n")),
        (
            "cue",
            format!("FILE \"{path}\" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n"),
        ),
        ("lavfi", format!("amovie={path}")),
    ]
}

#[test]
fn references_to_other_files_reveal_nothing() {
    let folder = folder();
    let secret = secret(&folder);
    let texts = leading_to(&secret);
    // The secret itself is readable, so a leak would show.
    assert!(decode_with(&secret, Slice::default(), &DecodeOptions::default()).is_ok());
    for (what, text) in &texts {
        for (name, before) in [
            ("upload.wav", b"".as_slice()),
            ("upload.mp3", b"ID3\x04\0\0\0\0\0\0"),
            ("upload.m3u8", b""),
            ("upload", b"\0\0\0\0"),
        ] {
            let bytes = [before, text.as_bytes()].concat();
            let path = write(&folder, name, &bytes);
            let mut takes = Takes::default();
            let result = decode(&path, Slice::default(), &DecodeOptions::default(), &mut takes);
            let heard = takes.0.iter().flatten().any(|sample| *sample != 0.0);
            assert!(result.is_err() && !heard, "{what} as {name}: {result:?}");
        }
    }
}

#[test]
fn a_reference_inside_a_movie_is_not_followed() {
    let folder = folder();
    let mut bytes = fs::read(fixture("interview.m4a")).unwrap();
    let url = bytes.windows(8).position(|window| window == b"\0\0\0\x0curl ").unwrap();
    // The flag that says "in this file".
    assert_eq!(bytes[url + 8..url + 12], [0, 0, 0, 1]);
    bytes[url + 11] = 0;
    let path = write(&folder, "a.m4a", &bytes);
    let result = decode_native(&path).map(|(decoded, _)| decoded);
    assert!(matches!(result, Err(AudioError::Unsupported { .. })), "{result:?}");
}
