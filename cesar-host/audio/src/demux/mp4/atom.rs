//! Atoms (boxes): a size, a name and a body (ISO/IEC 14496-12, 4.2).

use std::io;

use super::input::{Input, u32_at};

/// A name of four letters.
pub(super) type Name = [u8; 4];

/// An atom's name and position. The end may lie behind that of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Atom {
    pub(super) name: Name,
    /// Start of its header.
    pub(super) position: u64,
    /// Start of its body.
    pub(super) start: u64,
    pub(super) end: u64,
    /// Whether its size is open: until the end of its parent.
    pub(super) is_open: bool,
}

impl Atom {
    /// At most `limit` bytes of the body.
    pub(super) fn body(&self, input: &mut Input, limit: u64) -> io::Result<Vec<u8>> {
        input.read(self.start, limit.min(self.end.saturating_sub(self.start)))
    }

    /// Reads the header at `position`; `None` if there is none before `end`.
    pub(super) fn at(input: &mut Input, position: u64, end: u64) -> io::Result<Option<Self>> {
        if position.saturating_add(8) > end || !input.spend(1) {
            return Ok(None);
        }
        let Some(header) = input.array::<8>(position)? else {
            return Ok(None);
        };
        let [a, b, c, d, name @ ..] = header;
        let (size, header_length) = match u32::from_be_bytes([a, b, c, d]) {
            0 => (end - position, 8),
            1 => match input.array::<8>(position + 8)? {
                Some(long) => (u64::from_be_bytes(long), 16),
                None => return Ok(None),
            },
            size => (u64::from(size), 8),
        };
        Ok((size >= header_length).then(|| Self {
            name,
            position,
            start: position + header_length,
            end: position.saturating_add(size),
            is_open: [a, b, c, d] == [0; 4],
        }))
    }

    /// The atoms inside; the list ends at the first that does not fit.
    pub(super) fn children(&self, input: &Input) -> Children {
        Children {
            position: self.start,
            end: self.end.min(input.length()),
        }
    }

    /// The first atom of this name inside.
    pub(super) fn find(&self, input: &mut Input, name: &Name) -> io::Result<Option<Self>> {
        let mut children = self.children(input);
        while let Some(child) = children.next(input)? {
            if child.name == *name {
                return Ok(Some(child));
            }
        }
        Ok(None)
    }

    /// The first bytes of a child's body; empty without the child.
    pub(super) fn body_of(&self, input: &mut Input, name: &Name, limit: u64) -> io::Result<Vec<u8>> {
        match self.find(input, name)? {
            Some(atom) => atom.body(input, limit),
            None => Ok(Vec::new()),
        }
    }

    /// The atom at a path of names.
    pub(super) fn find_path(&self, input: &mut Input, path: &[&Name]) -> io::Result<Option<Self>> {
        let mut found = *self;
        for name in path {
            match found.find(input, name)? {
                Some(child) => found = child,
                None => return Ok(None),
            }
        }
        Ok(Some(found))
    }
}

/// A walk over the atoms inside one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Children {
    position: u64,
    end: u64,
}

impl Children {
    pub(super) fn next(&mut self, input: &mut Input) -> io::Result<Option<Atom>> {
        let Some(mut atom) = Atom::at(input, self.position, self.end)? else {
            self.position = self.end;
            return Ok(None);
        };
        self.position = atom.end;
        atom.end = atom.end.min(self.end);
        Ok(Some(atom))
    }
}

/// The atoms in a slice: name and body.
pub(super) fn in_slice(mut bytes: &[u8]) -> impl Iterator<Item = (Name, &[u8])> {
    std::iter::from_fn(move || {
        let size = u32_at(bytes, 0)? as usize;
        let name = *bytes.get(4..)?.first_chunk()?;
        let size = if size == 0 { bytes.len() } else { size };
        let body = bytes.get(8..size.min(bytes.len()))?;
        bytes = bytes.get(size..).unwrap_or_default();
        Some((name, body))
    })
}

/// The body of the first atom of this name in a slice.
pub(super) fn find_in<'a>(bytes: &'a [u8], name: &Name) -> Option<&'a [u8]> {
    in_slice(bytes).find(|(found, _)| found == name).map(|(_, body)| body)
}

/// A name in printable letters.
pub(super) fn readable(name: Name) -> String {
    let letters = name.iter().map(|&byte| match byte {
        b' '..=b'~' => char::from(byte),
        0xA9 => '©',
        _ => '?',
    });
    letters.collect::<String>().trim_end().to_owned()
}
