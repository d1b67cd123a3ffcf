//! The values of arguments, as far as they are known on this machine by the settings of its user.
//!
//! What cannot be found out quickly or without an error has no completions.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::sync::Arc;

use cesar_base::names::visible;
use cesar_config::{Layers, Settings};
use cesar_models::ModelLookup;
use cesar_models::catalog::CATALOG;
use cesar_runner::discovery::Plugin;
use clap::{Arg, Command, ValueHint};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use plugin_api::manifest::{OptionKind, StageKind};

use crate::cli::models::Place;
use crate::cli::{host, jobs, serve};

const MOST_JOBS: u32 = 50;

/// Finds values that may begin with this text.
type Source = fn(&Settings, &str) -> Vec<Value>;

/// A value, and what it is.
struct Value {
    text: String,
    help: Option<String>,
}

/// The setting or argument of a command, by its id, and its values.
const OF_SETTINGS: &[(&str, Source)] = &[
    ("asr.model", engine_models),
    ("asr.plugin", |settings, _| plugins_of(settings, StageKind::Asr)),
    ("asr.options", |settings, text| {
        options_of(settings, StageKind::Asr, text)
    }),
    ("diarize.plugin", |settings, _| plugins_of(settings, StageKind::Diarize)),
    ("diarize.options", |settings, text| {
        options_of(settings, StageKind::Diarize, text)
    }),
    ("download.options", |settings, text| {
        options_of(settings, StageKind::Download, text)
    }),
    ("format.plugin", |settings, _| plugins_of(settings, StageKind::Format)),
    ("format.options", |settings, text| {
        options_of(settings, StageKind::Format, text)
    }),
    ("format.preset", |settings, _| {
        choices(settings, StageKind::Format, "preset")
    }),
    ("output.formats", formats),
    ("glossary.source", glossary_choices),
];

/// The positional arguments of commands, by their names.
const OF_COMMANDS: &[(&[&str], &str, Source)] = &[
    (&["models", "pull"], "names", downloadable),
    (&["models", "verify"], "names", installed),
    (&["models", "rm"], "names", installed),
    (&["models", "path"], "names", installed),
    (&["plugins", "show"], "id", |settings, _| all_plugins(settings)),
    (&["plugins", "why"], "id", |settings, _| all_plugins(settings)),
    (&["plugins", "retry"], "id", |settings, _| all_plugins(settings)),
    (&["plugins", "trust"], "ids", |settings, _| all_plugins(settings)),
    (&["glossary", "check"], "glossary", glossaries),
    (&["jobs", "show"], "id", ids_of_jobs),
    (&["jobs", "transcript"], "id", ids_of_jobs),
    (&["jobs", "cancel"], "id", ids_of_jobs),
    (&["jobs", "retry"], "id", ids_of_jobs),
    (&["jobs", "remove"], "id", ids_of_jobs),
];

/// The command line with the values of its arguments.
pub(super) fn known_to(command: Command) -> Command {
    let command = with_settings(command);
    OF_COMMANDS.iter().fold(command, |command, (path, id, source)| {
        at(command, path, &|command| {
            command.mut_arg(id, |argument| completed(argument, *source))
        })
    })
}

/// The command line whose paths the shell completes itself.
pub(super) fn without_paths(command: Command) -> Command {
    let command = command.mut_args(|argument| argument.value_hint(ValueHint::Other));
    command.mut_subcommands(without_paths)
}

/// The command, and those below it, with the values of their settings.
fn with_settings(command: Command) -> Command {
    let command = command.mut_args(|argument| {
        let source = OF_SETTINGS.iter().find(|(id, _)| argument.get_id() == *id);
        match source {
            Some((_, source)) => completed(argument, *source),
            None => argument,
        }
    });
    command.mut_subcommands(with_settings)
}

/// The command with a change of the one at this path below it.
fn at(command: Command, path: &[&str], change: &dyn Fn(Command) -> Command) -> Command {
    match path {
        [] => change(command),
        [name, rest @ ..] => command.mut_subcommand(name, |below| at(below, rest, change)),
    }
}

fn completed(argument: Arg, source: Source) -> Arg {
    argument.add(ArgValueCompleter::new(move |text: &OsStr| candidates(source, text)))
}

fn candidates(source: Source, text: &OsStr) -> Vec<CompletionCandidate> {
    let text = text.to_string_lossy();
    let settings = Layers::load(None, std::env::vars_os())
        .and_then(Layers::resolve)
        .map(|resolved| resolved.settings());
    let Ok(settings) = settings else {
        return Vec::new();
    };
    let found = source(&settings, &text).into_iter();
    found
        .filter(|value| value.text.starts_with(&*text) && !value.text.chars().any(char::is_control))
        .map(|value| {
            CompletionCandidate::new(value.text).help(value.help.map(|help| visible(&help).into_owned().into()))
        })
        .collect()
}

