//! How much memory a process takes.

/// Bytes of memory that the process of this number has for itself: neither mapped files nor what it
/// shares. `None` where it has ended, or the system does not say.
pub(super) fn private_bytes(pid: u32) -> Option<u64> {
    private_pages(&std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?)
        .map(|pages| pages.saturating_mul(rustix::param::page_size() as u64))
}

/// `size resident shared ...`, in pages.
fn private_pages(statm: &str) -> Option<u64> {
    let mut fields = statm.split(' ').skip(1).map(str::parse::<u64>);
    let (resident, shared) = (fields.next()?.ok()?, fields.next()?.ok()?);
    Some(resident.saturating_sub(shared))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_pages_do_not_count() {
        assert_eq!(private_pages("1000 300 100 5 0 90 0\n"), Some(200));
        assert_eq!(private_pages(""), None);
        let before = private_bytes(std::process::id()).unwrap();
        let grown = std::hint::black_box(vec![1_u8; 64 << 20]);
        assert!(private_bytes(std::process::id()).unwrap() > before + (grown.len() as u64) / 2);
    }
}
