//! Compares the output of [`super::decode`] with that of `ffmpeg -ac 1 -ar 16000 -f f32le`, for real recordings
//! (`CESAR_TEST_DATA/audio` or `../shared/data/audio` beside the workspace, and the workspace's `tests/fixtures`) and for
//! files made by `ffmpeg` in every container and codec of the built-in decoders.
//!
//! Mono PCM and FLAC at 16 kHz must be equal sample for sample: `ffmpeg` too divides integers by a power of two. If
//! those are mixed down, rounding may differ by at most 1½ steps of 16 bits. The rest must correlate at 0.99 or better
//! after an alignment of at most 10 ms, and be of the same length within that alignment and one sample of rounding.
//! Without `ffmpeg` the tests fail.

use std::fs;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;

/// 10 ms.
const GREATEST_LAG: usize = 160;

struct Comparison {
    decoded: Decoded,
    ours: Vec<f32>,
    theirs: Vec<f32>,
    lag: isize,
    correlation: f64,
    greatest_difference: f32,
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn decode_all(path: &Path) -> Result<(Decoded, Vec<f32>), AudioError> {
    let mut samples = Vec::new();
    let options = DecodeOptions {
        ffmpeg: None,
        ..DecodeOptions::default()
    };
    let decoded = decode(path, Slice::default(), &options, &mut Collected(&mut samples))?;
    Ok((decoded, samples))
}

/// Collects the samples.
struct Collected<'a>(&'a mut Vec<f32>);

impl Sink for Collected<'_> {
    fn begin(&mut self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn write(&mut self, samples: &[f32]) -> ControlFlow<()> {
        self.0.extend_from_slice(samples);
        ControlFlow::Continue(())
    }
}

fn decode_with_ffmpeg(program: &Path, path: &Path, decoder: &[&str]) -> Option<Vec<f32>> {
    let output = Command::new(program)
        .args(["-nostdin", "-v", "error"])
        .args(decoder)
        .arg("-i")
        .arg(path)
        // Without this, f32 output adds the channels up instead of averaging them.
        .args([
            "-af",
            "aresample=rematrix_maxval=1.0",
            "-ac",
            "1",
            "-ar",
            "16000",
            "-f",
            "f32le",
            "-",
        ])
        .output()
        .expect("ffmpeg runs");
    let samples: Vec<f32> = output
        .stdout
        .as_chunks()
        .0
        .iter()
        .map(|&sample| f32::from_le_bytes(sample))
        .collect();
    (output.status.success() && !samples.is_empty()).then_some(samples)
}

/// The overlapping parts with the second shifted by `lag` samples.
fn overlap<'a>(ours: &'a [f32], theirs: &'a [f32], lag: isize) -> (&'a [f32], &'a [f32]) {
    let ours = &ours[lag.max(0).unsigned_abs().min(ours.len())..];
    let theirs = &theirs[(-lag).max(0).unsigned_abs().min(theirs.len())..];
    let length = ours.len().min(theirs.len());
    (&ours[..length], &theirs[..length])
}

fn correlation(ours: &[f32], theirs: &[f32]) -> f64 {
    let (mut product, mut ours_squared, mut theirs_squared) = (0.0, 0.0, 0.0);
    for (&our, &their) in ours.iter().zip(theirs) {
        let (our, their) = (f64::from(our), f64::from(their));
        product += our * their;
        ours_squared += our * our;
        theirs_squared += their * their;
    }
    if ours_squared + theirs_squared == 0.0 {
        1.0
    } else {
        product / (ours_squared * theirs_squared).sqrt()
    }
}

