//! Code shared by several plugins and linked into each; not a plugin itself.
//!
//! | module | content |
//! |---|---|
//! | [`words`] | the rules by which tokens become words |
//! | [`wait`] | waiting for another thread while a cancel is answered |
//! | [`report`] | progress, segments and cancellation of a run |
//! | [`prompt`] | texts that show a model what to expect |
//! | [`order`] | times of segments in order |
//! | [`threads`] | the default number of threads |
//! | [`memory`] | failed allocations, and memory that the C library keeps |

pub mod memory;
pub mod order;
pub mod prompt;
pub mod report;
pub mod threads;
pub mod wait;
pub mod words;

mod ffi;
