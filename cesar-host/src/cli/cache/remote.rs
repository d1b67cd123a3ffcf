//! `cesar cache info|prune|verify --remote`: the cache that machines share.

use cesar_config::Settings;

use super::{info, prune, verify};
use crate::cli::report::{Exit, Failure};

#[cfg(feature = "cluster")]
pub(super) use with::{info, prune, verify};
#[cfg(not(feature = "cluster"))]
pub(super) use without::{info, prune, verify};

#[cfg(feature = "cluster")]
mod with {
    use std::time::Duration;

    use cesar_remote::{RemoteInfo, RemotePrune, RemoteVerification};
    use indicatif::ProgressBar;
    use serde::Serialize;

    use super::super::removal::carefully;
    use super::*;
    use crate::cli::humanize::{count, size};
    use crate::cli::report::{print, print_json};
    use crate::cli::shared_cache::SharedCache;

    /// The JSON of a verification; its schema is stable.
    #[derive(Debug, Serialize)]
    struct Answer {
        sound: bool,
        #[serde(flatten)]
        verification: RemoteVerification,
    }

    /// `cesar cache info --remote`.
    pub(crate) fn info(args: &info::Args, settings: &Settings) -> Result<Exit, Failure> {
        let info = SharedCache::required(settings)?.info().map_err(Failure::failed)?;
        match args.json.json {
            true => print_json(&info),
            false => print(&info_text(&info)),
        }
        Ok(Exit::Done)
    }

    fn info_text(info: &RemoteInfo) -> String {
        let mut out = format!(
            "{}\n{}, {}; {}",
            info.location,
            count(info.entries, "result", "results"),
            size(info.bytes),
            count(info.objects, "object", "objects"),
        );
        let others = [
            (info.orphans, "of them without a result"),
            (info.locks, "being computed"),
            (info.rejected, "not used (`cesar cache verify --remote`)"),
        ];
        for (number, what) in others.into_iter().filter(|(number, _)| *number > 0) {
            out.push_str(&format!(", {number} {what}"));
        }
        out.push('\n');
        if !info.stages.is_empty() {
            out.push_str(&format!("\n{}", info::by_stage(&info.stages)));
        }
        out
    }

    /// `cesar cache verify --remote`. Remaining damage is a failure.
    pub(crate) fn verify(args: &verify::Args, settings: &Settings) -> Result<Exit, Failure> {
        let remote = match args.repair {
            true => SharedCache::changeable(settings)?,
            false => SharedCache::required(settings)?,
        };
        // Only shown on a terminal.
        let spinner = ProgressBar::new_spinner();
        spinner.enable_steady_tick(Duration::from_millis(200));
        let shown = spinner.clone();
        let progress = move |entries, bytes| {
            shown.set_message(format!("{}, {}", count(entries, "result", "results"), size(bytes)));
        };
        let verification = remote.verify(args.repair, progress).map_err(Failure::failed)?;
        spinner.finish_and_clear();
        let sound = verification.is_sound();
        match args.json.json {
            true => print_json(&Answer { sound, verification }),
            false => print(&verification_text(&verification, args.repair)),
        }
        Ok(if sound { Exit::Done } else { Exit::Failed })
    }

    fn verification_text(verification: &RemoteVerification, repair: bool) -> String {
        let mut out = String::new();
        if !verification.damaged.is_empty() {
            out.push_str(&verify::damaged(&verification.damaged));
            out.push('\n');
        }
        let number = verification.damaged.len() as u64;
        let unusable = count(number, "result cannot be used", "results cannot be used");
        let verdict = match (number, repair) {
            (0, _) => "no damage".to_owned(),
            (_, true) => format!("{unusable} and removed; recomputed when next needed"),
            (_, false) => format!("{unusable}; remove with `cesar cache verify --remote --repair`"),
        };
        out.push_str(&format!(
            "{} read, {} and {}: {verdict}\n",
            size(verification.bytes),
            count(verification.entries, "result", "results"),
            count(verification.contents, "object", "objects"),
        ));
        if verification.orphans > 0 {
            let objects = count(verification.orphans, "object", "objects");
            out.push_str(&format!(
                "{objects} without a result, {}: removed by `cesar cache prune --remote` after a day\n",
                size(verification.orphan_bytes)
            ));
        }
        out
    }

    /// `cesar cache prune --remote`.
    pub(crate) fn prune(args: &prune::Args, settings: &Settings) -> Result<Exit, Failure> {
        let remote = SharedCache::changeable(settings)?;
        carefully(&args.removal, |dry_run| {
            remote.prune(&RemotePrune {
                older_ms: args.older_than,
                stage: args.stage.clone(),
                dry_run,
            })
        })
    }
}

#[cfg(not(feature = "cluster"))]
mod without {
    use super::*;
    use crate::cli::shared_cache::SharedCache;

    fn refused(settings: &Settings) -> Result<Exit, Failure> {
        SharedCache::of(settings, &mut Vec::new())?;
        Err(Failure::usage(
            "no shared cache; name one with the setting `cache.remote`",
        ))
    }

    pub(crate) fn info(_: &info::Args, settings: &Settings) -> Result<Exit, Failure> {
        refused(settings)
    }

    pub(crate) fn verify(_: &verify::Args, settings: &Settings) -> Result<Exit, Failure> {
        refused(settings)
    }

    pub(crate) fn prune(_: &prune::Args, settings: &Settings) -> Result<Exit, Failure> {
        refused(settings)
    }
}
