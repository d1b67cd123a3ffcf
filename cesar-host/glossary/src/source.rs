//! Glossaries in files, and named ones.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cesar_base::{Records, read_file};

use super::Glossary;
use super::error::{GlossaryError, Origin};
use super::parse::MAX_BYTES;

/// The name that stands for no glossary, for overriding a setting.
pub const NONE: &str = "none";

/// Extension of the files of named glossaries.
const EXTENSION: &str = "txt";

/// The beginning of the names of their records.
const PREFIX: &str = "glossaries/";

/// Maximum characters of a name.
const MAX_NAME: usize = 64;

/// Whether a text names a file rather than a glossary of the folder: it has a `/` or a `.`.
#[must_use]
pub fn is_file(text: &str) -> bool {
    text.contains(['/', '.'])
}

fn is_name(text: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_');
    !text.is_empty() && text != NONE && text.chars().count() <= MAX_NAME && text.chars().all(is_part)
}

/// A text that is no name, for messages.
fn shown(text: &str) -> String {
    let letters = text.chars().filter(|letter| !letter.is_control());
    letters.take(MAX_NAME).collect()
}

/// The named glossaries: those that all servers of a database of jobs share, where there are such, before those of `glossaries` in the user's data
/// folder.
#[derive(Debug, Clone)]
pub struct Named {
    folder: Option<PathBuf>,
    shared: Option<Arc<dyn Records>>,
}

impl Named {
    /// Those in Cesar's data folder, where there is one.
    #[must_use]
    pub fn new(data: Option<&Path>) -> Self {
        Self {
            folder: data.map(|data| data.join("glossaries")),
            shared: None,
        }
    }

    /// The same with those in these records.
    #[must_use]
    pub fn shared_by_servers(self, records: Arc<dyn Records>) -> Self {
        Self {
            shared: Some(records),
            ..self
        }
    }

    /// The folder, where there is one.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// The records that servers share.
    #[must_use]
    pub fn records(&self) -> Option<&dyn Records> {
        self.shared.as_deref()
    }

    /// Their names, sorted.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub fn names(&self) -> Result<Vec<String>, GlossaryError> {
        let entries = self.folder.as_ref().and_then(|folder| folder.read_dir().ok());
        let files = entries.into_iter().flatten().flatten().map(|entry| entry.path());
        let mut names: BTreeSet<String> = files
            .filter(|file| file.extension().is_some_and(|extension| extension == EXTENSION))
            .filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned()))
            .collect();
        if let Some(records) = &self.shared {
            let shared = records.versions(PREFIX)?.into_iter();
            names.extend(shared.filter_map(|(name, _)| Some(name.strip_prefix(PREFIX)?.to_owned())));
        }
        Ok(names.into_iter().filter(|name| is_name(name)).collect())
    }

    /// The file of a glossary with this name, which need not exist. It is in the folder.
    ///
    /// # Errors
    /// When the text can be no name, or there is no folder.
    pub fn file(&self, name: &str) -> Result<PathBuf, GlossaryError> {
        let folder = self.folder.as_ref().filter(|_| is_name(name));
        folder
            .map(|folder| folder.join(format!("{name}.{EXTENSION}")))
            .ok_or_else(|| GlossaryError::Name { name: shown(name) })
    }

    /// The name of the record of a glossary, which need not exist.
    ///
    /// # Errors
    /// When the text can be no name.
    pub fn record(&self, name: &str) -> Result<String, GlossaryError> {
        match is_name(name) {
            true => Ok(format!("{PREFIX}{name}")),
            false => Err(GlossaryError::Name { name: shown(name) }),
        }
    }

    /// The text of the glossary of this name, if there is one: at most one byte more than the limit.
    ///
    /// # Errors
    /// When the text can be no name, or the glossary cannot be read.
    pub fn text(&self, name: &str) -> Result<Option<Vec<u8>>, GlossaryError> {
        if let Some(records) = &self.shared
            && let Some(record) = records.read(&self.record(name)?)?
        {
            return Ok(Some(record.text.into_bytes()));
        }
        match read(&self.file(name)?) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            text => text.map(Some).map_err(|source| GlossaryError::Unreadable {
                origin: Origin::Named(name.to_owned()).to_string(),
                source,
            }),
        }
    }

    /// The glossary of this name.
    ///
    /// # Errors
    /// When there is none, it cannot be read, or one of its lines is no rule.
    pub fn open(&self, name: &str) -> Result<Glossary, GlossaryError> {
        let text = match is_name(name) {
            true => self.text(name)?,
            false => None,
        };
        match text {
            Some(text) => Glossary::parse(&text, &Origin::Named(name.to_owned())),
            None => {
                let known = match self.names()? {
                    names if names.is_empty() => "there are none".to_owned(),
                    names => format!("there are `{}`", names.join("`, `")),
                };
                let name = shown(name);
                Err(GlossaryError::Unknown { name, known })
            }
        }
    }
}

