//! Messages of commits, by the rules of `CONTRIBUTING.md`.
//!
//! Commits are selected by their time, so that a shallow clone, which lacks the first commit under the rules, is checked as far as it goes.

use std::process::Command;

use crate::{skip, workspace};

/// The time (seconds since 1970) of the last commit that may break the rules.
const RULES_SINCE: u64 = 1_795_953_608;
/// Most characters of a subject.
const SUBJECT: usize = 72;

/// What is wrong with a message.
fn faults(message: &str) -> Vec<String> {
    let (subject, rest) = message.trim_end().split_once('\n').unwrap_or((message.trim_end(), ""));
    let length = subject.chars().count();
    let mut faults = Vec::new();
    if length > SUBJECT {
        faults.push(format!("the subject has {length} characters"));
    }
    if subject.ends_with('.') {
        faults.push("the subject ends with a full stop".to_owned());
    }
    match rest.strip_prefix('\n') {
        Some(body) if !body.trim().is_empty() => {}
        _ => faults.push("no body behind an empty line says why".to_owned()),
    }
    faults
}

/// The messages of the commits after [`RULES_SINCE`] but merges, each with its commit; `None` with a reported skip.
fn messages() -> Option<Vec<(String, String)>> {
    let root = workspace();
    if !root.join(".git").exists() {
        skip::without_history();
        return None;
    }
    let output = Command::new("git")
        // In a container the files often belong to another user.
        .args(["-c", "safe.directory=*", "log", "--no-merges", "--format=%ct %h %B%x00"])
        .current_dir(root)
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            skip::missing(&format!("`git` cannot be run ({error}); install it"));
            return None;
        }
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let commits = text
        .split('\0')
        .map(str::trim_start)
        .filter(|commit| !commit.is_empty());
    let parts = commits.map(|commit| {
        let mut parts = commit.splitn(3, ' ');
        let mut next = || parts.next().expect("git prints three parts");
        (next().parse::<u64>().expect("git prints a time"), next(), next())
    });
    let ruled = parts.filter(|(time, ..)| *time > RULES_SINCE);
    Some(
        ruled
            .map(|(_, commit, message)| (commit.to_owned(), message.to_owned()))
            .collect(),
    )
}

#[test]
fn messages_of_commits_follow_the_rules() {
    let Some(messages) = messages() else {
        return;
    };
    let found = messages.iter().flat_map(|(commit, message)| {
        let subject = message.lines().next().unwrap_or_default();
        let faults = faults(message).into_iter();
        faults.map(move |fault| format!("{commit} ({subject}): {fault}"))
    });
    assert_eq!(found.collect::<Vec<_>>(), [""; 0], "amend these messages");
}

#[test]
fn faults_of_messages_are_found() {
    let of = |subject: &str, body: &str| faults(&format!("{subject}{body}")).len();
    let longest = "é".repeat(SUBJECT);
    assert_eq!(of("Add a rule", "\n\nIt says why.\n"), 0);
    assert_eq!(of(&longest, "\n\nIt says why.\n"), 0);
    assert_eq!(of(&format!("{longest}x"), "\n\nIt says why.\n"), 1);
    assert_eq!(of("Add a rule.", "\n\nIt says why.\n"), 1);
    for body in ["", "\n", "\n\n \n", "\nIt follows without an empty line.\n"] {
        assert_eq!(of("Add a rule", body), 1, "{body:?}");
    }
}
