//! An item: the least part of a text that stays together.

use crate::formats::subtitles::passages::Unit;

/// A unit with what layout must know of it.
#[derive(Clone)]
pub(super) struct Item<'a> {
    pub(super) unit: Unit<'a>,
    /// The passage that it belongs to.
    pub(super) passage: usize,
    /// Whether another speaker spoke before.
    pub(super) turn: bool,
    /// The cost of a division behind it.
    pub(super) after: u32,
}

impl Item<'_> {
    /// Whether it must begin a line.
    pub(super) fn begins_line(&self) -> bool {
        self.turn || self.unit.breaks
    }
}
