//! Processor, memory and folders.

use std::fs;
use std::path::Path;
use std::thread;

use cesar_base::names::shown;
use cesar_config::Settings;
use cesar_runner::Limits;
use rustix::fs::{Access, access, statvfs};

use super::finding::Finding;
use crate::cli::host;
use crate::cli::humanize::size;

/// Less free memory than `base` and its engine need.
const LITTLE_MEMORY: u64 = 600_000_000;

/// Less free disk than a model and some hours of results need.
const LITTLE_DISK: u64 = 1_000_000_000;

pub(super) fn findings(settings: &Settings) -> Vec<Finding> {
    let mut findings = vec![processor(), memory()];
    match settings.cache.folder() {
        Ok(Some(cache)) => findings.push(folder("cache folder", cache, "results are computed again each time")),
        Ok(None) => findings.push(Finding::ok("cache folder", "disabled (`cache.enabled`)")),
        Err(_) => findings.push(Finding::warning(
            "cache folder",
            "none, because neither `XDG_CACHE_HOME` nor `HOME` is set",
            "name one with `cache.dir` or `--cache-dir`",
        )),
    }
    match host::model_roots(settings).dirs.first() {
        Some(models) => findings.push(folder("models folder", models, "models cannot be downloaded")),
        None => findings.push(Finding::warning(
            "models folder",
            "none, because neither `XDG_DATA_HOME` nor `HOME` is set",
            "name one with `--models-dir`",
        )),
    }
    findings
}

fn processor() -> Finding {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or(std::env::consts::ARCH, |(_, name)| name.trim());
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let cores = match cores {
        1 => "1 core".to_owned(),
        several => format!("{several} cores"),
    };
    let features = features();
    let features = match features.is_empty() {
        true => "without vector instructions that the engines know".to_owned(),
        false => features.join(", "),
    };
    Finding::ok("processor", format!("{name}, {cores}: {features}"))
}

/// Features of the processor that the engines look for.
#[cfg(target_arch = "x86_64")]
fn features() -> Vec<&'static str> {
    let known = [
        ("AVX", is_x86_feature_detected!("avx")),
        ("AVX2", is_x86_feature_detected!("avx2")),
        ("FMA", is_x86_feature_detected!("fma")),
        ("F16C", is_x86_feature_detected!("f16c")),
        ("AVX-512", is_x86_feature_detected!("avx512f")),
        ("VNNI", is_x86_feature_detected!("avx512vnni")),
        ("BF16", is_x86_feature_detected!("avx512bf16")),
    ];
    known
        .iter()
        .filter(|(_, is_there)| *is_there)
        .map(|(name, _)| *name)
        .collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn features() -> Vec<&'static str> {
    Vec::new()
}

fn memory() -> Finding {
    let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let (Some(total), Some(free)) = (kibibytes(&info, "MemTotal:"), kibibytes(&info, "MemAvailable:")) else {
        return Finding::ok("memory", "unknown on this system");
    };
    // The limit of a container, where there is one; plugins get nine tenths of it.
    let most = Limits::usual_memory().map_or(total, |usual| (usual / 9 * 10).min(total));
    let free = free.min(most);
    let text = format!("{} free of {}", size(free), size(most));
    match free < LITTLE_MEMORY {
        true => Finding::warning("memory", text, "end other programs, or use `tiny` or `tiny.en`"),
        false => Finding::ok("memory", text),
    }
}

fn kibibytes(info: &str, field: &str) -> Option<u64> {
    let value = info.lines().find_map(|line| line.strip_prefix(field))?;
    let number: u64 = value.split_whitespace().next()?.parse().ok()?;
    Some(number * 1024)
}

/// A folder that may not exist yet: it is then created in the nearest one that does.
fn folder(subject: &str, path: &Path, loss: &str) -> Finding {
    let existing = path.ancestors().find(|folder| folder.exists());
    let Some(existing) = existing else {
        return Finding::warning(
            subject,
            format!("`{}` is on no disk: {loss}", shown(path)),
            "name another one",
        );
    };
    if !existing.is_dir() || access(existing, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let text = format!("`{}` cannot be written: {loss}", shown(existing));
        return Finding::warning(subject, text, "change its owner or rights, or name another one");
    }
    let free = statvfs(existing).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
    let text = format!("{}, {} free", shown(path), size(free));
    match free < LITTLE_DISK {
        true => Finding::warning(subject, text, "free some space (`cesar cache prune`)"),
        false => Finding::ok(subject, text),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::*;

    #[test]
    fn memory_is_read_in_kibibytes() {
        let info = "MemTotal:       24000000 kB\nMemAvailable:   11000 kB\n";
        assert_eq!(kibibytes(info, "MemAvailable:"), Some(11_264_000));
        assert_eq!(kibibytes(info, "Swap:"), None);
    }

    #[test]
    fn a_file_in_place_of_a_folder_is_a_warning() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("file");
        fs::write(&file, "").unwrap();
        let finding = folder("cache folder", &file.join("cache"), "nothing is kept");
        assert_eq!(finding.state, State::Warning);
        assert!(
            finding.text.contains("cannot be written: nothing is kept"),
            "{}",
            finding.text
        );
        assert!(!file.join("cache").exists() && folder("x", &place.path().join("new"), "").text.contains("free"));
        assert!(!place.path().join("new").exists());
    }
}
