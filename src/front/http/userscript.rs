//! `GET /aotf.user.js`: a button on the pages of artworks, for script managers. The file asks the server that
//! it was fetched from, so that server writes its own address into it.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use super::error::HttpError;
use super::own_address::OwnAddress;
use super::peer::Peer;
use super::state::Api;

pub(super) const PATH: &str = "/aotf.user.js";

/// As it stands in the documentation: it asks the daemon of this machine.
const SCRIPT: &str = include_str!("web/aotf.user.js");
const SAMPLE_ORIGIN: &str = "http://127.0.0.1:3301";
/// The one host that the script manager lets it ask.
const SAMPLE_CONNECT: &str = "// @connect      127.0.0.1\n";

pub(super) async fn userscript(
    State(api): State<Arc<Api>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let own = OwnAddress::of(peer, &headers, &api.http);
    let own = own.ok_or_else(|| HttpError::BadRequest {
        why: "the header Host must be the name or address of this server".to_owned(),
    })?;
    // Whoever updates it is to get what this server has now.
    let headers =
        [(header::CONTENT_TYPE, "text/javascript; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    Ok((headers, script_for(&own)).into_response())
}

fn script_for(own: &OwnAddress) -> String {
    let connect = format!("// @connect      {}\n", own.host());
    SCRIPT.replace(SAMPLE_CONNECT, &connect).replace(SAMPLE_ORIGIN, &own.origin())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_into_the_file_stands_where_it_is_expected() {
        assert_eq!(SCRIPT.matches(SAMPLE_CONNECT).count(), 1);
        // The namespace, both addresses of updates, the server that is asked, and an example to people in
        // each language.
        assert_eq!(SCRIPT.matches(SAMPLE_ORIGIN).count(), 6);
        assert_eq!(SCRIPT.matches("127.0.0.1").count(), 7);
    }
}
