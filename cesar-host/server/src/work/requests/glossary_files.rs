//! Changes of the named glossaries, which the command line and editors use too.
//!
//! A text is checked before it is stored, and a file is replaced as a whole: a job that begins meanwhile reads the old text or the new one.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use axum::http::StatusCode;
use cesar_base::{Digest, change_record};
use cesar_pipeline::{Glossaries, GlossaryError, NamedGlossary, PipelineError};

use crate::refusal::{Code, Refusal};
use crate::work::requests::glossary;

/// Maximum number of named glossaries that clients can make.
const MOST_GLOSSARIES: usize = 1_000;

/// The text of a glossary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GlossaryText {
    pub(crate) text: String,
    /// The number of rules, or the first defect.
    pub(crate) rules: Result<usize, String>,
}

impl GlossaryText {
    /// Bytes that are no UTF-8 are a defect, and are replaced in the text.
    fn new(name: &str, bytes: Vec<u8>) -> Self {
        let rules = NamedGlossary::of_text(name, &bytes);
        let rules = rules
            .map(|glossary| glossary.rules().len())
            .map_err(|error| error.to_string());
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Self { text, rules }
    }

    /// The value of `ETag`.
    pub(crate) fn tag(&self) -> String {
        format!("\"{}\"", Digest::of(self.text.as_bytes()))
    }
}

/// The names of all glossaries, sorted.
pub(crate) fn names(glossaries: &Glossaries) -> Result<Vec<String>, Refusal> {
    glossaries.all().names().map_err(refusal)
}

/// The glossary of this name, if there is one.
pub(crate) fn read(glossaries: &Glossaries, name: &str) -> Result<Option<GlossaryText>, Refusal> {
    let bytes = glossaries.all().text(name).map_err(refusal)?;
    Ok(bytes.map(|bytes| GlossaryText::new(name, bytes)))
}

/// Stores a text under a name, and returns whether the name is new. `expected` is the tag of the text that it replaces.
pub(crate) fn store(
    glossaries: &Glossaries,
    name: &str,
    text: String,
    expected: Option<&str>,
) -> Result<(GlossaryText, bool), Refusal> {
    change(glossaries, name, |before| {
        let tag = before.map(GlossaryText::tag);
        if expected.is_some_and(|expected| tag.as_deref() != Some(expected)) {
            let text = format!("the glossary `{name}` was changed since it was read; read it again");
            return Err(Refusal::new(StatusCode::CONFLICT, Code::GlossaryChanged, text));
        }
        Ok(Some(text.clone()))
    })
}

/// Adds a rule at the end, unless the glossary has that line, and returns whether the name is new.
pub(crate) fn add_rule(
    glossaries: &Glossaries,
    name: &str,
    wrong: &str,
    right: &str,
) -> Result<(GlossaryText, bool), Refusal> {
    let line = rule(wrong, right)?;
    change(glossaries, name, |before| {
        let mut text = before.map(|before| before.text.clone()).unwrap_or_default();
        if text.lines().any(|known| known.trim() == line) {
            return Ok(None);
        }
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&line);
        text.push('\n');
        Ok(Some(text))
    })
}

/// The line of a rule with words. A text that would make another line of it is refused.
fn rule(wrong: &str, right: &str) -> Result<String, Refusal> {
    let (wrong, right) = (wrong.trim(), right.trim());
    for (field, text) in [("wrong", wrong), ("right", right)] {
        if text.is_empty() || text.contains("=>") || text.chars().any(char::is_control) {
            let shown = text.replace(char::is_control, " ");
            return Err(Refusal::value(field, "one line without `=>`", &shown));
        }
    }
    if wrong.starts_with(['/', '#']) {
        return Err(Refusal::value("wrong", "words; it cannot begin with `/` or `#`", wrong));
    }
    let line = format!("{wrong} => {right}");
    let checked = NamedGlossary::of_request(&line).map_err(PipelineError::from);
    checked.map_err(|error| glossary::refusal(&error))?;
    Ok(line)
}

