//! Tests of the shared cache as a whole: over a bucket of a real S3 server, a folder, and memory.

mod faults;
mod files;
mod locks;
mod maintaining;
mod opening;
mod results;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cesar_base::SystemClock;
use cesar_cache::{Cache, Claim, GiveUp, Hit, Mode, Outcome, SecondLevel as _, Sought, Waiting};
use cesar_tests::object_storage::{WRITER, object_storage};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use tempfile::TempDir;

use super::location::Location;
use super::open::s3_store;
use super::shared::Times;
use super::store::Store;
use super::testing::{parts, result};
use super::*;

/// Times at which nothing expires while a test runs.
fn times() -> Times {
    Times {
        looks: (Duration::from_millis(5), Duration::from_millis(20)),
        ..Times::default()
    }
}

fn options() -> Options {
    Options {
        url: String::new(),
        read_only: false,
        seal: None,
        patience: None,
    }
}

/// A place of a shared cache.
struct Place {
    location: Location,
    store: Store,
    /// Removed with the place.
    _folder: Option<TempDir>,
}

impl Place {
    fn memory() -> Self {
        Self {
            location: Location::parse("s3://memory").unwrap(),
            store: Store::new(Arc::new(InMemory::new()), Arc::default(), true),
            _folder: None,
        }
    }

    fn folder() -> Self {
        let folder = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap();
        let objects = LocalFileSystem::new_with_prefix(folder.path()).unwrap();
        Self {
            location: Location::Folder(folder.path().to_owned()),
            store: Store::new(Arc::new(objects), Arc::default(), false),
            _folder: Some(folder),
        }
    }

    /// A new prefix in the bucket of the S3 server.
    fn bucket() -> Self {
        let server = object_storage();
        Self::at(&server.place(), &server.endpoint(), WRITER)
    }

    fn at(url: &str, endpoint: &str, [id, secret]: [&str; 2]) -> Self {
        let location = Location::parse(url).unwrap();
        let Location::Bucket { bucket, .. } = &location else {
            panic!("{url}")
        };
        let builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_endpoint(endpoint)
            .with_access_key_id(id)
            .with_secret_access_key(secret);
        Self {
            store: s3_store(builder).unwrap(),
            location,
            _folder: None,
        }
    }

    /// One of each kind.
    fn each() -> [Self; 3] {
        [Self::memory(), Self::folder(), Self::bucket()]
    }

    fn open(&self) -> RemoteCache {
        self.open_with(options(), times())
    }

    fn open_with(&self, options: Options, times: Times) -> RemoteCache {
        self.try_open(options, times).unwrap()
    }

    fn try_open(&self, options: Options, times: Times) -> Result<RemoteCache> {
        RemoteCache::open_store(self.location.clone(), self.store.clone(), options, times)
    }
}

/// A machine: a cache folder of its own with the shared cache behind it.
struct Machine {
    /// Removed with the machine.
    _folder: TempDir,
    cache: Cache,
    remote: RemoteCache,
}

impl Machine {
    fn new(remote: RemoteCache) -> Self {
        let folder = TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap();
        let cache = Cache::open(folder.path(), Arc::new(SystemClock)).unwrap();
        let cache = cache.with_second_level(Arc::new(remote.clone()));
        Self {
            _folder: folder,
            cache,
            remote,
        }
    }

    /// The result of a number, computed as these bytes if needed.
    fn get(&self, number: i64, bytes: &[u8]) -> Outcome {
        self.get_as(number, bytes, Mode::ReadWrite)
    }

    fn get_as(&self, number: i64, bytes: &[u8], mode: Mode) -> Outcome {
        let compute = || Ok::<_, Infallible>(bytes.to_vec());
        self.cache
            .get_or_compute(&parts(number), mode, &mut |_| ControlFlow::Continue(()), compute)
            .unwrap()
    }

    /// Waits until everything is written.
    fn settle(&self) {
        assert_eq!(self.remote.finish(Duration::from_secs(60), &|| false), 0);
    }
}

/// All objects below the root, by name.
fn objects(remote: &RemoteCache) -> BTreeMap<String, Vec<u8>> {
    use futures_util::StreamExt as _;
    let shared = Arc::clone(&remote.shared);
    let read = async move {
        let listed: Vec<_> = shared.store.list(shared.layout.root()).collect().await;
        let mut objects = BTreeMap::new();
        for meta in listed {
            let path = meta.unwrap().location;
            let found = shared.store.get(&path, u64::MAX).await.unwrap().unwrap();
            objects.insert(path.to_string(), found.bytes.to_vec());
        }
        objects
    };
    remote.shared.runtime.wait(read).unwrap()
}

/// Writes an object as another program would.
fn plant(remote: &RemoteCache, name: &str, bytes: &[u8]) {
    let (shared, path) = (Arc::clone(&remote.shared), object_store::path::Path::from(name));
    let bytes = bytes.to_vec();
    let write = async move { shared.store.overwrite(&path, bytes.into()).await };
    remote.shared.runtime.wait(write).unwrap().unwrap();
}

fn claim(remote: &RemoteCache, number: i64) -> Box<dyn Claim> {
    match remote.find_or_claim(&parts(number), &mut |_| panic!("there is nothing to wait for")) {
        Sought::Missing(claim) => claim,
        other => panic!("{other:?}"),
    }
}

const SMALL: usize = 1_000;
const LARGE: usize = 300_000;
