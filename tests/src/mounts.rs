//! Programs with a view of the files of their own, in which they may mount.

use std::path::Path;
use std::process::Command;

/// What `unshare` is told for such a view: as root, or as a user whom the system lets be root there. `None` where neither is allowed.
/// Mounts over `folder`, in a view that ends at once, to try it.
#[must_use]
pub fn view_of_files(folder: &Path) -> Option<&'static [&'static str]> {
    let views: [&[&str]; 2] = [&["--mount"], &["--mount", "--user", "--map-root-user"]];
    views.into_iter().find(|flags| {
        let mut trial = Command::new("unshare");
        trial.args(*flags).args(["mount", "-t", "tmpfs", "none"]).arg(folder);
        trial.output().is_ok_and(|output| output.status.success())
    })
}
