//! Opening a shared cache: whatever can be wrong with its settings is found here.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cesar_base::is_http_address;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::{BackoffConfig, Error, RetryConfig};

use super::credentials;
use super::error::{RemoteError, Result};
use super::failure;
use super::layout::{self, Layout};
use super::location::{Location, Service};
use super::remote_cache::RemoteCache;
use super::runtime::Runtime;
use super::seal::SealKey;
use super::server_clock::ServerClock;
use super::shared::{Shared, Times};
use super::store::{Put, Store};
use super::transport::Connector;

/// The limit of all requests at the start.
const START: Duration = Duration::from_secs(20);
/// The lead of a clock that is reported: a third of what the signatures of S3 allow.
const CLOCK_LEAD_MS: i64 = 5 * 60 * 1000;
/// More is no marker.
const LARGEST_MARKER: u64 = 4_096;

/// The settings of a shared cache.
#[derive(Debug, Clone)]
pub struct Options {
    /// `s3://BUCKET/PREFIX` or `file:///FOLDER`.
    pub url: String,
    /// Whether results are only read.
    pub read_only: bool,
    /// The key that seals manifests, if there is one.
    pub seal: Option<SealKey>,
    /// The limit of waiting for another machine; none when absent.
    pub patience: Option<Duration>,
}

/// The variables of the environment by name.
pub type Variables<'a> = dyn Fn(&str) -> Option<OsString> + 'a;

/// Whether the URL leads out of this machine by the network, which `--offline` forbids.
///
/// # Errors
/// [`RemoteError::Url`] when it is none.
pub fn uses_network(url: &str) -> Result<bool> {
    Location::parse(url).map(|location| location.is_network())
}

impl RemoteCache {
    /// Opens a shared cache, and checks that it is one and that this program may use it. Sends two requests, three the first time.
    ///
    /// # Errors
    /// [`RemoteError`] when the settings are wrong, or the store refuses or does not answer.
    pub fn open(options: Options, variables: &Variables<'_>) -> Result<Self> {
        let location = Location::parse(&options.url)?;
        let store = connect(&location, variables)?;
        Self::open_store(location, store, options, Times::default())
    }

    /// The same for a place that may not be a shared cache yet: creates nothing, and returns `None` there.
    ///
    /// # Errors
    /// As [`RemoteCache::open`].
    pub fn find(options: Options, variables: &Variables<'_>) -> Result<Option<Self>> {
        let location = Location::parse(&options.url)?;
        let store = connect(&location, variables)?;
        Self::find_in_store(location, store, options, Times::default())
    }

    pub(crate) fn find_in_store(
        location: Location,
        store: Store,
        options: Options,
        times: Times,
    ) -> Result<Option<Self>> {
        let (opened, is_there) = Self::open_or_find(location, store, options, times, false)?;
        Ok(is_there.then_some(opened))
    }

    pub(crate) fn open_store(location: Location, store: Store, options: Options, times: Times) -> Result<Self> {
        Self::open_or_find(location, store, options, times, true).map(|(opened, _)| opened)
    }

