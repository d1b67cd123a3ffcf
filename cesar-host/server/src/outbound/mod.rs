//! Deliveries of webhooks, and their signature.

pub(crate) mod signature;
pub(crate) mod webhooks;
