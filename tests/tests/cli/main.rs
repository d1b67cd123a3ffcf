//! The command line: inputs, outputs, messages and exit codes.

mod align;
mod bad_input;
mod command_line;
mod completion;
mod doctor;
mod documented;
mod edit;
mod glossary;
mod interrupted;
mod models;
mod parallel;
mod progress;
mod render;
mod search;
mod watch;
