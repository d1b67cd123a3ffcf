//! The cache that machines share (`cache.remote`), as commands use it.
//!
//! Wrong settings are refused. A cache that cannot be opened is one warning, and the work is done without it, as with the cache of
//! the machine itself.

use cesar_cache::Cache;
use cesar_config::Settings;

use super::report::Failure;

#[cfg(feature = "cluster")]
pub(super) use with::SharedCache;
#[cfg(not(feature = "cluster"))]
pub(super) use without::SharedCache;

/// Puts the shared cache of the settings behind the cache of this machine.
///
/// # Errors
/// When the settings of the shared cache are wrong.
pub(super) fn behind(
    cache: Option<Cache>,
    settings: &Settings,
    warnings: &mut Vec<String>,
) -> Result<(Option<Cache>, Option<SharedCache>), Failure> {
    let Some(cache) = cache else {
        return Ok((None, None));
    };
    Ok(match SharedCache::of(settings, warnings)? {
        None => (Some(cache), None),
        Some(shared) => (Some(shared.behind(cache)), Some(shared)),
    })
}

/// Opens the shared cache of the settings for a check, and returns its notices; `None` where it was never used, as nothing is created.
///
/// # Errors
/// When there is none, or it cannot be used.
pub(super) fn checked(settings: &Settings) -> Result<Option<Vec<String>>, Failure> {
    SharedCache::check(settings)
}

#[cfg(feature = "cluster")]
mod with {
    use std::sync::Arc;
    use std::time::Duration;

    use cesar_cache::{Cache, SecondLevel as _};
    use cesar_config::{RemoteSettings, Settings};
    use cesar_remote::{Options, RemoteCache, RemoteError, SealKey, uses_network};

    use crate::cli::humanize::count;
    use crate::cli::report::Failure;

    /// The longest time that the end of a program waits for results to be written.
    const LONGEST_END: Duration = Duration::from_secs(30);
    /// The same after an interruption, for the locks.
    const INTERRUPTED_END: Duration = Duration::from_millis(500);

    /// An open shared cache.
    pub(crate) struct SharedCache(RemoteCache);

    impl SharedCache {
        /// The one of the settings; `None` without one, with `--offline`, and with a warning where it cannot be opened.
        pub(crate) fn of(settings: &Settings, warnings: &mut Vec<String>) -> Result<Option<Self>, Failure> {
            let Some(remote) = &settings.cache.remote else {
                return Ok(None);
            };
            if uses_network(&remote.url).map_err(Failure::usage)? && settings.offline {
                return Ok(None);
            }
            match open(remote, settings) {
                Ok(opened) => Ok(Some(Self(opened))),
                Err(
                    error @ (RemoteError::Url { .. }
                    | RemoteError::Endpoint { .. }
                    | RemoteError::KeyFile { .. }
                    | RemoteError::Credentials { .. }),
                ) => Err(Failure::usage(error)),
                Err(error) => {
                    warnings.push(format!("continuing without the shared cache: {error}"));
                    Ok(None)
                }
            }
        }

        /// The one of the settings, for a command about it.
        pub(crate) fn required(settings: &Settings) -> Result<RemoteCache, Failure> {
            open(Self::needed(settings)?, settings).map_err(Failure::failed)
        }

        fn needed(settings: &Settings) -> Result<&RemoteSettings, Failure> {
            let Some(remote) = &settings.cache.remote else {
                return Err(Failure::usage(
                    "no shared cache; name one with the setting `cache.remote`",
                ));
            };
            if uses_network(&remote.url).map_err(Failure::usage)? && settings.offline {
                return Err(Failure::usage(
                    "`--offline` forbids the shared cache `cache.remote`; run the command without it",
                ));
            }
            Ok(remote)
        }

        /// The one of the settings, for a command that changes it.
        pub(crate) fn changeable(settings: &Settings) -> Result<RemoteCache, Failure> {
            match &settings.cache.remote {
                Some(remote) if remote.read_only => Err(Failure::usage(
                    "this machine only reads the shared cache (`cache.remote_mode` is `read-only`); run the command where it may write",
                )),
                _ => Self::required(settings),
            }
        }

        /// Its notices.
        pub(crate) fn check(settings: &Settings) -> Result<Option<Vec<String>>, Failure> {
            let options = options(Self::needed(settings)?, settings).map_err(Failure::failed)?;
            let found = RemoteCache::find(options, &|name| std::env::var_os(name)).map_err(Failure::failed)?;
            Ok(found.map(|opened| opened.take_notices()))
        }

        pub(crate) fn behind(&self, cache: Cache) -> Cache {
            cache.with_second_level(Arc::new(self.0.clone()))
        }

        /// Waits until results are written, or the user interrupts. Returns a note if some are not.
        pub(crate) fn finish(&self, is_interrupted: &dyn Fn() -> bool) -> Option<String> {
            let left = match is_interrupted() {
                true => self.0.finish(INTERRUPTED_END, &|| false),
                false => self.0.finish(LONGEST_END, is_interrupted),
            };
            let results = count(left, "result was", "results were");
            (left > 0).then(|| {
                format!(
                    "{results} not written to the shared cache `{}`; this machine keeps them, others compute them",
                    self.0.location()
                )
            })
        }
    }

    fn open(remote: &RemoteSettings, settings: &Settings) -> Result<RemoteCache, RemoteError> {
        RemoteCache::open(options(remote, settings)?, &|name| std::env::var_os(name))
    }

    fn options(remote: &RemoteSettings, settings: &Settings) -> Result<Options, RemoteError> {
        let patience_ms = settings.cache.limits.lock_timeout_ms;
        Ok(Options {
            url: remote.url.clone(),
            read_only: remote.read_only,
            seal: remote.key_file.as_deref().map(SealKey::read).transpose()?,
            patience: patience_ms.map(|ms| Duration::from_millis(ms.unsigned_abs())),
        })
    }
}

#[cfg(not(feature = "cluster"))]
mod without {
    use std::convert::Infallible;

    use cesar_cache::Cache;
    use cesar_config::Settings;

    use crate::cli::report::Failure;

    /// None can be opened.
    pub(crate) struct SharedCache(Infallible);

    impl SharedCache {
        /// Refuses the setting.
        pub(crate) fn of(settings: &Settings, _: &mut Vec<String>) -> Result<Option<Self>, Failure> {
            match settings.cache.remote {
                None => Ok(None),
                Some(_) => Err(Failure::usage(
                    "this program has no shared cache (it was built without `cluster`); unset `cache.remote`, or build it \
                     with `--features cluster`",
                )),
            }
        }

        /// There is none to check.
        pub(crate) fn check(settings: &Settings) -> Result<Option<Vec<String>>, Failure> {
            Self::of(settings, &mut Vec::new()).map(|_| None)
        }

        pub(crate) fn behind(&self, _: Cache) -> Cache {
            match self.0 {}
        }

        pub(crate) fn finish(&self, _: &dyn Fn() -> bool) -> Option<String> {
            match self.0 {}
        }
    }
}
