//! Connections that the server makes on behalf of clients.
//!
//! | module | content |
//! |---|---|
//! | `webhooks` | deliveries of webhooks |
//! | `signature`, `secret` | their signature and its secret |
//! | `address` | addresses that the server may connect to |

pub(crate) mod address;
pub(crate) mod secret;
pub(crate) mod signature;
pub(crate) mod webhooks;