/// Replaces a text by what `change` makes of it, while no other server changes the glossary.
fn change(
    glossaries: &Glossaries,
    name: &str,
    mut change: impl FnMut(Option<&GlossaryText>) -> Result<Option<String>, Refusal>,
) -> Result<(GlossaryText, bool), Refusal> {
    // The new text, if it is another one.
    let mut changed = |before: Option<&GlossaryText>| {
        if before.is_none() && names(glossaries)?.len() >= MOST_GLOSSARIES {
            let text = format!("there are {MOST_GLOSSARIES} glossaries already; change one of them");
            return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, Code::TooLarge, text));
        }
        let text = change(before)?;
        if let Some(text) = &text {
            let checked = NamedGlossary::of_text(name, text.as_bytes()).map_err(PipelineError::from);
            checked.map_err(|error| glossary::refusal(&error))?;
        }
        Ok(text)
    };
    let (before, text) = match glossaries.all().records() {
        Some(records) => {
            let record = glossaries.all().record(name).map_err(refusal)?;
            change_record(records, &record, |_| {
                // One of the folder is the beginning of that which servers share.
                let before = read(glossaries, name)?;
                let text = changed(before.as_ref())?;
                Ok::<_, Refusal>((text.clone(), (before, text)))
            })?
        }
        None => {
            let path = glossaries.all().file(name).map_err(refusal)?;
            let failed = |error: io::Error| Refusal::internal(&error);
            let folder = path.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(folder).map_err(failed)?;
            let _lock = lock(folder).map_err(failed)?;
            let before = read(glossaries, name)?;
            let text = changed(before.as_ref())?;
            if let Some(text) = &text {
                write(&path, text.as_bytes()).map_err(failed)?;
            }
            (before, text)
        }
    };
    let is_new = before.is_none();
    let Some(text) = text else {
        let unchanged = before.unwrap_or_else(|| GlossaryText::new(name, Vec::new()));
        return Ok((unchanged, false));
    };
    tracing::info!(glossary = name, "glossary stored");
    Ok((GlossaryText::new(name, text.into_bytes()), is_new))
}

fn refusal(error: GlossaryError) -> Refusal {
    match error {
        GlossaryError::Name { .. } => Refusal::bad(Code::UnsupportedValue, error.to_string()).param("name"),
        GlossaryError::Shared(error) => error.into(),
        other => Refusal::internal(&other),
    }
}

fn lock(folder: &Path) -> io::Result<File> {
    let file = File::create(folder.join(".lock"))?;
    file.lock()?;
    Ok(file)
}

