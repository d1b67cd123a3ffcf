//! Lines at the bottom of a terminal that are redrawn.
//!
//! The cursor rests below the block. If the terminal has become narrower, it has wrapped the lines again, and each takes more rows:
//! they are counted by the present width, as in terminals that reflow (all common ones but xterm).

use std::io::{self, Write};

/// A block of lines on `out`.
#[derive(Debug)]
pub(super) struct Block<W> {
    out: W,
    /// The width of each drawn line.
    drawn: Vec<usize>,
    /// The width of the terminal at that time.
    columns: usize,
}

impl<W: Write> Block<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out,
            drawn: Vec::new(),
            columns: 0,
        }
    }

    /// Replaces the block by `lines`, none wider than `columns`.
    pub(super) fn draw(&mut self, lines: &[String], columns: usize) -> io::Result<()> {
        if lines.is_empty() && self.drawn.is_empty() {
            return Ok(());
        }
        let rows = self.rows(columns);
        let mut bytes = String::from("\r");
        bytes.push_str(&up(rows));
        if columns != self.columns {
            // Row by row: if the screen is cleared from its first row on, tmux keeps a copy of it in its history.
            bytes.push_str(&"\x1b[2K\x1b[B".repeat(rows));
            bytes.push_str(&up(rows));
        }
        for line in lines {
            bytes.push_str(line);
            bytes.push_str("\x1b[K\r\n");
        }
        let rest = rows.saturating_sub(lines.len());
        bytes.push_str(&"\x1b[2K\x1b[B".repeat(rest));
        bytes.push_str(&up(rest));
        self.drawn = lines.iter().map(|line| crate::cli::columns::width(line)).collect();
        self.columns = columns;
        // One write, so that the terminal never shows a part of it.
        self.out.write_all(bytes.as_bytes())?;
        self.out.flush()
    }

    /// Removes the block.
    pub(super) fn clear(&mut self, columns: usize) -> io::Result<()> {
        self.draw(&[], columns)
    }

    /// The number of rows of the drawn lines in `columns`.
    fn rows(&self, columns: usize) -> usize {
        let rows = self.drawn.iter().map(|width| width.div_ceil(columns.max(1)).max(1));
        rows.sum()
    }
}

/// Moves the cursor up; a terminal takes 0 as 1.
fn up(rows: usize) -> String {
    match rows {
        0 => String::new(),
        rows => format!("\x1b[{rows}A"),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use super::*;

    /// A terminal of some rows and columns that shows the output.
    struct Terminal(vt100::Parser);

    impl Write for Terminal {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.process(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn terminal(rows: u16, columns: u16) -> Terminal {
        let size = |number| NonZero::new(number).unwrap();
        Terminal(vt100::Parser::new(size(rows), size(columns), 100))
    }

    fn block(rows: u16, columns: u16) -> Block<Terminal> {
        Block::new(terminal(rows, columns))
    }

    fn lines<const COUNT: usize>(lines: [&str; COUNT]) -> Vec<String> {
        lines.map(str::to_owned).to_vec()
    }

    fn screen(block: &Block<Terminal>) -> String {
        block.out.0.screen().contents()
    }

    #[test]
    fn nothing_of_an_earlier_block_stays() {
        let mut block = block(10, 20);
        block
            .draw(&lines(["a long first line", "second", "third"]), 20)
            .unwrap();
        block.draw(&lines(["short", "日本語"]), 20).unwrap();
        assert_eq!(screen(&block), "short\n日本語");
        block.clear(20).unwrap();
        assert_eq!(screen(&block), "");
    }

    #[test]
    fn lines_of_full_width_take_one_row() {
        let mut block = block(10, 20);
        let full = "x".repeat(20);
        for _ in 0..3 {
            block.draw(&lines([full.as_str(), full.as_str()]), 20).unwrap();
        }
        assert_eq!(screen(&block), format!("{full}\n{full}"));
    }

    #[test]
    fn text_above_the_block_stays() {
        let mut block = block(4, 20);
        for number in 0..9 {
            block.clear(20).unwrap();
            block.out.write_all(format!("note {number}\r\n").as_bytes()).unwrap();
            block.draw(&lines(["first", "second"]), 20).unwrap();
        }
        assert_eq!(screen(&block), "note 8\nfirst\nsecond");
    }

    #[test]
    fn wrapped_lines_are_erased_after_a_terminal_became_narrower() {
        let mut block = block(10, 20);
        let full = "=".repeat(18);
        block.draw(&lines([full.as_str(), "short"]), 20).unwrap();
        // The result of a terminal with 10 columns for these lines.
        let mut narrow = terminal(10, 10);
        narrow
            .write_all(b"note\r\n==========\r\n========\r\nshort\r\n")
            .unwrap();
        block.out = narrow;
        block.draw(&lines(["new", "lines"]), 10).unwrap();
        assert_eq!(screen(&block), "note\nnew\nlines");
    }
}
