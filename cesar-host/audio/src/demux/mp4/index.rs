//! Search for the index of a file.

use std::io;

use super::atom::Atom;
use super::input::Input;
use super::top::{Top, is_known, search};

/// The place of the index.
pub(super) enum Index {
    There(Atom),
    Missing,
    /// A picture in the same structure.
    Picture,
    OtherKind,
}

/// Finds `moov`: at the top, or inside an `mdat` whose size was never written.
pub(super) fn find_index(input: &mut Input) -> io::Result<Index> {
    let length = input.length();
    let mut top = Top::default();
    let (mut is_ours, mut has_media, mut has_pictures, mut searched) = (false, false, false, None);
    loop {
        let position = top.position();
        let Some(atom) = top.next(input, false)? else {
            searched = searched.or(Some(position));
            break;
        };
        match &atom.name {
            b"moov" if atom.end <= length => {
                return Ok(match atom.find(input, b"cmov")? {
                    Some(_) => Index::OtherKind,
                    None => Index::There(atom),
                });
            }
            b"moov" | b"mdat" | b"moof" => has_media = true,
            b"meta" => has_pictures = true,
            _ => {}
        }
        is_ours |= position == 0 && is_known(&atom.name);
        if atom.is_open {
            searched = Some(atom.start);
        }
    }
    if !is_ours {
        return Ok(Index::OtherKind);
    }
    if let Some(from) = searched.filter(|from| *from < length)
        && let Some(position) = search(input, from, *b"moov", *b"mvhd")?
        && let Some(index) = Atom::at(input, position, length)?.filter(|index| index.end <= length)
    {
        return Ok(Index::There(index));
    }
    Ok(match has_pictures {
        true => Index::Picture,
        false if has_media => Index::Missing,
        false => {
            let begins_as_one = Atom::at(input, 0, length)?.is_some_and(|atom| &atom.name == b"ftyp");
            if begins_as_one {
                Index::Missing
            } else {
                Index::OtherKind
            }
        }
    })
}
