//! `cesar models path`: one path a line.

use cesar_base::names::lossless;
use clap::ArgMatches;
use serde_json::json;

use super::place::{Place, names};
use crate::cli::report::{Exit, Failure, print, print_json};

pub(super) fn run(place: &Place, matches: &ArgMatches, json: bool) -> Result<Exit, Failure> {
    let names = names(matches);
    let folder = place.folder()?;
    let models = if names.is_empty() {
        Vec::new()
    } else {
        place.called(&names)?
    };
    if json {
        let paths: Vec<_> = models
            .iter()
            .map(|model| json!({ "id": model.id, "path": lossless(&model.path) }))
            .collect();
        print_json(&json!({ "folder": lossless(folder), "models": paths }));
    } else if names.is_empty() {
        print(&format!("{}\n", folder.display()));
    } else {
        let lines = models.iter().map(|model| format!("{}\n", model.path.display()));
        print(&lines.collect::<String>());
    }
    Ok(Exit::Done)
}
