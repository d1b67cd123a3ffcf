//! Conversions between frames, nanoseconds and milliseconds.

/// Nanoseconds on the recording's clock; 0 is a player's start.
pub(crate) type Nanoseconds = i64;

/// Nanoseconds per second.
pub(crate) const SECOND: Nanoseconds = 1_000_000_000;

/// Frames at `rate` as nanoseconds, rounded down.
pub(crate) fn nanoseconds(frames: u64, rate: u32) -> Nanoseconds {
    let scaled = u128::from(frames) * 1_000_000_000 / u128::from(rate.max(1));
    Nanoseconds::try_from(scaled).unwrap_or(Nanoseconds::MAX)
}

/// Nanoseconds as frames at `rate`, rounded to the nearest; 0 if negative.
pub(crate) fn frames(time: Nanoseconds, rate: u32) -> u64 {
    let scaled = (u128::from(time.max(0).unsigned_abs()) * u128::from(rate) + 500_000_000) / 1_000_000_000;
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// Nanoseconds as milliseconds, rounded to the nearest; 0 if negative.
pub(crate) fn milliseconds(time: Nanoseconds) -> u64 {
    frames(time, 1000)
}

/// Seconds with a fraction, as nanoseconds.
pub(crate) fn seconds(text: Option<&str>) -> Option<Nanoseconds> {
    let seconds: f64 = text?.parse().ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "checked to be in range"
    )]
    (seconds.abs() < 1e9).then(|| (seconds * SECOND as f64).round() as Nanoseconds)
}
