//! Completion of the command line in a shell: commands, flags, and values that are there, such as models, plugins and formats.
//!
//! The script that `cesar completions` prints asks the program at each completion, with [`VARIABLE`] set, so that it knows what was installed
//! since. `clap_complete` makes both, but for the script of bash; [`values`] knows which values an argument takes.

mod values;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use clap_complete::env::{CompleteEnv, Shells};

use crate::cli::Cli;
use crate::cli::report::{Exit, Failure, print};

/// Names the shell that asks.
const VARIABLE: &str = "CESAR_COMPLETE";

/// The places of scripts.
pub(super) const PLACES: &str = "\
Place of the script:
  bash        echo 'source <(cesar completions bash)' >> ~/.bashrc
  zsh         echo 'source <(cesar completions zsh)' >> ~/.zshrc      (behind `compinit`)
  fish        cesar completions fish > ~/.config/fish/completions/cesar.fish
  elvish      echo 'eval (cesar completions elvish | slurp)' >> ~/.config/elvish/rc.elv
  powershell  'cesar completions powershell | Out-String | Invoke-Expression' | Add-Content $PROFILE

The script calls `cesar` at each completion, so it offers what is installed then.";

/// The script for bash. That of `clap_complete` inserts replies unquoted, paths among them, and knows no word with `=` or `:`, at which bash
/// divides words. Here paths are left to bash, words are joined again, and replies are quoted.
const BASH: &str = r#"_cesar() {
    local word words=() index reply begin IFS=$'\n'
    for ((index = 0; index <= COMP_CWORD; index++)); do
        word="${COMP_WORDS[index]}"
        ((index == COMP_CWORD)) && [[ "$word" != [=:] ]] && word="$2"
        if ((index > 1)) && [[ "$word" == [=:]* || "${words[-1]}" == *[=:] && "${COMP_WORDS[index - 1]}" == [=:]* ]]; then
            words[-1]+="$word"
        else
            words+=("$word")
        fi
    done
    word="${words[-1]}"
    begin="${word%"$2"}"
    COMPREPLY=()
    while IFS= read -r reply || [[ -n "$reply" ]]; do
        [[ "$reply" == "$word"* && ( "$word" == -* || "$reply" != -* ) ]] || continue
        printf -v reply %q "${reply#"$begin"}"
        COMPREPLY+=("$reply")
    done < <(VARIABLE=bash _CLAP_IFS=$'\n' _CLAP_COMPLETE_INDEX=$((${#words[@]} - 1)) PROGRAM -- "${words[@]}" 2>/dev/null)
    [[ ${#COMPREPLY[@]} == 1 && "${COMPREPLY[0]}" == *= ]] && compopt -o nospace 2>/dev/null
    return 0
}
complete -o default -F _cesar cesar
"#;

/// Answers a shell that asks for completions. Returns the exit code if one did.
pub(super) fn answer(words: &[OsString]) -> Option<Exit> {
    std::env::var_os(VARIABLE)?;
    let folder = std::env::current_dir().ok();
    let is_bash = std::env::var_os(VARIABLE).is_some_and(|shell| shell == "bash");
    let command = || match (values::known_to(Cli::command()), is_bash) {
        (command, true) => values::without_paths(command),
        (command, false) => command,
    };
    let complete = CompleteEnv::with_factory(command).var(VARIABLE);
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
    if shell == clap_complete::Shell::Bash {
        let program = called(Path::new(program));
        let program = shlex::try_quote(&program).map_err(Failure::failed)?;
        print(&BASH.replace("VARIABLE", VARIABLE).replace("PROGRAM", &program));
        return Ok(Exit::Done);
    }
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
