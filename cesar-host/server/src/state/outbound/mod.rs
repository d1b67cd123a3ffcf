//! Connections that the server makes on behalf of clients: their rule, and the secret of their signatures.

mod secret;

use std::path::Path;

use cesar_config::ServerSettings;

use crate::address::AddressGuard;
use crate::error::ServeError;

/// The addresses that the server may connect to, and the secret of webhooks.
pub(crate) struct Outbound {
    pub(crate) addresses: AddressGuard,
    pub(crate) webhook_secret: Vec<u8>,
}

impl Outbound {
    /// A secret that the settings lack is created in `data`.
    pub(crate) fn open(settings: &ServerSettings, data: &Path) -> Result<Self, ServeError> {
        Ok(Self {
            addresses: AddressGuard {
                allow_private: settings.allow_private_addresses,
            },
            webhook_secret: secret::load_or_create(settings.webhook_secret.as_deref(), data)?,
        })
    }
}
