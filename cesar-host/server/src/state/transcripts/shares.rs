//! Links to transcripts for people without a key.
//!
//! A link has a token of 256 random bits. Only its SHA-256 is kept, with the job and the time of its end, in `shares.json` in the data folder
//! (readable by its owner alone), or in the database of jobs, for all of its servers. As tokens are random, a plain hash is enough, and a look-up by the hash reveals nothing about another one.

use std::path::Path;
use std::sync::Arc;

use cesar_base::{Digest, Records};
use cesar_jobs::JobId;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::kept_text::{KeptText, KeptTextError, Stamp};
use crate::random::random_hex;

/// Maximum number of links of all jobs that have not ended.
const MOST_SHARES: usize = 10_000;

/// A link as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Share {
    /// The id for listing and revoking; not secret.
    pub(crate) id: String,
    /// The job of the transcript.
    pub(crate) job: JobId,
    /// SHA-256 of the token, hex.
    sha256: String,
    /// The client that made it.
    pub(crate) author: String,
    /// Creation time, in ms since 1970.
    pub(crate) created_ms: i64,
    /// Expiry, in ms since 1970.
    pub(crate) expires_ms: i64,
}

/// Errors of reading or changing links.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShareError {
    /// They cannot be read or written.
    #[error(transparent)]
    Kept(#[from] KeptTextError),
    /// They have another form than this program writes.
    #[error("{place} is damaged ({detail}); remove it, and make new links")]
    Damaged {
        /// The file or record.
        place: String,
        /// The damage.
        detail: String,
    },
    /// Too many links.
    #[error("there are {MOST_SHARES} links already; revoke some of them")]
    TooMany,
    /// The operating system has no random bytes.
    #[error("cannot get random bytes from the operating system ({0}); try again")]
    Random(getrandom::Error),
}

/// The links of all jobs.
#[derive(Debug)]
pub(crate) struct Shares {
    kept: KeptText,
    known: Mutex<Option<Known>>,
}

/// The links as they were read last.
#[derive(Debug, Clone)]
struct Known {
    stamp: Option<Stamp>,
    shares: Arc<[Share]>,
}

impl Shares {
    /// The links that all servers of a database of jobs share, where there are `records`, else those in the data folder.
    pub(crate) fn new(data: &Path, records: Option<&Arc<dyn Records>>) -> Self {
        Self {
            kept: KeptText::new(data, records, "shares"),
            known: Mutex::new(None),
        }
    }

    /// Makes a link to the transcript of a job until a time; returns its token, which cannot be read again.
    pub(crate) fn add(
        &self,
        job: JobId,
        author: &str,
        (now_ms, expires_ms): (i64, i64),
    ) -> Result<(String, Share), ShareError> {
        let token = random_hex::<32>().map_err(ShareError::Random)?;
        let share = Share {
            id: random_hex::<8>().map_err(ShareError::Random)?,
            job,
            sha256: Digest::of(token.as_bytes()).to_string(),
            author: author.to_owned(),
            created_ms: now_ms,
            expires_ms,
        };
        self.change(now_ms, |shares| {
            if shares.len() >= MOST_SHARES {
                return Err(ShareError::TooMany);
            }
            shares.push(share.clone());
            Ok(())
        })?;
        Ok((token, share))
    }

    /// The link of a token that has not ended.
    pub(crate) fn find(&self, token: &str, now_ms: i64) -> Result<Option<Share>, ShareError> {
        let sha256 = Digest::of(token.as_bytes()).to_string();
        let shares = self.read()?;
        let mut valid = shares.iter().filter(|share| share.expires_ms > now_ms);
        Ok(valid.find(|share| share.sha256 == sha256).cloned())
    }

    /// The links of a job that have not ended, oldest first.
    pub(crate) fn of_job(&self, job: JobId, now_ms: i64) -> Result<Vec<Share>, ShareError> {
        let shares = self.read()?;
        let of_job = shares
            .iter()
            .filter(|share| share.job == job && share.expires_ms > now_ms);
        Ok(of_job.cloned().collect())
    }

    /// Ends a link by its id, and returns whether there was one.
    pub(crate) fn revoke(&self, id: &str, now_ms: i64) -> Result<bool, ShareError> {
        self.remove(now_ms, |share| share.id == id)
    }

    /// Ends the links of jobs.
    pub(crate) fn remove_jobs(&self, jobs: &[JobId], now_ms: i64) -> Result<(), ShareError> {
        self.remove(now_ms, |share| jobs.contains(&share.job)).map(drop)
    }