impl Glossary {
    /// The glossary in a file; `shown` is its path for people.
    ///
    /// # Errors
    /// When it cannot be read or one of its lines is no rule.
    pub fn read_file(path: &Path, shown: &str) -> Result<Self, GlossaryError> {
        parsed(read(path), &Origin::File(shown.to_owned()))
    }
}

fn parsed(text: io::Result<Vec<u8>>, origin: &Origin) -> Result<Glossary, GlossaryError> {
    let text = text.map_err(|source| GlossaryError::Unreadable {
        origin: origin.to_string(),
        source,
    })?;
    Glossary::parse(&text, origin)
}

/// The bytes of a file, one more than the limit at most.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_file(path, MAX_BYTES as u64 + 1)
}

#[cfg(test)]
mod tests {
    use cesar_base::MemoryRecords;

    use super::*;

    #[test]
    fn named_glossaries_are_listed_and_opened() {
        let data = tempfile::tempdir().unwrap();
        let folder = Named::new(Some(data.path()));
        assert_eq!(folder.names().unwrap(), Vec::<String>::new());
        let unknown = |folder: &Named, name: &str| folder.open(name).unwrap_err().to_string();
        assert_eq!(unknown(&folder, "law"), "there is no glossary `law`; there are none");
        let path = data.path().join("glossaries");
        std::fs::create_dir(&path).unwrap();
        for name in ["medicine.txt", "law.txt", "notes.md", "a b.txt", "none.txt"] {
            std::fs::write(path.join(name), "iPhone").unwrap();
        }
        assert_eq!(folder.names().unwrap(), ["law", "medicine"]);
        assert_eq!(folder.open("law").unwrap().len(), 1);
        assert_eq!(
            unknown(&folder, "medic"),
            "there is no glossary `medic`; there are `law`, `medicine`"
        );
        std::fs::write(path.join("law.txt"), "a\n => b").unwrap();
        assert_eq!(
            unknown(&folder, "law"),
            "line 2 of the glossary `law` has nothing before `=>`"
        );
    }

    #[test]
    fn glossaries_that_servers_share_go_first() {
        let data = tempfile::tempdir().unwrap();
        std::fs::create_dir(data.path().join("glossaries")).unwrap();
        for name in ["law", "medicine"] {
            std::fs::write(data.path().join(format!("glossaries/{name}.txt")), "a => file").unwrap();
        }
        let records = Arc::new(MemoryRecords::default());
        let named = Named::new(Some(data.path())).shared_by_servers(records.clone());
        records
            .replace(&named.record("law").unwrap(), 0, "a => record\nb => c")
            .unwrap();
        records.replace(&named.record("music").unwrap(), 0, "a => b").unwrap();
        assert_eq!(named.names().unwrap(), ["law", "medicine", "music"]);
        let rules = ["law", "medicine", "music"].map(|name| named.open(name).unwrap().len());
        assert_eq!(rules, [2, 1, 1]);
        assert!(matches!(named.record("../law"), Err(GlossaryError::Name { .. })));
    }

    #[test]
    fn a_name_never_leaves_the_folder() {
        let data = tempfile::tempdir().unwrap();
        std::fs::create_dir(data.path().join("glossaries")).unwrap();
        std::fs::write(data.path().join("secret.txt"), "iPhone").unwrap();
        let folder = Named::new(Some(data.path()));
        for name in ["../secret", "/etc/passwd", "..", "", "a/b", "a\0b"] {
            assert!(
                matches!(folder.open(name), Err(GlossaryError::Unknown { .. })),
                "{name}"
            );
            assert!(matches!(folder.file(name), Err(GlossaryError::Name { .. })), "{name}");
        }
        let longest = "ü".repeat(MAX_NAME);
        assert_eq!(
            folder.file(&longest).unwrap().parent(),
            Some(&*data.path().join("glossaries"))
        );
        for name in [format!("{longest}x"), NONE.to_owned()] {
            assert!(matches!(folder.file(&name), Err(GlossaryError::Name { .. })), "{name}");
        }
        assert!(Named::new(None).file("law").is_err());
    }

    #[test]
    fn files_have_a_dot_or_a_slash() {
        assert!(is_file("terms.txt") && is_file("./terms") && is_file("/a/terms"));
        assert!(!is_file("terms"));
        let error = Glossary::read_file(Path::new("/nowhere/terms.txt"), "/nowhere/terms.txt").unwrap_err();
        assert!(
            error.to_string().starts_with("cannot read `/nowhere/terms.txt` ("),
            "{error}"
        );
    }

    #[test]
    fn devices_and_long_files_are_refused() {
        let error = Glossary::read_file(Path::new("/dev/zero"), "zero").unwrap_err();
        assert_eq!(error.to_string(), "cannot read `zero` (it is a device, not a file)");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long.txt");
        std::fs::write(&path, "#".repeat(MAX_BYTES + 1)).unwrap();
        let error = Glossary::read_file(&path, "long").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`long` has more than 1048576 bytes; split it or remove rules"
        );
    }
}
