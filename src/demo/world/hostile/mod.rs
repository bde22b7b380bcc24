//! Hosts that do what is worst for whoever asks them. Each host of the world can be made hostile for a test
//! or a measurement; all are well otherwise.

mod pages;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::exchange::{Answer, Body, Call};

pub use pages::{HOSTILE, HostilePage};

/// What a hostile host does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hostile {
    /// It takes a question and never answers.
    Silent,
    /// It answers after so many milliseconds.
    Slow(u32),
    /// It sends its answer byte by byte, one in a second.
    Drip,
    /// It sends, without an end.
    Flood,
    /// The same, compressed: a byte of it becomes a hundred and fifty, or a hundred thousand.
    Gzip,
    Brotli,
    /// Each address leads to another one of its own.
    Redirects,
    /// Each address leads to the same at this host.
    LeadsTo(&'static str),
    /// Its good answer, made into one of `HOSTILE`, with so many bytes.
    Page(&'static str, usize),
    /// What is a text in its good answer is a number, what is a list an object, and so on.
    OddTypes,
    /// Numbers of ten digits and more have ten more.
    HugeNumbers,
    /// Each page of an account's posts has so many, and names a next one.
    EndlessPosts(usize),
}

/// A quarter of a gibibyte of zeros in Brotli.
static ZEROS_BROTLI: &[u8] = include_bytes!("../../assets/zeros.br");

/// Which hosts are hostile, and who was sent secrets.
#[derive(Debug, Default)]
pub struct HostileHosts {
    hosts: Mutex<BTreeMap<String, Hostile>>,
    secrets: Mutex<BTreeSet<String>>,
    /// Pages that were made, by their kind, their size and what they were made from.
    pages: Mutex<HashMap<(&'static str, usize, Bytes), Bytes>>,
}

impl HostileHosts {
    pub fn set(&self, host: &str, what: Option<Hostile>) {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        match what {
            Some(what) => drop(hosts.insert(host.to_owned(), what)),
            None => drop(hosts.remove(host)),
        }
    }

    /// Hosts to which a cookie, a key or a token was sent.
    pub fn secrets(&self) -> Vec<String> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// A hostile page, made once.
    fn page(&self, name: &'static str, size: usize, good: Bytes) -> Bytes {
        /// Of ten megabytes each.
        const KEPT: usize = 8;
        let key = (name, size, good.clone());
        let kept = self.pages.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        kept.unwrap_or_else(|| {
            let page = HOSTILE.iter().find(|page| page.name == name);
            let made = page.and_then(|page| (page.make)(&good, size)).map_or(good, Bytes::from);
            let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
            if pages.len() >= KEPT {
                pages.clear();
            }
            pages.insert(key, made.clone());
            made
        })
    }

    fn of(&self, host: &str) -> Option<Hostile> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner).get(host).copied()
    }

    fn note_secrets(&self, call: &Call) {
        if ["authorization", "cookie", "x-api-key", "x-csrf-token"]
            .iter()
            .any(|name| call.header(name).is_some())
        {
            let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
            secrets.insert(call.host.clone());
        }
    }
}

/// What a hostile host answers; `well`: what it answers otherwise.
pub fn answer(hostile: &HostileHosts, call: &Call, well: impl Fn(&Call) -> Answer) -> Answer {
    hostile.note_secrets(call);
    let Some(what) = hostile.of(&call.host) else { return well(call) };
    match what {
        Hostile::Silent => Answer::text(200, "").after(Duration::from_secs(86_400)),
        Hostile::Slow(millis) => well(call).after(Duration::from_millis(u64::from(millis))),
        Hostile::Drip => with_body(well(call), Body::Drip),
        Hostile::Flood => with_body(well(call), |body| {
            let piece = if body.is_empty() { Bytes::from_static(b"a") } else { body.clone() };
            Body::Endless { head: body, piece }
        }),
        Hostile::Gzip => {
            let (head, piece) = endless_gzip();
            with_body(well(call), |_| Body::Endless { head, piece }).with_header("content-encoding", "gzip")
        }
        Hostile::Brotli => with_body(well(call), |_| Body::Whole(Bytes::from_static(ZEROS_BROTLI)))
            .with_header("content-encoding", "br"),
        Hostile::Redirects => {
            let number: u64 = call.parameter("hop").and_then(|hop| hop.parse().ok()).unwrap_or(0);
            Answer::redirect(format!("https://{}{}?hop={}", call.host, call.path, number + 1))
        }
        Hostile::LeadsTo(host) => Answer::redirect(format!("https://{host}{}", call.path)),
        Hostile::Page(name, size) => {
            with_body(well(call), |body| Body::Whole(hostile.page(name, size, body)))
        }
        Hostile::OddTypes => with_json(well(call), odd),
        Hostile::HugeNumbers => with_body(well(call), |body| Body::Whole(huge_numbers(&body).into())),
        Hostile::EndlessPosts(posts) => endless_posts(call, posts, well),
    }
}

