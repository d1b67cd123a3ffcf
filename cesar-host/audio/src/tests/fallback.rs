//! `ffmpeg` as the last resort.

use super::*;

fn with(program: &Path) -> DecodeOptions {
    DecodeOptions {
        ffmpeg: Some(program.to_owned()),
        ..NATIVE
    }
}

#[test]
fn ffmpeg_reads_other_formats() {
    let program = ffmpeg_available().expect("ffmpeg is installed: `cargo xtask setup` does that");
    let folder = folder();
    // A careless caller would take the name for an option or a protocol.
    let path = folder.path().join("-i http:a.wma");
    let tone = [
        "-nostdin",
        "-v",
        "error",
        "-f",
        "lavfi",
        "-i",
        "sine=frequency=500:sample_rate=44100:duration=2",
    ];
    let mut target = std::ffi::OsString::from("file:");
    target.push(&path);
    let made = Command::new(&program)
        .args(tone)
        .args(["-ac", "2", "-c:a", "wmav2", "-f", "asf"])
        .arg(target)
        .status();
    assert!(made.unwrap().success());

    let error = decode_native(&path).unwrap_err();
    assert!(matches!(error, AudioError::Unsupported { .. }), "{error:?}");

    let (decoded, samples) = decode_with(&path, Slice::default(), &with(&program)).unwrap();
    assert_eq!((decoded.decoder, decoded.codec.as_str()), (Decoder::Ffmpeg, "wmav2"));
    assert_eq!((decoded.source_rate, decoded.channels), (44_100, 2));
    assert!((31_000..33_500).contains(&decoded.samples), "{decoded:?}");
    assert_eq!(
        probe(&path, &with(&program)).unwrap().map(|length| length / 100),
        Some(20)
    );

    let slice = Slice {
        start_ms: 500,
        end_ms: Some(1_500),
    };
    assert_eq!(
        decode_with(&path, slice, &with(&program)).unwrap().1,
        samples[8_000..24_000]
    );
}

#[test]
fn files_that_ffmpeg_cannot_read_are_not_audio() {
    let program = ffmpeg_available().expect("ffmpeg is installed: `cargo xtask setup` does that");
    let folder = folder();
    let path = write(&folder, "a.wav", b"no sound at all, only words");
    let error = decode_with(&path, Slice::default(), &with(&program)).unwrap_err();
    assert!(
        matches!(&error, AudioError::Unsupported { reason, .. } if reason.starts_with("built-in reader: unknown format; ffmpeg: ")),
        "{error:?}"
    );
}

#[test]
fn a_program_that_does_not_exist_is_named() {
    let folder = folder();
    let path = write(&folder, "a.wma", b"not known to the built-in decoders");
    let error = decode_with(&path, Slice::default(), &with(Path::new("no-such-ffmpeg"))).unwrap_err();
    assert!(error.to_string().contains("no-such-ffmpeg"), "{error}");
    assert!(matches!(&error, AudioError::Ffmpeg { .. }));
}

/// The beginning of ffmpeg's stream, and one block of this many bytes of silence.
#[cfg(unix)]
fn silence(bytes: usize) -> String {
    let size: String = ((bytes + 4) as u64).to_be_bytes()[1..]
        .iter()
        .map(|byte| format!("\\{byte:03o}"))
        .collect();
    format!(
        "printf '\\032\\105\\337\\243\\200\\030\\123\\200\\147\\377\\037\\103\\266\\165\\377\\347\\201\\000\\243\\001{size}\\201\\000\\000\\200'\n\
         head -c {bytes} /dev/zero"
    )
}

/// A program that decodes any file with `body`, and a `ffprobe` beside it that describes any file as 2.5 s of 5.1 at 8 kHz.
#[cfg(unix)]
pub(super) fn pretend_ffmpeg(folder: &TempDir, body: &str) -> PathBuf {
    let description = r#"{"streams":[{"index":0,"codec_type":"audio","codec_name":"x","sample_rate":"8000","channels":6,
        "channel_layout":"5.1(side)","duration":"2.5","start_time":"0"}],"format":{}}"#;
    program(folder, "ffprobe", &format!("echo '{description}'"));
    program(folder, "ffmpeg", body)
}

#[cfg(unix)]
pub(super) fn program(folder: &TempDir, name: &str, body: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let path = write(folder, name, format!("#!/bin/sh\n{body}\n").as_bytes());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    wait_until_runnable(&path);
    path
}

/// A child that another test started while `program` was written holds it open for writing until its own program
/// begins, and the system refuses to run it until then. Once it has run, no process can be writing to it.
#[cfg(unix)]
fn wait_until_runnable(program: &Path) {
    use std::process::Stdio;
    loop {
        match Command::new(program)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
        {
            Ok(mut child) => {
                let _ = child.kill();
                child.wait().unwrap();
                return;
            }
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::ExecutableFileBusy, "{error}"),
        }
        std::thread::yield_now();
    }
}

