//! The one place with `unsafe`: one session of ONNX Runtime, run by several threads at the same time.
//!
//! ONNX Runtime allows that, and so the weights are in memory once. `ort` asks for `&mut Session`; here its function is called directly.

#![expect(unsafe_code, reason = "`ort` does not offer concurrent runs of one session")]

use std::ffi::CString;
use std::ptr::{NonNull, null_mut};

use ort::AsPointer as _;
use ort::error::status_to_result;
use ort::session::run_options::{NoSelectedOutputs, RunOptions};
use ort::session::{Session, SessionInputValue};
use ort::value::DynValue;

/// Runs a session; returns the values of `outputs`, in their order.
pub(crate) fn run(
    session: &Session,
    inputs: &[(&str, SessionInputValue<'_>)],
    outputs: &[&str],
    options: &RunOptions<NoSelectedOutputs>,
) -> Result<Vec<DynValue>, ort::Error> {
    let text = |name: &str| CString::new(name).map_err(|_| ort::Error::new("a name has a zero byte"));
    let inputs_named: Vec<CString> = inputs.iter().map(|(name, _)| text(name)).collect::<Result<_, _>>()?;
    let outputs_named: Vec<CString> = outputs.iter().map(|name| text(name)).collect::<Result<_, _>>()?;
    let input_names: Vec<_> = inputs_named.iter().map(|name| name.as_ptr()).collect();
    let output_names: Vec<_> = outputs_named.iter().map(|name| name.as_ptr()).collect();
    let values: Vec<_> = inputs.iter().map(|(_, value)| value.ptr()).collect();
    let mut made = vec![null_mut(); outputs.len()];
    // SAFETY: `OrtApi::Run` may be called on one session by several threads at the same time; it takes a mutable pointer and changes
    // nothing that another run sees. The session and the options are borrowed for the call. The names end with a zero byte and live until
    // it returns, as do the values; each list is as long as the number that stands beside it. A null output asks for a new value.
    let status = unsafe {
        (ort::api().Run)(
            session.ptr().cast_mut(),
            options.ptr(),
            input_names.as_ptr(),
            values.as_ptr(),
            values.len(),
            output_names.as_ptr(),
            output_names.len(),
            made.as_mut_ptr(),
        )
    };
    // SAFETY: the status is the one that `Run` returned, and it is used once.
    let outcome = unsafe { status_to_result(status) };
    // Values of a failed run are released as well.
    let owned = made.into_iter().filter_map(NonNull::new).map(|value| {
        // SAFETY: a value that `Run` made for this caller, which owns it alone; it keeps the session alive.
        unsafe { DynValue::from_ptr(value, Some(session.inner())) }
    });
    let owned: Vec<DynValue> = owned.collect();
    outcome?;
    if owned.len() == outputs.len() {
        Ok(owned)
    } else {
        Err(ort::Error::new("a run gave no value"))
    }
}