fn with_body(mut answer: Answer, change: impl FnOnce(Bytes) -> Body) -> Answer {
    answer.body = match answer.body {
        Body::Whole(body) => change(body),
        other => other,
    };
    answer
}

fn with_json(answer: Answer, change: impl FnOnce(Value) -> Value) -> Answer {
    with_body(answer, |body| match serde_json::from_slice(&body) {
        Ok(value) => Body::Whole(change(value).to_string().into()),
        Err(_) => Body::Whole(body),
    })
}

fn odd(value: Value) -> Value {
    match value {
        Value::Null => json!([]),
        Value::Bool(_) => Value::Null,
        Value::Number(number) => number.to_string().into(),
        Value::String(text) => text.len().into(),
        Value::Array(items) => {
            items.into_iter().enumerate().map(|(n, item)| (n.to_string(), odd(item))).collect()
        }
        Value::Object(fields) => fields.into_iter().map(|(name, field)| (name, odd(field))).collect(),
    }
}

fn huge_numbers(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() * 2);
    let mut digits = 0;
    for byte in body {
        if !byte.is_ascii_digit() && digits >= 10 {
            out.extend_from_slice(b"0000000000");
        }
        digits = if byte.is_ascii_digit() { digits + 1 } else { 0 };
        out.push(*byte);
    }
    out
}

/// The beginning of a gzip file of zeros, and what may follow it for ever: a match of 258 bytes takes 13
/// bits, so that eight of them are whole bytes.
fn endless_gzip() -> (Bytes, Bytes) {
    const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut bits: Vec<bool> = Vec::new();
    // A block that is not the last, with the fixed codes; a zero; then matches (length 258, distance 1).
    bits.extend([false, true, false]);
    bits.extend([false, false, true, true, false, false, false, false]);
    let one = [true, true, false, false, false, true, false, true, false, false, false, false, false];
    for _ in 0..16 {
        bits.extend(one);
    }
    let bytes: Vec<u8> = bits
        .chunks_exact(8)
        .map(|byte| byte.iter().enumerate().fold(0, |byte, (place, bit)| byte | u8::from(*bit) << place))
        .collect();
    // From its second byte on, the pattern has come round after 13 bytes.
    let head = [&HEADER, &bytes[..2]].concat();
    let piece = bytes[2..15].repeat(4096);
    (head.into(), piece.into())
}

