//! Access of clients: the API keys, and who needs one.

use std::net::SocketAddr;

use crate::error::ServeError;
use crate::keys::{Gate, Keys};

/// The clients that are admitted.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) gate: Gate,
    /// Whether the server listens on a loopback address.
    pub(crate) loopback: bool,
}

impl Access {
    /// Reads the keys. An address that others can reach needs one, unless the server is `insecure`.
    pub(crate) fn open(keys: Keys, address: SocketAddr, insecure: bool) -> Result<Self, ServeError> {
        let loopback = address.ip().is_loopback();
        let is_required = !loopback && !insecure;
        let gate = Gate::new(keys, is_required)?;
        if is_required && !gate.has_keys() {
            return Err(ServeError::NoKeys(address.to_string()));
        }
        Ok(Self { gate, loopback })
    }

    /// The access of a process without a listener: no client connects.
    pub(crate) fn without_listener(keys: Keys) -> Result<Self, ServeError> {
        Ok(Self {
            gate: Gate::new(keys, false)?,
            loopback: true,
        })
    }
}