/// The children of this process that run `command`, with their process groups.
#[cfg(target_os = "linux")]
fn children_running(command: &str) -> Vec<(String, String)> {
    let ours = std::process::id().to_string();
    let of = |process: &str| {
        let stat = fs::read_to_string(Path::new("/proc").join(process).join("stat")).ok()?;
        let (name, fields) = stat.rsplit_once(')')?;
        let fields: Vec<_> = fields.split_whitespace().collect();
        let is_it = name.ends_with(&format!("({command}")) && fields[1] == ours;
        is_it.then(|| (process.to_owned(), fields[2].to_owned()))
    };
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes.filter_map(|entry| of(entry.file_name().to_str()?)).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn a_cancelled_child_is_stopped_and_reaped() {
    let folder = folder();
    let body = format!("{}\nexec yes", silence(4_800));
    let program = pretend_ffmpeg(&folder, &body);
    let path = write(&folder, "a.xyz", b"anything at all");
    let mut children = Vec::new();
    let mut sink = Asked(|| {
        // The script continues once its silence is read.
        while children.is_empty() {
            children = children_running("yes");
            std::thread::yield_now();
        }
        ControlFlow::Break(())
    });
    let result = decode(&path, Slice::default(), &with(&program), &mut sink);
    assert!(matches!(result, Err(AudioError::Cancelled { .. })));
    let [(child, group)] = &children[..] else {
        panic!("{children:?}")
    };
    assert_eq!(group, child, "a Ctrl-C in the terminal is not for the child");
    assert!(
        !Path::new("/proc").join(child).exists(),
        "the child is gone, zombie included"
    );
}

#[cfg(unix)]
#[test]
fn a_child_that_fails_is_an_error_with_its_words() {
    let folder = folder();
    // Far more messages than fit in a pipe.
    let body = "i=0; while [ $i -lt 20000 ]; do echo 'the disk is on fire' >&2; i=$((i+1)); done; exit 3";
    let program = pretend_ffmpeg(&folder, body);
    let path = write(&folder, "a.xyz", b"anything at all");
    let error = decode_with(&path, Slice::default(), &with(&program)).unwrap_err();
    assert!(error.to_string().contains("the disk is on fire"), "{error}");
}

#[cfg(unix)]
#[test]
fn sound_that_ends_before_it_was_announced_to_is_missing() {
    let folder = folder();
    let body = format!("{}\necho 'partial file' >&2", silence(6 * 4 * 4_000));
    let program = pretend_ffmpeg(&folder, &body);
    let path = write(&folder, "a.xyz", b"anything at all");
    let (decoded, _) = decode_with(&path, Slice::default(), &with(&program)).unwrap();
    assert_eq!(
        (decoded.samples, decoded.channels, decoded.source_rate),
        (8_000, 6, 8_000)
    );
    assert_eq!((decoded.codec.as_str(), decoded.missing_ms), ("x", 2_000));
    let issues: Vec<_> = decoded.issues.iter().map(ToString::to_string).collect();
    assert_eq!(
        issues,
        [
            "ffmpeg reports damage (partial file) at 0.5 s",
            "the end of the file is missing from 0.5 s to 2.5 s"
        ]
    );
}

/// Sound between bytes of another kind: by the built-in reader 20 s of MP3, by ffprobe what `answer` says, by ffmpeg 2.5 s.
#[cfg(unix)]
fn decoded_between_other_bytes(content: &[u8], answer: &str) -> Decoded {
    let folder = folder();
    let ffmpeg = pretend_ffmpeg(&folder, &silence(2 * 60_000 * 4));
    let streams = r#"[{"index":0,"codec_type":"audio","codec_name":"x","sample_rate":"8000","channels":6}]"#;
    program(
        &folder,
        "ffprobe",
        &format!(r#"echo '{{"streams":{streams},"format":{answer}}}'"#),
    );
    let path = write(&folder, "a", content);
    decode_with(&path, Slice::default(), &with(&ffmpeg)).unwrap().0
}

#[cfg(unix)]
#[test]
fn ffprobe_decides_what_contains_frames_between_other_bytes() {
    let other = r#"{"format_name":"nsv","probe_score":100}"#;
    let same = r#"{"format_name":"mp3","probe_score":100}"#;
    let unsure = r#"{"format_name":"nsv","probe_score":50}"#;
    let frames = fs::read(fixture("harbour.mp3")).unwrap();
    let half = frames.len() / 2;
    let junk = vec![0x55; 20_000];
    let between = [&frames[..half], &junk, &frames[half..]].concat();
    let behind_zeros = [&[0; 20_000], &frames[..]].concat();
    for content in [between, behind_zeros] {
        for (answer, reader) in [
            (other, Decoder::Ffmpeg),
            (same, Decoder::Native),
            (unsure, Decoder::Native),
        ] {
            let decoded = decoded_between_other_bytes(&content, answer);
            assert_eq!(decoded.decoder, reader, "{answer} {:?}", decoded.details);
        }
    }
    let decoded = decoded_between_other_bytes(&frames, other);
    assert_eq!(decoded.decoder, Decoder::Native, "a file of frames alone is certain");
}
