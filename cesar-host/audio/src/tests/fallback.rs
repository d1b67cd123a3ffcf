//! `ffmpeg` as the last resort.

use std::process::Command;

use super::*;

fn with(program: &Path) -> DecodeOptions {
    DecodeOptions {
        ffmpeg: Some(program.to_owned()),
    }
}

#[test]
fn what_only_ffmpeg_reads_is_read_by_it() {
    let program = ffmpeg_available().expect("ffmpeg is installed: `cargo xtask setup` does that");
    let folder = folder();
    // The name would be an option or a protocol to a careless caller.
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
fn what_ffmpeg_cannot_read_either_is_not_audio() {
    let program = ffmpeg_available().expect("ffmpeg is installed: `cargo xtask setup` does that");
    let folder = folder();
    let path = write(&folder, "a.wav", b"no sound at all, only words");
    let error = decode_with(&path, Slice::default(), &with(&program)).unwrap_err();
    assert!(
        matches!(&error, AudioError::Unsupported { reason, .. } if reason.starts_with("ffmpeg: ")),
        "{error:?}"
    );
}

#[test]
fn a_program_that_does_not_exist_is_named() {
    let folder = folder();
    let path = write(&folder, "a.wma", b"not known to the built-in decoders");
    let error = decode_with(&path, Slice::default(), &with(Path::new("no-such-ffmpeg"))).unwrap_err();
    assert!(matches!(&error, AudioError::Ffmpeg { program, .. } if program == Path::new("no-such-ffmpeg")));
}

/// A program that describes any file as audio and then runs `body` with its process id in the file `pid`.
#[cfg(unix)]
fn pretend_ffmpeg(folder: &TempDir, body: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in\n*pipe:1*) echo $$ > \"{0}/pid\"\n{body}\n;;\n\
         *) echo \"Input #0, x\n  Duration: 00:00:01.50, start\n  Stream #0:0: Audio: x (y), 8000 Hz, 5.1(side), s16\" >&2\nexit 1;;\nesac\n",
        folder.path().display()
    );
    let path = write(folder, "ffmpeg", script.as_bytes());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    wait_until_runnable(&path);
    path
}

/// A child that another test was starting while `program` was written holds it open for writing until that child's
/// own program begins, and the system refuses to run it for so long. Once it has run, nobody can be writing to it.
#[cfg(unix)]
fn wait_until_runnable(program: &Path) {
    while let Err(error) = Command::new(program).output() {
        assert_eq!(error.kind(), io::ErrorKind::ExecutableFileBusy, "{error}");
        std::thread::yield_now();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_program_that_is_still_written_to_is_waited_for() {
    let folder = folder();
    let program = pretend_ffmpeg(&folder, "exit 0");
    let writer = fs::OpenOptions::new().append(true).open(&program).unwrap();
    let refused = Command::new(&program).output().map(|output| output.status);
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::ExecutableFileBusy);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| wait_until_runnable(&program));
        drop(writer);
        waiting.join().unwrap();
    });
    assert!(Command::new(&program).output().is_ok());
}

/// The process id that the pretended `ffmpeg` left in `folder`.
#[cfg(target_os = "linux")]
fn child_of(folder: &TempDir) -> String {
    let process = fs::read_to_string(folder.path().join("pid")).unwrap();
    process.trim().to_owned()
}

/// The fifth field of `/proc/PROCESS/stat`; the second is a name in brackets.
#[cfg(target_os = "linux")]
fn process_group(process: &str) -> String {
    let stat = fs::read_to_string(Path::new("/proc").join(process).join("stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields.split_whitespace().nth(2).unwrap().to_owned()
}

#[cfg(target_os = "linux")]
#[test]
fn a_cancelled_child_is_stopped_and_reaped() {
    let folder = folder();
    let program = pretend_ffmpeg(&folder, "exec cat /dev/zero");
    let path = write(&folder, "a.xyz", b"anything at all");
    let mut group = None;
    let result = decode(&path, Slice::default(), &with(&program), &mut |_| {
        group = Some(process_group(&child_of(&folder)));
        ControlFlow::Break(())
    });
    assert!(matches!(result, Err(AudioError::Cancelled { .. })));
    let child = child_of(&folder);
    assert_eq!(
        group.as_ref(),
        Some(&child),
        "a Ctrl-C in the terminal is not for the child"
    );
    assert!(
        !Path::new("/proc").join(child).exists(),
        "the child is gone, zombie included"
    );
}

#[cfg(unix)]
#[test]
fn a_child_that_fails_is_an_error_with_its_words() {
    let folder = folder();
    // Far more messages than a pipe holds.
    let body = "i=0; while [ $i -lt 20000 ]; do echo 'the disk is on fire' >&2; i=$((i+1)); done; exit 3";
    let program = pretend_ffmpeg(&folder, body);
    let path = write(&folder, "a.xyz", b"anything at all");
    let error = decode_with(&path, Slice::default(), &with(&program)).unwrap_err();
    assert!(error.to_string().contains("the disk is on fire"), "{error}");
}

#[cfg(unix)]
#[test]
fn sound_that_ends_before_it_was_announced_to_is_damage() {
    let folder = folder();
    let program = pretend_ffmpeg(&folder, "head -c 4000 /dev/zero");
    let path = write(&folder, "a.xyz", b"anything at all");
    let error = decode_with(&path, Slice::default(), &with(&program)).unwrap_err();
    assert!(
        matches!(
            error,
            AudioError::Truncated {
                end_ms: 62,
                declared_ms: Some(1_500),
                ..
            }
        ),
        "{error:?}"
    );
}

#[cfg(unix)]
#[test]
fn the_description_of_the_file_is_understood() {
    let folder = folder();
    let program = pretend_ffmpeg(&folder, "head -c 96000 /dev/zero");
    let path = write(&folder, "a.xyz", b"anything at all");
    let (decoded, _) = decode_with(&path, Slice::default(), &with(&program)).unwrap();
    assert_eq!(
        (decoded.samples, decoded.channels, decoded.source_rate),
        (24_000, 6, 8_000)
    );
    assert_eq!(decoded.codec, "x");
}
