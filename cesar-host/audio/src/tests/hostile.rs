//! Files that lead to other files, which are never read.

use super::*;
use crate::ffmpeg::ALLOWED_DEMUXERS;

/// ffmpeg's demuxers that open other files, hosts or programs, found by searching libavformat's demuxers for calls of `io_open`,
/// `avformat_open_input` or a socket; each has an input in [`leading_to`].
const OPENERS: &[(&str, &str)] = &[
    ("concat", "a list of files"),
    ("dash", "a manifest of segments"),
    ("hls", "a playlist of segments"),
    ("image2", "a pattern of names of pictures"),
    ("imf", "a list of parts in other files"),
    ("lavfi", "a script whose filters read files"),
    ("mlv", "a recording in several files, numbered by their names"),
    ("rtp", "a stream of the network"),
    ("rtsp", "a stream of the network"),
    ("sap", "an announcement of streams of the network"),
    ("sdp", "a description of streams of the network"),
    ("svg_pipe", "a picture with links to others"),
    ("vobsub", "an index of another file"),
    ("webm_dash_manifest", "a part of a manifest of segments"),
];

/// Devices and scripts of other programs, in some builds: their input is a name, not a file's content.
const DEVICES: &[&str] = &[
    "alsa",
    "avisynth",
    "fbdev",
    "iec61883",
    "jack",
    "kmsgrab",
    "libcdio",
    "libdc1394",
    "openal",
    "oss",
    "pulse",
    "sndio",
    "v4l2",
    "vapoursynth",
    "video4linux2",
    "x11grab",
    "xcbgrab",
];

/// Demuxers that open no other file and are of no use here: pictures, texts, bare streams of pictures or samples.
const USELESS: &str = "\
adf,alaw,alias_pix,apng,aqtitle,ass,av1,avs,avs2,avs3,bethsoftvid,bfi,bin,bit,bitpacked,bmv,brender_pix,cavsvideo,cdg,cdxl,cine,\
codec2raw,data,dcstr,derf,dfa,dirac,dnxhd,dsicin,dvbsub,dvbtxt,ea_cdata,f32be,f32le,f64be,f64le,ffmetadata,filmstrip,fits,flic,frm,\
g722,g726,g726le,gdv,gif,h261,h263,h264,hevc,hnm,ico,idcin,idf,image2pipe,ingenient,ipmovie,ipu,ivf,ivr,jacosub,libgme,libopenmpt,\
lrc,luodat,m4v,mcc,microdvd,mjpeg,mjpeg_2000,mpegtsraw,mpegvideo,mpjpeg,mpl2,mpsub,mulaw,obu,pjs,rawvideo,realtext,s16be,s16le,s24be,\
s24le,s32be,s32le,s337m,s8,sami,sbg,scc,scd,sdx,ser,sga,simbiosis_imx,sln,smush,srt,stl,subviewer,subviewer1,sup,tedcaptions,tmv,txd,\
u16be,u16le,u24be,u24le,u32be,u32le,u8,v210,v210x,vc1,vc1test,vidc,vividas,vpk,vplayer,webvtt,xbin,yuv4mpegpipe";

#[test]
fn every_demuxer_of_ffmpeg_is_known_and_none_that_opens_other_files_is_allowed() {
    let list = Command::new("ffmpeg")
        .args(["-hide_banner", "-demuxers"])
        .output()
        .unwrap();
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    // ` D  mov,mp4,m4a  QuickTime / MOV`, behind a line of dashes.
    let (_, lines) = list.split_once("--\n").unwrap();
    let names = lines.lines().filter_map(|line| line.split_whitespace().nth(1));
    let names: Vec<_> = names.flat_map(|names| names.split(',')).collect();
    let allowed: Vec<_> = ALLOWED_DEMUXERS.split(',').collect();
    let opens = |name: &str| OPENERS.iter().any(|(opener, _)| *opener == name) || DEVICES.contains(&name);
    let is_known =
        |name: &str| opens(name) || USELESS.split(',').any(|useless| useless == name) || name.ends_with("_pipe");
    for name in &names {
        assert!(
            is_known(name) != allowed.contains(name),
            "does ffmpeg's demuxer `{name}` open other files? It belongs in one of ALLOWED_DEMUXERS, OPENERS, DEVICES and USELESS"
        );
    }
    assert!(!allowed.iter().any(|name| is_known(name)), "also where ffmpeg lacks it");
    let missing = allowed.iter().filter(|name| !names.contains(name)).count();
    assert!(
        missing * 20 < allowed.len(),
        "the names are those of ffmpeg: {missing} are not"
    );
    let inputs = leading_to(Path::new("/secret.wav"));
    for (opener, what) in OPENERS {
        assert!(inputs.iter().any(|input| input.demuxer == *opener), "{opener}, {what}");
    }
}

