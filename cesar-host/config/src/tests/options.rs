//! Options of plugins, and the meaning of values: paths, "not set", folders.

use std::path::{Path, PathBuf};

use cesar_base::GivenValue;
use serde_json::{Value, json};

use super::super::{ConfigError, Ffmpeg, Layers, Progress, Source};
use super::Home;

fn given(home: &Home, flags: &[&str]) -> Vec<(String, Value, String)> {
    let options = home.resolve(flags).unwrap().settings().asr.options;
    let row =
        |(name, given): (String, super::super::GivenOption)| (name, given.value.to_json(), given.source.to_string());
    options.into_iter().map(row).collect()
}

#[test]
fn options_are_resolved_entry_by_entry() {
    let home = Home::new()
        .with_file("[asr.options]\nbeam_size = 3\ntemperatures = [0.0, 0.2]\nsuppress = true")
        .with("CESAR_ASR_OPTIONS", "beam_size=4; patience=1.5;");
    let file = |line| format!("{} line {line}", home.file().display());
    assert_eq!(
        given(
            &home,
            &["--asr-option", "patience= 2", "--asr-option", "hotwords=a=b;c"]
        ),
        [
            ("beam_size".into(), json!("4"), "CESAR_ASR_OPTIONS".into()),
            ("hotwords".into(), json!("a=b;c"), "--asr-option".into()),
            ("patience".into(), json!(" 2"), "--asr-option".into()),
            ("suppress".into(), json!(true), file(4)),
            ("temperatures".into(), json!([0.0, 0.2]), file(3)),
        ]
    );
}

#[test]
fn short_settings_override_options_of_lower_layers() {
    let home = Home::new().with_file("asr.beam_size = 3\nasr.language = \"de\"\n[asr.options]\nthreads = 2");
    let flags = ["--asr-option", "beam_size=5", "--threads", "4", "--language", ""];
    let expected = [
        ("beam_size".into(), json!("5"), "--asr-option".into()),
        ("threads".into(), json!(4), "--threads".into()),
    ];
    assert_eq!(given(&home, &flags), expected, "and an empty language hides the file's");
}

#[test]
fn one_layer_cannot_set_an_option_twice() {
    let home = Home::new();
    assert_eq!(
        home.refusal(&["--beam-size", "3", "--asr-option", "beam_size=4"]),
        "`--beam-size` and `--asr-option` both set the plugin's option `beam_size`; keep one of them"
    );
    let home = home.with_file("asr.threads = 1\nasr.options.threads = 2");
    assert_eq!(
        home.refusal(&[]),
        "`asr.threads` in `HOME/.config/cesar/config.toml` line 1 and `asr.options.threads` in \
         `HOME/.config/cesar/config.toml` line 2 both set the plugin's option `threads`; keep one of them"
    );
}

#[test]
fn options_keep_their_given_type() {
    let home = Home::new().with_file("[asr.options]\na = 3\nb = \"3\"");
    let options = home.resolve(&["--asr-option", "c=3"]).unwrap().settings().asr.options;
    let value = |name: &str| options[name].value.clone();
    assert_eq!(value("a"), GivenValue::Typed(json!(3)));
    assert_eq!(value("b"), GivenValue::Typed(json!("3")));
    assert_eq!(value("c"), GivenValue::Text("3".into()));
}

#[test]
fn paths_in_the_file_are_relative_to_it() {
    let home = Home::new().with_file(
        "cache.dir = \"results\"\nmodels.dir = \"~/models\"\nplugins.dirs = [\"/p\", \"q\"]\nasr.model = \"./mine\"\n\
         audio.ffmpeg = \"ffmpeg7\"",
    );
    let settings = home.resolve(&[]).unwrap().settings();
    let folder = home.file().parent().unwrap().to_owned();
    assert_eq!(settings.cache.folder().unwrap(), Some(folder.join("results").as_path()));
    assert_eq!(settings.models.dir, Some(home.folder.path().join("models")));
    assert_eq!(settings.plugins.dirs, [PathBuf::from("/p"), folder.join("q")]);
    assert_eq!(
        settings.asr.options["model"].value.to_json(),
        json!(folder.join("mine"))
    );
    assert_eq!(settings.audio.ffmpeg, Ffmpeg::Program("ffmpeg7".into()));
}

#[test]
fn default_values() {
    let settings = Home::new().resolve(&[]).unwrap().settings();
    assert!(settings.asr.options.is_empty() && settings.asr.plugin.is_none() && settings.output.formats.is_empty());
    assert_eq!((settings.cache.enabled, settings.plugins.in_process), (true, false));
    assert_eq!(settings.audio.ffmpeg, Ffmpeg::Search);
    assert_eq!(
        settings.cache.dir,
        Some(settings.folders.home.unwrap().join(".cache/cesar"))
    );
}

#[test]
fn typed_values() {
    let home = Home::new()
        .with("CESAR_PROGRESS", "json")
        .with("CESAR_CACHE_ENABLED", "0")
        .with("CESAR_AUDIO_FFMPEG", "off");
    let settings = home.resolve(&["--in-process"]).unwrap().settings();
    assert_eq!(settings.log.progress, Some(Progress::Json));
    assert_eq!(settings.audio.ffmpeg, Ffmpeg::Off);
    assert_eq!(settings.cache.folder().unwrap(), None);
    assert!(settings.plugins.in_process);
}

