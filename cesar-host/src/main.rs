//! The `cesar` program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    cesar_host::cli::main(std::env::args_os())
}
