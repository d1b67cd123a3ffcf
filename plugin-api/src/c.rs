//! A stage written in C: `include/cesar_plugin.h` describes it as a table of functions, and [`CStage`] turns the table into a
//! [`Stage`](crate::Stage), which [`cesar_c_plugin!`](crate::cesar_c_plugin) exports like any other.
//!
//! The C is compiled into the plugin by its own build script (`cesar plugins new --language c` writes one), so that nothing here
//! crosses a boundary between builds. Values from C are checked where possible: invalid UTF-8 is replaced, outputs that are not
//! JSON are refused, and a failed call without a reason is an internal error.
#![expect(unsafe_code, reason = "calls of C functions, and pointers that they are lent")]

use std::ffi::{CStr, CString, c_char, c_void};
use std::marker::PhantomData;

use serde_json::Value;

use crate::{Audio, Ctx, ErrorKind, Stage, StageError};

/// `struct cesar_audio`.
#[repr(C)]
pub struct CAudio {
    samples: *const f32,
    length: usize,
    sample_rate: u32,
}

/// `struct cesar_host`.
#[repr(C)]
pub struct CHost {
    context: *const c_void,
    progress: unsafe extern "C" fn(*const c_void, u64, u64),
    segment: unsafe extern "C" fn(*const c_void, u64, u64, *const c_char),
    emit: unsafe extern "C" fn(*const c_void, *const c_char, *const c_char),
    log: unsafe extern "C" fn(*const c_void, u8, *const c_char),
    cancelled: unsafe extern "C" fn(*const c_void) -> bool,
}

/// `struct cesar_error`.
#[repr(C)]
pub struct CError {
    kind: [c_char; 32],
    message: [c_char; 2048],
}

type Open = unsafe extern "C" fn(*const c_char, *mut CError) -> *mut c_void;
type Run = unsafe extern "C" fn(*mut c_void, *const c_char, *const CAudio, *const CHost, *mut CError) -> *mut c_char;
type Check = unsafe extern "C" fn(*mut c_void, *const c_char, *mut CError) -> bool;

/// `struct cesar_stage`.
#[repr(C)]
pub struct CTable {
    size: usize,
    open: Option<Open>,
    run: Option<Run>,
    free_output: Option<unsafe extern "C" fn(*mut c_char)>,
    close: Option<unsafe extern "C" fn(*mut c_void)>,
    check: Option<Check>,
}

/// The source of a table; for [`cesar_c_plugin!`](crate::cesar_c_plugin).
///
/// # Safety
/// The table must meet the contract of the header.
pub unsafe trait Source: Send + 'static {
    /// The table.
    fn table() -> &'static CTable;
}

/// A session of a stage in C.
pub struct CStage<S: Source> {
    session: *mut c_void,
    source: PhantomData<S>,
}

// SAFETY: the header says that a session is used by one thread at a time, not always the same one.
unsafe impl<S: Source> Send for CStage<S> {}

impl CError {
    fn new() -> Self {
        Self {
            kind: [0; 32],
            message: [0; 2048],
        }
    }

    fn into_error(mut self) -> StageError {
        // However it was filled, it is terminated.
        (self.kind[31], self.message[2047]) = (0, 0);
        // SAFETY: both are arrays of this value that end with a NUL.
        let (kind, message) = unsafe { (text(self.kind.as_ptr()), text(self.message.as_ptr())) };
        if message.is_empty() {
            return StageError::new(ErrorKind::Internal, "the stage failed and did not say why");
        }
        StageError::new(
            serde_json::from_value(Value::from(kind)).unwrap_or(ErrorKind::Internal),
            message,
        )
    }
}

/// A text from C.
///
/// # Safety
/// `pointer` must be null, or lead to bytes that end with a NUL.
unsafe fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}

fn to_c(value: &Value) -> Result<CString, StageError> {
    // JSON writes a NUL as an escape.
    CString::new(value.to_string()).map_err(|error| StageError::new(ErrorKind::Internal, error.to_string()))
}

fn absent(name: &str) -> StageError {
    StageError::new(
        ErrorKind::Internal,
        format!("the C stage has no `{name}`, or was compiled with another cesar_plugin.h"),
    )
}

