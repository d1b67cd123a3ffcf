//! `cesar models path`: one path a line.

use cesar_base::names::lossless;
use serde_json::json;

use super::place::Place;
use crate::cli::args::{JsonFlag, SettingFlags, group};
use crate::cli::report::{Exit, Failure, print, print_json};

/// The command's arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Installed models
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    json: JsonFlag,
    #[command(flatten)]
    flags: SettingFlags<group::Models>,
}

pub(super) fn run(place: &Place, args: &Args) -> Result<Exit, Failure> {
    let names = &args.names;
    let folder = place.folder()?;
    let models = if names.is_empty() {
        Vec::new()
    } else {
        place.called(names)?
    };
    if args.json.json {
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
