//! `measure micro`: the benchmarks of single parts, in the folders `benches` of the crates.

use crate::{
    cargo,
    failure::{Failure, Outcome, answer, step},
    output::announce,
};
use serde_json::Value;
use std::{fs, path::PathBuf};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Benchmark to run; without it, they are listed
    name: Option<String>,
    /// Arguments of the benchmark; without them, most print what they take
    #[arg(last = true, value_name = "ARGUMENTS")]
    arguments: Vec<String>,
}

/// A benchmark of a crate.
#[derive(Debug, PartialEq, Eq)]
struct Benchmark {
    package: String,
    name: String,
    source: PathBuf,
}

/// The command.
pub(crate) fn run(options: &Options) -> Outcome {
    let benchmarks = benchmarks(&metadata()?);
    let Some(name) = &options.name else {
        for Benchmark { package, name, source } in &benchmarks {
            let source = fs::read_to_string(source).map_err(|error| Failure::path(source, &error))?;
            println!("{name:<8} {package:<14} {}", purpose(&source));
        }
        return Ok(());
    };
    let benchmark = named(&benchmarks, name)?;
    // Some of them start the program with its plugins.
    cargo::build()?;
    announce(&format!("bench {name}"));
    let mut bench = cargo::cargo("bench");
    bench.args(["-p", &benchmark.package, "--bench", name, "--"]);
    step(bench.args(&options.arguments))
}

fn metadata() -> Outcome<Value> {
    let text = answer(cargo::cargo("metadata").args(["--no-deps", "--format-version", "1"]));
    let text = text.ok_or_else(|| Failure::new("`cargo metadata` failed"))?;
    serde_json::from_str(&text).map_err(|error| Failure::new(format!("`cargo metadata` wrote no JSON: {error}")))
}

/// The benchmarks of a workspace, by package.
fn benchmarks(metadata: &Value) -> Vec<Benchmark> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut benchmarks = Vec::new();
    for package in list(&metadata["packages"]) {
        for target in list(&package["targets"]) {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            if list(&target["kind"]).iter().any(|kind| kind == "bench") {
                benchmarks.push(Benchmark {
                    package: text(&package["name"]),
                    name: text(&target["name"]),
                    source: text(&target["src_path"]).into(),
                });
            }
        }
    }
    benchmarks
}

fn named<'a>(benchmarks: &'a [Benchmark], name: &str) -> Outcome<&'a Benchmark> {
    benchmarks.iter().find(|known| known.name == name).ok_or_else(|| {
        let names: Vec<&str> = benchmarks.iter().map(|known| known.name.as_str()).collect();
        Failure::usage(format!("no benchmark `{name}`; there are: {}", names.join(", ")))
    })
}

/// The first line of the documentation of a source file.
fn purpose(source: &str) -> &str {
    let first = source.lines().next().unwrap_or_default();
    first.trim_start_matches("//!").trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_benchmark_of_the_workspace_is_listed_with_its_purpose() {
        let benchmarks = benchmarks(&metadata().unwrap());
        let names: Vec<(&str, &str)> = benchmarks
            .iter()
            .map(|benchmark| (benchmark.package.as_str(), benchmark.name.as_str()))
            .collect();
        assert!(names.contains(&("cesar-host", "cache")), "{names:?}");
        assert!(names.contains(&("cesar-search", "search")), "{names:?}");
        for benchmark in &benchmarks {
            let source = fs::read_to_string(&benchmark.source).unwrap();
            assert!(
                !purpose(&source).is_empty(),
                "{} does not say what it measures",
                benchmark.name
            );
            let same = benchmarks.iter().filter(|other| other.name == benchmark.name);
            assert_eq!(same.count(), 1, "two benchmarks are called {}", benchmark.name);
        }
    }

    #[test]
    fn an_unknown_benchmark_is_a_usage_error() {
        let benchmarks = [Benchmark {
            package: "cesar-host".to_owned(),
            name: "cache".to_owned(),
            source: PathBuf::new(),
        }];
        assert_eq!(named(&benchmarks, "cache").unwrap().package, "cesar-host");
        let failure = named(&benchmarks, "cach").unwrap_err();
        assert_eq!((failure.code(), failure.to_string().contains("cache")), (2, true));
    }
}
