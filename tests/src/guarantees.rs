//! Existence of the tests named in `docs/internals/guarantees.md` and `shared-cache.md`.

use crate::workspace;
use std::fs;
use std::path::{Path, PathBuf};

/// The test files of a place: a file, a folder, or both.
fn files(place: &str, base: &str) -> Vec<PathBuf> {
    let place = place.strip_suffix(".rs").unwrap_or(place);
    let paths = match place.split_once('/') {
        Some((part @ ("cache" | "corrections" | "jobs"), rest)) => vec![format!("cesar-host/{part}/src/tests/{rest}")],
        Some(("tests", rest)) if base.is_empty() => vec![format!("tests/tests/{rest}")],
        Some(("plugins", _)) => vec![place.to_owned()],
        split => vec![
            split.map_or_else(String::new, |(part, rest)| format!("cesar-host/{part}/src/{rest}")),
            format!("cesar-host/src/{place}"),
            format!("cesar-host/{place}"),
            format!("{base}/src/{place}"),
            format!("{base}/{place}"),
        ],
    };
    let both = |path: String| [workspace().join(&path), workspace().join(path + ".rs")];
    let places = paths.into_iter().flat_map(both);
    places.filter(|path| path.exists()).collect()
}

fn text(path: &Path) -> String {
    if path.is_file() {
        return fs::read_to_string(path).unwrap_or_default();
    }
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter(|path| !path.ends_with("target"))
        .map(|path| text(&path))
        .collect()
}

fn is_name(token: &str) -> bool {
    token.contains('_')
        && token
            .chars()
            .all(|letter| "_…".contains(letter) || letter.is_ascii_alphanumeric())
}

fn is_place(token: &str) -> bool {
    token.contains('/')
        && token
            .chars()
            .all(|letter| "_/.-".contains(letter) || letter.is_ascii_lowercase() || letter.is_ascii_digit())
}

/// The missing places and names of one row, and the number of existing ones.
fn check(row: &str, missing: &mut Vec<String>) -> usize {
    let (mut base, mut code, mut found) = (String::new(), String::new(), 0);
    for token in row.split('`').skip(1).step_by(2) {
        let module = !base.is_empty() && token.chars().all(|letter| letter.is_ascii_lowercase());
        if is_place(token) || module {
            let files = files(token, &base);
            if token.starts_with("plugins/") {
                token.clone_into(&mut base);
            }
            code = files.iter().map(|file| text(file)).collect();
            if files.is_empty() {
                missing.push(format!("`{token}`"));
            }
        } else if is_name(token) {
            let begin = format!("fn {}", token.trim_end_matches('…'));
            let whole = if token.ends_with('…') { begin } else { begin + "(" };
            match code.contains(&whole) {
                true => found += 1,
                false => missing.push(format!("`{token}`")),
            }
        }
    }
    found
}

#[test]
fn every_named_test_exists() {
    let pages = ["guarantees.md", "shared-cache.md"].map(|name| workspace().join("docs/internals").join(name));
    let page: String = pages.map(|page| fs::read_to_string(page).unwrap()).concat();
    let mut missing = Vec::new();
    let rows = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
    let found: usize = rows.map(|(_, tests)| check(tests, &mut missing)).sum();
    assert_eq!(missing, [""; 0], "the pages in `docs/internals` name what is not there");
    assert!(found > 70, "only {found} names were found in the tables");
}

#[test]
fn a_missing_test_is_reported() {
    let mut missing = Vec::new();
    let row = "`cache/storing`: `stored_results_are_read_back`, `stored_results_are_…`, `stored_results`, `what_is_lost_…`; `cache/nowhere`";
    assert_eq!(check(row, &mut missing), 2);
    assert_eq!(missing, ["`stored_results`", "`what_is_lost_…`", "`cache/nowhere`"]);
}
