//! What the reading of a text costs, in bytes looked at: counted in tests, which hold it to a multiple of the
//! text's length. In the program it is nothing.

#[cfg(test)]
thread_local! {
    static SPENT: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// So many bytes were looked at.
pub(super) fn spend(_bytes: usize) {
    #[cfg(test)]
    SPENT.with(|spent| spent.set(spent.get() + _bytes));
}

/// What was spent in this thread since the last call.
#[cfg(test)]
pub(super) fn take() -> usize {
    SPENT.with(std::cell::Cell::take)
}