/// The context of a call.
///
/// # Safety
/// `context` must be the one of [`host_for`], during its call.
unsafe fn sink<'a>(context: *const c_void) -> &'a dyn crate::sink::HostSink {
    // SAFETY: it leads to the `Ctx` that `host_for` was given, which lives for the call.
    unsafe { &*context.cast::<Ctx<'a>>() }.sink
}

unsafe extern "C" fn progress(context: *const c_void, done: u64, total: u64) {
    // SAFETY: C gives back the context that it was lent.
    unsafe { sink(context) }.progress(done, total);
}

unsafe extern "C" fn segment(context: *const c_void, start_ms: u64, end_ms: u64, shown: *const c_char) {
    // SAFETY: as above, and a text that ends with a NUL.
    unsafe { sink(context).segment(start_ms, end_ms, &text(shown)) }
}

unsafe extern "C" fn emit(context: *const c_void, kind: *const c_char, json: *const c_char) {
    // SAFETY: as above.
    unsafe { sink(context).emit(&text(kind), &text(json)) }
}

unsafe extern "C" fn log(context: *const c_void, level: u8, line: *const c_char) {
    // SAFETY: as above.
    unsafe { sink(context).log(level, "c", &text(line)) }
}

unsafe extern "C" fn cancelled(context: *const c_void) -> bool {
    // SAFETY: as above.
    unsafe { sink(context) }.cancelled()
}

fn host_for(ctx: &Ctx<'_>) -> CHost {
    CHost {
        context: std::ptr::from_ref(ctx).cast(),
        progress,
        segment,
        emit,
        log,
        cancelled,
    }
}

impl<S: Source> Stage for CStage<S> {
    type Options = Value;
    type Request = Value;
    type Output = Value;

    fn open(options: Value) -> Result<Self, StageError> {
        let table = S::table();
        if table.size < size_of::<CTable>() {
            return Err(absent("size"));
        }
        let open = table.open.ok_or_else(|| absent("open"))?;
        let (options, mut error) = (to_c(&options)?, CError::new());
        // SAFETY: the table keeps what the header says (`Source`); both pointers are lent for the call.
        let session = unsafe { open(options.as_ptr(), &raw mut error) };
        if session.is_null() {
            return Err(error.into_error());
        }
        Ok(Self {
            session,
            source: PhantomData,
        })
    }

    fn check(&self, request: &Value) -> Result<(), StageError> {
        let Some(check) = S::table().check else { return Ok(()) };
        let (request, mut error) = (to_c(request)?, CError::new());
        // SAFETY: as in `open`; the session is one that `open` gave and `close` has not ended.
        if unsafe { check(self.session, request.as_ptr(), &raw mut error) } {
            Ok(())
        } else {
            Err(error.into_error())
        }
    }

    fn run(&mut self, request: Value, audio: Audio<'_>, ctx: &mut Ctx<'_>) -> Result<Value, StageError> {
        let table = S::table();
        let run = table.run.ok_or_else(|| absent("run"))?;
        let free = table.free_output.ok_or_else(|| absent("free_output"))?;
        let audio = CAudio {
            samples: audio.samples.as_ptr(),
            length: audio.samples.len(),
            sample_rate: audio.sample_rate,
        };
        let (request, host, mut error) = (to_c(&request)?, host_for(ctx), CError::new());
        // SAFETY: as in `check`; everything lent lives for the call.
        let output = unsafe {
            run(
                self.session,
                request.as_ptr(),
                &raw const audio,
                &raw const host,
                &raw mut error,
            )
        };
        if output.is_null() {
            return Err(error.into_error());
        }
        // SAFETY: an output is a text that ends with a NUL, and is freed once, after it was read.
        let json = unsafe {
            let json = text(output);
            free(output);
            json
        };
        let wrong =
            |error: serde_json::Error| StageError::new(ErrorKind::Internal, format!("its output is not JSON: {error}"));
        serde_json::from_str(&json).map_err(wrong)
    }
}

impl<S: Source> Drop for CStage<S> {
    fn drop(&mut self) {
        if let Some(close) = S::table().close {
            // SAFETY: the session is one that `open` gave; it is closed once.
            unsafe { close(self.session) };
        }
    }
}
