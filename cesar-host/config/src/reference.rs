//! The reference of all settings, for the documentation.

use std::fmt::Write as _;

use super::setting::{Fallback, Kind, Setting};
use super::table::SETTINGS;

/// A Markdown table of all settings: key, flag, variable, kind, default, meaning.
#[must_use]
pub fn reference_markdown() -> String {
    let mut text = String::from(
        "| key in `config.toml` | flag | variable | value | default | meaning |\n|---|---|---|---|---|---|\n",
    );
    for setting in SETTINGS {
        let cells = [
            format!("`{}`", setting.key),
            flag(setting),
            format!("`{}`", setting.variable()),
            value(setting.kind),
            default(setting.fallback),
            setting.doc.to_owned(),
        ];
        let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
        writeln!(text, "| {} |", cells.join(" | ")).expect("writing to a `String` cannot fail");
    }
    text
}

fn flag(setting: &Setting) -> String {
    let Some(flag) = setting.flag else {
        return "–".into();
    };
    let short = flag.short.map(|letter| format!("`-{letter}`, ")).unwrap_or_default();
    let opposite = flag
        .opposite
        .map(|(long, _)| format!(", `--{long}`"))
        .unwrap_or_default();
    let long = format!("--{} {}", flag.long, flag.value_name);
    format!("{short}`{}`{opposite}", long.trim_end())
}

fn value(kind: Kind) -> String {
    match kind {
        Kind::Options => "a table; in the variable `name=value;…`".into(),
        Kind::Durations => "a table of durations such as `30 d`; in the variable `name=duration;…`".into(),
        Kind::Paths => "a list of paths; in the variable separated by `:`".into(),
        Kind::Texts => "a list of texts; in the variable and the flag separated by `,`".into(),
        kind => kind.wanted(),
    }
}

fn default(fallback: Fallback) -> String {
    match fallback {
        Fallback::Unset(words) => words.to_owned(),
        Fallback::Boolean(value) => format!("`{value}`"),
        Fallback::Integer(number) => format!("`{number}`"),
        Fallback::Text(text) => format!("`{text}`"),
        Fallback::Empty => "none".into(),
        Fallback::InCacheFolder(name) => format!("`$XDG_CACHE_HOME/{name}`, else `~/.cache/{name}`"),
    }
}
