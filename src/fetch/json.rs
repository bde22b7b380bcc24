//! JSON of strangers, read within bounds: what its values would take in memory is estimated before the first
//! of them is made. A tree of values takes many times the space of its text: ten megabytes of `[0,0,...]`
//! would become a gigabyte.

use serde::de::DeserializeOwned;

/// What the values of one text may take in memory, in bytes. The state of the largest real pages takes a
/// third.
pub const MAX_VALUE_BYTES: usize = 16 << 20;

// What `serde_json` and the allocator take, while a list or an object grows: measured by `aotf bench pages`.
const LIST_BYTES: usize = 290;
const ITEM_BYTES: usize = 110;
const OBJECT_BYTES: usize = 420;
const MEMBER_BYTES: usize = 150;
const TEXT_BYTES: usize = 32;

/// Why a text could not be read.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    #[error("its values would take more than {} MiB", MAX_VALUE_BYTES >> 20)]
    TooLarge,
    #[error(transparent)]
    Syntax(#[from] serde_json::Error),
}

/// Reads a text that holds one value and nothing else.
///
/// # Errors
/// See `JsonError`.
pub fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, JsonError> {
    weigh(text)?;
    Ok(serde_json::from_slice(text)?)
}

/// Whether the text is an object with an `error` in words, as APIs answer what is not there.
pub fn names_error(text: &[u8]) -> bool {
    let error =
        parse::<serde_json::Value>(text).ok().and_then(|mut value| Some(value.get_mut("error")?.take()));
    error.is_some_and(|error| error.is_string())
}

/// Reads the value that a text begins with; whatever stands behind it is not looked at. `None` where there is
/// no value, or one that is too large.
pub fn parse_first<T: DeserializeOwned>(text: &str) -> Option<T> {
    weigh(text.as_bytes()).ok()?;
    serde_json::Deserializer::from_str(text).into_iter().next()?.ok()
}

/// Estimates what the first value of a text takes. A text that is no JSON is weighed as far as it looks like
/// it.
fn weigh(text: &[u8]) -> Result<(), JsonError> {
    /// Which of the open containers are objects, the innermost last; `serde_json` refuses more than 128 of
    /// them.
    const MAX_DEPTH: u32 = 128;
    let (mut objects, mut depth, mut bytes) = (0_u128, 0_u32, 0_usize);
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes += match byte {
            b'"' => {
                let before = rest.len();
                while let Some(byte) = rest.next() {
                    match byte {
                        b'\\' => drop(rest.next()),
                        b'"' => break,
                        _ => {}
                    }
                }
                TEXT_BYTES + before - rest.len()
            }
            b'[' | b'{' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Ok(());
                }
                objects = objects << 1 | u128::from(*byte == b'{');
                // An empty one takes nothing but its place in what is around it.
                let is_empty = rest.as_slice().first().is_some_and(|next| matches!(next, b']' | b'}'));
                match (is_empty, byte) {
                    (true, _) => 0,
                    (false, b'[') => LIST_BYTES,
                    (false, _) => OBJECT_BYTES,
                }
            }
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                objects >>= 1;
                if depth == 0 {
                    break;
                }
                0
            }
            b':' => MEMBER_BYTES,
            b',' if objects & 1 == 0 => ITEM_BYTES,
            _ => 0,
        };
        if bytes > MAX_VALUE_BYTES {
            return Err(JsonError::TooLarge);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_is_within_bounds_is_read() {
        let value = json!({"a": [1, "x\"]}", {"b": null}, [], {}], "c\\": -1.5e3});
        assert_eq!(parse::<Value>(value.to_string().as_bytes()).unwrap(), value);
        // A page of a network: five thousand posts.
        let post =
            json!({"uri": "https://a.example/1", "account": {"id": "1"}, "media": [{"url": "u"}], "n": 1});
        let page = Value::from(vec![post; 5000]);
        assert_eq!(parse::<Value>(page.to_string().as_bytes()).unwrap(), page);
        assert!(matches!(parse::<Value>(b"{\"a\":1} x"), Err(JsonError::Syntax(_))));
        let deep = "[".repeat(100_000);
        assert!(matches!(parse::<Value>(deep.as_bytes()), Err(JsonError::Syntax(_))));
        assert_eq!(parse_first::<Value>("[1]],{"), Some(json!([1])));
        assert_eq!(parse_first::<Value>("[1"), None);
    }

    #[test]
    fn what_would_take_too_much_is_refused_before_it_is_made() {
        for (unit, end) in
            [("0,", "0"), ("[0],", "0"), ("{\"a\":0},", "0"), ("\"\",", "0"), ("[],", "0"), ("{},", "0")]
        {
            let text = format!("[{}{end}]", unit.repeat((10 << 20) / unit.len()));
            assert!(matches!(parse::<Value>(text.as_bytes()), Err(JsonError::TooLarge)), "{unit}");
            assert_eq!(parse_first::<Value>(&text), None);
            // As the second of two members, and behind a text that holds brackets.
            let text = format!("{{\"a\":\"]}}\",\"b\":{text}}}");
            assert!(matches!(parse::<Value>(text.as_bytes()), Err(JsonError::TooLarge)), "{unit}");
        }
        let members: String = (0..500_000).map(|n| format!("\"{n}\":0,")).collect();
        let text = format!("{{{members}\"z\":0}}");
        assert!(matches!(parse::<Value>(text.as_bytes()), Err(JsonError::TooLarge)));
        // What stands behind the first value does not count.
        let text = format!("[1]{text}");
        assert_eq!(parse_first::<Value>(&text), Some(json!([1])));
    }
}
