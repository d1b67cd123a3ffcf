//! A job from its clients' view, while it runs and afterwards: its events (`listener`), its text (`stored`) and its recording.

mod listener;
pub(crate) mod recording;
pub(crate) mod stored;

pub(crate) use listener::{Listener, is_stored};
