//! The file with the accounts that are never scanned nor shown.

/// One entry per line: an account's id, or its handle with `@`. `#` begins a comment. Handles come
/// back in lower case; empty lines are nothing.
///
/// # Errors
/// Every entry that is neither, with its line from 1.
pub(super) fn parse(text: &str) -> Result<Vec<String>, Vec<(usize, String)>> {
    let (mut entries, mut wrong) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        let entry = line.split('#').next().unwrap_or_default().trim();
        match entry.strip_prefix('@') {
            _ if entry.is_empty() => {}
            Some(handle) if is_handle(handle) => entries.push(entry.to_ascii_lowercase()),
            None if entry.bytes().all(|byte| byte.is_ascii_digit()) => entries.push(entry.to_owned()),
            Some(_) | None => {
                wrong.push((index + 1, format!("{entry:?} is neither an account's id nor a handle with @")));
            }
        }
    }
    if wrong.is_empty() { Ok(entries) } else { Err(wrong) }
}

/// Letters, digits, `_`, and what other networks' handles have (`name.example`, `name@host`).
fn is_handle(handle: &str) -> bool {
    !handle.is_empty()
        && handle.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_handles_and_comments() {
        assert_eq!(parse("# nobody\n12 # a bot\n\n  @Some_One\n").unwrap(), ["12", "@some_one"]);
        let lines = |text| parse(text).unwrap_err().into_iter().map(|(line, _)| line).collect::<Vec<_>>();
        assert_eq!(lines("someone\n1\n@\n@a b"), [1, 3, 4]);
    }
}