/// `None` if `ffmpeg` cannot read the file.
fn compare(program: &Path, path: &Path) -> Option<Comparison> {
    let mut theirs = decode_with_ffmpeg(program, path, &[])?;
    let (decoded, ours) = decode_all(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if decoded.codec == "opus" {
        // ffmpeg's own Opus decoder differs from the reference in the low-rate modes by up to a sample of delay.
        theirs = decode_with_ffmpeg(program, path, &["-c:a", "libopus"]).unwrap_or(theirs);
    }
    let greatest = GREATEST_LAG.cast_signed();
    let at = |lag| {
        let (ours, theirs) = overlap(&ours, &theirs, lag);
        correlation(ours, theirs)
    };
    // The shortest of equally good lags: pure tones have many.
    let lags = (0..=greatest).flat_map(|lag| [lag, -lag]).map(|lag| (lag, at(lag)));
    let best = lags.reduce(|best, next| if next.1 > best.1 + 1e-9 { next } else { best });
    let (lag, correlation) = best.expect("there are lags");
    let (aligned, with) = overlap(&ours, &theirs, lag);
    let differences = aligned.iter().zip(with).map(|(our, their)| (our - their).abs());
    let greatest_difference = differences.fold(0.0, f32::max);
    Some(Comparison {
        decoded,
        ours,
        theirs,
        lag,
        correlation,
        greatest_difference,
    })
}

/// Prints a line even if the test passes: libtest captures `println!`.
macro_rules! say {
    ($($argument:tt)*) => {
        writeln!(std::io::stdout(), $($argument)*).expect("standard output can be written")
    };
}

impl Comparison {
    fn print(&self, name: &str) {
        say!(
            "{name:<60} {:<10} {:>6} Hz {} ch {:>8} {:>8} {:>4} {:.6} {:.6}",
            self.decoded.codec,
            self.decoded.source_rate,
            self.decoded.channels,
            self.ours.len(),
            self.theirs.len(),
            self.lag,
            self.correlation,
            self.greatest_difference
        );
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let tolerance = if self.is_untouched() {
            0
        } else {
            self.lag.unsigned_abs() + 1
        };
        if self.ours.len().abs_diff(self.theirs.len()) > tolerance {
            faults.push(format!("{} samples instead of {}", self.ours.len(), self.theirs.len()));
        }
        // NaN if one side is silent and the other is not.
        if self.correlation.is_nan() || self.correlation < 0.99 {
            faults.push(format!("correlation {}", self.correlation));
        }
        if self.is_untouched() && self.lag != 0 {
            faults.push(format!("lags by {}", self.lag));
        }
        let is_equal = match self.is_exact() {
            true => self.ours == self.theirs,
            false => self.greatest_difference <= 1.5 / 32_768.0,
        };
        if self.is_untouched() && !is_equal {
            faults.push(format!("differs by {}", self.greatest_difference));
        }
        faults
    }

    /// Neither a lossy codec nor resampling changed the samples.
    fn is_untouched(&self) -> bool {
        let is_lossless = self.decoded.codec.starts_with("pcm") || self.decoded.codec == "flac";
        is_lossless && self.decoded.source_rate == SAMPLE_RATE
    }

    /// Whether the comparison has no tolerance.
    fn is_exact(&self) -> bool {
        self.is_untouched() && self.decoded.channels == 1
    }
}

/// Compares every file; panics with all differences. Returns the number of files required to be equal sample for sample.
fn compare_all(program: &Path, files: &[PathBuf]) -> usize {
    say!("file, codec, rate, channels, samples here, samples of ffmpeg, lag, correlation, greatest difference");
    let mut faults = Vec::new();
    let mut exact = 0;
    for path in files {
        let name = path
            .iter()
            .rev()
            .take(2)
            .map(|part| part.to_string_lossy())
            .collect::<Vec<_>>();
        let name = name.into_iter().rev().collect::<Vec<_>>().join("/");
        match compare(program, path) {
            None => say!("{name:<60} not read by ffmpeg"),
            Some(comparison) => {
                comparison.print(&name);
                exact += usize::from(comparison.is_exact());
                faults.extend(comparison.faults().into_iter().map(|fault| format!("{name}: {fault}")));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    exact
}

fn recordings_under(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            recordings_under(&path, found);
        } else if path
            .extension()
            .and_then(|extension| extension.to_str())
            .is_some_and(is_media_extension)
        {
            found.push(path);
        }
    }
}

#[test]
fn recordings_decode_as_with_ffmpeg() {
    let program = ffmpeg_available().expect("ffmpeg is installed: `cargo xtask setup` does that");
    let data = std::env::var_os("CESAR_TEST_DATA").map_or_else(|| workspace().join("../shared/data"), PathBuf::from);
    let mut files = Vec::new();
    for folder in [data.join("audio"), workspace().join("tests/fixtures")] {
        if !folder.is_dir() {
            assert!(
                !folder.ends_with("fixtures"),
                "`{}` is missing: restore it with git",
                folder.display()
            );
            cesar_tests::skip::without_data();
        }
        recordings_under(&folder, &mut files);
    }
    assert!(compare_all(&program, &files) > 0, "`meeting.flac` is exact");
}

/// File name and the encoder's arguments. No length is a whole number of a codec's frames.
const ENCODINGS: &[(&str, &str)] = &[
    ("mono-u8.wav", "-c:a pcm_u8 -ac 1 -ar 16000"),
    ("mono-s16.wav", "-c:a pcm_s16le -ac 1 -ar 16000"),
    ("mono-s24.wav", "-c:a pcm_s24le -ac 1 -ar 16000"),
    ("mono-s32.wav", "-c:a pcm_s32le -ac 1 -ar 16000"),
    ("mono-f32.wav", "-c:a pcm_f32le -ac 1 -ar 16000"),
    ("mono-f64.wav", "-c:a pcm_f64le -ac 1 -ar 16000"),
    ("mono.aiff", "-c:a pcm_s16be -ac 1 -ar 16000"),
    ("mono.flac", "-ac 1 -ar 16000"),
    ("mono-s24.flac", "-sample_fmt s32 -ac 1 -ar 16000"),
    ("u8.wav", "-c:a pcm_u8"),
    ("s24.wav", "-c:a pcm_s24le -ar 96000"),
    ("s32.wav", "-c:a pcm_s32le -ar 11025"),
    ("f32.wav", "-c:a pcm_f32le -ar 22050"),
    ("f64.wav", "-c:a pcm_f64le -ar 8000"),
    ("rf64.wav", "-c:a pcm_s16le -rf64 always -ar 16000"),
    ("alaw.wav", "-c:a pcm_alaw -ar 8000"),
    ("mulaw.wav", "-c:a pcm_mulaw -ar 8000"),
    ("adpcm.wav", "-c:a adpcm_ms -ar 22050"),
    ("surround.wav", "-c:a pcm_s16le -ac 6 -ar 16000"),
    ("seven.flac", "-ac 8 -ar 16000"),
    ("s16.aiff", "-ar 16000"),
    ("s24.aiff", "-c:a pcm_s24be -ar 32000"),
    ("pcm.caf", "-c:a pcm_s16le -ar 44100"),
    ("alac.m4a", "-c:a alac"),
    ("cbr.mp3", "-b:a 64k"),
    ("vbr.mp3", "-q:a 5 -ar 22050 -ac 1"),
    ("low.mp3", "-b:a 16k -ar 8000 -ac 1"),
    ("no-header.mp3", "-b:a 64k -write_xing 0"),
    ("plain.mp2", "-c:a mp2"),
    ("aac.m4a", "-c:a aac"),
    ("aac.aac", "-c:a aac"),
    ("aac.mp4", "-c:a aac -ar 48000"),
    ("fast.mp4", "-c:a aac -movflags +faststart"),
    ("fragments.mp4", "-c:a aac -movflags frag_keyframe+empty_moov"),
    ("opus.mp4", "-c:a libopus -strict -2"),
    (
        "opus-fragments.mp4",
        "-c:a libopus -strict -2 -movflags frag_keyframe+empty_moov -frag_duration 500000",
    ),
    (
        "short-fragments.mp4",
        "-c:a aac -movflags frag_keyframe+empty_moov+default_base_moof -frag_duration 200000",
    ),
    ("flac.mp4", "-c:a flac -strict -2"),
    ("mp3.mp4", "-c:a libmp3lame"),
    ("mp2.mp4", "-c:a mp2"),
    ("alac.mov", "-c:a alac"),
    ("aac.mov", "-c:a aac"),
    ("s16le.mov", "-c:a pcm_s16le"),
    ("s16be.mov", "-c:a pcm_s16be -ar 16000"),
    ("s24.mov", "-c:a pcm_s24le -ar 48000"),
    ("s24be.mov", "-c:a pcm_s24be -ar 48000"),
    ("f32.mov", "-c:a pcm_f32be"),
    ("f64.mov", "-c:a pcm_f64le"),
    ("u8.mov", "-c:a pcm_u8 -ar 22050"),
    ("alaw.mov", "-c:a pcm_alaw -ar 8000 -ac 1"),
    ("mulaw.mov", "-c:a pcm_mulaw -ar 8000"),
    ("ima.mov", "-c:a adpcm_ima_qt -ar 22050"),
    ("pcm-fragments.mov", "-c:a pcm_s16le -movflags frag_keyframe+empty_moov"),
    ("aac.mkv", "-c:a aac"),
    ("mp3.mkv", "-c:a libmp3lame"),
    ("flac.mkv", "-c:a flac"),
    ("pcm.mkv", "-c:a pcm_s16le"),
    ("vorbis.ogg", "-c:a libvorbis"),
    ("flac.ogg", "-c:a flac"),
    ("vorbis.webm", "-c:a libvorbis"),
    ("opus.opus", "-c:a libopus -ac 1"),
    ("short-frames.opus", "-c:a libopus -frame_duration 5"),
    ("long-frames.opus", "-c:a libopus -frame_duration 60"),
    ("opus.webm", "-c:a libopus"),
    ("opus.mkv", "-c:a libopus -frame_duration 10"),
];

/// A gliding tone over noise, different in each channel.
const SIGNAL: &str =
    "aevalsrc=0.3*sin(900*t*t+1000*t)+0.05*random(0)|0.2*sin(400*t*t+3000*t)+0.05*random(1):s=44100:d=3.3333";

#[test]
fn generated_files_decode_as_with_ffmpeg() {
    let program = ffmpeg_available().expect("ffmpeg is installed: `cargo xtask setup` does that");
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (name, arguments) in ENCODINGS {
        let path = folder.path().join(name);
        let made = Command::new(&program)
            .args(["-nostdin", "-v", "error", "-f", "lavfi", "-i", SIGNAL])
            .args(arguments.split(' '))
            .arg(&path)
            .status()
            .unwrap();
        match made.success() {
            true => files.push(path),
            false => say!("SKIPPED: this ffmpeg cannot make {name}"),
        }
    }
    let exact = compare_all(&program, &files);
    let mono = ENCODINGS.iter().filter(|(name, _)| name.starts_with("mono")).count();
    assert_eq!(exact, mono, "every mono file was made and compared");
}

/// A comparison of lossless 16 kHz with the lag and the correlation that [`compare`] would find at once.
fn comparison(channels: u16, ours: &[f32], theirs: &[f32]) -> Comparison {
    let differences = ours.iter().zip(theirs).map(|(our, their)| (our - their).abs());
    Comparison {
        decoded: Decoded {
            take: 0,
            issues: Vec::new(),
            missing_ms: 0,
            track: None,
            track_titles: Vec::new(),
            details: Vec::new(),
            samples: ours.len() as u64,
            source_duration_ms: None,
            codec: "flac".to_owned(),
            source_rate: SAMPLE_RATE,
            channels,
            decoder: Decoder::Native,
            warnings: Vec::new(),
        },
        ours: ours.to_vec(),
        theirs: theirs.to_vec(),
        lag: 0,
        correlation: correlation(ours, theirs),
        greatest_difference: differences.fold(0.0, f32::max),
    }
}

#[test]
fn a_comparison_can_fail() {
    let sound = [0.5, -0.25, 0.125, 0.0625];
    assert!(comparison(1, &sound, &sound).faults().is_empty());

    let silent = comparison(1, &sound, &[0.0; 4]);
    assert!(silent.correlation.is_nan());
    assert!(silent.faults().contains(&"correlation NaN".to_owned()));

    let mut rounded = sound;
    rounded[0] += 1.0 / 32_768.0;
    assert_eq!(comparison(1, &sound, &rounded).faults().len(), 1);
    assert!(comparison(2, &sound, &rounded).faults().is_empty());

    assert!(!comparison(2, &sound, &sound[..3]).faults().is_empty());
    let late = Comparison {
        lag: 1,
        ..comparison(2, &sound, &sound)
    };
    assert_eq!(late.faults(), ["lags by 1"]);
}