    /// The cache, and whether its marker is there.
    fn open_or_find(
        location: Location,
        store: Store,
        options: Options,
        times: Times,
        creates: bool,
    ) -> Result<(Self, bool)> {
        let layout = Layout::below(location.prefix());
        let runtime = Runtime::start()?;
        let shared = Shared {
            holder: holder(),
            location,
            store,
            layout,
            seal: options.seal,
            writable: !options.read_only,
            times,
            patience: options.patience,
            counters: Default::default(),
            pending: Arc::default(),
            breaker: Default::default(),
            notices: Default::default(),
            has_told_of_rejection: Default::default(),
            runtime,
            leases: std::sync::OnceLock::new(),
        };
        let shared = Arc::new(shared);
        let this = Arc::clone(&shared);
        let checked = shared.runtime.wait(async move {
            match tokio::time::timeout(START, check(&this, creates)).await {
                Ok(checked) => checked,
                Err(_) => Err(RemoteError::Unavailable {
                    action: "open",
                    location: this.location.to_string(),
                    detail: format!("no answer within {} s", START.as_secs()),
                }),
            }
        });
        let is_there = checked.unwrap_or_else(|| {
            Err(RemoteError::Client {
                detail: "its thread ended".to_owned(),
            })
        })?;
        let lead_ms = shared.store.clock().lead_ms().unwrap_or(0);
        if lead_ms.abs() > CLOCK_LEAD_MS {
            shared.notices.lock().push(format!(
                "the clock of this machine is {} min {} that of the shared cache `{}`, which refuses requests from 15 min on; \
                 set the clock",
                lead_ms.abs() / 60_000,
                if lead_ms > 0 { "ahead of" } else { "behind" },
                shared.location
            ));
        }
        Ok((Self { shared }, is_there))
    }
}

/// Checks the marker, and for a writer, that it may write and that the store keeps conditions. Returns whether there is a marker, which a
/// writer creates if asked to.
async fn check(shared: &Shared, creates: bool) -> Result<bool> {
    let (store, marker, location) = (&shared.store, shared.layout.marker(), shared.location.to_string());
    let found = store.get(&marker, LARGEST_MARKER).await;
    let found = found.map_err(|error| failure::refusal("read", &location, &error))?;
    if let Some(why) = found.as_ref().and_then(|found| layout::fault_of_marker(&found.bytes)) {
        return Err(RemoteError::Foreign { location, why });
    }
    if !shared.writable {
        return Ok(found.is_some());
    }
    let create = || store.create(&marker, layout::marker_bytes().into());
    let refusal = |error: Error| match error {
        // A bucket, since the marker is what is created.
        Error::NotFound { .. } if !failure::is_no_bucket(&error) => RemoteError::NoBucket {
            detail: failure::detail(&error),
            location: location.clone(),
        },
        error => failure::refusal("write to", &location, &error),
    };
    if found.is_none() {
        // Without the right to list, the prefix is taken as given.
        if store.has_any(shared.layout.root()).await.unwrap_or(false) && !is_marked(shared).await {
            let why = "it holds other objects and no `v1/layout.json`".to_owned();
            return Err(RemoteError::Foreign { location, why });
        }
        if !creates {
            return Ok(false);
        }
        create().await.map_err(refusal)?;
    }
    match create().await.map_err(refusal)? {
        Put::Refused => Ok(true),
        Put::Done(_) => Err(RemoteError::Unconditional { location }),
    }
}

/// Whether another machine has created the marker meanwhile.
async fn is_marked(shared: &Shared) -> bool {
    let found = shared.store.get(&shared.layout.marker(), LARGEST_MARKER).await;
    found.is_ok_and(|found| found.is_some())
}

/// The store at a location. Nothing is sent yet.
pub(crate) fn connect(location: &Location, variables: &Variables<'_>) -> Result<Store> {
    match location {
        Location::Bucket { service, bucket, .. } => {
            let built = match service {
                Service::S3 => return s3(bucket, variables),
                Service::Google => google(bucket)?,
                Service::Azure => azure(bucket)?,
            };
            built.map_err(|error| RemoteError::Environment {
                location: location.to_string(),
                detail: failure::detail(&error),
                variables: service.variables(),
            })
        }
        Location::Folder(path) => folder(path),
    }
}

