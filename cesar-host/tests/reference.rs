//! The generated pages of `docs/reference`: settings, commands and endpoints.
//!
//! `UPDATE_DOCS=1 cargo test -p cesar-host --test reference` writes them. A test of the server writes the description
//! of the API, which is read here.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs/reference")
        .join(name)
}

/// Compares a page with its source, or writes it with `UPDATE_DOCS`.
fn assert_up_to_date(name: &str, wanted: &str) {
    let path = path(name);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, wanted).expect("the page can be written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == wanted,
        "docs/reference/{name} is out of date: run this test with UPDATE_DOCS=1"
    );
}

#[test]
fn the_page_of_settings_is_up_to_date() {
    let table = cesar_config::reference_markdown();
    assert_up_to_date(
        "settings.md",
        &format!(
            "# Settings\n\nGenerated from the table of settings. Flags override variables, which override \
             `$XDG_CONFIG_HOME/cesar/config.toml`.\n\n{table}"
        ),
    );
}

/// The long help of a command, as a user sees it in a terminal of 100 columns.
fn help(command: &[String]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_cesar"))
        .args(command)
        .arg("--help")
        .env("COLUMNS", "100")
        .env_remove("CLICOLOR_FORCE")
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{command:?} has no help");
    String::from_utf8(output.stdout).expect("help is UTF-8")
}

/// The names in the section `Commands:` of a help text.
fn subcommands(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let entries = lines.take_while(|line| !line.is_empty());
    // Continuation lines are indented further than names.
    let names = entries.filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')));
    names
        .filter_map(|entry| entry.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

/// A help text in parts: each option with its description, and each run of lines between options.
fn parts(help: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for line in help.lines() {
        let text = line.trim_start();
        let is_option = text.starts_with('-') && (2..=6).contains(&(line.len() - text.len()));
        let is_heading = !line.is_empty() && line == text;
        if is_option || is_heading {
            parts.push(String::new());
        }
        let part = parts.last_mut().expect("there is always a part");
        // Blank lines of help have trailing spaces.
        writeln!(part, "{}", line.trim_end()).expect("a `String` takes all");
    }
    parts
}

/// The help of a command without the options of every command, which are on the page once.
fn own_help(help: &str, global: &[String]) -> String {
    let is_global = |part: &String| global.iter().any(|other| other.trim_end() == part.trim_end());
    let own: Vec<String> = parts(help).into_iter().filter(|part| !is_global(part)).collect();
    let is_heading = |part: &str| part.trim_end().ends_with(':') && part.trim_end().lines().count() == 1;
    // Headings without options: the next part is another heading, or is not indented.
    let is_empty = |number: usize| {
        let next = own.get(number + 1);
        is_heading(&own[number]) && next.is_none_or(|next| !next.starts_with(' '))
    };
    let own: Vec<&str> = (0..own.len())
        .filter(|&number| !is_empty(number))
        .map(|number| own[number].as_str())
        .collect();
    own.concat().trim().to_owned()
}

/// Adds the help of a command and its subcommands, and returns their number.
fn add_commands(page: &mut String, command: &[String], global: &[String]) -> usize {
    let help = help(command);
    let name = ["cesar"].into_iter().chain(command.iter().map(String::as_str));
    let name = name.collect::<Vec<_>>().join(" ");
    let own = own_help(&help, global);
    write!(page, "\n## {name}\n\n```text\n{own}\n```\n").expect("a `String` takes all");
    let options: Vec<String> = parts(&help)
        .into_iter()
        .filter(|part| part.trim_start().starts_with('-'))
        .collect();
    let global = if command.is_empty() { &options[..] } else { global };
    let below = subcommands(&help).into_iter().map(|sub| {
        let command: Vec<String> = command.iter().cloned().chain([sub]).collect();
        add_commands(page, &command, global)
    });
    1 + below.sum::<usize>()
}

#[test]
fn the_page_of_commands_is_up_to_date() {
    let mut page = String::from(
        "# Commands\n\nGenerated from the help of every command. The options of `cesar` itself are options of every command.\n",
    );
    let count = add_commands(&mut page, &[], &[]);
    assert!(count > 30, "only {count} commands were found");
    assert_up_to_date("commands.md", &page);
}

/// The first line of a text, as the cell of a table.
fn cell(text: &Value) -> String {
    let line = text.as_str().and_then(|text| text.lines().next()).unwrap_or_default();
    line.replace('|', "\\|")
}

#[test]
fn the_page_of_endpoints_is_up_to_date() {
    let text = fs::read_to_string(path("openapi.json")).expect("the description is part of the repository");
    let description: Value = serde_json::from_str(&text).expect("the description is JSON");
    let mut page = String::from(
        "# Endpoints\n\nGenerated from [`openapi.json`](openapi.json), which has parameters, bodies and answers.\n\n\
         | method | path | summary |\n|---|---|---|\n",
    );
    let paths = description["paths"].as_object().expect("paths are an object");
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().expect("methods are an object") {
            let summary = cell(&operation["summary"]);
            assert!(!summary.is_empty(), "{method} {path} has no summary");
            writeln!(page, "| {} | `{path}` | {summary} |", method.to_uppercase()).expect("a `String` takes all");
        }
    }
    assert_up_to_date("api.md", &page);
}