#[test]
fn standard_folders_follow_xdg() {
    let home = Home::new()
        .with("XDG_CACHE_HOME", "/cache")
        .with("XDG_DATA_HOME", "relative/is/ignored");
    let settings = home.resolve(&[]).unwrap().settings();
    assert_eq!(settings.cache.dir.as_deref(), Some(Path::new("/cache/cesar")));
    assert_eq!(settings.folders.data, Some(home.folder.path().join(".local/share")));
}

#[test]
fn without_home_only_the_cache_folder_is_missing() {
    let nothing: [(String, String); 0] = [];
    let settings = Layers::load(None, nothing).unwrap().resolve().unwrap().settings();
    assert!(matches!(settings.cache.folder(), Err(ConfigError::NoCacheFolder)));
}

#[test]
fn the_file_is_named_by_flag_or_variable() {
    let home = Home::new().with_file("asr.plugin = \"standard\"");
    let named = |name: &str| {
        let path = home.folder.path().join(name);
        std::fs::write(&path, format!("asr.plugin = \"{name}\"")).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (by_flag, by_variable) = (named("by-flag"), named("by-variable"));
    let plugin = |home: &Home, flags: &[&str]| home.resolve(flags).unwrap().settings().asr.plugin.unwrap();
    assert_eq!(plugin(&home, &[]), "standard");
    let home = home.with("CESAR_CONFIG", &by_variable).with("CESAR_ASR_PLUGIN", "");
    assert_eq!(plugin(&home, &[]), "by-variable");
    assert_eq!(plugin(&home, &["--config", &by_flag]), "by-flag");
    let source = home.resolve(&[]).unwrap().get("asr.plugin").source.clone();
    assert_eq!(source, Source::File(by_variable.into(), 1));
}

#[test]
fn cache_limits_are_parsed() {
    let limits = |home: &Home| home.resolve(&[]).unwrap().settings().cache.limits;
    let standard = limits(&Home::new());
    assert_eq!(
        (
            standard.max_size,
            standard.min_free_disk,
            standard.lock_timeout_ms,
            standard.ttl_ms.len()
        ),
        (Some(10_000_000_000), 1_000_000_000, Some(7_200_000), 0)
    );
    let home = Home::new()
        .with_file("[cache]\nmax_size = \"off\"\nmin_free_disk = 0\n[cache.ttl]\nasr = \"30 d\"\nformat = \"1 h\"")
        .with("CESAR_CACHE_TTL", "format=off; acquire=12h")
        .with("CESAR_CACHE_LOCK_TIMEOUT", "off");
    let given = limits(&home);
    assert_eq!(
        (given.max_size, given.min_free_disk, given.lock_timeout_ms),
        (None, 0, None)
    );
    let ttl: Vec<_> = given.ttl_ms.iter().map(|(stage, ms)| (stage.as_str(), *ms)).collect();
    assert_eq!(ttl, [("acquire", 43_200_000), ("asr", 2_592_000_000)]);
}

#[test]
fn errors_in_limits() {
    let size = Home::new().with_file("cache.max_size = \"much\"").refusal(&[]);
    assert!(
        size.ends_with("must be a size such as `10 GB`, or `off`, not `\"much\"`"),
        "{size}"
    );
    let time = Home::new().with_file("[cache.ttl]\nasr = 30").refusal(&[]);
    assert!(
        time.contains("`cache.ttl.asr`") && time.contains("such as `30 d`"),
        "{time}"
    );
    let time = Home::new().with("CESAR_CACHE_TTL", "asr=soon").refusal(&[]);
    assert!(
        time.contains("`CESAR_CACHE_TTL`") && time.contains("`asr=soon`"),
        "{time}"
    );
}

/// Two switches of one setting: the last one given counts, and each hides the layers below.
#[test]
fn the_last_of_two_opposite_switches_wins() {
    let enabled = |home: &Home, flags: &[&str]| home.resolve(flags).unwrap().settings().diarize.enabled;
    let home = Home::new();
    assert_eq!(enabled(&home, &[]), None);
    assert_eq!(enabled(&home, &["--diarize"]), Some(true));
    assert_eq!(enabled(&home, &["--no-diarize"]), Some(false));
    assert_eq!(enabled(&home, &["--diarize", "--no-diarize"]), Some(false));
    assert_eq!(enabled(&home, &["--no-diarize", "--diarize"]), Some(true));
    let home = Home::new().with_file("[diarize]\nenabled = false\nmin_speakers = 2\n");
    assert_eq!(enabled(&home, &[]), Some(false));
    assert_eq!(enabled(&home, &["--diarize"]), Some(true));
    let settings = home
        .resolve(&["--max-speakers", "3", "--speaker-names", "Ann, Bo"])
        .unwrap()
        .settings();
    let given: Vec<_> = settings.diarize.stage.options.keys().map(String::as_str).collect();
    assert_eq!(given, ["max_speakers", "min_speakers"]);
    assert_eq!(settings.diarize.names, ["Ann", "Bo"]);
    let source = home
        .resolve(&["--no-diarize"])
        .unwrap()
        .get("diarize.enabled")
        .source
        .to_string();
    assert_eq!(source, "--no-diarize");
}
