//! Bad input: one sentence that names the cause and the remedy, the documented exit code, no output file, and nothing in the cache.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;
use std::path::Path;

use cesar_tests::snapshots::{filters, pairs};
use cesar_tests::{Sandbox, fixture};

/// Runs `cesar transcribe` with these arguments and describes everything visible to the user.
fn refused(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let output = sandbox.work().join("out.txt");
    let all = [
        "transcribe",
        "--asr-plugin",
        "ct2",
        "--model",
        "tiny.en",
        "-o",
        output.to_str().unwrap(),
    ];
    let run = sandbox.run(all.iter().chain(arguments));
    assert!(!output.exists(), "an output file was left");
    assert_eq!(run.stdout, "", "nothing goes to standard output");
    assert_nothing_cached(sandbox);
    format!("{}exit {}", run.stderr, run.code)
}

fn assert_nothing_cached(sandbox: &Sandbox) {
    let info = sandbox.run(["cache", "info", "--json"]).exits(0).json();
    assert_eq!(info["entries"], 0, "{info}");
}

macro_rules! assert_refused {
    ($sandbox:expr, $arguments:expr, @$snapshot:literal) => {
        let text = refused(&$sandbox, &$arguments);
        insta::with_settings!({ filters => pairs(&filters(&$sandbox)) }, { insta::assert_snapshot!(text, @$snapshot) });
    };
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn files_that_are_no_recordings_are_refused() {
    let sandbox = Sandbox::new();
    // ffmpeg's messages about a file differ from version to version.
    fs::create_dir_all(sandbox.config_home().join("cesar")).unwrap();
    fs::write(
        sandbox.config_home().join("cesar/config.toml"),
        "[audio]\nffmpeg = \"off\"\n",
    )
    .unwrap();
    assert_refused!(sandbox, ["missing.wav"], @"
    error: `missing.wav` does not exist: check the path
    exit 1
    ");
    let empty = sandbox.write("empty.wav", "");
    assert_refused!(sandbox, [path(&empty)], @"
    error: `[SANDBOX]/here/empty.wav` is empty (0 bytes): copy or record it again
    exit 1
    ");
    let text = sandbox.write("text.wav", "This is a text file, whatever its name says.\n".repeat(50));
    assert_refused!(sandbox, [path(&text)], @"
    error: `[SANDBOX]/here/text.wav` is not a recording that Cesar can read (built-in reader: unknown format; ffmpeg is not installed or is switched off): install `ffmpeg`, which reads more formats, or convert the file to wav
    exit 1
    ");
    fs::create_dir(sandbox.work().join("folder")).unwrap();
    assert_refused!(sandbox, ["folder"], @"
    error: `folder` contains no recordings; name files, or a folder with audio or video
    exit 1
    ");
    let silent = fs::read(fixture("short.wav")).unwrap();
    let header = sandbox.write("no samples.wav", wav_without_samples(&silent));
    assert_refused!(sandbox, [path(&header)], @"
    error: `[SANDBOX]/here/no samples.wav` holds no sound at all (0 samples): record it again
    exit 1
    ");
}

/// The header of a recording with a data chunk of length 0.
fn wav_without_samples(wav: &[u8]) -> Vec<u8> {
    let data = wav.windows(4).position(|window| window == b"data").unwrap();
    let mut header = wav[..data + 8].to_vec();
    header[data + 4..].fill(0);
    let size = u32::try_from(header.len() - 8).unwrap();
    header[4..8].copy_from_slice(&size.to_le_bytes());
    header
}

#[test]
fn strict_refuses_truncated_recordings() {
    let sandbox = Sandbox::new();
    let cut = |name: &str| {
        let bytes = fs::read(fixture(name)).unwrap();
        sandbox.write(name, &bytes[..bytes.len() * 6 / 10])
    };
    assert_refused!(sandbox, [path(&cut("short.wav")), "--strict"], @"
    error: `[SANDBOX]/here/short.wav` is damaged (the end of the file is missing from [TIME] to [TIME]): copy or download it again, or do without `strict` to transcribe what is there
    exit 1
    ");
    assert_refused!(sandbox, [path(&cut("harbour.mp3")), "--strict"], @"
    error: `[SANDBOX]/here/harbour.mp3` is damaged (the end of the file is missing from [TIME] to [TIME]): copy or download it again, or do without `strict` to transcribe what is there
    exit 1
    ");
    assert_refused!(sandbox, [path(&cut("interview.m4a"))], @"
    error: `[SANDBOX]/here/interview.m4a` is damaged (built-in reader: its index is missing, so it was cut off or never finished; ffmpeg: Invalid data found when processing input): copy or download it again
    exit 1
    ");
    assert_refused!(sandbox, [path(&cut("meeting.flac")), "--strict"], @"
    error: `[SANDBOX]/here/meeting.flac` is damaged (the end of the file is missing from [TIME] to [TIME]): copy or download it again, or do without `strict` to transcribe what is there
    exit 1
    ");
}

#[test]
fn parts_outside_the_recording_are_refused() {
    let sandbox = Sandbox::new();
    let recording = fixture("short.wav");
    assert_refused!(sandbox, [path(&recording), "--start-time", "1:00"], @"
    error: `[FIXTURES]/short.wav` is [TIME] long, so nothing begins at [TIME]: choose an earlier start
    exit 1
    ");
    assert_refused!(sandbox, [path(&recording), "--start-time", "2", "--end-time", "1"], @"
    error: the part of `[FIXTURES]/short.wav` ends at [TIME], not after its start at [TIME]: choose a later end, or a length above 0
    exit 2
    ");
    assert_refused!(sandbox, [path(&recording), "--start-time", "soon"], @"
    error: invalid value 'soon' for '--start-time <TIME>': it must be seconds (`90`, `90.5`) or `[HH:]MM:SS[.fff]` (`1:30`)

    For more information, try '--help'.
    exit 2
    ");
}

#[test]
fn unknown_names_are_refused_with_a_suggestion() {
    let sandbox = Sandbox::new();
    let recording = fixture("short.wav");
    let run = |arguments: &[&str]| {
        let all = ["transcribe", path(&recording)];
        let run = sandbox.run(all.iter().chain(arguments));
        format!("{}exit {}", run.stderr, run.code)
    };
    insta::with_settings!({ filters => pairs(&filters(&sandbox)) }, {
        insta::assert_snapshot!(run(&["--asr-plugin", "ct3"]), @"
        error: there is no asr plugin `ct3`; did you mean `ct2`?; there are `ct2`, `onnx`, `whisper-cpp`
        exit 2
        ");
        insta::assert_snapshot!(run(&["--asr-plugin", "ct2", "--model", "tiny.em"]), @"
        error: there is no model `tiny.em` for `ct2`: looked for `tiny.em/model.bin` and `faster-whisper-tiny.em/model.bin` in `[MODELS]` and `[SANDBOX]/data/cesar/models`; the models `base` and `tiny.en` are present (did you mean `tiny.en`?); put the model there, or give a path with `--model`
        exit 1
        ");
        insta::assert_snapshot!(run(&["--asr-plugin", "ct2", "--model", "./nowhere"]), @"
        error: there is no model at `./nowhere`; the models `base` and `tiny.en` are present; give the path of a model for `ct2`, or a name
        exit 1
        ");
        insta::assert_snapshot!(run(&["-f", "doc"]), @"
        error: no plugin writes the format `doc`; there are `txt`, `md`, `srt`, `vtt`, `json`, `tsv`, `csv`, `rttm`, `ass`, `lrc`, `html`, `docx`, `audacity`, `otr`, `eaf`, `markers`, `edl`, `ttml`, `imsc`
        exit 2
        ");
        insta::assert_snapshot!(run(&["-o", "talk.xyz"]), @"
        error: no plugin writes `.xyz` files; name a format with -f: `txt`, `md`, `srt`, `vtt`, `json`, `tsv`, `csv`, `rttm`, `ass`, `lrc`, `html`, `docx`, `audacity`, `otr`, `eaf`, `markers`, `edl`, `ttml`, `imsc`
        exit 2
        ");
        insta::assert_snapshot!(run(&["--asr-plugin", "ct2", "--asr-option", "beam_sise=3"]), @"
        error: `ct2` has no option `beam_sise`; see `cesar plugins show ct2`; did you mean `beam_size`?
        exit 2
        ");
        insta::assert_snapshot!(run(&["--asr-plugin", "whisper-cpp", "--compute-type", "int8"]), @"
        error: `whisper-cpp` has no option `compute_type`; see `cesar plugins show whisper-cpp`
        exit 2
        ");
    });
}

#[test]
fn options_out_of_range_are_refused() {
    let sandbox = Sandbox::new();
    let recording = fixture("short.wav");
    assert_refused!(sandbox, [path(&recording), "--beam-size", "0"], @"
    error: invalid value '0' for '--beam-size <N>': it must be a whole number of at least 1

    For more information, try '--help'.
    exit 2
    ");
    assert_refused!(sandbox, [path(&recording), "--beam-size", "1000"], @"
    error: `beam_size` must be a whole number from 1 to 64, not `1000`
    exit 2
    ");
    assert_refused!(sandbox, [path(&recording), "--asr-option", "no_speech_threshold=2"], @"
    error: `no_speech_threshold` must be a number from 0 to 1, not `2`
    exit 2
    ");
    assert_refused!(sandbox, [path(&recording), "--compute-type", "int3"], @"
    error: `compute_type` must be one of `default`, `auto`, `int8`, `int8_float32`, `int8_float16`, `int8_bfloat16`, `int16`, `float16`, `bfloat16`, `float32`, not `int3`
    exit 2
    ");
    assert_refused!(sandbox, [path(&recording), "--task", "sing"], @"
    error: invalid value 'sing' for '--task <TASK>'
      [possible values: transcribe, translate]

    For more information, try '--help'.
    exit 2
    ");
    assert_refused!(sandbox, [path(&recording), "--language", "Englsh"], @"
    error: `language` must be a language such as `en`, `English` or `en-US`, not `Englsh`; did you mean `English` (`en`)?
    exit 2
    ");
    assert_refused!(sandbox, [path(&recording), "--language", "klingon"], @"
    error: `language` must be a language that the engine knows, not `Klingon`
    exit 2
    ");
}

#[test]
fn an_english_model_refuses_other_languages() {
    let sandbox = Sandbox::new();
    let recording = fixture("short.wav");
    for engine in ["ct2", "whisper-cpp"] {
        let run = |arguments: &[&str]| {
            let all = [
                "transcribe",
                path(&recording),
                "--asr-plugin",
                engine,
                "--model",
                "tiny.en",
            ];
            let run = sandbox.run(all.iter().chain(arguments));
            format!("{}exit {}", run.stderr, run.code)
        };
        insta::with_settings!({ filters => pairs(&filters(&sandbox)) }, {
            insta::assert_snapshot!(format!("{engine} language"), run(&["--language", "es"]));
            insta::assert_snapshot!(format!("{engine} task"), run(&["--task", "translate"]));
        });
    }
}

#[test]
fn unwritable_outputs_are_refused_before_work() {
    let sandbox = Sandbox::new();
    let recording = fixture("meeting.flac");
    let run = |arguments: &[&str]| {
        let all = [
            "transcribe",
            path(&recording),
            "--asr-plugin",
            "ct2",
            "--model",
            "tiny.en",
            "--progress",
            "json",
        ];
        let run = sandbox.run(all.iter().chain(arguments));
        let work = run.events().iter().filter(|event| event["type"] == "started").count();
        assert_eq!(work, 0, "work was done before the place was looked at");
        format!("{}exit {}", run.stderr, run.code)
    };
    let copy = sandbox.write("mine.flac", fs::read(&recording).unwrap());
    insta::with_settings!({ filters => pairs(&filters(&sandbox)) }, {
        insta::assert_snapshot!(run(&["-o", "."]), @"
        error: `.` is a folder; name a file with -o, or use --output-dir
        exit 1
        ");
        insta::assert_snapshot!(run(&["-o", "no/such/folder/x.txt"]), @"
        error: `no/such/folder/x.txt` cannot be written: No such file or directory (os error 2)
        exit 1
        ");
        insta::assert_snapshot!(run(&["-o", "x.txt", "--output-dir", "y"]), @"
        error: -o and --output-dir cannot be combined; use one of them
        exit 2
        ");
        insta::assert_snapshot!(run(&["-o", "x.txt", "-f", "txt", "-f", "srt"]), @"
        error: -o names one file for 2 formats; use --output-dir
        exit 2
        ");
        insta::assert_snapshot!(run(&["-o", "x.txt", path(&copy)]), @"
        error: -o names one file for 2 recordings; use --output-dir
        exit 2
        ");
        insta::assert_snapshot!(run(&["--output-dir", "mine.flac"]), @"
        error: `mine.flac` cannot be written: File exists (os error 17)
        exit 1
        ");
    });
}

/// Invalid models, each with the first bytes of a real one.
#[test]
fn invalid_models_are_refused() {
    let sandbox = Sandbox::new();
    let recording = fixture("short.wav");
    let pointer = format!(
        "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 123\n",
        "0123456789abcdef".repeat(4)
    );
    sandbox.write("pointer/model.bin", pointer);
    sandbox.write("translation/model.bin", translation_model());
    let english = fs::read(sandbox.models().join("ggml-tiny.en.bin")).unwrap();
    sandbox.write("ggml-header.bin", &english[..start_of_tensors(&english)]);
    let run = |engine: &str, model: &str| {
        let model = sandbox.work().join(model);
        let run = sandbox.run([
            "transcribe",
            path(&recording),
            "--asr-plugin",
            engine,
            "--model",
            path(&model),
        ]);
        assert_nothing_cached(&sandbox);
        format!("{}exit {}", run.stderr, run.code)
    };
    insta::with_settings!({ filters => pairs(&filters(&sandbox)) }, {
        insta::assert_snapshot!(run("ct2", "translation"), @"
        error: `[SANDBOX]/here/translation/model.bin` is a CTranslate2 model of the kind `TransformerSpec`, not Whisper: give a Whisper model
        exit 1
        ");
        insta::assert_snapshot!(run("ct2", "pointer"), @"
        error: `[SANDBOX]/here/pointer/model.bin` is a Git LFS pointer, not a model: run `git lfs pull` in that folder or download it again
        exit 1
        ");
        insta::assert_snapshot!(run("whisper-cpp", "ggml-header.bin"), @"
        error: the model `[SANDBOX]/here/ggml-header.bin` is a header without weights, as made for testing; fetch the whole file
        exit 1
        ");
        insta::assert_snapshot!(run("whisper-cpp", "pointer/model.bin"), @"
        error: the model `[SANDBOX]/here/pointer/model.bin` is a Git LFS pointer, not the file it stands for; fetch that with `git lfs pull`
        exit 1
        ");
        insta::assert_snapshot!(run("whisper-cpp", "pointer"), @"
        error: `[SANDBOX]/here/pointer` is a folder, and a model for `whisper-cpp` is one file, such as `ggml-NAME.bin`; give the file
        exit 1
        ");
    });
}

/// The beginning of a CTranslate2 model for translation: version, kind, revision, and no variables.
fn translation_model() -> Vec<u8> {
    let mut bytes = 6_u32.to_le_bytes().to_vec();
    let kind = b"TransformerSpec\0";
    bytes.extend(u16::try_from(kind.len()).unwrap().to_le_bytes());
    bytes.extend(kind);
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend([0; 64]);
    bytes
}

/// The end of the header of a ggml model: magic, 11 hyperparameters, filter bank, vocabulary.
fn start_of_tensors(ggml: &[u8]) -> usize {
    let number = |at: usize| u32::from_le_bytes(ggml[at..at + 4].try_into().unwrap()) as usize;
    let filter_bank = 12 * 4;
    let vocabulary = filter_bank + 8 + 4 * number(filter_bank) * number(filter_bank + 4);
    (0..number(vocabulary)).fold(vocabulary + 4, |at, _| at + 4 + number(at))
}

/// An answer that cannot be written is not lost with exit code 0.
#[test]
fn a_full_disk_behind_standard_output_is_an_error_of_every_command() {
    let sandbox = Sandbox::new();
    for words in [
        ["plugins", "list"],
        ["config", "show"],
        ["completions", "bash"],
        ["plugins", "--help"],
    ] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let output = sandbox.command().args(words).stdout(full).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{words:?}: {told}");
        assert_eq!(
            told, "error: standard output cannot be written: No space left on device (os error 28)\n",
            "{words:?}"
        );
    }
}
