//! `cesar models list`.

use cesar_base::names::lossless;
use cesar_config::Settings;
use cesar_models::catalog::{self, CATALOG, Entry, Kind};
use cesar_models::installed::InstalledModel;
use cesar_models::libraries;
use serde::Serialize;

use super::place::Place;
use crate::cli::args::{JsonFlag, SettingFlags, group};
use crate::cli::columns::aligned;
use crate::cli::host;
use crate::cli::humanize::{count, size};
use crate::cli::report::{Exit, Failure, print, print_json};

/// The JSON of installed models; its schema is stable.
#[derive(Debug, Serialize)]
struct Here<'a> {
    models: &'a [InstalledModel],
    /// Total size in bytes.
    size: u64,
    /// One sentence for each missing library that a plugin with models needs.
    missing: Vec<String>,
    /// The models folders, then Hugging Face's cache.
    folders: Vec<String>,
}

/// A row of the JSON of downloadable models; its schema is stable.
#[derive(Debug, Serialize)]
struct Row {
    id: &'static str,
    name: &'static str,
    kind: Kind,
    /// Size in bytes, if published.
    size: Option<u64>,
    license: &'static str,
    /// The author and the origin, where the licence asks for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    attribution: Option<&'static str>,
    /// Its repository on the hub.
    hub: Option<&'static str>,
    /// Whether it can be made from wheels of a package index.
    index: bool,
    /// Whether it is installed.
    present: bool,
}

/// The command's arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// List downloadable models instead (offline catalog)
    #[arg(long)]
    remote: bool,
    #[command(flatten)]
    json: JsonFlag,
    #[command(flatten)]
    flags: SettingFlags<group::Models>,
}

pub(super) fn run(place: &Place, settings: &Settings, args: &Args) -> Result<Exit, Failure> {
    let models = place.models();
    let json = args.json.json;
    if args.remote {
        let rows: Vec<Row> = CATALOG.iter().map(|entry| row(entry, &models)).collect();
        match json {
            true => print_json(&serde_json::json!({ "models": rows })),
            false => print(&remote_text(&rows)),
        }
        return Ok(Exit::Done);
    }
    let missing = missing(settings, &models)?;
    if json {
        let folders = place.roots.dirs.iter().chain(&place.roots.hub).map(lossless).collect();
        let size = models.iter().map(|model| model.size).sum();
        let models = &models;
        print_json(&Here {
            models,
            size,
            missing,
            folders,
        });
    } else {
        print(&text(&models));
        missing.iter().for_each(|missing| print(&format!("{missing}\n")));
    }
    Ok(Exit::Done)
}

/// Messages about missing libraries that the installed models need.
fn missing(settings: &Settings, models: &[InstalledModel]) -> Result<Vec<String>, Failure> {
    let needs_one =
        |model: &InstalledModel| matches!(model.kind, Some(Kind::Segmentation | Kind::Embedding | Kind::Onnx));
    if !models.iter().any(needs_one) {
        return Ok(Vec::new());
    }
    let (registry, roots) = (
        host::registry(settings).map_err(Failure::failed)?,
        host::model_roots(settings),
    );
    let plugins = registry.plugins();
    let missing = plugins
        .iter()
        .filter_map(|plugin| libraries::missing(&plugin.manifest, &plugin.path, &roots));
    Ok(missing.collect())
}

fn row(entry: &Entry, models: &[InstalledModel]) -> Row {
    Row {
        id: entry.id,
        name: entry.name,
        kind: entry.kind,
        size: entry.size(),
        license: entry.license,
        attribution: catalog::attribution(entry),
        hub: entry.hub.map(|hub| hub.repository),
        index: entry.index.is_some(),
        present: models.iter().any(|model| model.id == entry.id),
    }
}

fn text(models: &[InstalledModel]) -> String {
    if models.is_empty() {
        return "no models installed; `cesar models list --remote` lists downloadable models\n".to_owned();
    }
    let mut rows = vec![["NAME", "KIND", "SIZE", "PATH"].map(str::to_owned)];
    rows.extend(models.iter().map(|model| {
        [
            model.name.clone(),
            model.kind.map_or("onnx", Kind::name).to_owned(),
            size(model.size),
            model.path.display().to_string(),
        ]
    }));
    let total = models.iter().map(|model| model.size).sum();
    let attribution =
        |model: &InstalledModel| Some(format!("{}: {}\n", model.name, catalog::attribution(model.entry()?)?));
    format!(
        "{}{}\n{}, {}\n",
        aligned(&rows),
        models.iter().filter_map(attribution).collect::<String>(),
        count(models.len() as u64, "model", "models"),
        size(total)
    )
}

fn remote_text(rows: &[Row]) -> String {
    let mut cells = vec![["ID", "NAME", "KIND", "SIZE", "LICENCE", "FROM", ""].map(str::to_owned)];
    cells.extend(rows.iter().map(|row| {
        let from = match (row.hub, row.index) {
            (Some(hub), true) => format!("{hub}, index"),
            (Some(hub), false) => hub.to_owned(),
            (None, _) => "index".to_owned(),
        };
        [
            row.id.to_owned(),
            row.name.to_owned(),
            row.kind.name().to_owned(),
            row.size.map(size).unwrap_or_default(),
            row.license.to_owned(),
            from,
            if row.present { "installed" } else { "" }.to_owned(),
        ]
    }));
    let attributions = rows
        .iter()
        .filter_map(|row| Some(format!("{}: {}\n", row.id, row.attribution?)));
    aligned(&cells) + &attributions.collect::<String>()
}
