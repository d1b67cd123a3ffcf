//! Identities of jobs, uploads and workers, and the source of random numbers.
//!
//! A [`JobId`] is a UUID of version 7 (RFC 9562, section 5.7) whose 12 bits after the milliseconds are a counter
//! (section 6.2, method 1). A store makes each id greater than all its ids, independently of the clock, so the order of
//! ids is the order of submission, for the queue and for the pages of a list. Ids of uploads and workers are UUIDs of
//! version 4 and never repeat: a new process can never be taken for a dead one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::{Builder, Uuid};

/// A source of random numbers, passed in so that tests are repeatable.
pub trait Random: Send + Sync {
    /// 64 random bits.
    fn next(&self) -> u64;
}

/// The system's random numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn next(&self) -> u64 {
        let (high, low) = Uuid::new_v4().as_u64_pair();
        // Six bits of a UUID are fixed; each of them is combined with a random one here.
        high ^ low.rotate_left(32)
    }
}

/// The error for text that is not a UUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id; expected a form like `019b77c5-3800-7001-8000-000000000000`")]
pub struct ParseIdError {
    text: String,
}

macro_rules! identity {
    ($(#[$documentation:meta])* $name:ident) => {
        $(#[$documentation])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(formatter)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{}({self})", stringify!($name))
            }
        }

        #[cfg(feature = "postgres")]
        impl $name {
            pub(crate) fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            pub(crate) fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            /// Reads the canonical form: 36 characters, lower case, with hyphens.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text)
                    .ok()
                    .map(Self)
                    .filter(|id| id.to_string() == text)
                    .ok_or_else(|| ParseIdError { text: text.to_owned() })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?
                    .parse()
                    .map_err(serde::de::Error::custom)
            }
        }
    };
}

identity!(
    /// The id of a job. Ids are in the order of submission.
    JobId
);
identity!(
    /// The id of an upload, and of its file.
    UploadId
);
identity!(
    /// The id of a worker, and of its lock file.
    WorkerId
);

impl JobId {
    /// An id for a job submitted now, greater than `last`.
    pub(super) fn next_after(last: Option<Self>, now_ms: i64, random: [u64; 2]) -> Self {
        let now_ms = u64::try_from(now_ms).unwrap_or(0) & 0xFFFF_FFFF_FFFF;
        // The counter starts in its lower half, so it seldom overflows into the milliseconds.
        let now = (now_ms << 12) | (random[0] & 0x7FF);
        let position = last.map_or(now, |last| now.max(last.position() + 1));
        let mut counter_and_random = [0; 10];
        counter_and_random[..2].copy_from_slice(&((position & 0xFFF) as u16).to_be_bytes());
        counter_and_random[2..].copy_from_slice(&(random[1] >> 2).to_be_bytes());
        Self(Builder::from_unix_timestamp_millis(position >> 12, &counter_and_random).into_uuid())
    }

    /// Its 128 bits.
    pub(super) fn bytes(self) -> [u8; 16] {
        *self.0.as_bytes()
    }

    /// Milliseconds and counter.
    fn position(self) -> u64 {
        let (high, _) = self.0.as_u64_pair();
        ((high >> 16) << 12) | (high & 0xFFF)
    }
}

fn version_4(random: &dyn Random) -> Uuid {
    let bytes = (u128::from(random.next()) << 64) | u128::from(random.next());
    Builder::from_random_bytes(bytes.to_be_bytes()).into_uuid()
}

impl UploadId {
    /// A new id, by chance.
    pub fn new(random: &dyn Random) -> Self {
        Self(version_4(random))
    }

    /// A placeholder for any upload where only its content matters.
    pub(super) fn nil() -> Self {
        Self(Uuid::nil())
    }
}

impl WorkerId {
    pub(super) fn new(random: &dyn Random) -> Self {
        Self(version_4(random))
    }
}