/// Another recording of this machine, which must not be read.
fn secret(folder: &TempDir) -> PathBuf {
    let loud: Vec<i16> = (0..32_000_i32)
        .map(|n| if n / 20 % 2 == 0 { 20_000 } else { -20_000 })
        .collect();
    write(folder, "secret.wav", &WavFile::pcm16(16_000, 1, &loud).bytes())
}

/// A file that leads to another one.
struct Leading {
    /// The demuxer of ffmpeg that would follow it; empty for other programs.
    demuxer: &'static str,
    what: &'static str,
    /// The file's name, where that matters.
    name: &'static str,
    content: Vec<u8>,
}

/// Files that the demuxers of [`OPENERS`], and other players, would follow to `secret`.
fn leading_to(secret: &Path) -> Vec<Leading> {
    let path = secret.display();
    let hls = |uri: String| {
        format!(
            "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:2.0,\n{uri}\n#EXT-X-ENDLIST\n"
        )
    };
    let dash = |profile: &str, kind: &str| {
        format!(
            "<?xml version=\"1.0\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" mediaPresentationDuration=\"PT2S\" \
             profiles=\"urn:mpeg:dash:profile:{profile}\"><Period><AdaptationSet mimeType=\"audio/{kind}\"><Representation id=\"0\" \
             bandwidth=\"256000\"><BaseURL>file://{path}</BaseURL></Representation></AdaptationSet></Period></MPD>\n"
        )
    };
    let manifest = dash("isoff-on-demand:2011", "wav");
    let sdp = format!(
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\na=control:{path}\n"
    );
    let texts = [
        ("hls", "plain", hls(path.to_string())),
        ("hls", "file:", hls(format!("file://{path}"))),
        ("hls", "concat:", hls(format!("concat:{path}|{path}"))),
        ("hls", "subfile", hls(format!("subfile,,start,0,end,0,,:{path}"))),
        ("hls", "crypto", hls(format!("crypto:{path}"))),
        ("hls", "behind a mark", format!("\u{feff}{}", hls(path.to_string()))),
        ("hls", "behind lines", format!("\n\n  {}", hls(path.to_string()))),
        ("", "m3u", format!("#EXTM3U\n{path}\n")),
        ("dash", "plain", manifest.clone()),
        (
            "dash",
            "without a declaration",
            manifest.split_once('\n').unwrap().1.to_owned(),
        ),
        (
            "webm_dash_manifest",
            "its manifest",
            dash("webm-on-demand:2012", "webm"),
        ),
        ("concat", "plain", format!("ffconcat version 1.0\nfile '{path}'\n")),
        ("sdp", "plain", sdp.clone()),
        // ffmpeg finds the address in any line.
        ("sdp", "behind a line", format!("i=x\n{sdp}")),
        ("rtp", "an address", hls("rtp://127.0.0.1:5004".to_owned())),
        ("rtsp", "an address", format!("RTSPtext\nrtsp://127.0.0.1:554{path}\n")),
        (
            "rtsp",
            "an answer",
            format!("RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Base: file://{path}\r\n\r\n{sdp}"),
        ),
        ("sap", "an address", hls("sap://127.0.0.1:9875".to_owned())),
        (
            "imf",
            "plain",
            format!(
                "<?xml version=\"1.0\"?><CompositionPlaylist xmlns=\"http://www.smpte-ra.org/schemas/2067-3/2013\"><Id>urn:uuid:{path}</Id>\
                 </CompositionPlaylist>"
            ),
        ),
        ("", "smil", format!("<smil><body><audio src=\"{path}\"/></body></smil>")),
        (
            "",
            "asx",
            format!("<asx version=\"3.0\"><entry><ref href=\"{path}\"/></entry></asx>"),
        ),
        ("", "pls", format!("[playlist]\nFile1={path}\nNumberOfEntries=1\n")),
        (
            "svg_pipe",
            "plain",
            format!("<svg xmlns:xlink=\"http://www.w3.org/1999/xlink\"><image xlink:href=\"{path}\"/></svg>"),
        ),
        ("", "ffmetadata", format!(";FFMETADATA1\ntitle={path}\n")),
        (
            "vobsub",
            "plain",
            format!(
                "# VobSub index file, v7\nid: en, index: 0\ntimestamp: 00:00:01:000, filepos: 000000000\n#{path}\n"
            ),
        ),
        ("", "avisynth", format!("WavSource(\"{path}\")\n")),
        (
            "",
            "cue",
            format!("FILE \"{path}\" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n"),
        ),
        ("lavfi", "plain", format!("amovie={path}")),
    ];
    let text = |(demuxer, what, text): (&'static str, &'static str, String)| Leading {
        demuxer,
        what,
        name: "upload.m3u8",
        content: text.into_bytes(),
    };
    let mut all: Vec<_> = texts.into_iter().map(text).collect();
    all.push(Leading {
        demuxer: "mlv",
        what: "its first file",
        name: "upload.mlv",
        content: mlv(0, &[]),
    });
    // The pattern stands for `upload1.wav`, `upload2.wav` and so on.
    all.push(Leading {
        demuxer: "image2",
        what: "a pattern",
        name: "upload%d.wav",
        content: b"upload%d.wav".to_vec(),
    });
    // The header of WebM, without a track.
    all.push(Leading {
        demuxer: "webm_dash_manifest",
        what: "a part",
        name: "upload.webm",
        content: [
            b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm\x18\x53\x80\x67\xff\xec\xc0".as_slice(),
            path.to_string().as_bytes(),
        ]
        .concat(),
    });
    all
}

