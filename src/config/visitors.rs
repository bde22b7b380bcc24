//! The lists `[[api_keys]]` and `[[webhooks]]`: those with whom the API has an agreement.

use serde::{Deserialize, Serialize};

use super::credit::CreditTemplates;
use super::document::Place;
use super::secret::Secret;
use super::section::Section;
use super::values::{bearer_token, network_named, page_url};
use crate::base::ids::{Network, Networks};

/// A shorter key or secret could be guessed.
const MIN_SECRET_BYTES: usize = 16;

/// Who shows this key has limits of its own, whatever its address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// For logs and limits.
    pub name: String,
    /// SHA-256 of the key: the key itself is nowhere kept.
    pub sha256: [u8; 32],
    pub requests_per_second: u32,
    pub max_processing_requests: u32,
    /// May search by image and name webhooks.
    pub advanced: bool,
    /// May cancel queries and searches, whoever began them.
    pub cancel: bool,
    /// May say of accounts and pictures what passes before every rule.
    pub verdicts: bool,
    /// May watch artists, and have webhooks told of their new posts.
    pub watches: bool,
    /// What its queries and searches are about, among the networks of the server.
    pub networks: Networks,
    /// The words in which it gives credit, before those of the server.
    pub credit: CreditTemplates,
}

/// Somebody who may be told final answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// By which queries name it.
    pub name: String,
    pub url: String,
    /// Signs what is sent.
    pub secret: Secret,
}

impl ApiKey {
    /// Given by its SHA-256, or by a file that holds it.
    pub(super) fn read(section: &mut Section<'_>, others: &[ApiKey]) -> ApiKey {
        let mut key = ApiKey {
            name: String::new(),
            sha256: [0; 32],
            requests_per_second: 10,
            max_processing_requests: 100,
            advanced: false,
            cancel: false,
            verdicts: false,
            watches: false,
            networks: Networks::default(),
            credit: CreditTemplates::default(),
        };
        read_name(section, &mut key.name, others.iter().map(|key| key.name.as_str()));
        if key.name == "console" {
            section.problem_at("name", "\"console\" stands for the operator's own console: choose another");
        }
        section.text("sha256", &mut key.sha256, |text| {
            from_hex(text)
                .ok_or_else(|| "must be 64 hexadecimal digits: printf %s KEY | sha256sum".to_owned())
        });
        section.secret_of_file("key_file", &mut key.sha256, |text| Ok(sha256(long_enough(text)?.as_bytes())));
        section.demand_one("sha256", "key_file");
        section.number("requests_per_second", &mut key.requests_per_second, 1..=1_000_000);
        section.number("max_processing_requests", &mut key.max_processing_requests, 1..=1_000_000);
        section.switch("advanced", &mut key.advanced);
        section.switch("cancel", &mut key.cancel);
        section.switch("verdicts", &mut key.verdicts);
        section.switch("watches", &mut key.watches);
        let mut networks = Network::ALL.to_vec();
        section.texts("networks", &mut networks, network_named);
        match Networks::of(networks) {
            Some(networks) => key.networks = networks,
            None => section.problem_at("networks", "must name one network at least"),
        }
        section.part("credit", &mut key.credit, CreditTemplates::read);
        key
    }
}

impl Webhook {
    pub(super) fn read(section: &mut Section<'_>, others: &[Webhook]) -> Webhook {
        let mut webhook = Webhook { name: String::new(), url: String::new(), secret: Secret::new("") };
        read_name(section, &mut webhook.name, others.iter().map(|webhook| webhook.name.as_str()));
        section.text("url", &mut webhook.url, page_url);
        if section.place_of("url").is_none() {
            section.problem("url", &Place::File, "is missing".to_owned());
        }
        section
            .secret("secret", "secret_file", &mut webhook.secret, |text| long_enough(text).map(Secret::new));
        webhook
    }
}

fn read_name<'n>(section: &mut Section<'_>, name: &mut String, mut taken: impl Iterator<Item = &'n str>) {
    section.text("name", name, |text| {
        let fits = !text.is_empty()
            && text.len() <= 40
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        if fits { Ok(text.to_owned()) } else { Err("must be up to 40 of a-z, A-Z, 0-9, - _ .".to_owned()) }
    });
    if name.is_empty() {
        section.problem_at("name", "needs a name");
    } else if taken.any(|other| other == name) {
        section.problem_at("name", &format!("{name:?} is the name of another one"));
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
