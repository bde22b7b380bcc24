//! Where the file behind an image is when the CDN does not have it: on the account's own server, which the
//! account's DID document names. That document and that server are a stranger's word.

use serde::Deserialize;
use url::Url;

use super::embed::file_of;
use crate::fetch::{Fetch, Request, json};

/// A DID document is a few kilobytes.
const MAX_DOCUMENT_BYTES: u64 = 256 * 1024;

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    service: Vec<Service>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Service {
    r#type: Option<String>,
    service_endpoint: Option<String>,
}

/// The address of the file itself; `None` if `url` is no image of the CDN, or nobody says where it is. Asks
/// for the account's document.
pub fn original(url: &str, fetch: &dyn Fetch) -> Option<Url> {
    let (did, cid) = file_of(url)?;
    let request = Request::get(document_url(&did)?).max_bytes(MAX_DOCUMENT_BYTES).retries(1);
    let response = fetch.fetch(request).ok().filter(|response| response.is_success())?;
    let server = server_in(&response.body)?;
    let mut url = server.join("/xrpc/com.atproto.sync.getBlob").ok()?;
    url.query_pairs_mut().append_pair("did", &did).append_pair("cid", &cid);
    Some(url)
}

/// The address of the account's own server by its document; `None` where that does not tell.
pub(super) fn server_in(document: &[u8]) -> Option<Url> {
    server_of(json::parse(document).ok()?)
}

/// Where an account's document is; `None` for a DID of another kind.
pub(super) fn document_url(did: &str) -> Option<Url> {
    match did.split(':').collect::<Vec<_>>().as_slice() {
        ["did", "plc", id] if id.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            Url::parse(&format!("https://plc.directory/{did}")).ok()
        }
        ["did", "web", host]
            if host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')) =>
        {
            Url::parse(&format!("https://{host}/.well-known/did.json")).ok()
        }
        _ => None,
    }
}

fn server_of(document: Document) -> Option<Url> {
    let mut servers = document.service.into_iter();
    let server = servers.find(|service| service.r#type.as_deref() == Some("AtprotoPersonalDataServer"))?;
    Url::parse(&server.service_endpoint?).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_asked_for_where_they_are() {
        let check = |did, expect| assert_eq!(document_url(did).map(String::from).as_deref(), expect, "{did}");
        check(
            "did:plc:ewvi7nxzyoun6zhxrhs64oiz",
            Some("https://plc.directory/did:plc:ewvi7nxzyoun6zhxrhs64oiz"),
        );
        check("did:web:art.example", Some("https://art.example/.well-known/did.json"));
        check("did:web:art.example%3A8080", None);
        check("did:web:art.example:user", None);
        check("did:key:z6Mk", None);
    }

    #[test]
    fn servers_are_found_in_documents() {
        let check = |document: &str, expect: Option<&str>| {
            let server = server_of(serde_json::from_str(document).unwrap());
            assert_eq!(server.map(String::from).as_deref(), expect, "{document}");
        };
        check(
            r##"{"id":"d","service":[{"id":"#x","type":"Other","serviceEndpoint":"https://no.example"},
            {"id":"#atproto_pds","type":"AtprotoPersonalDataServer","serviceEndpoint":"https://pds.example"}]}"##,
            Some("https://pds.example/"),
        );
        check(r#"{"service":[{"type":"AtprotoPersonalDataServer","serviceEndpoint":"file:///etc"}]}"#, None);
        check("{}", None);
    }
}
