//! Several processes at once, and processes that die.
//!
//! The other processes are this test program again: it runs the one test [`helper`], which does nothing unless the environment gives it a
//! role.

use std::env;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use cesar_base::{Fault, FaultKind, Io};

use super::faults;
use super::store::{folder, media, open, rename};
use crate::CorrectionsError;

const ROLE: &str = "CESAR_CORRECTIONS_TEST_ROLE";
const FOLDER: &str = "CESAR_CORRECTIONS_TEST_FOLDER";

/// Batches that each of the simultaneous processes adds.
const BATCHES: u64 = 25;

fn start(role: &str, folder: &Path) -> Child {
    // The test's name is its path without the name of the crate.
    let name = format!("{}::helper", module_path!().split_once("::").unwrap().1);
    Command::new(env::current_exe().unwrap())
        .args(["--exact", &name, "--nocapture"])
        .env(ROLE, role)
        .env(FOLDER, folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The reports of a process until its end.
fn reports(child: &mut Child) -> Vec<String> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let reports = lines.map_while(Result::ok).filter(|line| {
        let word = line.split(' ').next();
        matches!(word, Some("appended" | "cleared"))
    });
    reports.collect()
}

#[test]
fn helper() {
    let Ok(role) = env::var(ROLE) else { return };
    let folder = PathBuf::from(env::var(FOLDER).unwrap());
    println!();
    match role.split_once(' ').unwrap() {
        ("abort", at) => {
            let fault = Fault {
                at: at.parse().unwrap(),
                kind: FaultKind::Abort,
                lasting: false,
            };
            faults::work(&folder, &Io::failing(fault), &mut |line| println!("{line}"));
        }
        ("append", author) => append_all(&folder, author),
        _ => panic!("no role {role}"),
    }
}

/// Adds batches, each to the revision that is current.
fn append_all(folder: &Path, author: &str) {
    let store = open(folder);
    for _ in 0..BATCHES {
        loop {
            let current = store.history(&media()).unwrap().current;
            match store.append(&media(), current, author, &rename(author)) {
                Ok(new) => {
                    println!("appended {new}");
                    break;
                }
                Err(CorrectionsError::Conflict { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }
}

#[test]
fn a_process_can_die_at_any_operation() {
    for at in 1.. {
        let folder = folder();
        let mut child = start(&format!("abort {at}"), folder.path());
        let reported = reports(&mut child);
        let ended = child.wait().unwrap();
        faults::check(folder.path(), &reported, &format!("death at operation {at}"));
        if ended.success() {
            assert!(at > 25, "{at}");
            break;
        }
    }
}

#[test]
fn a_killed_process_loses_no_acknowledged_batch() {
    for _ in 0..10 {
        let folder = folder();
        let mut child = start("append ann", folder.path());
        let mut lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let first = lines.find(|line| line.starts_with("appended "));
        child.kill().unwrap();
        child.wait().unwrap();
        let reported: Vec<String> = first
            .into_iter()
            .chain(lines.filter(|line| line.starts_with("appended ")))
            .collect();
        assert!(!reported.is_empty());
        faults::check(folder.path(), &reported, "kill -9");
    }
}

#[test]
fn simultaneous_processes_lose_no_batch() {
    let folder = folder();
    let authors = ["ann", "bo", "cy", "di"];
    let mut children: Vec<Child> = authors
        .iter()
        .map(|author| start(&format!("append {author}"), folder.path()))
        .collect();
    let mut numbers = Vec::new();
    for child in &mut children {
        numbers.extend(
            reports(child)
                .iter()
                .map(|line| line["appended ".len()..].parse::<u64>().unwrap()),
        );
        assert!(child.wait().unwrap().success());
    }
    numbers.sort_unstable();
    let all = BATCHES * authors.len() as u64;
    assert_eq!(numbers, (1..=all).collect::<Vec<_>>());
    let history = open(folder.path()).history(&media()).unwrap();
    for author in authors {
        let own = history.revisions.iter().filter(|kept| kept.author == author);
        assert_eq!(own.count() as u64, BATCHES, "{author}");
    }
}
