//! Access of clients: the API keys, and who needs one.

use std::net::SocketAddr;
use std::path::Path;

use crate::error::ServeError;
use crate::keys::{Gate, KeyFile};

/// The clients that are admitted.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) gate: Gate,
    /// Whether the server listens on a loopback address.
    pub(crate) loopback: bool,
}

impl Access {
    /// Reads the keys in `data`. An address that others can reach needs one, unless the server is `insecure`.
    pub(crate) fn open(data: &Path, address: SocketAddr, insecure: bool) -> Result<Self, ServeError> {
        let loopback = address.ip().is_loopback();
        let is_required = !loopback && !insecure;
        let gate = Gate::new(KeyFile::new(data), is_required)?;
        if is_required && !gate.has_keys() {
            return Err(ServeError::NoKeys(address.to_string()));
        }
        Ok(Self { gate, loopback })
    }
}
