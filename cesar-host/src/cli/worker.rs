//! `cesar worker`: runs the jobs of `cesar serve`, without a server of its own.

use cesar_config::Settings;
use clap::builder::NonEmptyStringValueParser;

use super::args::{SettingFlags, group, whole};
use crate::cli::report::{Exit, Failure, note, print};
use crate::cli::serve;

/// The command's arguments.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Number of jobs that run at a time [default: `server.workers`, at least 1]
    #[arg(long, value_name = "N", value_parser = whole(1_usize, Some(64)))]
    concurrency: Option<usize>,
    /// Label of this worker, such as `gpu`, for jobs that need it; repeatable, or separated by commas
    #[arg(long = "label", value_name = "NAME", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new())]
    labels: Vec<String>,
    /// Answer /metrics (for Prometheus) and /health at this address, such as 127.0.0.1:9090; needs no key
    #[arg(long, value_name = "HOST:PORT")]
    metrics: Option<String>,
    /// Print `{"status":"ready"}` when jobs are claimed, with `metrics_port` after --metrics
    #[arg(long)]
    ready_json: bool,
    #[command(flatten)]
    settings: SettingFlags<group::Worker>,
}

/// Runs jobs until the process is stopped.
pub(super) fn run(args: &Args, settings: &Settings, verbosity: i8) -> Result<Exit, Failure> {
    serve::log(settings.log.json, verbosity);
    let concurrency = args.concurrency.unwrap_or(settings.server.workers.max(1));
    let prepared = serve::prepare(settings, concurrency, Some(args.labels.clone()))?;
    prepared.run("cesar-worker", |setup| {
        cesar_server::work(setup, args.metrics.as_deref(), |addresses| {
            if args.ready_json {
                print(&serve::ready_json(addresses));
            } else if verbosity >= 0 {
                note("waiting for jobs");
            }
        })
    })
}
