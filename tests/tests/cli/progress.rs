//! The progress display in a terminal.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::num::NonZero;

use cesar_tests::server::{wave, with_echo};
use cesar_tests::terminal::Shown;

/// Written when the program sees another width: rows of the former block are erased.
const ERASED: &str = "\x1b[2K\x1b[B";

/// The screen after `bytes`, and whether a row was too long for it.
fn screen(bytes: &[u8], columns: u16) -> (String, bool) {
    let size = |number| NonZero::new(number).unwrap();
    let mut terminal = vt100::Parser::new(size(24), size(columns), 0);
    terminal.process(bytes);
    let wrapped = (0..24).any(|row| terminal.screen().row_wrapped(row));
    (terminal.screen().contents(), wrapped)
}

/// The engine stops in the middle of the recording, so the display is redrawn until the test has seen all widths.
#[test]
fn the_display_fits_the_terminal_and_comes_before_the_first_text() {
    let sandbox = with_echo();
    let name = "第三回インタビュー👩‍🔬 with a name that no terminal of eighty columns has room for 第三回👩‍🔬.wav";
    sandbox.write(name, wave(8, 1));
    sandbox.write("other.wav", wave(8, 2));
    let mut command = sandbox.command();
    command.args([
        "transcribe",
        name,
        "other.wav",
        "--output-dir",
        "out",
        "--asr-plugin",
        "echo",
    ]);
    command.args(["--asr-option", "behaviour=stop_half_way"]);
    let mut shown = Shown::start(command, 120);
    let before = shown.read_to("peaks at");
    let text = String::from_utf8(before.clone()).unwrap();
    let (first, _) = text.split_once("\x1b[K\r").expect("a line was drawn");
    assert!(!first.contains("second 0"), "{first:?}");
    assert!(!screen(&before, 120).1, "{text:?}");
    for columns in [80, 60] {
        shown.resize(columns);
        shown.read_to(ERASED);
        // Both recordings have a text: at least one drawing is whole.
        let drawn = [(); 4].map(|()| shown.read_to("peaks at")).concat();
        let (contents, wrapped) = screen(&drawn, columns);
        assert!(!wrapped, "{columns}: {contents}");
        assert!(contents.contains("other.wav"), "{columns}: {contents}");
    }
}
