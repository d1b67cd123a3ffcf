//! Words that hide the technical term, counted in the sources: `CONTRIBUTING.md` has the replacements.

use std::fs;
use std::path::{Path, PathBuf};

use crate::workspace;

/// For *the user, the caller, the worker, the client*; *again* or *from the start*; *is notified*; *continues* or *resumes*.
pub(crate) const EXCLUDED: [&str; 7] = ["whoever", "somebody", "nobody", "anybody", "anew", "is told", "goes on"];

/// Maximum occurrences in code: messages, help, and the texts that tests compare with.
const IN_CODE: usize = 0;
/// Maximum occurrences in comments.
const IN_COMMENTS: usize = 0;

/// Exempt places: frozen sources, and lists of these words.
const EXCEPT: [&str; 3] = ["tests/abi-1", "tests/src/language.rs", "tests/src/documentation.rs"];

/// The sources of the workspace: Rust, and the manifests with their help.
fn sources() -> Vec<PathBuf> {
    fn add(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("the folder is part of the repository") {
            let path = entry.expect("the folder can be read").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if EXCEPT.iter().any(|except| path == workspace().join(except)) || name == "target" || name.starts_with('.')
            {
                continue;
            }
            if path.is_dir() {
                add(&path, found);
            } else if name.ends_with(".rs") || name == "cesar-plugin.json" {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    add(&workspace(), &mut found);
    assert!(found.len() > 300, "only {} sources were found", found.len());
    found
}

/// The number of whole occurrences of a word, in any case; names in code do not count.
fn count(line: &str, word: &str) -> usize {
    let line = line.to_lowercase();
    let is_part = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    let is_whole =
        |at: usize| !is_part(line[..at].chars().next_back()) && !is_part(line[at + word.len()..].chars().next());
    line.match_indices(word).filter(|(at, _)| is_whole(*at)).count()
}

/// The places of excluded words in comments, or in all other lines.
fn places(in_comments: bool) -> Vec<String> {
    let mut places = Vec::new();
    for path in sources() {
        let text = fs::read_to_string(&path).expect("a source is UTF-8");
        let shown = path.strip_prefix(workspace()).unwrap_or(&path).display().to_string();
        for (number, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("//") != in_comments {
                continue;
            }
            for word in EXCLUDED {
                let place = format!("{shown}:{}: `{word}`", number + 1);
                places.extend(std::iter::repeat_n(place, count(line, word)));
            }
        }
    }
    places
}

fn assert_at_most(most: usize, places: &[String]) {
    assert!(
        places.len() <= most,
        "{} excluded words, at most {most} are allowed; write the technical term:\n{}",
        places.len(),
        places.join("\n")
    );
}

#[test]
fn messages_use_technical_terms() {
    assert_at_most(IN_CODE, &places(false));
}

#[test]
fn comments_use_technical_terms() {
    assert_at_most(IN_COMMENTS, &places(true));
}

#[test]
fn excluded_words_are_found_as_whole_words() {
    assert_eq!(count("It goes on, it_goes on, and Goes on.", "goes on"), 2);
    assert_eq!(count("it goes on_time", "goes on"), 0);
    assert_eq!(count("it goes onto the disk", "goes on"), 0);
}
