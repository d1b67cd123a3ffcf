//! Programs in their own mount namespace.

use std::path::Path;
use std::process::Command;

/// The arguments of `unshare` for a mount namespace: as root, or as a user who may be root inside. `None` if neither is allowed,
/// which a test mount over `folder` decides.
#[must_use]
pub fn view_of_files(folder: &Path) -> Option<&'static [&'static str]> {
    let views: [&[&str]; 2] = [&["--mount"], &["--mount", "--user", "--map-root-user"]];
    views.into_iter().find(|flags| {
        let mut trial = Command::new("unshare");
        trial.args(*flags).args(["mount", "-t", "tmpfs", "none"]).arg(folder);
        trial.output().is_ok_and(|output| output.status.success())
    })
}
