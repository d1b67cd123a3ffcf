//! The files for deployments: what they name exists, and they can be parsed.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::{clients, workspace};

/// Loads each file with PyYAML, and prints its number of documents.
const SCRIPT: &str = "
import sys, yaml
for file in sys.argv[1:]:
    print(len([document for document in yaml.safe_load_all(open(file)) if document]))
";

/// Files below `packaging`, but for templates of the chart if `parsed`.
fn files(parsed: bool) -> Vec<PathBuf> {
    let mut folders = vec![workspace().join("packaging")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of the sources") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true if parsed && path.ends_with("templates") => {}
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    files.sort();
    files
}

/// The words of a text that begin with `prefix`.
fn words<'a>(text: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    text.split(move |letter| !is_word(letter))
        .filter(move |word| word.starts_with(prefix))
}

#[test]
fn variables_are_settings() {
    let settings = fs::read_to_string(workspace().join("docs/reference/settings.md")).expect("a page of the sources");
    let mut seen = 0;
    for file in files(false) {
        let text = fs::read_to_string(&file).expect("a text file");
        for variable in words(&text, "CESAR_") {
            assert!(
                settings.contains(variable),
                "`{variable}` in `{}` is no setting",
                file.display()
            );
            seen += 1;
        }
    }
    assert!(seen >= 8, "only {seen} variables");
}

#[test]
fn the_dashboard_shows_figures_of_the_server() {
    let sources = ["api/gauges.rs", "figures/metrics.rs"].map(|file| {
        let path = workspace().join("cesar-host/server/src").join(file);
        fs::read_to_string(path).expect("a source file")
    });
    // These have the name of a counter behind a prefix.
    let counters = workspace().join("cesar-host/remote/src/counters.rs");
    let counters = fs::read_to_string(counters).expect("a source file");
    let dashboard = workspace().join("packaging/grafana/cesar.json");
    let text = fs::read_to_string(dashboard).expect("a text file");
    let json: serde_json::Value = serde_json::from_str(&text).expect("the dashboard is JSON");
    let mut seen = 0;
    for panel in json["panels"].as_array().expect("a dashboard has panels") {
        let expressions = panel["targets"].as_array().expect("a panel has targets").iter();
        for expression in expressions.filter_map(|target| target["expr"].as_str()) {
            for figure in words(expression, "cesar_") {
                let name = figure.trim_end_matches("_total").trim_end_matches("_bucket");
                let quoted = format!("\"{name}\"");
                let is_counter = name
                    .strip_prefix("cesar_shared_cache_")
                    .is_some_and(|counter| counters.contains(&format!("pub {counter}: u64")));
                assert!(
                    is_counter || sources.iter().any(|source| source.contains(&quoted)),
                    "there is no figure `{figure}`"
                );
                seen += 1;
            }
        }
    }
    assert!(seen >= 9, "only {seen} figures");
}

#[test]
fn manifests_can_be_parsed() {
    let yaml = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "yaml");
    let files: Vec<_> = files(true).into_iter().filter(yaml).collect();
    let output = Command::new(clients::python())
        .args(["-c", SCRIPT])
        .args(&files)
        .output();
    let output = output.expect("the clients are installed: run `cargo xtask clients`");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let counts = String::from_utf8(output.stdout).expect("numbers are UTF-8");
    assert_eq!(counts.lines().count(), files.len());
    assert!(counts.lines().all(|count| count != "0"), "{files:?}: {counts}");
}

/// The chart with its default values is the committed manifest. Helm comes with no package registry that the suite uses, so this runs only
/// where it is installed.
#[test]
fn the_plain_manifest_is_the_rendered_chart() {
    let chart = workspace().join("packaging/helm/cesar");
    let Ok(output) = Command::new("helm").args(["template", "cesar"]).arg(chart).output() else {
        crate::skip::without_helm();
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let committed = fs::read_to_string(workspace().join("packaging/kubernetes/cesar.yaml")).expect("a text file");
    let (_, committed) = committed.split_once('\n').expect("the first line says how it is made");
    assert_eq!(committed, String::from_utf8_lossy(&output.stdout));
}
