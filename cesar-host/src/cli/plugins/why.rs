//! `cesar plugins why ID`: the result of each check.

use std::path::{Path, PathBuf};

use cesar_base::names::lossless;
use cesar_cache::Mode;
use cesar_config::Settings;
use cesar_pipeline::AddressPolicy;
use cesar_runner::discovery::gates::{Gate, GateState, examine};
use cesar_runner::discovery::{Registry, Rejected};

use super::lookup::find;
use crate::cli::columns::aligned;
use crate::cli::host;
use crate::cli::report::{Exit, Failure, print, print_json};

/// `cesar plugins why ID`. Fails when a gate refuses the file.
pub(super) fn run(settings: &Settings, id: &str, json: bool) -> Result<Exit, Failure> {
    let pipeline = host::build(settings, Mode::ReadWrite, AddressPolicy::Any)
        .map_err(Failure::failed)?
        .pipeline;
    let (path, note) = file_of(pipeline.registry(), id)?;
    let gates = examine(
        &path,
        |path| pipeline.plugin_digest(path),
        pipeline.verdicts(),
        pipeline.runners(),
    );
    if json {
        print_json(
            &serde_json::json!({ "asked": id, "path": lossless(&path), "shadowed_by": note.as_ref().map(lossless), "gates": gates }),
        );
    } else {
        print(&format!("{}\n{}", path.display(), table(&gates)));
        if let Some(winner) = &note {
            print(&format!("`{}` is used instead.\n", winner.display()));
        }
    }
    let passed = gates.iter().all(|gate| gate.state == GateState::Passed);
    Ok(if passed { Exit::Done } else { Exit::Failed })
}

/// The file of a used or unused plugin, or a path; and the file that is used instead.
fn file_of(registry: &Registry, id: &str) -> Result<(PathBuf, Option<PathBuf>), Failure> {
    let found = find(registry, id);
    if let Ok(plugin) = &found {
        let instead = registry.rejected().iter().find_map(|rejected| match rejected {
            Rejected::Shadowed { plugin: loser, by } if loser.path == plugin.path => Some(by.clone()),
            _ => None,
        });
        return Ok((plugin.path.clone(), instead));
    }
    let is_meant = |path: &Path| {
        let name = path.file_stem().map(|name| name.to_string_lossy().replace('_', "-"));
        name.is_some_and(|name| name.ends_with(id))
    };
    let refused = registry.rejected().iter().find_map(|rejected| match rejected {
        Rejected::Refused(error) if is_meant(error.path()) => Some(error.path().to_owned()),
        _ => None,
    });
    let path = refused.or_else(|| Some(PathBuf::from(id)).filter(|path| path.is_file()));
    match (path, found) {
        (Some(path), _) => Ok((path, None)),
        (None, Err(failure)) => Err(failure),
        (None, Ok(plugin)) => Ok((plugin.path.clone(), None)),
    }
}

fn table(gates: &[Gate]) -> String {
    let state = |state: GateState| match state {
        GateState::Passed => "passed",
        GateState::Refused => "refused",
        GateState::NotReached => "not reached",
    };
    let rows: Vec<_> = gates
        .iter()
        .map(|gate| [gate.gate.to_owned(), state(gate.state).to_owned(), gate.says.clone()])
        .collect();
    aligned(&rows)
}
