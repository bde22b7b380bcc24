//! Memory that a crowd of connections leaves in the allocator goes back to the system.
//!
//! glibc keeps what was freed for later: after thousands of event streams that is more than all else the
//! front has. Only the top of its heaps it gives back by itself, and there is always something in use near
//! it.

/// A crowd of fewer connections at once leaves little behind, ten megabytes at most.
const CROWD: usize = 500;

/// Sees crowds come and go. Pure.
#[derive(Debug, Default)]
pub struct Crowd {
    /// The most connections at once since memory was given back.
    most: usize,
}

impl Crowd {
    /// So many connections are open now. True when a crowd has gone, three quarters of it at least.
    pub fn has_gone(&mut self, open: usize) -> bool {
        self.most = self.most.max(open);
        let has_gone = self.most >= CROWD && open <= self.most / 4;
        if has_gone {
            self.most = open;
        }
        has_gone
    }
}

/// Gives back what is free. Takes milliseconds, and holds up who allocates meanwhile.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "calls glibc")]
pub fn give_back() {
    // SAFETY: it may be called at any time, by any thread.
    unsafe { libc::malloc_trim(0) };
}

/// Other allocators do that by themselves.
#[cfg(not(target_env = "gnu"))]
pub fn give_back() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(open: &[usize], expect: &[bool]) {
        let mut crowd = Crowd::default();
        assert_eq!(open.iter().map(|&open| crowd.has_gone(open)).collect::<Vec<_>>(), expect);
    }

    #[test]
    fn memory_is_given_back_once_for_each_crowd() {
        check(&[1, 499, 0], &[false; 3]);
        check(&[500, 126, 125, 124, 0], &[false, false, true, false, false]);
        // A large one goes in steps.
        check(&[8000, 2001, 2000, 501, 500, 0], &[false, false, true, false, true, true]);
        check(&[600, 100, 600, 100], &[false, true, false, true]);
    }
}
