//! Glossaries in files and in the user's folder of named ones.

use std::io;
use std::path::{Path, PathBuf};

use cesar_base::read_file;

use super::Glossary;
use super::error::{GlossaryError, Origin};
use super::parse::MAX_BYTES;

/// The name that stands for no glossary, for overriding a setting.
pub const NONE: &str = "none";

/// Extension of the files of named glossaries.
const EXTENSION: &str = "txt";

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

/// The folder of named glossaries, `glossaries` in the user's data folder.
#[derive(Debug, Clone)]
pub struct Folder(Option<PathBuf>);

impl Folder {
    /// The folder in Cesar's data folder, where there is one.
    #[must_use]
    pub fn new(data: Option<&Path>) -> Self {
        Self(data.map(|data| data.join("glossaries")))
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.0.as_deref()
    }

    /// The names of the glossaries, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let entries = self.0.as_ref().and_then(|folder| folder.read_dir().ok());
        let files = entries.into_iter().flatten().flatten().map(|entry| entry.path());
        let mut names: Vec<String> = files
            .filter(|file| file.extension().is_some_and(|extension| extension == EXTENSION))
            .filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned()))
            .filter(|name| is_name(name))
            .collect();
        names.sort();
        names
    }

    /// The file of a glossary with this name, which need not exist. It is in the folder.
    ///
    /// # Errors
    /// When the text can be no name, or there is no folder.
    pub fn file(&self, name: &str) -> Result<PathBuf, GlossaryError> {
        let folder = self.0.as_ref().filter(|_| is_name(name));
        folder
            .map(|folder| folder.join(format!("{name}.{EXTENSION}")))
            .ok_or_else(|| GlossaryError::Name { name: shown(name) })
    }

    /// The glossary of this name.
    ///
    /// # Errors
    /// When there is none, it cannot be read, or one of its lines is no rule.
    pub fn open(&self, name: &str) -> Result<Glossary, GlossaryError> {
        let unknown = || {
            let known = match self.names() {
                names if names.is_empty() => "there are none".to_owned(),
                names => format!("there are `{}`", names.join("`, `")),
            };
            let name = shown(name);
            GlossaryError::Unknown { name, known }
        };
        let file = self.file(name).map_err(|_| unknown())?;
        match read(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(unknown()),
            text => parsed(text, &Origin::Named(name.to_owned())),
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
    use super::*;

    #[test]
    fn named_glossaries_are_listed_and_opened() {
        let data = tempfile::tempdir().unwrap();
        let folder = Folder::new(Some(data.path()));
        assert_eq!(folder.names(), Vec::<String>::new());
        let unknown = |folder: &Folder, name: &str| folder.open(name).unwrap_err().to_string();
        assert_eq!(unknown(&folder, "law"), "there is no glossary `law`; there are none");
        let path = folder.path().unwrap().to_owned();
        std::fs::create_dir(&path).unwrap();
        for name in ["medicine.txt", "law.txt", "notes.md", "a b.txt", "none.txt"] {
            std::fs::write(path.join(name), "iPhone").unwrap();
        }
        assert_eq!(folder.names(), ["law", "medicine"]);
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
    fn a_name_never_leaves_the_folder() {
        let data = tempfile::tempdir().unwrap();
        std::fs::create_dir(data.path().join("glossaries")).unwrap();
        std::fs::write(data.path().join("secret.txt"), "iPhone").unwrap();
        let folder = Folder::new(Some(data.path()));
        for name in ["../secret", "/etc/passwd", "..", "", "a/b", "a\0b"] {
            assert!(
                matches!(folder.open(name), Err(GlossaryError::Unknown { .. })),
                "{name}"
            );
            assert!(matches!(folder.file(name), Err(GlossaryError::Name { .. })), "{name}");
        }
        let longest = "ü".repeat(MAX_NAME);
        assert_eq!(folder.file(&longest).unwrap().parent(), folder.path());
        for name in [format!("{longest}x"), NONE.to_owned()] {
            assert!(matches!(folder.file(&name), Err(GlossaryError::Name { .. })), "{name}");
        }
        assert!(Folder::new(None).file("law").is_err());
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
