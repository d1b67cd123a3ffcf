//! `cesar plugins new NAME`: a crate for a plugin that builds and passes its test.
//!
//! The files are templates in `template/`, with `{{name}}`, `{{crate}}`, `{{type}}` and `{{api}}` to be filled in. The stage's own
//! part is one file per stage; a stage in C replaces it by a C file and a Rust file of one line.

use std::fs;
use std::path::{Path, PathBuf};

use cesar_base::names::lossless;
use clap::ValueHint;
use serde_json::json;

use crate::cli::args::JsonFlag;
use crate::cli::report::{Exit, Failure, print, print_json};

/// A file of the new crate and its template.
type File = (&'static str, &'static str);

/// Files of every crate.
const COMMON: &[File] = &[
    (".github/workflows/ci.yml", include_str!("template/ci.yml")),
    (".gitignore", "/target\n"),
    ("README.md", include_str!("template/README.md")),
];

/// The files of each stage.
fn files_of(stage: &str, language: &str) -> Vec<File> {
    let (source, manifest, test) = match (stage, language) {
        ("asr", "c") => (
            include_str!("template/c.rs"),
            include_str!("template/asr.json"),
            include_str!("template/c_test.rs"),
        ),
        ("asr", _) => (
            include_str!("template/asr.rs"),
            include_str!("template/asr.json"),
            include_str!("template/asr_test.rs"),
        ),
        ("diarize", _) => (
            include_str!("template/diarize.rs"),
            include_str!("template/diarize.json"),
            include_str!("template/diarize_test.rs"),
        ),
        ("download", _) => (
            include_str!("template/download.rs"),
            include_str!("template/download.json"),
            include_str!("template/download_test.rs"),
        ),
        _ => (
            include_str!("template/format.rs"),
            include_str!("template/format.json"),
            include_str!("template/format_test.rs"),
        ),
    };
    let mut files = vec![
        ("src/lib.rs", source),
        ("src/cesar-plugin.json", manifest),
        ("src/tests.rs", test),
    ];
    if language == "c" {
        files.extend([
            ("Cargo.toml", include_str!("template/c_Cargo.toml")),
            ("build.rs", include_str!("template/c_build.rs")),
            ("src/stage.c", include_str!("template/stage.c")),
            // The same file as plugin-api's, so that the crate has everything that its C needs.
            (
                "src/cesar_plugin.h",
                include_str!("../../../../plugin-api/include/cesar_plugin.h"),
            ),
        ]);
    } else {
        files.push(("Cargo.toml", include_str!("template/Cargo.toml")));
    }
    files.extend_from_slice(COMMON);
    files
}

/// The command's arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Plugin id: lower-case letters, digits and hyphens
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
    /// Stage of the plugin
    #[arg(long, value_parser = ["asr", "diarize", "download", "format"])]
    stage: String,
    /// Language of the source; C only for asr
    #[arg(long, value_parser = ["rust", "c"], default_value = "rust")]
    language: String,
    /// Folder of the plugin-api crate to use instead of the published one
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    plugin_api: Option<PathBuf>,
    /// Folder of the new crate (default: NAME)
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    dir: Option<PathBuf>,
    #[command(flatten)]
    json: JsonFlag,
}

fn name(text: &str) -> Result<String, String> {
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    let begins_well = text.starts_with(|letter: char| letter.is_ascii_lowercase());
    if !begins_well || text.ends_with('-') || !text.chars().all(fits) {
        return Err("use lower-case letters, digits and hyphens, and begin with a letter".to_owned());
    }
    if TAKEN.contains(&text) {
        return Err(format!("`{text}` is reserved in Rust; choose another name"));
    }
    Ok(text.to_owned())
}

/// Names that a crate with plugin-api as a dependency cannot have: keywords and crates.
const TAKEN: &[&str] = &[
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "plugin-api",
    "priv",
    "proc-macro",
    "pub",
    "ref",
    "return",
    "self",
    "serde",
    "serde-json",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
];