/// A file of Magic Lantern video: the description of samples of 16 bits and 16 kHz, or a later file with these samples.
fn mlv(number: u16, samples: &[u8]) -> Vec<u8> {
    let block = |name: &[u8; 4], body: &[u8]| {
        let size = u32::try_from(8 + body.len()).unwrap();
        [name, &size.to_le_bytes()[..], body].concat()
    };
    let header = [
        b"v2.0\0\0\0\0".as_slice(),
        &7_u64.to_le_bytes(),
        &number.to_le_bytes(),
        &2_u16.to_le_bytes(),
        &0_u32.to_le_bytes(),
        // No pictures, and samples.
        &[0, 0, 1, 0],
        &[0; 16],
    ]
    .concat();
    let format = [1_u16, 1].map(u16::to_le_bytes).concat();
    let rates = [16_000_u32, 32_000].map(u32::to_le_bytes).concat();
    let widths = [2_u16, 16].map(u16::to_le_bytes).concat();
    let description = [&[0; 8][..], &format, &rates, &widths].concat();
    let sound = [&[0; 16][..], samples].concat();
    let blocks = match samples {
        [] => block(b"WAVI", &description),
        _ => block(b"AUDF", &sound),
    };
    [block(b"MLVI", &header), blocks].concat()
}

/// Asserts that the recording is refused in one sentence, and nothing is heard.
fn assert_refused(path: &Path, what: &str) {
    let mut takes = Takes::default();
    let result = decode(path, Slice::default(), &DecodeOptions::default(), &mut takes);
    let heard = takes.0.iter().flatten().any(|sample| *sample != 0.0);
    assert!(!heard, "{what}: {result:?}");
    let message = result.expect_err(what).to_string();
    let is_sentence = !message.contains('\n') && !message.contains("secret") && !message.contains("/proc/");
    assert!(is_sentence, "{what}: {message}");
}

#[test]
fn references_to_other_files_reveal_nothing() {
    let folder = folder();
    let secret = secret(&folder);
    // The secret itself is readable, so a leak would show.
    assert!(decode_with(&secret, Slice::default(), &DecodeOptions::default()).is_ok());
    let bytes = fs::read(&secret).unwrap();
    fs::copy(&secret, folder.path().join("upload1.wav")).unwrap();
    write(&folder, "upload.M00", &mlv(1, &bytes[1_000..]));
    for input in leading_to(&secret) {
        for before in [b"".as_slice(), b"ID3\x04\0\0\0\0\0\0", b"\0\0\0\0"] {
            let path = write(&folder, input.name, &[before, &input.content].concat());
            assert_refused(&path, &format!("{}, {}", input.demuxer, input.what));
        }
    }
}

