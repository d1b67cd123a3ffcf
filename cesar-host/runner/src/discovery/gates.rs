//! The gates between a file and its use, cheapest first, and their answers about one file.
//!
//! | gate | runs plugin code | module |
//! |---|---|---|
//! | file | no | [`elf`](super::elf) |
//! | manifest | no | [`elf`](super::elf) |
//! | trust | no | [`Verdicts`], by the file's digest |
//! | probe | in a child | here, once per digest |
//! | use | in a runner | [`Runners`] |

use std::path::{Path, PathBuf};

use cesar_base::{Clock as _, SystemClock};
use plugin_api::manifest::Manifest;
use serde::Serialize;

use super::{GateError, Plugin, PluginError};
use crate::verdicts::{Verdict, Verdicts, day};
use crate::{RunnerError, Runners};

/// The state of a file at one gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GateState {
    /// It passed.
    Passed,
    /// It is refused here.
    Refused,
    /// A gate before this one refused it.
    NotReached,
}

/// The answer of a gate about a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gate {
    /// `file`, `manifest`, `trust`, `probe` or `use`.
    pub gate: &'static str,
    /// Whether the file passed.
    pub state: GateState,
    /// One line.
    pub says: String,
}

/// The names of the gates, in order.
const GATES: [&str; 5] = ["file", "manifest", "trust", "probe", "use"];

/// The answer of each gate about the plugin at `path`, whose SHA-256 in hex `digest` computes. Probes it if that was not done before.
pub fn examine(
    path: &Path,
    digest: impl FnOnce(&Path) -> Result<String, String>,
    verdicts: &Verdicts,
    runners: &Runners,
) -> Vec<Gate> {
    let mut gates = Vec::new();
    // The first refusal ends the examination; later gates are not reached.
    if let Err(says) = pass(path, digest, verdicts, runners, &mut gates) {
        let state = GateState::Refused;
        let gate = GATES[gates.len()];
        gates.push(Gate { gate, state, says });
    }
    for gate in &GATES[gates.len()..] {
        let says = String::new();
        let state = GateState::NotReached;
        gates.push(Gate { gate, state, says });
    }
    gates
}

fn pass(
    path: &Path,
    digest: impl FnOnce(&Path) -> Result<String, String>,
    verdicts: &Verdicts,
    runners: &Runners,
    gates: &mut Vec<Gate>,
) -> Result<(), String> {
    let mut passed = |says: String| {
        let gate = GATES[gates.len()];
        let state = GateState::Passed;
        gates.push(Gate { gate, state, says });
    };
    let read = Plugin::read(path);
    match &read {
        Err(error) if error.gate() == "file" => return Err(error.to_string()),
        _ => passed(format!("a whole library for {}", std::env::consts::ARCH)),
    }
    let plugin = read.map_err(|error| error.to_string())?;
    let manifest = &plugin.manifest;
    let options = manifest.options.len();
    passed(format!(
        "{} {}, stage {}, {options} options",
        manifest.id, manifest.version, manifest.stage
    ));
    let digest = digest(path)?;
    plugin
        .check_trust(&digest, verdicts)
        .map_err(|error| error.to_string())?;
    let required = if verdicts.requires_trust() {
        "on the list of trusted files"
    } else {
        "no list of trusted files is asked for"
    };
    passed(format!("not quarantined; {required}; SHA-256 {digest}"));
    let known = verdicts.get(&digest).is_some();
    plugin
        .clear(&digest, verdicts, runners)
        .map_err(|error| error.to_string())?;
    passed(if known {
        "loaded well when it was probed".to_owned()
    } else {
        "loads, just now".to_owned()
    });
    passed(match verdicts.crashes(&digest).last() {
        None => "no crash in use".to_owned(),
        Some(crash) => format!(
            "one crash in use, on {} ({}); the next one puts it into quarantine",
            day(crash.at_ms),
            crash.how
        ),
    });
    Ok(())
}

impl GateError {
    /// The gate that refuses.
    #[must_use]
    pub fn gate(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } | Self::Writable { .. } | Self::NotLibrary { .. } => "file",
            Self::NotPlugin { .. } | Self::Manifest { .. } | Self::Cpu { .. } => "manifest",
        }
    }
}

impl Plugin {
    /// The gate of trust: whether the file may be run at all.
    ///
    /// # Errors
    /// [`PluginError::Untrusted`], [`PluginError::Quarantined`].
    pub fn check_trust(&self, digest: &str, verdicts: &Verdicts) -> Result<(), PluginError> {
        let (id, version) = (self.manifest.id.clone(), self.manifest.version.clone());
        if !verdicts.trusts(digest) {
            let path = PathBuf::clone(&self.path);
            return Err(PluginError::Untrusted { id, version, path });
        }
        match verdicts.get(digest) {
            Some(Verdict::Quarantined { reason, since_ms }) => Err(PluginError::Quarantined {
                id,
                version,
                reason,
                since: day(since_ms),
            }),
            _ => Ok(()),
        }
    }

    /// Applies the last gates before use: trust, then the remembered verdict, or a probe in a child process.
    ///
    /// # Errors
    /// [`PluginError`] with the gate's reason.
    pub fn clear(&self, digest: &str, verdicts: &Verdicts, runners: &Runners) -> Result<(), PluginError> {
        self.check_trust(digest, verdicts)?;
        let verdict = verdicts.get(digest).unwrap_or_else(|| {
            let (verdict, lasting) = self.probe(runners);
            if lasting && let Err(error) = verdicts.put(digest, &verdict) {
                tracing::debug!("the verdict on `{}` is not remembered: {error}", self.manifest.id);
            }
            verdict
        });
        match verdict {
            Verdict::Good => Ok(()),
            Verdict::Bad { reason } | Verdict::Quarantined { reason, .. } => Err(PluginError::Bad {
                id: self.manifest.id.clone(),
                path: self.path.clone(),
                reason,
            }),
        }
    }

    /// The verdict, and whether it is final.
    fn probe(&self, runners: &Runners) -> (Verdict, bool) {
        let bad = |reason: String| Verdict::Bad { reason };
        let quarantine = |reason: String| Verdict::Quarantined {
            reason,
            since_ms: SystemClock.now_ms(),
        };
        match runners.probe(&self.manifest.id, &self.path) {
            Ok(text) => match Manifest::parse(&text) {
                Ok(manifest) if manifest == self.manifest => (Verdict::Good, true),
                // Replaced since the last scan: the next scan will find it.
                Ok(manifest) if Self::read(&self.path).is_ok_and(|now| now.manifest == manifest) => {
                    (bad("its file was replaced just now; try again".into()), false)
                }
                _ => (
                    bad("its code carries another manifest than its file; build it again".into()),
                    true,
                ),
            },
            Err(RunnerError::Crashed { how, by_itself, .. }) => {
                (quarantine(format!("it crashed while it was loaded: {how}")), by_itself)
            }
            Err(RunnerError::TooSlow { seconds, .. }) => {
                (quarantine(format!("it did not load within {seconds} s")), true)
            }
            Err(RunnerError::Protocol { detail, .. }) => (
                quarantine(format!("it broke the protocol while it was loaded: {detail}")),
                true,
            ),
            // A missing library may be installed, memory may be freed: these are probed again.
            Err(RunnerError::Refused { summary, .. }) => (bad(summary), false),
            Err(error) => (bad(error.to_string()), false),
        }
    }
}
