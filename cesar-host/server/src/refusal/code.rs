//! Codes of refusals: one table for responses, their description and the page of the documentation.

use serde::Serialize;
use utoipa::ToSchema;

macro_rules! codes {
    ($($variant:ident $name:literal $status:literal $meaning:literal)*) => {
        /// A stable name of a refusal, for programs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub(crate) enum Code {
            $(#[doc = $meaning] $variant,)*
        }

        impl Code {
            /// All codes.
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The name in responses.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The status and the meaning, for the documentation.
            pub(crate) const fn meaning(self) -> (u16, &'static str) {
                match self {
                    $(Self::$variant => ($status, $meaning),)*
                }
            }
        }
    };
}

codes! {
    UnsupportedValue "unsupported_value" 400 "A field has a value that is not accepted."
    UnknownField "unknown_field" 400 "There is no such field."
    SaidTwice "said_twice" 400 "A field and an option set the same value, or a query has a field twice."
    InvalidUpload "invalid_upload" 400 "A header of a resumable upload cannot be read."
    MissingFile "missing_file" 400 "The request has no recording."
    MissingUrl "missing_url" 400 "The request has no address."
    MissingRequiredParameter "missing_required_parameter" 400 "A required field of OpenAI's API is missing."
    TwoSources "two_sources" 400 "The request has a recording and an address."
    SeveralFiles "several_files" 400 "The request has several recordings."
    InvalidOption "invalid_option" 400 "The plugin refuses an option, or the option names a file."
    InvalidGlossary "invalid_glossary" 400 "A line of the glossary is no rule."
    InvalidAudio "invalid_audio" 400 "The recording cannot be decoded."
    InvalidRevision "invalid_revision" 400 "`If-Match` or `revision` is no revision."
    EmptyQuery "empty_query" 400 "The query has no word to look for."
    InvalidQuery "invalid_query" 400 "The query cannot be read."
    MalformedMultipart "malformed_multipart" 400 "The form cannot be read."
    MalformedJson "malformed_json" 400 "The body is no JSON object."
    MalformedBody "malformed_body" 400 "The body cannot be read."
    TooManyFields "too_many_fields" 400 "The form has too many fields."
    InvalidIdempotencyKey "invalid_idempotency_key" 400 "The key is not a text of 1 to 255 characters."
    InvalidApiKey "invalid_api_key" 401 "An API key is required."
    ForeignOrigin "foreign_origin" 403 "The request comes from a page of another origin."
    ForeignHost "foreign_host" 403 "The request names another host."
    NotFound "not_found" 404 "There is no such thing."
    NoTranscript "no_transcript" 404 "The job has ended without a transcript."
    MethodNotAllowed "method_not_allowed" 405 "The endpoint does not have this method."
    ClientTooSlow "client_too_slow" 408 "The client sent nothing for too long."
    RecordingGone "recording_gone" 404 "The server no longer has the recording."
    NoRevision "no_revision" 404 "The revision is not kept."
    RevisionConflict "revision_conflict" 409 "The transcript was corrected since; `changes` has what changed."
    NotReady "not_ready" 409 "The job has not ended."
    UploadOffset "upload_offset" 409 "The server has another number of bytes of the upload."
    UploadIncomplete "upload_incomplete" 409 "Some bytes of the upload are missing."
    AlreadyEnded "already_ended" 409 "The job has ended already."
    NotRetryable "not_retryable" 409 "The job cannot be retried."
    GlossaryChanged "glossary_changed" 409 "The glossary was changed since it was read."
    Offline "offline" 409 "The server may not use the network."
    Cancelled "cancelled" 409 "The job was cancelled while the request waited for it."
    TusVersion "tus_version" 412 "The request names no version of tus that the server knows."
    TooLarge "too_large" 413 "The upload or a field is too large."
    WrongContentType "wrong_content_type" 415 "The body has another content type than the endpoint reads."
    InvalidRange "invalid_range" 416 "The range begins behind the end of the recording."
    InvalidOperation "invalid_operation" 422 "A correction does not fit the transcript."
    IdempotencyKeyReused "idempotency_key_reused" 422 "The key was sent with another request."
    ModelNotFound "model_not_found" 422 "The model is not installed."
    GlossaryNotFound "glossary_not_found" 422 "The server has no glossary of this name."
    TrackNotFound "track_not_found" 422 "The recording has no such audio track."
    UnknownPlugin "unknown_plugin" 422 "The plugin is not installed."
    NoPlugin "no_plugin" 422 "No plugin of this stage is installed."
    PluginUnavailable "plugin_unavailable" 422 "The plugin is installed but cannot be used."
    AddressRefused "address_refused" 422 "The address is not public."
    AddressUnresolved "address_unresolved" 422 "The name of the address cannot be resolved."
    InvalidUrl "invalid_url" 422 "The address is no URL that can be used."
    UploadLocked "upload_locked" 423 "Another request sends the upload."
    RevisionRequired "revision_required" 428 "The request has no `If-Match`."
    TooManyUploads "too_many_uploads" 429 "The server has too many unfinished uploads."
    UploadsFull "uploads_full" 429 "No space is left for unfinished uploads."
    TooManyPulls "too_many_pulls" 429 "Too many models are being downloaded."
    TooManyListeners "too_many_listeners" 429 "Too many clients watch the server."
    QueueFull "queue_full" 429 "Too many jobs are queued."
    CorrectionsUnusable "corrections_unusable" 500 "The corrections of transcripts cannot be read."
    Internal "internal" 500 "The server failed; its log has the reason."
    PluginCrashed "plugin_crashed" 500 "The plugin crashed."
    OutOfMemory "out_of_memory" 500 "The plugin ran out of memory."
    ServerError "server_error" 500 "The job failed."
    DiskFull "disk_full" 507 "No space is left on the disk of the server."
    JobsUnavailable "jobs_unavailable" 503 "The database of jobs does not answer."
    StorageUnavailable "storage_unavailable" 503 "The storage of uploads refused, or cannot be reached."
    Stopping "stopping" 503 "The server is stopping."
}
