//! Fourier transforms of real samples, in double precision, by `realfft`.
//!
//! A crate of its own, because the compiler makes the transforms of every length again in each crate that plans one, which took longer than
//! the rest of an engine. The front ends of the engines test it.

use std::sync::Arc;

pub use realfft::RealToComplex;
pub use realfft::num_complex::Complex;

/// A transform of `length` samples to `length / 2 + 1` bins, without normalisation.
#[must_use]
pub fn forward(length: usize) -> Arc<dyn RealToComplex<f64>> {
    realfft::RealFftPlanner::new().plan_fft_forward(length)
}
