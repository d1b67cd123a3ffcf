//! The one place with `unsafe`: opening ONNX Runtime's library and handing its table of functions to `ort`.
//!
//! `ort` is built without a library of its own (`alternative-backend`), so that nothing is downloaded or linked while building. It
//! needs an [`ort::sys::OrtApi`] before any other use, once per process.

#![expect(unsafe_code, reason = "a C library is opened by name and asked for its functions")]

use std::ffi::CStr;
use std::path::Path;

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use ort::sys::{ORT_API_VERSION, OrtApiBase};

/// Opens the library and hands its functions to `ort`; it stays open until the process ends. Returns its version.
///
/// # Errors
/// The reason why the library cannot be used, to complete "`PATH` …".
pub(crate) fn open(path: &Path) -> Result<String, String> {
    // SAFETY: opening runs the library's initialisers, which ONNX Runtime's are meant for; the caller names a file of that name.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }
        .map_err(|error| format!("cannot be opened ({})", said_by_the_loader(&error)))?;
    // SAFETY: the symbol has this type in every release of ONNX Runtime; a library without it is refused here.
    let base_of = unsafe { library.get::<unsafe extern "C" fn() -> *const OrtApiBase>(b"OrtGetApiBase") }
        .map_err(|_| "is not ONNX Runtime: it has no `OrtGetApiBase`".to_owned())?;
    // SAFETY: takes nothing and returns a pointer to a static, or null.
    let base = unsafe { base_of().as_ref() }.ok_or("has no functions to offer")?;
    // SAFETY: returns a static string that ends with a zero byte.
    let version = unsafe { CStr::from_ptr((base.GetVersionString)()) }
        .to_string_lossy()
        .into_owned();
    // SAFETY: returns a pointer to a static with at least the functions of the version asked for, or null for a version that the
    // library is too old for.
    let api = unsafe { (base.GetApi)(ORT_API_VERSION).as_ref() }
        .ok_or_else(|| format!("is version {version}, and 1.{ORT_API_VERSION} or later is needed"))?;
    // A plain table of function pointers. `false` means that it was already set, which `runtime` rules out.
    ort::set_api(*api);
    // The functions must stay where they are.
    std::mem::forget(library);
    Ok(version)
}

/// The loader's message, without the types around it.
fn said_by_the_loader(error: &libloading::Error) -> String {
    match error {
        libloading::Error::DlOpen { source } => source.to_string(),
        other => other.to_string(),
    }
}
