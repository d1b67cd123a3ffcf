//! Reads FlatBuffers without a schema, with checked bounds: whatever lies outside of the bytes is absent.

/// A table of named fields, which the schema numbers; a field's slot is its number times two, plus four.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Table<'a> {
    /// The table of a whole file.
    pub(super) fn root(bytes: &'a [u8]) -> Option<Self> {
        Some(Self {
            bytes,
            at: offset(bytes, 0)?,
        })
    }

    pub(super) fn table(&self, slot: usize) -> Option<Self> {
        let at = self.target(slot)?;
        Some(Self { at, ..*self })
    }

    pub(super) fn text(&self, slot: usize) -> Option<&'a str> {
        text(self.bytes, self.target(slot)?)
    }

    /// The bytes of a list of bytes; empty where it is absent.
    pub(super) fn bytes(&self, slot: usize) -> Option<&'a [u8]> {
        self.list(slot, 1)
    }

    pub(super) fn u8(&self, slot: usize) -> Option<u8> {
        self.bytes.get(self.field(slot)?).copied()
    }

    pub(super) fn i32(&self, slot: usize) -> Option<i32> {
        Some(i32::from_le_bytes(array(self.bytes, self.field(slot)?)?))
    }

    pub(super) fn i64(&self, slot: usize) -> Option<i64> {
        Some(i64::from_le_bytes(array(self.bytes, self.field(slot)?)?))
    }

    pub(super) fn f32(&self, slot: usize) -> Option<f32> {
        Some(f32::from_le_bytes(array(self.bytes, self.field(slot)?)?))
    }

    pub(super) fn i64s(&self, slot: usize) -> Option<Vec<i64>> {
        let numbers = self.list(slot, 8)?.chunks_exact(8);
        numbers
            .map(|number| Some(i64::from_le_bytes(number.try_into().ok()?)))
            .collect()
    }

    pub(super) fn texts(&self, slot: usize) -> Option<Vec<&'a str>> {
        self.targets(slot)?.map(|at| text(self.bytes, at?)).collect()
    }

    pub(super) fn tables(&self, slot: usize) -> Option<Vec<Self>> {
        self.targets(slot)?.map(|at| Some(Self { at: at?, ..*self })).collect()
    }

    /// The places that a list of offsets names.
    fn targets(&self, slot: usize) -> Option<impl Iterator<Item = Option<usize>>> {
        let count = self.list(slot, 4)?.len() / 4;
        let first = self.target(slot).map_or(0, |at| at + 4);
        let bytes = self.bytes;
        Some((0..count).map(move |index| offset(bytes, first + index * 4)))
    }

    /// The elements of a list as bytes; empty where it is absent.
    fn list(&self, slot: usize, width: usize) -> Option<&'a [u8]> {
        let Some(at) = self.target(slot) else {
            return Some(&[]);
        };
        let size = unsigned(self.bytes, at)?.checked_mul(width)?;
        self.bytes.get(at + 4..)?.get(..size)
    }

    /// The place that the offset in a field names.
    fn target(&self, slot: usize) -> Option<usize> {
        offset(self.bytes, self.field(slot)?)
    }

    fn field(&self, slot: usize) -> Option<usize> {
        let back = i32::from_le_bytes(array(self.bytes, self.at)?);
        let names = self.at.checked_add_signed(-isize::try_from(back).ok()?)?;
        let size = u16::from_le_bytes(array(self.bytes, names)?);
        if slot + 2 > usize::from(size) {
            return None;
        }
        match u16::from_le_bytes(array(self.bytes, names + slot)?) {
            0 => None,
            distance => Some(self.at + usize::from(distance)),
        }
    }
}

fn text(bytes: &[u8], at: usize) -> Option<&str> {
    let size = unsigned(bytes, at)?;
    std::str::from_utf8(bytes.get(at + 4..)?.get(..size)?).ok()
}

fn offset(bytes: &[u8], at: usize) -> Option<usize> {
    at.checked_add(unsigned(bytes, at)?)
}

fn unsigned(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(array(bytes, at)?)).ok()
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}