/// Replaces a file. A link to a file stays one, and the file keeps its permissions.
fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let kept = fs::metadata(&path).ok().map(|metadata| metadata.permissions());
    cesar_base::replace_durably(&path, text, 0o600)?;
    kept.map_or(Ok(()), |permissions| fs::set_permissions(&path, permissions))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    struct Data {
        folder: tempfile::TempDir,
        glossaries: Glossaries,
    }

    impl Data {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let glossaries = Glossaries::new(Some(folder.path()), None, false);
            Self { folder, glossaries }
        }

        fn file(&self, name: &str) -> PathBuf {
            self.folder.path().join("glossaries").join(name)
        }

        fn store(&self, text: &str, expected: Option<&str>) -> Result<bool, Code> {
            let stored = store(&self.glossaries, "law", text.to_owned(), expected);
            stored.map(|(_, is_new)| is_new).map_err(|refusal| refusal.code)
        }

        fn add(&self, wrong: &str, right: &str) -> Result<usize, Code> {
            let added = add_rule(&self.glossaries, "law", wrong, right);
            added
                .map(|(glossary, _)| glossary.rules.unwrap())
                .map_err(|refusal| refusal.code)
        }

        fn text(&self) -> String {
            fs::read_to_string(self.file("law.txt")).unwrap_or_default()
        }
    }

    #[test]
    fn a_text_is_checked_before_it_is_stored() {
        let data = Data::new();
        assert_eq!(read(&data.glossaries, "law"), Ok(None));
        assert_eq!(data.store("a => b\n", None), Ok(true));
        assert_eq!(data.store("iPhone", None), Ok(false));
        assert_eq!(data.store("a => b\n => c", None), Err(Code::InvalidGlossary));
        assert_eq!(data.store(&"x".repeat(2 << 20), None), Err(Code::InvalidGlossary));
        assert_eq!(data.text(), "iPhone");
        let left: Vec<_> = fs::read_dir(data.file("")).unwrap().flatten().collect();
        assert_eq!(left.len(), 2, "the glossary and the lock: {left:?}");
        for name in ["", "..", "../law", "a/b", "none", "a.txt"] {
            let stored = store(&data.glossaries, name, "iPhone".to_owned(), None);
            assert_eq!(stored.unwrap_err().param.as_deref(), Some("name"), "{name}");
            assert!(read(&data.glossaries, name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_text_that_another_client_changed_is_not_replaced() {
        let data = Data::new();
        assert_eq!(data.store("a => b", Some("\"x\"")), Err(Code::GlossaryChanged));
        data.store("a => b", None).unwrap();
        let tag = read(&data.glossaries, "law").unwrap().unwrap().tag();
        assert_eq!(data.store("a => c", Some(&tag)), Ok(false));
        assert_eq!(data.store("a => d", Some(&tag)), Err(Code::GlossaryChanged));
        assert_eq!(data.text(), "a => c");
    }

    #[test]
    fn rules_are_added_once() {
        let data = Data::new();
        assert_eq!(data.add("cuber netties", "Kubernetes"), Ok(1));
        assert_eq!(data.add(" cuber netties ", "Kubernetes"), Ok(1));
        assert_eq!(data.add("cuber netties", "Cubernetes"), Err(Code::InvalidGlossary));
        fs::write(data.file("law.txt"), "# mine\na => b").unwrap();
        assert_eq!(data.add("c", "C#"), Ok(2));
        assert_eq!(data.text(), "# mine\na => b\nc => C#\n");
        for (wrong, right) in [
            ("", "b"),
            ("x", " "),
            ("x\ny", "b"),
            ("x => y", "b"),
            ("#x", "b"),
            ("/x/", "b"),
        ] {
            assert_eq!(data.add(wrong, right), Err(Code::UnsupportedValue), "{wrong}");
        }
        assert_eq!(data.add("...", "b"), Err(Code::InvalidGlossary), "nothing to find");
        assert_eq!(data.text(), "# mine\na => b\nc => C#\n");
    }

    #[test]
    fn a_broken_glossary_is_shown_with_its_defect() {
        let data = Data::new();
        fs::create_dir(data.file("")).unwrap();
        fs::write(data.file("law.txt"), "a\n => b").unwrap();
        let glossary = read(&data.glossaries, "law").unwrap().unwrap();
        assert_eq!(glossary.text, "a\n => b");
        assert!(glossary.rules.unwrap_err().starts_with("line 2 "));
        assert_eq!(
            data.add("c", "d"),
            Err(Code::InvalidGlossary),
            "it would hide the defect"
        );
        assert_eq!(data.store("a", None), Ok(false), "it can be mended");
    }

    #[test]
    fn a_link_and_permissions_stay() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let data = Data::new();
        let target = data.folder.path().join("mine.txt");
        fs::write(&target, "a").unwrap();
        fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
        fs::create_dir(data.file("")).unwrap();
        symlink(&target, data.file("law.txt")).unwrap();
        assert_eq!(data.add("b", "c"), Ok(2));
        assert!(data.file("law.txt").is_symlink());
        assert_eq!(fs::read_to_string(&target).unwrap(), "a\nb => c\n");
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o640);
    }
}
