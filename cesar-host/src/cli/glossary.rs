//! `cesar glossary list` and `cesar glossary check`.

use cesar_base::names::shown;
use cesar_config::Settings;
use cesar_pipeline::{Glossaries, NamedGlossary, PipelineError};
use clap::ValueHint;
use serde_json::{Value, json};

use super::args::JsonFlag;
use super::columns::aligned;
use super::host;
use super::humanize::count;
use super::report::{Exit, Failure, print, print_json};

/// The commands of glossaries.
#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// List the named glossaries (the files `glossaries/NAME.txt` in the data folder)
    List {
        #[command(flatten)]
        json: JsonFlag,
    },
    /// Check a glossary and count its rules
    Check {
        /// Name, or a file if it has a `.` or `/`
        #[arg(value_name = "NAME|FILE", value_hint = ValueHint::FilePath)]
        glossary: String,
        #[command(flatten)]
        json: JsonFlag,
    },
}

/// Runs a command.
pub(super) fn run(command: Command, settings: &Settings) -> Result<Exit, Failure> {
    let glossaries = host::glossaries(settings);
    match command {
        Command::List { json } => list(&glossaries, json.json),
        Command::Check { glossary, json } => check(&glossaries, &glossary, json.json),
    }
}

/// Broken glossaries are listed with their error.
fn list(glossaries: &Glossaries, json: bool) -> Result<Exit, Failure> {
    let folder = glossaries.all().folder();
    let names = glossaries.all().names().map_err(PipelineError::from)?;
    let rows: Vec<_> = (names.into_iter())
        .map(|name| (glossaries.named(&name), name))
        .collect();
    if json {
        let rows = rows.iter().map(|(opened, name)| match opened {
            Ok(glossary) => json!({ "name": name, "rules": glossary.as_ref().map(|glossary| glossary.rules().len()), "error": null }),
            Err(error) => json!({ "name": name, "rules": null, "error": error.to_string() }),
        });
        print_json(
            &json!({ "folder": folder.map(cesar_base::names::lossless), "glossaries": rows.collect::<Vec<Value>>() }),
        );
    } else if rows.is_empty() {
        let place = folder.map_or_else(|| "the data folder".to_owned(), |path| format!("`{}`", shown(path)));
        print(&format!("no glossaries; put files such as `names.txt` into {place}\n"));
    } else {
        let row = |(opened, name): &(Result<Option<NamedGlossary>, _>, String)| {
            let state = match opened {
                Ok(glossary) => {
                    let rules = glossary.as_ref().map_or(0, |glossary| glossary.rules().len());
                    count(rules as u64, "rule", "rules")
                }
                Err(error) => format!("{error}"),
            };
            [name.clone(), state]
        };
        print(&aligned(&rows.iter().map(row).collect::<Vec<_>>()));
    }
    Ok(Exit::Done)
}

fn check(glossaries: &Glossaries, glossary: &str, json: bool) -> Result<Exit, Failure> {
    let opened = glossaries.open(glossary).map_err(PipelineError::from)?;
    let opened = opened.ok_or_else(|| Failure::usage("`none` is the name for no glossary; give another one"))?;
    let (rules, terms) = (opened.rules().len(), opened.rules().terms().len());
    let fit = opened.prompt_terms();
    if json {
        print_json(&json!({
            "name": opened.name(), "sha256": opened.digest().to_string(), "rules": rules, "terms": terms, "prompt_terms": fit
        }));
    } else {
        print(&format!(
            "{}, {fit} of {} shown to the engine with --glossary-prompt\n",
            count(rules as u64, "rule", "rules"),
            count(terms as u64, "term", "terms")
        ));
    }
    Ok(Exit::Done)
}
