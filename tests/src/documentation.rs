//! The form of the documentation: links, the length of the README, and words that `CONTRIBUTING.md` excludes.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{language, workspace};

/// Further words excluded in pages: other forms of those in [`language::EXCLUDED`], and contractions.
const EXCLUDED: &[&str] = &[
    "go on", "going on", "are told", "told of", "don't", "doesn't", "can't", "isn't", "won't",
];

/// The Markdown pages of the root and of `docs`.
fn pages() -> Vec<PathBuf> {
    fn add(folder: &Path, pages: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("the folder is part of the repository") {
            let path = entry.expect("the folder can be read").path();
            let is_docs = folder != workspace() || path.ends_with("docs");
            if path.is_dir() && is_docs {
                add(&path, pages);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    let mut pages = Vec::new();
    add(&workspace(), &mut pages);
    assert!(pages.len() > 15, "only {} pages were found", pages.len());
    pages
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a page can be read")
}

/// The targets of links and images.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ']).next())
}

/// The anchor of a heading.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    text.chars()
        .filter(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_'))
        .collect()
}

/// The defect of a link, if it has one.
fn broken(page: &Path, target: &str) -> Option<String> {
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let path = match file {
        "" => page.to_path_buf(),
        file => page.parent()?.join(file.replace("%20", " ")),
    };
    if !path.exists() {
        return Some(format!(
            "`{}` links to `{target}`, which does not exist",
            page.display()
        ));
    }
    let has_heading = || {
        read(&path)
            .lines()
            .any(|line| line.starts_with('#') && anchor(line) == heading)
    };
    (!heading.is_empty() && !has_heading())
        .then(|| format!("`{}` links to `{target}`, which has no such heading", page.display()))
}

#[test]
fn relative_links_lead_to_files_and_headings() {
    let mut broken_links = Vec::new();
    let mut count = 0;
    for page in pages() {
        let text = read(&page);
        for target in targets(&text).filter(|target| !target.contains("://")) {
            count += 1;
            broken_links.extend(broken(&page, target));
        }
    }
    assert_eq!(broken_links, [""; 0]);
    assert!(count > 40, "only {count} links were found");
}

#[test]
fn a_broken_link_is_found() {
    let readme = workspace().join("README.md");
    assert!(broken(&readme, "docs/nowhere.md").is_some() && broken(&readme, "#nowhere").is_some());
    assert!(broken(&readme, "LICENSE").is_none());
}

#[test]
fn the_readme_is_short_and_has_both_commands() {
    let text = read(&workspace().join("README.md"));
    let lines = text.lines().count();
    assert!(lines <= 120, "README.md has {lines} lines; move details to docs/guide");
    for command in ["\ncargo xtask demo ", "\ncargo xtask test "] {
        assert!(text.contains(command), "README.md lacks `{}`", command.trim());
    }
}

/// Whether a word or phrase occurs as a whole, in any case.
fn has_word(line: &str, word: &str) -> bool {
    let line = line.to_lowercase();
    line.match_indices(word).any(|(at, _)| {
        let inside = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
        !inside(line[..at].chars().next_back()) && !inside(line[at + word.len()..].chars().next())
    })
}

#[test]
fn pages_use_technical_terms() {
    let mut found = Vec::new();
    for page in pages() {
        let text = read(&page);
        // Code blocks show program output.
        let prose = text.split("```").step_by(2).flat_map(str::lines);
        for line in prose {
            let words = EXCLUDED
                .iter()
                .chain(&language::EXCLUDED)
                .filter(|word| has_word(line, word));
            found.extend(words.map(|word| format!("{}: `{word}` in: {line}", page.display())));
        }
    }
    assert_eq!(found, [""; 0]);
}

#[test]
fn excluded_words_are_found_as_whole_words() {
    assert!(has_word("It Goes on.", "goes on") && has_word("told of", "told of"));
    assert!(!has_word("`who_goes on`", "goes on") && !has_word("goes on_time", "goes on"));
}