/// A bucket, with the credentials of the environment, of a profile, or of the machine's role.
fn s3(bucket: &str, variables: &Variables<'_>) -> Result<Store> {
    let profile = credentials::profile(variables)?;
    let mut builder = environment()?;
    if let Some((id, secret)) = profile.key {
        builder = builder.with_access_key_id(id).with_secret_access_key(secret);
    }
    if let Some(token) = profile.token {
        builder = builder.with_token(token);
    }
    let is_set = |name: &str| variables(name).is_some_and(|value| !value.is_empty());
    if let Some(region) = profile
        .region
        .filter(|_| !is_set("AWS_REGION") && !is_set("AWS_DEFAULT_REGION"))
    {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = profile.endpoint.filter(|_| !ENDPOINTS.into_iter().any(is_set)) {
        if !is_http_address(&endpoint) {
            return Err(RemoteError::Endpoint {
                variable: "endpoint_url".to_owned(),
            });
        }
        builder = builder.with_endpoint(endpoint);
    }
    s3_store(builder.with_bucket_name(bucket))
}

/// The settings of the environment. Empty variables count as absent, and an endpoint is checked: the library panics at another one.
fn environment() -> Result<AmazonS3Builder> {
    let mut builder = AmazonS3Builder::new();
    for (name, value) in std::env::vars_os() {
        let (Some(name), Some(value)) = (name.to_str(), value.to_str()) else {
            continue;
        };
        let value = value.trim();
        if !name.starts_with("AWS_") || value.is_empty() {
            continue;
        }
        if ENDPOINTS.contains(&name) && !is_http_address(value) {
            return Err(RemoteError::Endpoint {
                variable: name.to_owned(),
            });
        }
        if let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    Ok(builder)
}

/// Variables with an endpoint.
const ENDPOINTS: [&str; 4] = [
    "AWS_ENDPOINT",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_S3_ENDPOINT",
];

/// The store that a builder describes, with this crate's transport and limits.
pub(crate) fn s3_store(builder: AmazonS3Builder) -> Result<Store> {
    let clock = Arc::new(ServerClock::default());
    let builder = builder
        .with_allow_http(true)
        .with_retry(retries())
        .with_http_connector(Connector::new(&clock)?);
    let objects = builder.build().map_err(|error| RemoteError::Client {
        detail: failure::detail(&error),
    })?;
    Ok(Store::new(Arc::new(objects), clock, true))
}

/// A bucket, with the credentials of `GOOGLE_APPLICATION_CREDENTIALS` and the like, or of the machine's service account.
fn google(bucket: &str) -> Result<object_store::Result<Store>> {
    let clock = Arc::new(ServerClock::default());
    let builder = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(bucket)
        .with_retry(retries())
        .with_http_connector(Connector::new(&clock)?);
    Ok(builder
        .build()
        .map(|objects| Store::new(Arc::new(objects), clock, true)))
}

/// A container of the account in `AZURE_STORAGE_ACCOUNT_NAME`, with the credentials of the environment or of the machine's identity.
fn azure(container: &str) -> Result<object_store::Result<Store>> {
    let clock = Arc::new(ServerClock::default());
    let builder = MicrosoftAzureBuilder::from_env()
        .with_container_name(container)
        .with_allow_http(true)
        .with_retry(retries())
        .with_http_connector(Connector::new(&clock)?);
    Ok(builder
        .build()
        .map(|objects| Store::new(Arc::new(objects), clock, true)))
}

fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(2),
            base: 2.0,
        },
        max_retries: 3,
        retry_timeout: Duration::from_secs(8),
    }
}

/// A folder that the machines share.
fn folder(path: &Path) -> Result<Store> {
    let fault = |source| RemoteError::Folder {
        path: path.to_owned(),
        source,
    };
    if !std::fs::metadata(path).map_err(fault)?.is_dir() {
        return Err(fault(std::io::ErrorKind::NotADirectory.into()));
    }
    let objects = LocalFileSystem::new_with_prefix(path).map_err(|error| fault(std::io::Error::other(error)))?;
    Ok(Store::new(Arc::new(objects), Arc::default(), false))
}

/// A name that no other process has: of the machine, of the process, and of this opening.
fn holder() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    // The seed of a hash map is random enough to tell processes apart.
    let random = RandomState::new().hash_one(std::process::id());
    format!("{} {} {random:016x}", machine.trim(), std::process::id())
}
