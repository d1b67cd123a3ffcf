//! The progress display on standard error, drawn several times a second by its own thread.

use std::io::{self, IsTerminal as _, Stderr};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::block::Block;
use super::board::Board;
use super::render;

/// Interval between two drawings.
const INTERVAL: Duration = Duration::from_millis(100);

/// Assumed if the terminal does not report its size.
const USUAL_SIZE: (usize, usize) = (80, 24);

/// A board and its display.
#[derive(Debug)]
pub(super) struct Screen {
    inner: Mutex<Inner>,
    closed: Condvar,
}

#[derive(Debug)]
struct Inner {
    board: Board,
    block: Block<Stderr>,
    is_closed: bool,
}

/// Whether standard error is a terminal that can redraw lines.
pub(super) fn is_possible() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb")
}

impl Screen {
    pub(super) fn new() -> Self {
        Self {
            inner: Mutex::new(Inner {
                board: Board::new(Instant::now()),
                block: Block::new(io::stderr()),
                is_closed: false,
            }),
            closed: Condvar::new(),
        }
    }

    /// Draws until [`Self::close`].
    pub(super) fn run(&self) {
        let mut inner = self.lock();
        while !inner.is_closed {
            inner.draw();
            self.closed.wait_for(&mut inner, INTERVAL);
        }
        inner.clear();
    }

    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.closed.notify_all();
    }

    /// Changes the board; the next drawing shows it.
    pub(super) fn change(&self, change: impl FnOnce(&mut Board, Instant)) {
        change(&mut self.lock().board, Instant::now());
    }

    /// Runs `write`, which writes to the terminal, while the display is removed.
    pub(super) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        let mut inner = self.lock();
        inner.clear();
        let result = write();
        if !inner.is_closed {
            inner.draw();
        }
        result
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }
}

/// A closed terminal ends no work, so errors are ignored.
impl Inner {
    fn draw(&mut self) {
        let (columns, rows) = size();
        // The cursor has the last row. Terminals differ in the effect of a full row on the next character, so none is full.
        let lines = render::lines(
            &self.board,
            columns.saturating_sub(1),
            rows.saturating_sub(1),
            Instant::now(),
        );
        let _ = self.block.draw(&lines, columns);
    }

    fn clear(&mut self) {
        let _ = self.block.clear(size().0);
    }
}

/// Columns and rows.
fn size() -> (usize, usize) {
    let size = terminal_size::terminal_size_of(io::stderr());
    let size = size.map(|(columns, rows)| (usize::from(columns.0), usize::from(rows.0)));
    // Some report 0 by 0.
    size.filter(|(columns, rows)| *columns > 0 && *rows > 0)
        .unwrap_or(USUAL_SIZE)
}
