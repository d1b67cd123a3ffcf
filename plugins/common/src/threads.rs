//! The number of threads to compute with.

/// Maximum number of threads by default; more gain little, and whisper.cpp uses as many.
const DEFAULT_LIMIT: usize = 4;

/// The number of threads for the option `threads`: 0 means one for each core, at most four.
#[must_use]
pub fn count(option: usize) -> usize {
    match option {
        0 => std::thread::available_parallelism().map_or(1, |cores| cores.get().min(DEFAULT_LIMIT)),
        count => count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_threads_are_one_for_each_core_at_most_four() {
        assert_eq!(count(3), 3);
        assert!((1..=4).contains(&count(0)));
    }
}