/// The movie with its samples in another file: an alias, or an address.
fn with_reference(movie: &[u8], kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut bytes = movie.to_vec();
    let place = |bytes: &[u8], name: &[u8; 4], from: usize| {
        let found = bytes[from..].windows(4).position(|window| window == name);
        from + found.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(name)))
    };
    // Its own samples are silent.
    let (media, index) = (place(&bytes, b"mdat", 0), place(&bytes, b"moov", 0));
    assert!(media < index, "positions in the file stay as they are");
    bytes[media + 4..index - 4].fill(0);
    let mut parents = vec![index];
    for name in [b"trak", b"mdia", b"minf", b"dinf", b"dref"] {
        parents.push(place(&bytes, name, parents[parents.len() - 1]));
    }
    let list = parents[parents.len() - 1];
    // Version and number of entries, then the only entry.
    let entry = list + 4 + 8;
    let size = |bytes: &[u8], at: usize| u32::from_be_bytes(*bytes[at..].first_chunk().unwrap());
    let before = size(&bytes, entry);
    let size_of_new = u32::try_from(12 + body.len()).unwrap();
    let new = [&size_of_new.to_be_bytes()[..], kind, &[0; 4], body].concat();
    bytes.splice(entry..entry + before as usize, new);
    for parent in parents {
        let grown = size(&bytes, parent - 4) + size_of_new - before;
        bytes[parent - 4..parent].copy_from_slice(&grown.to_be_bytes());
    }
    bytes
}

/// A record of an alias, as ffmpeg reads it: this path, `from` folders up and `to` names down.
fn alias(path: &str, from: u16, to: u16) -> Vec<u8> {
    let length = u16::try_from(path.len()).unwrap();
    let mut record = vec![0; 10 + 28 + 12 + 64 + 16];
    record.extend(from.to_be_bytes());
    record.extend(to.to_be_bytes());
    record.extend([0; 16]);
    record.extend(2_u16.to_be_bytes());
    record.extend(length.to_be_bytes());
    record.extend(path.as_bytes());
    record.resize(record.len().next_multiple_of(2), 0);
    record.extend([0xFF, 0xFF, 0, 0]);
    record
}

/// Whether ffmpeg, without Cesar's restrictions, plays something loud.
fn is_loud_in_ffmpeg(path: &Path, options: &[&str]) -> bool {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error"])
        .args(options)
        .arg("-i")
        .arg(path)
        .args(["-f", "s16le", "-"])
        .output()
        .unwrap();
    output
        .stdout
        .as_chunks()
        .0
        .iter()
        .any(|sample| i16::from_le_bytes(*sample).unsigned_abs() > 10_000)
}

#[test]
fn a_reference_inside_a_movie_is_not_followed() {
    let folder = folder();
    let secret = secret(&folder);
    let tone = ["-f", "lavfi", "-i", "sine=sample_rate=16000:duration=2"];
    let whole = made(&folder, "whole.mov", &[&tone[..], &["-c:a", "pcm_s16le"]].concat());
    let movie = fs::read(whole).unwrap();
    let absolute = secret.to_str().unwrap();
    let from_descriptor = format!("root{absolute}");
    let names = u16::try_from(from_descriptor.matches('/').count() + 1).unwrap();
    for (what, kind, body) in [
        ("an absolute path", b"alis", alias(absolute, 0, 0)),
        ("a path from the descriptor", b"alis", alias(&from_descriptor, 2, names)),
        ("an address", b"url ", format!("file://{absolute}\0").into_bytes()),
    ] {
        let path = write(&folder, "upload.mov", &with_reference(&movie, kind, &body));
        for options in [DecodeOptions::default(), NATIVE] {
            let error = decode_with(&path, Slice::default(), &options).unwrap_err().to_string();
            assert!(error.ends_with(
                "is a movie whose sound is in other files, not a recording; give the recording that it names"
            ));
        }
        // Nor would ffmpeg follow it.
        assert!(!is_loud(&path), "{what}");
        if what == "an absolute path" {
            let options = ["-enable_drefs", "1", "-use_absolute_path", "1"];
            assert!(is_loud_in_ffmpeg(&path, &options), "the reference can be followed");
        }
    }
    let loud = [&tone[..], &["-af", "volume=6", "-c:a", "pcm_s16le"]].concat();
    assert!(is_loud(&made(&folder, "loud.mov", &loud)));
}

/// Whether ffmpeg, as it is used here, plays something loud.
fn is_loud(path: &Path) -> bool {
    let program = ffmpeg_available().unwrap();
    let kind = kind::recognise(path).unwrap();
    let Ok(opened) = ffmpeg::open(&program, path, kind, &TrackChoice::Default) else {
        return false;
    };
    let (mut source, mut chunk) = (opened.sources().unwrap().remove(0), source::Chunk::default());
    let mut is_loud = false;
    while let Ok(true) = source.read(&mut chunk) {
        is_loud |= peak(&chunk.samples) > 0.3;
        chunk.clear();
    }
    is_loud
}
