//! The page of the server in Chromium: its figures, and its pictures for the documentation.
//!
//! Both run a script of `tests/tools/page` against a server of their own, without jobs, with a real engine and the model tiny.en.

use crate::{
    cargo,
    failure::{Failure, Outcome, step},
    models,
    output::announce,
    setup::node,
};
use cesar_tests::{sandbox::Sandbox, server::Server, workspace};
use std::{path::PathBuf, process::Command};

#[derive(Debug, clap::Args)]
pub(crate) struct Measured {
    /// Loads of the page, each in a new profile of the browser; the medians are printed
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    loads: u32,
    /// Measure a running server instead; all of its jobs are removed
    #[arg(long, value_name = "URL")]
    server: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Pictures {
    /// The folder of the pictures [default: docs/guide/page in the tree]
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// All views at 360, 768 and 1440 px, light and dark, instead of those in the documentation
    #[arg(long)]
    all: bool,
    /// Take the pictures of a running server instead; all of its jobs are removed
    #[arg(long, value_name = "URL")]
    server: Option<String>,
}

/// `measure page`; the program is built.
pub(crate) fn measure(options: &Measured) -> Outcome {
    let loads = options.loads.to_string();
    drive("measure.mjs", options.server.as_deref(), &[("LOADS", loads.as_ref())])
}

/// `screenshots`.
pub(crate) fn screenshots(options: &Pictures) -> Outcome {
    if options.server.is_none() {
        cargo::build()?;
    }
    let default = || workspace().join("docs/guide/page");
    let folder = options.folder.clone().unwrap_or_else(default);
    let set = if options.all { "all" } else { "guide" };
    let environment = [("FOLDER", folder.as_os_str()), ("PICTURES", set.as_ref())];
    drive("screenshots.mjs", options.server.as_deref(), &environment)
}

/// Runs a script against a running server, or against one that ends with it.
fn drive(script: &str, running: Option<&str>, environment: &[(&str, &std::ffi::OsStr)]) -> Outcome {
    let modules = node::with_client()?.join("node_modules");
    let own = match running {
        Some(_) => None,
        None => {
            models::fetch(&["tiny.en", "segmentation", "speaker"])?;
            Some(own_server())
        }
    };
    let url = match (running, &own) {
        (Some(url), _) => url.trim_end_matches('/').to_owned(),
        (None, Some((_, server))) => server.url(""),
        (None, None) => return Err(Failure::new("there is no server")),
    };
    announce(&format!("{script} against {url}"));
    let mut command = Command::new("node");
    command
        .arg(workspace().join("tests/tools/page").join(script))
        .arg(modules)
        .arg(url)
        .arg(workspace().join("tests/fixtures"));
    step(command.envs(environment.iter().copied()))
}

/// A server with folders of its own, which end with it.
fn own_server() -> (Sandbox, Server) {
    let sandbox = Sandbox::new();
    let server = Server::start_engine(&sandbox, "ct2", &["--model", "tiny.en"], &[]);
    (sandbox, server)
}