/// A page of posts without an end: those of the account's first page, again and again under other ids.
fn endless_posts(call: &Call, posts: usize, well: impl Fn(&Call) -> Answer) -> Answer {
    const NAMES: [&str; 4] = ["max_id", "cursor", "next_token", "pagination_token"];
    const NEXT: &str = "endless-";
    // Posts that are looked up come in lists, too.
    let of_x = |end: &str| call.path.ends_with(end) && call.path.contains("/users/");
    let lists = ["/statuses", "getAuthorFeed", "/search/all", "/2/search", "/media", "/users/notes"];
    if !lists.iter().any(|end| call.path.ends_with(end)) && !of_x("/tweets") {
        return well(call);
    }
    let number = |(name, value): &(String, String)| {
        NAMES.contains(&name.as_str()).then(|| value.strip_prefix(NEXT)?.parse::<usize>().ok()).flatten()
    };
    // Misskey names the next page by the last note.
    let last = call.json.as_ref().and_then(|asked| asked["untilId"].as_str()?.parse().ok());
    let page = call.query.iter().find_map(number).or(last.map(|id| number_of(id) / posts)).unwrap_or(0);
    let mut first = call.clone();
    first.query.retain(|(name, _)| !NAMES.contains(&name.as_str()));
    if let Some(Value::Object(asked)) = &mut first.json {
        asked.remove("untilId");
    }
    let next = format!("{NEXT}{}", page + 1);
    let answer = with_json(well(&first), |mut body| {
        let names = ["/feed", "/results", "/data"];
        let place = names.into_iter().find(|name| body.pointer(name).is_some_and(Value::is_array));
        let list = match place {
            Some(place) => body.pointer_mut(place),
            None => Some(&mut body),
        };
        if let Some(own) = list.as_deref().and_then(Value::as_array).filter(|own| !own.is_empty()).cloned()
            && let Some(list) = list
        {
            let made = (0..posts).map(|n| renumbered(&own[n % own.len()], page * posts + n + 1));
            *list = made.collect();
        }
        match place {
            Some("/feed") => body["cursor"] = next.clone().into(),
            Some("/results") => body["cursor"] = json!({ "bottom": next }),
            Some(_) => body["meta"]["next_token"] = next.clone().into(),
            None => {}
        }
        body
    });
    let link = format!("<https://{}{}?max_id={next}>; rel=\"next\"", call.host, call.path);
    let mut answer = answer;
    answer.headers.retain(|(name, _)| *name != "link");
    answer.with_header("link", link)
}

/// The first of the ids of endless posts, and a second of X's numbers.
const NEWEST: u64 = 1_500_000_000_000_000_000;
const SECOND: u64 = 1000 << 22;

/// The number of the post under this id.
fn number_of(id: u64) -> usize {
    usize::try_from(NEWEST.saturating_sub(id) / SECOND).unwrap_or(0)
}

/// The post under another id, older with each number.
fn renumbered(post: &Value, number: usize) -> Value {
    let mut post = post.clone();
    let id = (NEWEST - number as u64 * SECOND).to_string();
    for field in ["/id", "/edit_history_tweet_ids/0", "/edit_history_post_ids/0"] {
        if let Some(old) = post.pointer_mut(field) {
            *old = id.clone().into();
        }
    }
    for field in ["/uri", "/post/uri"] {
        if let Some(Value::String(uri)) = post.pointer_mut(field) {
            let end = uri.rfind('/').map_or(0, |slash| slash + 1);
            uri.truncate(end);
            uri.push_str(&format!("3{number:012}"));
        }
    }
    post
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_compressed_flood_is_what_it_says() {
        let (head, piece) = endless_gzip();
        let file = [head, piece.clone(), piece].concat();
        let mut zeros = vec![1; 10 << 20];
        flate2::read::GzDecoder::new(&file[..]).read_exact(&mut zeros).unwrap();
        assert!(zeros.iter().all(|byte| *byte == 0));
        assert!(ZEROS_BROTLI.len() < 2048, "{}", ZEROS_BROTLI.len());
    }

    #[test]
    fn hostile_pages_have_their_size_and_keep_what_is_good() {
        let page = b"<html><p>a</p><script>if (a < b) {}</script><div>b</div></html>";
        let json = br#"{"a": ["b", {"c": "a long text of many words"}]}"#;
        for HostilePage { name, make } in HOSTILE {
            for good in [page.as_slice(), json] {
                let Some(made) = make(good, 100_000) else { continue };
                // A link of a megabyte has no room here.
                let least = if *name == "links of 1 MiB" { 1 } else { 1000 };
                assert!((least..=125_000).contains(&made.len()), "{name}: {}", made.len());
            }
        }
        let made = String::from_utf8(
            (HOSTILE.iter().find(|page| page.name == "much <b>").unwrap().make)(page, 1000).unwrap(),
        )
        .unwrap();
        assert!(made.contains("if (a < b) {}") && made.starts_with("<html><b>"), "{made}");
        assert_eq!(
            huge_numbers(b"{\"a\":\"1234567890\",\"b\":5}"),
            b"{\"a\":\"12345678900000000000\",\"b\":5}"
        );
    }
}
