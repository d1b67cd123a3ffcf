//! Filters that remove differences between runs from a snapshot: paths and durations.
//!
//! For insta: `insta::with_settings!({ filters => pairs(&filters(&sandbox)) }, { insta::assert_snapshot!(output.stderr) })`.

use crate::{Sandbox, fixtures, sandbox::program_folder, workspace};
use std::path::Path;

/// `(regular expression, replacement)` pairs, the most specific path first.
pub fn filters(sandbox: &Sandbox) -> Vec<(String, &'static str)> {
    let paths = [
        (sandbox.models(), "[MODELS]"),
        (sandbox.path().to_path_buf(), "[SANDBOX]"),
        (fixtures(), "[FIXTURES]"),
        (program_folder(), "[TARGET]"),
        (workspace(), "[WORKSPACE]"),
    ];
    let mut filters: Vec<_> = paths.iter().map(|(path, name)| (literal(path), *name)).collect();
    filters.push((r"\b\d+(\.\d+)? ?(ms|s|min)\b".to_owned(), "[TIME]"));
    filters
}

/// The same pairs in insta's form.
pub fn pairs<'a>(filters: &'a [(String, &'static str)]) -> Vec<(&'a str, &'static str)> {
    filters
        .iter()
        .map(|(pattern, replacement)| (pattern.as_str(), *replacement))
        .collect()
}

/// A regular expression that matches only this path.
fn literal(path: &Path) -> String {
    let mut escaped = String::new();
    for c in path.to_string_lossy().chars() {
        if !c.is_alphanumeric() && !matches!(c, '/' | '_') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_matched_literally() {
        assert_eq!(
            literal(Path::new("/home/.tmpA-1/x (2)+")),
            r"/home/\.tmpA\-1/x\ \(2\)\+"
        );
    }
}
