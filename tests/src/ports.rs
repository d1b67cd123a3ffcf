//! Ports for servers that cannot choose one themselves.

use std::hash::{BuildHasher as _, RandomState};
use std::net::TcpListener;

/// The ports that no kernel gives to outgoing connections unless it is configured so: Linux begins at 32768, others at 49152.
const FIRST: u16 = 10_000;
const LAST: u16 = 32_767;

/// Ports on 127.0.0.1 that are free now.
///
/// A connection to elsewhere cannot take one before the server listens, as it could with a port that the kernel chose.
///
/// # Panics
/// When none of a thousand random ports is free.
#[must_use]
pub fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    // All stay bound until the last is found, so that no two are equal.
    let listeners: [TcpListener; COUNT] = std::array::from_fn(|_| {
        (0..1000)
            .find_map(|_| TcpListener::bind(("127.0.0.1", random_port())).ok())
            .expect("there are free ports")
    });
    listeners.map(|listener| listener.local_addr().expect("it is bound").port())
}

/// A number of the range, by the random keys of a new hasher.
fn random_port() -> u16 {
    let span = u64::from(LAST - FIRST) + 1;
    let offset = RandomState::new().hash_one(()) % span;
    FIRST + u16::try_from(offset).expect("the span is smaller than 2^16")
}