fn plain(text: impl Into<String>) -> Value {
    Value {
        text: text.into(),
        help: None,
    }
}

fn explained(text: impl Into<String>, help: impl Into<String>) -> Value {
    Value {
        text: text.into(),
        help: Some(help.into()),
    }
}

fn plugins(settings: &Settings, stage: StageKind) -> Vec<Arc<Plugin>> {
    host::registry(settings).map_or_else(|_| Vec::new(), |registry| registry.of_stage(stage))
}

fn plugins_of(settings: &Settings, stage: StageKind) -> Vec<Value> {
    let plugins = plugins(settings, stage);
    let rows = plugins.iter().map(|plugin| &plugin.manifest);
    rows.map(|manifest| explained(&manifest.id, &manifest.description))
        .collect()
}

fn all_plugins(settings: &Settings) -> Vec<Value> {
    StageKind::ALL
        .map(|stage| plugins_of(settings, stage))
        .into_iter()
        .flatten()
        .collect()
}

/// The models of the engine that the settings name, or of all.
fn engine_models(settings: &Settings, _: &str) -> Vec<Value> {
    let roots = host::model_roots(settings);
    let chosen = settings.asr.plugin.as_deref();
    let mut engines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for engine in plugins(settings, StageKind::Asr) {
        let id = &engine.manifest.id;
        if chosen.is_some_and(|chosen| chosen != id) {
            continue;
        }
        for files in engine
            .manifest
            .options
            .values()
            .filter_map(|option| option.model.as_ref())
        {
            let lookup = ModelLookup {
                plugin: id,
                flag: "--model",
                files,
                roots: &roots,
            };
            for name in lookup.present() {
                engines.entry(name).or_default().push(id.clone());
            }
        }
    }
    let models = engines.into_iter();
    models
        .map(|(name, engines)| explained(name, engines.join(", ")))
        .collect()
}

/// Options as `NAME=`, and behind it the choices that one has.
fn options_of(settings: &Settings, stage: StageKind, text: &str) -> Vec<Value> {
    match text.split_once('=') {
        Some((name, _)) => choices(settings, stage, name)
            .into_iter()
            .map(|choice| plain(format!("{name}={}", choice.text)))
            .collect(),
        None => {
            let plugins = plugins(settings, stage);
            let options = plugins.iter().flat_map(|plugin| &plugin.manifest.options);
            let named = options.map(|(name, option)| (format!("{name}="), option.doc.clone()));
            let named: BTreeMap<String, String> = named.collect();
            named.into_iter().map(|(name, doc)| explained(name, doc)).collect()
        }
    }
}

/// The choices of an option.
fn choices(settings: &Settings, stage: StageKind, name: &str) -> Vec<Value> {
    let plugins = plugins(settings, stage);
    let options = plugins.iter().filter_map(|plugin| plugin.manifest.options.get(name));
    let choices = options.flat_map(|option| match option.kind {
        OptionKind::Boolean => vec!["true".to_owned(), "false".to_owned()],
        _ => option.choices.clone(),
    });
    choices.collect::<BTreeSet<String>>().into_iter().map(plain).collect()
}

fn formats(settings: &Settings, _: &str) -> Vec<Value> {
    choices(settings, StageKind::Format, "format")
}

fn glossaries(settings: &Settings, _: &str) -> Vec<Value> {
    let names = host::glossaries(settings).all().names();
    names.unwrap_or_default().into_iter().map(plain).collect()
}

fn glossary_choices(settings: &Settings, text: &str) -> Vec<Value> {
    let mut choices = glossaries(settings, text);
    choices.push(explained("none", "no glossary"));
    choices
}

fn downloadable(_: &Settings, _: &str) -> Vec<Value> {
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    for entry in CATALOG {
        names.insert(entry.pull_name(), entry.kind.name());
    }
    names.into_iter().map(|(name, kind)| explained(name, kind)).collect()
}

fn installed(settings: &Settings, _: &str) -> Vec<Value> {
    let models = Place::of(settings).models();
    let names: BTreeSet<String> = models.into_iter().map(|model| model.name).collect();
    names.into_iter().map(plain).collect()
}

/// The latest jobs of this machine.
fn ids_of_jobs(settings: &Settings, _: &str) -> Vec<Value> {
    let Ok(folder) = serve::data_folder(settings) else {
        return Vec::new();
    };
    let found = jobs::location(&folder, settings).peek(MOST_JOBS).into_iter();
    found
        .map(|(id, state)| explained(id.to_string(), state.to_string()))
        .collect()
}