/// `cesar plugins new`.
pub(super) fn run(args: &Args) -> Result<Exit, Failure> {
    let (name, stage, language) = (&args.name, &args.stage, &args.language);
    if language == "c" && stage != "asr" {
        return Err(Failure::usage(
            "`--language c` supports only `--stage asr`; use Rust for other stages",
        ));
    }
    let folder = args.dir.clone().unwrap_or_else(|| PathBuf::from(name));
    let api = match &args.plugin_api {
        Some(path) => api_at(path)?,
        None => format!("version = \"{}\"", major()),
    };
    let files = files_of(stage, language);
    let filled = Filled::new(name, &api, &files);
    write_all(&folder, &files, &filled)?;
    if args.json.json {
        let names: Vec<_> = files.iter().map(|(path, _)| path).collect();
        print_json(
            &json!({ "id": name, "stage": stage, "language": language, "path": lossless(&folder), "files": names }),
        );
    } else {
        print(&format!(
            "created `{}`. In it, `cargo test` runs its test, `cargo build --release` builds\n\
             `target/release/lib{}.so`, and `cesar plugins check` takes that file.\n",
            folder.display(),
            filled.crate_name()
        ));
    }
    Ok(Exit::Done)
}

/// The published version that fits this program.
fn major() -> &'static str {
    env!("CARGO_PKG_VERSION").split('.').next().unwrap_or_default()
}

fn api_at(path: &Path) -> Result<String, Failure> {
    let found = path
        .canonicalize()
        .ok()
        .filter(|path| path.join("Cargo.toml").is_file());
    let found = found.ok_or_else(|| Failure::usage(format!("no crate in `{}`", path.display())))?;
    // TOML and JSON write paths alike.
    Ok(format!("path = {}", json!(found)))
}

/// Values for the templates.
struct Filled<'a> {
    name: &'a str,
    api: &'a str,
    type_name: String,
}

impl<'a> Filled<'a> {
    /// The name as a Rust type's: `my-asr` is `MyAsr`; `audio` is `AudioStage`, as the files have an `Audio` already.
    fn new(name: &'a str, api: &'a str, files: &[File]) -> Self {
        let parts = name.split('-').filter_map(|part| {
            let mut letters = part.chars();
            letters
                .next()
                .map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
        });
        let mut type_name: String = parts.collect();
        let mut words = files
            .iter()
            .flat_map(|(_, text)| text.split(|letter: char| !letter.is_alphanumeric() && letter != '_'));
        if words.any(|word| word == type_name) {
            type_name.push_str("Stage");
        }
        Self { name, api, type_name }
    }

    fn crate_name(&self) -> String {
        self.name.replace('-', "_")
    }

    fn fill(&self, template: &str) -> String {
        template
            .replace("{{name}}", self.name)
            .replace("{{crate}}", &self.crate_name())
            .replace("{{type}}", &self.type_name)
            .replace("{{api}}", self.api)
    }
}

fn write_all(folder: &Path, files: &[File], filled: &Filled<'_>) -> Result<(), Failure> {
    if folder.exists() {
        return Err(Failure::usage(format!(
            "`{}` already exists; choose another name, or a folder with --dir",
            folder.display()
        )));
    }
    for (path, template) in files {
        let path = folder.join(path);
        let write = || -> std::io::Result<()> {
            fs::create_dir_all(path.parent().unwrap_or(folder))?;
            fs::write(&path, filled.fill(template))
        };
        write().map_err(|error| Failure::failed(format!("`{}` cannot be written: {error}", path.display())))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_valid_crates_and_types() {
        for good in ["my-asr", "a", "whisper2"] {
            assert_eq!(name(good), Ok(good.to_owned()));
        }
        for bad in ["", "My", "2a", "a_b", "a-", "-a", "a/b"] {
            assert!(name(bad).is_err(), "{bad}");
        }
        for taken in ["self", "fn", "serde", "plugin-api"] {
            assert!(name(taken).unwrap_err().contains("choose another name"), "{taken}");
        }
        let files = files_of("asr", "rust");
        for (name, crate_name, type_name) in [
            ("my-asr", "my_asr", "MyAsr"),
            ("audio", "audio", "AudioStage"),
            ("stage", "stage", "StageStage"),
        ] {
            let filled = Filled::new(name, "", &files);
            assert_eq!(
                (filled.crate_name().as_str(), filled.type_name.as_str()),
                (crate_name, type_name)
            );
        }
    }

    #[test]
    fn templates_are_filled_completely() {
        for stage in ["asr", "diarize", "download", "format"] {
            for language in ["rust", "c"] {
                let files = files_of(stage, language);
                let filled = Filled::new("my-asr", "version = \"1\"", &files);
                for (path, template) in &files {
                    let text = filled.fill(template);
                    assert!(
                        !text.contains("{{name") && !text.contains("{{crate") && !text.contains("{{api"),
                        "{path}"
                    );
                }
            }
        }
    }
}
