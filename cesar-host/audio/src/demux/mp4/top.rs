//! The atoms at the top of a file.
//!
//! The list ends at the first bytes that are no atom, as in players: junk behind the last atom is common. If more fragments
//! can follow, the next one is searched first.

use std::io;

use super::atom::{Atom, Name};
use super::input::Input;

/// Atoms that are allowed at the top.
const KNOWN: [&Name; 20] = [
    b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"sidx", b"ssix", b"mfra", b"meta",
    b"uuid", b"pnot", b"udta", b"prft", b"emsg", b"pdin", b"junk", b"PICT",
];

/// Whether an atom of this name is allowed at the top of a file.
pub(super) fn is_known(name: &Name) -> bool {
    KNOWN.contains(&name)
}

/// A walk over the atoms at the top.
#[derive(Debug, Clone, Default)]
pub(super) struct Top {
    position: u64,
    is_cut: bool,
    skipped: u64,
    /// Whether the index at the end of a fragmented file was passed.
    has_ended: bool,
}

impl Top {
    /// Position of the next atom.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Whether an atom extends beyond the end of the file.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Bytes that were skipped and not taken yet.
    pub(super) fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Bytes skipped since the last call.
    pub(super) fn take_skipped(&mut self) -> u64 {
        std::mem::take(&mut self.skipped)
    }

    /// The next atom; it may end behind the file. Skips junk if a fragment follows.
    pub(super) fn next(&mut self, input: &mut Input, may_skip: bool) -> io::Result<Option<Atom>> {
        let length = input.length();
        let is_plausible =
            |atom: &Atom| is_known(&atom.name) || (atom.end <= length && !atom.is_open && is_text(atom.name));
        let mut atom = Atom::at(input, self.position, length)?.filter(is_plausible);
        if atom.is_none() && may_skip {
            let from = self.position;
            let found = search(input, from, *b"moof", *b"mfhd")?;
            atom = found
                .and_then(|found| Some((found, Atom::at(input, found, length).ok()??)))
                .map(|(found, atom)| {
                    self.skipped += found - from;
                    atom
                });
        }
        match &atom {
            Some(atom) => {
                self.is_cut |= atom.end > length;
                self.has_ended |= &atom.name == b"mfra";
                self.position = atom.end;
            }
            None => {
                let is_junk = may_skip && !self.has_ended && has_content(input, self.position)?;
                self.skipped += if is_junk { length - self.position } else { 0 };
                self.position = length;
            }
        }
        Ok(atom)
    }
}

/// Whether something other than zeros, which fill up a sector, is at the position.
fn has_content(input: &mut Input, position: u64) -> io::Result<bool> {
    const SECTOR: u64 = 4096;
    Ok(input.read(position, SECTOR)?.iter().any(|byte| *byte != 0))
}

fn is_text(name: Name) -> bool {
    name.iter().all(|byte| matches!(byte, b' '..=b'~' | 0xA9))
}

/// Position of the next atom `name` whose first child is `child`.
pub(super) fn search(input: &mut Input, from: u64, name: Name, child: Name) -> io::Result<Option<u64>> {
    /// Distance from the atom's name to the child's name.
    const SPAN: usize = 12;
    const BLOCK: u64 = 1 << 18;
    let mut position = from.saturating_add(4);
    while input.spend(BLOCK.min(input.length().saturating_sub(position))) {
        let block = input.read(position, BLOCK)?;
        let found = block
            .windows(SPAN)
            .position(|window| window[..4] == name && window[8..] == child);
        if let Some(found) = found {
            return Ok(Some(position + found as u64 - 4));
        }
        if (block.len() as u64) < BLOCK {
            break;
        }
        position += BLOCK - SPAN as u64 + 1;
    }
    Ok(None)
}
