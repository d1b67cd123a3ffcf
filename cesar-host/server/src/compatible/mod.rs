//! Endpoints of other servers, for their clients: `/asr` and `/detect-language` of whisper-asr-webservice, `/inference` of whisper.cpp's server.
//!
//! A request becomes a job, as one of the OpenAI-compatible endpoints does. Both servers serve one model, which here is that of the
//! settings. Fields that they have and Cesar has not are ignored; `audio_track` is Cesar's own.

pub(crate) mod asr;
pub(crate) mod detect_language;
pub(crate) mod inference;
