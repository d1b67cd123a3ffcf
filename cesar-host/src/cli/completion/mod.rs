//! Completion of the command line in a shell: commands, flags, and values that are there, such as models, plugins and formats.
//!
//! The script that `cesar completions` prints asks the program at each completion, with [`VARIABLE`] set, so that it knows what was installed
//! since. `clap_complete` makes both; [`values`] knows which values an argument takes.

mod values;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use clap_complete::env::{CompleteEnv, Shells};

use crate::cli::Cli;
use crate::cli::report::{Exit, Failure, print};

/// Names the shell that asks.
const VARIABLE: &str = "CESAR_COMPLETE";

/// Where scripts go.
pub(super) const PLACES: &str = "\
Where it goes:
  bash        echo 'source <(cesar completions bash)' >> ~/.bashrc
  zsh         echo 'source <(cesar completions zsh)' >> ~/.zshrc      (behind `compinit`)
  fish        cesar completions fish > ~/.config/fish/completions/cesar.fish
  elvish      echo 'eval (cesar completions elvish | slurp)' >> ~/.config/elvish/rc.elv
  powershell  'cesar completions powershell | Out-String | Invoke-Expression' | Add-Content $PROFILE

The script calls `cesar` at each completion, so it offers what is installed then.";

/// Answers a shell that asks for completions. Returns the exit code if one did.
pub(super) fn answer(words: &[OsString]) -> Option<Exit> {
    std::env::var_os(VARIABLE)?;
    let folder = std::env::current_dir().ok();
    let complete = CompleteEnv::with_factory(|| values::known_to(Cli::command())).var(VARIABLE);
    match complete.try_complete(words, folder.as_deref()) {
        Ok(is_answered) => is_answered.then_some(Exit::Done),
        // Of a shell that this version does not know: its user sees no completions.
        Err(_) => Some(Exit::Usage),
    }
}

/// `cesar completions`: the script for a shell, which calls the program that is called now.
pub(super) fn script(shell: clap_complete::Shell, program: &OsStr) -> Result<Exit, Failure> {
    let shells = Shells::builtins();
    let name = shell.to_string();
    let completer = shells
        .completer(&name)
        .ok_or_else(|| Failure::failed(format!("there are no completions for `{name}`")))?;
    let mut script = Vec::new();
    completer
        .write_registration(VARIABLE, "cesar", "cesar", &called(Path::new(program)), &mut script)
        .map_err(Failure::failed)?;
    print(&String::from_utf8_lossy(&script));
    Ok(Exit::Done)
}

/// How a script calls the program: by its name, or by its absolute path if it was called by a path.
fn called(program: &Path) -> String {
    let path = match program.components().count() {
        1 => PathBuf::from(program),
        _ => std::path::absolute(program).unwrap_or_else(|_| program.to_owned()),
    };
    path.to_string_lossy().into_owned()
}
