//! A configuration file with every setting, commented out.

use std::fmt::Write as _;

use super::setting::{Fallback, Kind, Setting};
use super::table::SETTINGS;

/// The text of the file: each setting with its meaning and its default.
#[must_use]
pub fn template() -> String {
    let mut text = String::from(
        "# Configuration of Cesar. To change a setting, remove the `#` before its name. `cesar config show` prints what is in effect.\n",
    );
    let mut sections: Vec<&str> = Vec::new();
    for setting in SETTINGS {
        if !sections.contains(&setting.section()) {
            sections.push(setting.section());
        }
    }
    for section in sections {
        write!(text, "\n[{section}]\n").expect("writing to a `String` cannot fail");
        for setting in SETTINGS.iter().filter(|setting| setting.section() == section) {
            text.push_str(&entry(setting));
        }
    }
    text
}

fn entry(setting: &Setting) -> String {
    let default = match setting.fallback {
        Fallback::Unset(words) => format!("# Default: {words}.\n"),
        _ => String::new(),
    };
    format!("# {}\n{default}#{} = {}\n", setting.doc, setting.name(), value(setting))
}

/// The default as TOML; an example where there is none.
fn value(setting: &Setting) -> String {
    match setting.fallback {
        Fallback::Boolean(value) => value.to_string(),
        Fallback::Integer(number) => number.to_string(),
        Fallback::Text(text) => format!("{text:?}"),
        Fallback::InCacheFolder(name) => format!("{:?}", format!("~/.cache/{name}")),
        Fallback::Empty | Fallback::Unset(_) => example(setting.kind),
    }
}

fn example(kind: Kind) -> String {
    match kind {
        Kind::Text | Kind::Secret | Kind::NameOrPath => "\"\"".to_owned(),
        Kind::Path => "\"~/folder\"".to_owned(),
        Kind::Paths | Kind::Texts => "[]".to_owned(),
        Kind::Options | Kind::Durations => "{}".to_owned(),
        Kind::Integer { minimum, .. } => minimum.to_string(),
        Kind::Boolean => "true".to_owned(),
        Kind::Choice(choices) => format!("{:?}", choices.first().copied().unwrap_or_default()),
        Kind::Size => "\"10 GB\"".to_owned(),
        Kind::Duration => "\"30 d\"".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::path::Path;

    use super::*;
    use crate::{Layers, Resolved};

    fn resolved(folder: &Path, file: &str) -> Resolved {
        let path = folder.join("config.toml");
        std::fs::write(&path, file).unwrap();
        let home = [(OsString::from("HOME"), folder.as_os_str().to_owned())];
        Layers::load(Some(&path), home).unwrap().resolve().unwrap()
    }

    #[test]
    fn the_file_changes_nothing_until_a_setting_is_uncommented() {
        let folder = tempfile::tempdir().unwrap();
        let defaults = resolved(folder.path(), "").show();
        assert_eq!(resolved(folder.path(), &template()).show(), defaults);
    }

    #[test]
    fn every_default_is_what_the_file_says() {
        let folder = tempfile::tempdir().unwrap();
        let defaults = resolved(folder.path(), "");
        for setting in SETTINGS {
            assert!(template().contains(&format!("\n#{}", line(setting))), "{}", setting.key);
            let file = format!("[{}]\n{}", setting.section(), line(setting));
            let changed = resolved(folder.path(), &file);
            let is_value = !matches!(setting.fallback, Fallback::Unset(_));
            // A short form is an option of a plugin, if only an empty one.
            if is_value && setting.option_of.is_none() {
                assert_eq!(
                    format!("{:?}", changed.settings()),
                    format!("{:?}", defaults.settings()),
                    "{}",
                    setting.key
                );
            }
        }
    }

    fn line(setting: &Setting) -> String {
        format!("{} = {}\n", setting.name(), value(setting))
    }
}
