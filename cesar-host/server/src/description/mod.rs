//! Description of the API: derived from the handlers (`openapi`), and as a page (`docs`).

pub(crate) mod docs;
pub(crate) mod openapi;
