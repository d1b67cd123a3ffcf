//! Small texts under names, each with a version: state that processes of several machines share.

use std::error::Error;
use std::fmt::Debug;

use parking_lot::Mutex;
use std::collections::BTreeMap;

/// A text and its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// 1 for the first text of the name, and one more for each later one.
    pub version: u64,
    /// The text, without U+0000.
    pub text: String,
}

/// The failure of a store of records. A change may have been made or not.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct RecordsError(Box<dyn Error + Send + Sync>);

impl RecordsError {
    /// The error of a store.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(source.into())
    }

    /// The error of the store, where it is of this type.
    #[must_use]
    pub fn source_as<E: Error + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }
}

/// A store of records. No text is removed, so that a version never comes again.
pub trait Records: Debug + Send + Sync {
    /// The record of a name.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn read(&self, name: &str) -> Result<Option<Record>, RecordsError>;

    /// The version of a name, 0 if it has no record.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn version(&self, name: &str) -> Result<u64, RecordsError>;

    /// Makes `text` the version after `expected` (0: there is no record), and returns whether `expected` still was the version. Of several
    /// processes that replace the same version, one succeeds.
    ///
    /// # Errors
    /// If the store cannot be written.
    fn replace(&self, name: &str, expected: u64, text: &str) -> Result<bool, RecordsError>;

    /// The names with this prefix and their versions, in order.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn versions(&self, prefix: &str) -> Result<Vec<(String, u64)>, RecordsError>;
}

/// Replaces a text by what `change` makes of it, and returns the other part of its result. Without a new text nothing changes. `change` runs
/// again whenever another process was faster.
///
/// # Errors
/// Those of the store and of `change`; then nothing was changed by it.
pub fn change_record<T, E: From<RecordsError>>(
    records: &dyn Records,
    name: &str,
    mut change: impl FnMut(Option<&Record>) -> Result<(Option<String>, T), E>,
) -> Result<T, E> {
    loop {
        let before = records.read(name)?;
        let (text, result) = change(before.as_ref())?;
        let expected = before.map_or(0, |record| record.version);
        match text {
            Some(text) if !records.replace(name, expected, &text)? => {}
            _ => return Ok(result),
        }
    }
}

/// Records in memory, for tests.
#[derive(Debug, Default)]
pub struct MemoryRecords(Mutex<BTreeMap<String, Record>>);

impl Records for MemoryRecords {
    fn read(&self, name: &str) -> Result<Option<Record>, RecordsError> {
        Ok(self.0.lock().get(name).cloned())
    }

    fn version(&self, name: &str) -> Result<u64, RecordsError> {
        Ok(self.0.lock().get(name).map_or(0, |record| record.version))
    }

    fn replace(&self, name: &str, expected: u64, text: &str) -> Result<bool, RecordsError> {
        let mut records = self.0.lock();
        if records.get(name).map_or(0, |record| record.version) != expected {
            return Ok(false);
        }
        let record = Record {
            version: expected + 1,
            text: text.to_owned(),
        };
        records.insert(name.to_owned(), record);
        Ok(true)
    }

    fn versions(&self, prefix: &str) -> Result<Vec<(String, u64)>, RecordsError> {
        let records = self.0.lock();
        let named = records
            .range(prefix.to_owned()..)
            .take_while(|(name, _)| name.starts_with(prefix));
        Ok(named.map(|(name, record)| (name.clone(), record.version)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_change_of_several_threads_is_lost() {
        let records = MemoryRecords::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let counted: Result<(), RecordsError> = change_record(&records, "count", |before| {
                            let count = before.map_or(0, |record| record.text.parse().unwrap());
                            Ok((Some((count + 1_u32).to_string()), ()))
                        });
                        counted.unwrap();
                    }
                });
            }
        });
        let text = "200".to_owned();
        assert_eq!(records.read("count").unwrap(), Some(Record { version: 200, text }));
    }
}
