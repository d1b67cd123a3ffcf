//! Requests to stop while a recording is opened.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

/// A stop at the question with this number, and the number of questions so far.
fn at_question(number: u64) -> (Stop, Arc<AtomicU64>) {
    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    let stop = Stop::when(move || count.fetch_add(1, Ordering::Relaxed) + 1 >= number);
    (stop, asked)
}

/// No take may begin.
struct Unopened;

impl Sink for Unopened {
    fn begin(&mut self) -> ControlFlow<()> {
        panic!("the recording is still being opened")
    }

    fn write(&mut self, _samples: &[f32]) -> ControlFlow<()> {
        panic!("nothing is decoded")
    }
}

/// The content of a bundled recording, several times.
fn repeated(name: &str, times: usize) -> Vec<u8> {
    fs::read(fixture(name)).unwrap().repeat(times)
}

/// An atom of MP4.
fn atom(name: &[u8], size: u32, body: &[u8]) -> Vec<u8> {
    [&size.to_be_bytes()[..], name, body].concat()
}

/// Files that take many reads until they are open, each of megabytes.
fn slow_to_open(folder: &TempDir) -> Vec<PathBuf> {
    let free = atom(b"free", 8_192, &[0; 8_184]);
    let empty_atoms = [atom(b"ftyp", 16, b"isom\0\0\0\0"), free.repeat(300)].concat();
    let mut aiff = b"FORM\0\0\0\0AIFF".to_vec();
    (0..600).for_each(|_| aiff.extend([&b"ANNO\0\x00\x20\0"[..], &[0; 8_192]].concat()));
    let mut ogg = fs::read(fixture("spanish.opus")).unwrap();
    ogg.truncate(47);
    ogg.resize(4 << 20, 0x55);
    let mut segment =
        b"\x1a\x45\xdf\xa3\x8b\x42\x82\x88matroska\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff".to_vec();
    segment.resize(4 << 20, 0x55);
    let files = [
        ("walked.mp3", repeated("harbour.mp3", 30)),
        ("frames.flac", repeated("meeting.flac", 5)[60_000..].to_vec()),
        ("junk", vec![0x55; 4 << 20]),
        ("zeros", vec![0; 4 << 20]),
        ("atoms.mp4", empty_atoms),
        ("chunks.aiff", aiff),
        ("pages.ogg", ogg),
        ("elements.mkv", segment),
    ];
    files.map(|(name, content)| write(folder, name, &content)).into()
}

#[test]
fn a_recording_that_is_being_opened_reads_nothing_after_a_request_to_stop() {
    let folder = folder();
    for path in slow_to_open(&folder) {
        let options = |stop: Stop| DecodeOptions { stop, ..NATIVE };
        for number in [1, 2, 8] {
            let (stop, asked) = at_question(number);
            let result = decode(&path, Slice::default(), &options(stop), &mut Unopened);
            assert!(
                matches!(result, Err(AudioError::Cancelled { .. })),
                "{} at {number}: {result:?}",
                path.display()
            );
            assert_eq!(
                asked.load(Ordering::Relaxed),
                number,
                "{}: the next read is refused",
                path.display()
            );
            let (stop, _) = at_question(number);
            let probed = probe(&path, &options(stop));
            assert!(
                matches!(probed, Err(AudioError::Cancelled { .. })),
                "{}: {probed:?}",
                path.display()
            );
        }
    }
}

/// The child never ends by itself and writes nothing.
#[cfg(unix)]
#[test]
fn a_program_that_is_waited_for_is_killed() {
    use super::fallback::{pretend_ffmpeg, program};
    for is_probe in [true, false] {
        let folder = folder();
        let ffmpeg = pretend_ffmpeg(&folder, "exec sleep 1000");
        if is_probe {
            program(&folder, "ffprobe", "exec sleep 1000");
        }
        let path = write(&folder, "a.wma", b"not known to the built-in decoders");
        let (stop, _) = at_question(20);
        let options = DecodeOptions {
            ffmpeg: Some(ffmpeg),
            stop,
            ..NATIVE
        };
        let result = decode_with(&path, Slice::default(), &options);
        assert!(matches!(result, Err(AudioError::Cancelled { .. })), "{result:?}");
    }
}
