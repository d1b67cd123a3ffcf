//! Words that hide the technical term, counted in the sources (`CONTRIBUTING.md` has the replacements), and texts that begin with a clause.

use std::fs;
use std::path::{Path, PathBuf};

use crate::workspace;

/// For *the user, the caller, the worker, the client*; *again* or *from the start*; *is notified*; *continues* or *resumes*.
pub(crate) const EXCLUDED: [&str; 7] = ["whoever", "somebody", "nobody", "anybody", "anew", "is told", "goes on"];

/// First words of a clause in the place of a noun or verb.
const CLAUSES: [&str; 9] = ["What", "How", "Who", "Whom", "Whose", "Where", "When", "Why", "Which"];

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

fn begins_with_clause(text: &str) -> bool {
    text.split_whitespace()
        .next()
        .is_some_and(|word| CLAUSES.contains(&word))
}

/// The number and text of the first line of each module doc.
fn module_docs(source: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_inside = false;
    source.lines().enumerate().filter_map(move |(number, line)| {
        let doc = line.trim_start().strip_prefix("//!");
        let is_first = doc.is_some() && !is_inside;
        is_inside = doc.is_some();
        doc.filter(|_| is_first).map(|doc| (number + 1, doc))
    })
}

/// The texts of a manifest's line, or of a line of a generated page: cells of a table, columns of a command's help.
fn help_texts(line: &str) -> impl Iterator<Item = &str> {
    line.split(['|', '"']).flat_map(|cell| cell.split("  "))
}

#[test]
fn module_docs_begin_with_a_noun_phrase() {
    let (mut found, mut count) = (Vec::new(), 0);
    for path in sources() {
        let text = fs::read_to_string(&path).expect("a source is UTF-8");
        count += module_docs(&text).count();
        let clauses = module_docs(&text).filter(|(_, doc)| begins_with_clause(doc));
        found.extend(clauses.map(|(number, doc)| format!("{}:{number}:{doc}", path.display())));
    }
    assert_eq!(found, [""; 0]);
    assert!(count > 300, "only {count} module docs were found");
}

#[test]
fn help_begins_with_a_noun_or_a_verb() {
    let pages = ["commands.md", "settings.md", "api.md"].map(|page| workspace().join("docs/reference").join(page));
    let manifests = sources().into_iter().filter(|path| path.ends_with("cesar-plugin.json"));
    let mut found = Vec::new();
    for path in manifests.chain(pages) {
        let text = fs::read_to_string(&path).expect("the file is part of the repository");
        let clauses = text.lines().filter(|line| help_texts(line).any(begins_with_clause));
        found.extend(clauses.map(|line| format!("{}: {line}", path.display())));
    }
    assert_eq!(found, [""; 0]);
}

#[test]
fn clauses_are_found_where_a_text_begins() {
    let source = "//! What it is.\n//! How it works.\n\nmod a {\n    //! A map of what is there.\n}\n";
    let docs: Vec<_> = module_docs(source).collect();
    assert_eq!(docs, [(1, " What it is."), (5, " A map of what is there.")]);
    assert!(begins_with_clause(docs[0].1) && !begins_with_clause(docs[1].1));
    let is_found = |line| help_texts(line).any(begins_with_clause);
    assert!(is_found("| `a` | What it takes |") && is_found("  why          Why it was refused"));
    assert!(is_found("\"doc\": \"How to fetch.\"") && !is_found("| `a` | Check what is there; Whatever |"));
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
