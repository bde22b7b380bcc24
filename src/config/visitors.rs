//! Those with whom the API has an agreement: holders of keys, and receivers of final answers.

use super::document::Place;
use super::parameters::{Context, bearer_token, network_named, page_url, read_secret};
use super::section::Section;
use super::{ApiKey, Secret, Webhook};
use crate::base::ids::{Network, Networks};

/// A shorter key or secret could be guessed.
const MIN_SECRET_BYTES: usize = 16;

/// The keys, each given by its SHA-256 or by a file that holds it.
pub(super) fn read_api_keys(sections: Vec<Section<'_>>, context: &Context) -> Vec<ApiKey> {
    let mut keys: Vec<ApiKey> = Vec::new();
    for mut section in sections {
        let mut key = ApiKey {
            name: String::new(),
            sha256: [0; 32],
            requests_per_second: 10,
            max_processing_requests: 100,
            advanced: false,
            networks: Networks::default(),
        };
        read_name(&mut section, &mut key.name, keys.iter().map(|key| key.name.as_str()));
        let given = (section.place_of("sha256"), section.place_of("key_file"));
        section.text("sha256", &mut key.sha256, |text| {
            from_hex(text)
                .ok_or_else(|| "must be 64 hexadecimal digits: printf %s KEY | sha256sum".to_owned())
        });
        section.text("key_file", &mut key.sha256, |name| {
            let text = read_secret(&context.find(name)).and_then(|text| long_enough(&text))?;
            Ok(sha256(text.as_bytes()))
        });
        demand_one(&section, ["sha256", "key_file"], given);
        section.number("requests_per_second", &mut key.requests_per_second, 1..=1_000_000);
        section.number("max_processing_requests", &mut key.max_processing_requests, 1..=1_000_000);
        section.switch("advanced", &mut key.advanced);
        let place = section.place_of("networks").unwrap_or(Place::File);
        let mut networks = Network::ALL.to_vec();
        section.texts("networks", &mut networks, network_named);
        match Networks::of(networks) {
            Some(networks) => key.networks = networks,
            None => section.problem("networks", &place, "must name one network at least".to_owned()),
        }
        section.finish();
        keys.push(key);
    }
    keys
}

/// The webhooks, and whether the file itself holds a secret.
pub(super) fn read_webhooks(sections: Vec<Section<'_>>, context: &Context) -> (Vec<Webhook>, bool) {
    let mut webhooks: Vec<Webhook> = Vec::new();
    let mut secret_in_file = false;
    for mut section in sections {
        let mut webhook =
            Webhook { name: String::new(), url: String::new(), secret: Secret::new(String::new()) };
        read_name(&mut section, &mut webhook.name, webhooks.iter().map(|webhook| webhook.name.as_str()));
        if section.place_of("url").is_none() {
            section.problem("url", &Place::File, "is missing".to_owned());
        }
        section.text("url", &mut webhook.url, page_url);
        let given = (section.place_of("secret"), section.place_of("secret_file"));
        secret_in_file |= matches!(given.0, Some(Place::Line(_)));
        section.text("secret", &mut webhook.secret, |text| long_enough(text).map(Secret::new));
        section.text("secret_file", &mut webhook.secret, |name| {
            read_secret(&context.find(name)).and_then(|text| long_enough(&text)).map(Secret::new)
        });
        demand_one(&section, ["secret", "secret_file"], given);
        section.finish();
        webhooks.push(webhook);
    }
    (webhooks, secret_in_file)
}

fn read_name<'n>(section: &mut Section<'_>, name: &mut String, taken: impl Iterator<Item = &'n str>) {
    let place = section.place_of("name").unwrap_or(Place::File);
    section.text("name", name, |text| {
        let fits = !text.is_empty()
            && text.len() <= 40
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        if fits { Ok(text.to_owned()) } else { Err("must be up to 40 of a-z, A-Z, 0-9, - _ .".to_owned()) }
    });
    if name.is_empty() {
        section.problem("name", &place, "needs a name".to_owned());
    } else if taken.into_iter().any(|other| other == name) {
        section.problem("name", &place, format!("{name:?} is the name of another one"));
    }
}

fn demand_one(section: &Section<'_>, [here, file]: [&str; 2], given: (Option<Place>, Option<Place>)) {
    let either = format!("needs either {here} or {file}");
    match given {
        (Some(place), Some(_)) => section.problem(file, &place, either),
        (None, None) => section.problem(here, &Place::File, either),
        (Some(_), None) | (None, Some(_)) => {}
    }
}

fn long_enough(text: &str) -> Result<String, String> {
    let text = bearer_token(text)?;
    match text.len() {
        0..MIN_SECRET_BYTES => {
            Err(format!("is shorter than {MIN_SECRET_BYTES} characters: it could be guessed"))
        }
        _ => Ok(text),
    }
}

/// SHA-256, by which keys are known.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().try_into().expect("SHA-256 is 32 bytes long")
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}
