//! A PyTorch checkpoint: a zip archive of a pickle and one file for each storage of numbers.

use std::collections::HashMap;
use std::io::{Cursor, Read as _};
use std::rc::Rc;

use zip::ZipArchive;

use super::ConvertError;
use super::pickle::{self, Layout};

/// An open checkpoint.
pub(super) struct Checkpoint<'a> {
    what: String,
    archive: ZipArchive<Cursor<&'a [u8]>>,
    /// The folder inside the archive.
    root: String,
    tensors: HashMap<String, Rc<Layout>>,
}

impl<'a> Checkpoint<'a> {
    /// Reads the list of tensors, those of `state_dict` where there is one; `what` names the file in messages.
    pub(super) fn open(what: &str, content: &'a [u8]) -> Result<Self, ConvertError> {
        let malformed = |reason: String| ConvertError::malformed(what, reason);
        let mut archive = ZipArchive::new(Cursor::new(content)).map_err(|error| malformed(error.to_string()))?;
        let name = archive.file_names().find(|name| name.ends_with("data.pkl"));
        let name = name.map(str::to_owned);
        let name = name.ok_or_else(|| malformed("it is no PyTorch checkpoint".to_owned()))?;
        let root = name.trim_end_matches("data.pkl").to_owned();
        let pickled = read_file(&mut archive, &name).map_err(malformed)?;
        let top = pickle::read(&pickled).map_err(malformed)?;
        let tensors = top.get("state_dict").unwrap_or(top).tensors();
        Ok(Self {
            what: what.to_owned(),
            archive,
            root,
            tensors,
        })
    }

    /// The shape of a tensor of single precision, and its numbers in order.
    pub(super) fn tensor(&mut self, name: &str) -> Result<(Vec<usize>, Vec<[u8; 4]>), ConvertError> {
        let malformed = |reason: String| ConvertError::malformed(&self.what, reason);
        let layout = self
            .tensors
            .get(name)
            .ok_or_else(|| malformed(format!("it has no tensor `{name}`")))?;
        if layout.kind != "FloatStorage" {
            return Err(malformed(format!("its tensor `{name}` is not of single precision")));
        }
        let storage = read_file(&mut self.archive, &format!("{}data/{}", self.root, layout.key)).map_err(malformed)?;
        let (numbers, _) = storage.as_chunks::<4>();
        let in_order =
            in_order(layout, numbers).ok_or_else(|| malformed(format!("its tensor `{name}` is not whole")))?;
        Ok((layout.shape.clone(), in_order))
    }
}

fn read_file(archive: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Result<Vec<u8>, String> {
    let mut file = archive
        .by_name(name)
        .map_err(|error| format!("`{name}` in it: {error}"))?;
    let mut content = Vec::new();
    file.read_to_end(&mut content)
        .map_err(|error| format!("`{name}` in it: {error}"))?;
    Ok(content)
}

/// The numbers of a tensor in row-major order; `None` if one lies outside the storage.
fn in_order(layout: &Layout, storage: &[[u8; 4]]) -> Option<Vec<[u8; 4]>> {
    let count = layout
        .shape
        .iter()
        .try_fold(1_usize, |count, size| count.checked_mul(*size))?;
    if count > storage.len() || layout.shape.len() != layout.strides.len() {
        return None;
    }
    let place = |mut index: usize| {
        let mut place = layout.offset;
        for (size, stride) in layout.shape.iter().zip(&layout.strides).rev() {
            place = place.checked_add((index % size).checked_mul(*stride)?)?;
            index /= size;
        }
        storage.get(place).copied()
    };
    (0..count).map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strides_are_followed_and_checked() {
        let storage: Vec<[u8; 4]> = (0..7_u8).map(|number| [number; 4]).collect();
        let transposed = Layout {
            kind: "FloatStorage".to_owned(),
            key: "0".to_owned(),
            offset: 1,
            shape: vec![2, 3],
            strides: vec![1, 2],
        };
        let firsts = |layout: &Layout| {
            Some(
                in_order(layout, &storage)?
                    .iter()
                    .map(|number| number[0])
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(firsts(&transposed), Some(vec![1, 3, 5, 2, 4, 6]));
        let outside = Layout {
            offset: 2,
            ..transposed
        };
        assert_eq!(firsts(&outside), None);
    }
}
