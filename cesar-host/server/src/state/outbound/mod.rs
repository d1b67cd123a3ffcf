//! Connections that the server makes on behalf of clients: their rule, and the secret of their signatures.

mod secret;

use std::path::Path;
use std::sync::Arc;

use cesar_base::Records;
use cesar_config::ServerSettings;

use crate::address::AddressGuard;
use crate::error::ServeError;

/// The addresses that the server may connect to, and the secret of webhooks.
pub(crate) struct Outbound {
    pub(crate) addresses: AddressGuard,
    pub(crate) webhook_secret: Vec<u8>,
}

impl Outbound {
    /// A secret that the settings lack is created in the database of jobs, where there are `records`, else in `data`.
    pub(crate) fn open(
        settings: &ServerSettings,
        data: &Path,
        records: Option<&Arc<dyn Records>>,
    ) -> Result<Self, ServeError> {
        let secret = match (&settings.webhook_secret, records) {
            (Some(secret), _) => secret.as_bytes().to_vec(),
            (None, Some(records)) => secret::shared(&**records)?,
            (None, None) => secret::load_or_create(data)?,
        };
        Ok(Self {
            addresses: AddressGuard {
                allow_private: settings.allow_private_addresses,
            },
            webhook_secret: secret,
        })
    }
}