    fn remove(&self, now_ms: i64, is_removed: impl Fn(&Share) -> bool) -> Result<bool, ShareError> {
        if !self.read()?.iter().any(&is_removed) {
            return Ok(false);
        }
        self.change(now_ms, |shares| {
            shares.retain(|share| !is_removed(share));
            Ok(())
        })?;
        Ok(true)
    }

    /// Changes the links, without those that have ended, while no other process does.
    fn change(
        &self,
        now_ms: i64,
        mut change: impl FnMut(&mut Vec<Share>) -> Result<(), ShareError>,
    ) -> Result<(), ShareError> {
        self.kept.change(|text| {
            let mut shares = self.parse(text)?;
            shares.retain(|share| share.expires_ms > now_ms);
            change(&mut shares)?;
            let text = serde_json::to_string_pretty(&shares).expect("texts and numbers always serialise");
            Ok::<_, ShareError>((text, ()))
        })?;
        *self.known.lock() = None;
        Ok(())
    }

    /// The links, read again after a change.
    fn read(&self) -> Result<Arc<[Share]>, ShareError> {
        // The lock is not held while they are read. The stamp goes first: at worst the links are newer, and are read once more.
        let stamp = self.kept.stamp()?;
        if let Some(known) = self.known.lock().as_ref().filter(|known| known.stamp == stamp) {
            return Ok(Arc::clone(&known.shares));
        }
        let shares: Arc<[Share]> = self.parse(self.kept.read()?.as_deref())?.into();
        *self.known.lock() = Some(Known {
            stamp,
            shares: Arc::clone(&shares),
        });
        Ok(shares)
    }

    fn parse(&self, text: Option<&[u8]>) -> Result<Vec<Share>, ShareError> {
        let shares = text.map(serde_json::from_slice).transpose();
        let shares = shares.map_err(|error| ShareError::Damaged {
            place: self.kept.to_string(),
            detail: error.to_string(),
        });
        Ok(shares?.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(number: u32) -> JobId {
        format!("019b77c5-3800-7001-8000-{number:012x}").parse().unwrap()
    }

    #[test]
    fn a_token_is_kept_as_its_hash_and_valid_until_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let shares = Shares::new(folder.path(), None);
        assert_eq!(shares.find("x", 0).unwrap(), None);
        let (token, share) = shares.add(job(1), "laptop", (1_000, 5_000)).unwrap();
        assert_eq!(token.len(), 64);
        let path = folder.path().join("shares.json");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains(&token) && text.contains(&Digest::of(token.as_bytes()).to_string()));
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

        let other = Shares::new(folder.path(), None);
        assert_eq!(
            other.find(&token, 4_999).unwrap(),
            Some(share.clone()),
            "after a restart"
        );
        assert_eq!(other.find(&token, 5_000).unwrap(), None);
        assert_eq!(other.of_job(job(1), 5_000).unwrap(), []);
        let hash = Digest::of(token.as_bytes()).to_string();
        for wrong in ["", &hash, &token.to_uppercase(), &share.id] {
            assert_eq!(shares.find(wrong, 1_000).unwrap(), None, "{wrong}");
        }
    }

    #[test]
    fn links_are_revoked_by_id_and_with_their_job() {
        let folder = tempfile::tempdir().unwrap();
        let (here, there) = (Shares::new(folder.path(), None), Shares::new(folder.path(), None));
        let add = |number| here.add(job(number), "local", (0, 100)).unwrap();
        let [(first, one), (second, two), (third, _)] = [add(1), add(1), add(2)];
        let found = |token: &str| there.find(token, 1).unwrap().is_some();
        assert_eq!(there.of_job(job(1), 1).unwrap(), [one.clone(), two]);
        assert!(found(&first) && found(&second) && found(&third));
        assert!(here.revoke(&one.id, 1).unwrap());
        assert!(!here.revoke(&one.id, 1).unwrap());
        assert!(!found(&first) && found(&second), "in another process, too");
        here.remove_jobs(&[job(1), job(3)], 1).unwrap();
        assert!(!found(&second) && found(&third));
        here.add(job(4), "local", (200, 300)).unwrap();
        let text = std::fs::read_to_string(folder.path().join("shares.json")).unwrap();
        assert_eq!(text.matches("sha256").count(), 1, "links that have ended are not kept");
    }

    #[test]
    fn a_damaged_file_is_reported_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shares.json");
        std::fs::write(&path, "[{").unwrap();
        let shares = Shares::new(folder.path(), None);
        assert!(matches!(shares.find("x", 0), Err(ShareError::Damaged { .. })));
        assert!(matches!(
            shares.add(job(1), "local", (0, 1)),
            Err(ShareError::Damaged { .. })
        ));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "[{");
    }
}
