//! Whether an account says of a page what the page says of the account: only both together prove that they
//! are one person's.

use serde_json::Value;

use super::address::encode;
use super::read::{list_at, text_at};
use super::{Address, Identified, Kind, Lead, Place, Site, SiteError, Web, bluesky, recognise};
use crate::base::ids::Network;
use crate::domain::accounts::AccountRef;

/// What an account has to name, to be the same person's.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The page that names the account.
    pub page: Identified,
    /// It may stand in the account's text, too. Where the account is not named by its owner's own mark, only
    /// a field is enough.
    pub in_text: bool,
    /// The host of the page, where that is its owner's alone: an account of the Fediverse may list it as one
    /// that may name it.
    pub domain: Option<String>,
}

/// Whether the account names the page, too.
///
/// # Errors
/// Those of the account's page. That a server does not say which domains an account lists is none.
pub fn confirms(
    site: &'static Site,
    account: &Identified,
    wanted: &Wanted,
    web: &Web,
) -> Result<bool, SiteError> {
    if let (Some(domain), Some(AccountRef::Handle { network: Network::Mastodon, handle })) =
        (&wanted.domain, &account.account)
        && lists_domain(handle, domain, web)
    {
        return Ok(true);
    }
    let Some(leads) = site.leads else { return Ok(false) };
    Ok(leads(account, web)?.iter().any(|lead| names(lead, wanted)))
}

fn names(lead: &Lead, wanted: &Wanted) -> bool {
    let counts = match lead.place {
        Place::Artist | Place::Verified | Place::ProfileField => true,
        Place::ProfileText => wanted.in_text,
        Place::Curated | Place::WorkText | Place::Source | Place::CopyText => false,
    };
    let Some(address) = Address::parse(&lead.url).filter(|_| counts) else { return false };
    let (_, named) = recognise(&address);
    let bare = |page: &Identified| {
        let address = page.address();
        let (_, rest) = address.split_once("://").unwrap_or(("", address));
        rest.strip_prefix("www.").unwrap_or(rest).trim_end_matches('/').to_owned()
    };
    let same_account =
        named.account.is_some() && named.account == wanted.page.account && named.kind == Kind::Account;
    same_account || bare(&named) == bare(&wanted.page)
}

/// Whether the document of an account of the Fediverse lists this host among those whose pages may name it. A
/// server that wants signed requests tells nobody.
fn lists_domain(handle: &str, domain: &str, web: &Web) -> bool {
    let Some((user, host)) = handle.split_once('@') else { return false };
    let actor = actor_at(&format!("https://{host}/users/{}", encode(user)), web);
    let actor = actor.or_else(|| {
        let resource = encode(&format!("acct:{handle}"));
        let answer =
            web.request(&format!("https://{host}/.well-known/webfinger?resource={resource}")).ok()?;
        let answer = web.json(answer.retries(0)).ok()?;
        let own = list_at(&answer, "links").iter().find(|link| text_at(link, "rel") == Some("self"))?;
        actor_at(text_at(own, "href")?, web)
    });
    let Some(actor) = actor else { return false };
    let is_theirs = text_at(&actor, "preferredUsername").is_some_and(|name| name.eq_ignore_ascii_case(user));
    is_theirs
        && list_at(&actor, "attributionDomains")
            .iter()
            .filter_map(Value::as_str)
            .any(|listed| listed.trim_start_matches("www.").eq_ignore_ascii_case(domain))
}

/// The document by which servers know an account, `None` where the answer is another one.
fn actor_at(url: &str, web: &Web) -> Option<Value> {
    let request = web.request(url).ok()?.header("Accept", "application/activity+json").retries(0);
    web.json(request).ok().filter(|actor| text_at(actor, "preferredUsername").is_some())
}

/// The account on Bluesky whose handle is this host, if there is one: the host names the account, and the
/// account has the host for its handle.
///
/// # Errors
/// That the account's network could not be asked.
pub fn whose_handle_is(host: &str, web: &Web) -> Result<Option<AccountRef>, SiteError> {
    let request = web.request(&format!("https://{host}/.well-known/atproto-did"))?.retries(0);
    // A host without such a file is the usual case, whatever it answers.
    let Ok(answer) = web.send(request.max_bytes(1 << 10)) else { return Ok(None) };
    let text = answer.text();
    let did = text.trim();
    let is_did = did.strip_prefix("did:").is_some_and(|rest| {
        rest.len() <= 250 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:_-%".contains(&byte))
    });
    if !is_did {
        return Ok(None);
    }
    let handle = bluesky::handle_of(did, web)?;
    let is_same = handle.is_some_and(|handle| handle.eq_ignore_ascii_case(host));
    let handle = host.to_ascii_lowercase();
    Ok(is_same.then_some(AccountRef::Handle { network: Network::Bluesky, handle }))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::super::Credentials;
    use super::*;
    use crate::fetch::{Fetch, FetchError, Request, Response};

    /// Answers from a table, notes what it was asked, and knows nothing else.
    struct Pages<'a>(&'a [(&'a str, &'a str)], Mutex<Vec<String>>);

    impl Fetch for Pages<'_> {
        fn fetch(&self, request: Request) -> Result<Response, FetchError> {
            self.1.lock().unwrap().push(request.url.to_string());
            let found = self.0.iter().find(|(url, _)| *url == request.url.as_str());
            let (status, body) = found.map_or((404, ""), |(_, body)| (200, *body));
            Ok(Response { status, url: request.url, headers: vec![], body: body.to_owned().into() })
        }

        fn fetch_all(&self, requests: Vec<Request>) -> Vec<Result<Response, FetchError>> {
            requests.into_iter().map(|request| self.fetch(request)).collect()
        }
    }

    fn ask<T>(pages: &[(&str, &str)], ask: impl Fn(&Web) -> T) -> (T, Vec<String>) {
        let fetch = Pages(pages, Mutex::default());
        let credentials = Credentials::default();
        let answer = ask(&Web::new(&fetch, &credentials, 10, Duration::from_secs(60)));
        (answer, fetch.1.into_inner().unwrap())
    }

    const ACTOR: &str = "https://art.example/users/ann";

    #[track_caller]
    fn check_lists(actor: &str, expect: bool) {
        let (found, asked) =
            ask(&[(ACTOR, actor)], |web| lists_domain("ann@art.example", "ann.example", web));
        assert_eq!(found, expect, "{actor}");
        assert_eq!(asked[0], ACTOR);
    }

    #[test]
    fn an_account_lists_the_domains_that_may_name_it() {
        check_lists(r#"{"preferredUsername":"Ann","attributionDomains":["b.example","Ann.example"]}"#, true);
        check_lists(r#"{"preferredUsername":"ann","attributionDomains":["www.ann.example"]}"#, true);
        // Another's document, a part of the name, a parent of it, half an answer.
        check_lists(r#"{"preferredUsername":"bob","attributionDomains":["ann.example"]}"#, false);
        check_lists(
            r#"{"preferredUsername":"ann","attributionDomains":["example","n.example","ann.example.evil.example"]}"#,
            false,
        );
        check_lists(r#"{"preferredUsername":"ann","attributionDomains":"ann.example"}"#, false);
        check_lists(r#"{"preferredUsername":"ann"}"#, false);
        check_lists("{\"preferredUsername\":\"ann\",\"attributionDomains\":[", false);
        check_lists("<html>", false);
    }

    #[test]
    fn a_server_of_another_kind_says_where_the_document_is() {
        let finger = r#"{"subject":"acct:ann@art.example","links":[{"rel":"self","type":"application/activity+json","href":"https://social.art.example/u/9"}]}"#;
        let actor = r#"{"preferredUsername":"ann","attributionDomains":["ann.example"]}"#;
        let pages = [
            ("https://art.example/.well-known/webfinger?resource=acct%3Aann%40art.example", finger),
            ("https://social.art.example/u/9", actor),
        ];
        let (found, asked) = ask(&pages, |web| lists_domain("ann@art.example", "ann.example", web));
        assert!(found && asked.len() == 3, "{asked:?}");
        let (found, asked) = ask(&[], |web| lists_domain("ann@art.example", "ann.example", web));
        assert!(!found && asked.len() == 2, "{asked:?}");
    }

    #[test]
    fn a_host_may_be_a_handle() {
        const FILE: &str = "https://ann.example/.well-known/atproto-did";
        const PROFILE: &str =
            "https://public.api.bsky.app/xrpc/app.bsky.actor.getProfile?actor=did%3Aplc%3A1";
        let whose = |file: &str, profile: &str| {
            let pages = [(FILE, file), (PROFILE, profile)];
            ask(&pages, |web| whose_handle_is("ann.example", web))
                .0
                .ok()
                .flatten()
                .map(|account| account.to_string())
        };
        let profile = r#"{"did":"did:plc:1","handle":"Ann.example"}"#;
        assert_eq!(whose("did:plc:1\n", profile).as_deref(), Some("bluesky:@ann.example"));
        // Somebody else's account, one whose handle is not confirmed, a page for everything.
        assert_eq!(whose("did:plc:1", r#"{"did":"did:plc:1","handle":"bob.example"}"#), None);
        assert_eq!(whose("did:plc:1", r#"{"did":"did:plc:1","handle":"handle.invalid"}"#), None);
        assert_eq!(whose("did:plc:1", "<html>"), None);
        assert_eq!(whose("<!DOCTYPE html><p>not found", profile), None);
        assert_eq!(whose("did:plc:1&actor=did:plc:2", profile), None);
        let (found, asked) = ask(&[], |web| whose_handle_is("ann.example", web));
        assert!(found.unwrap().is_none() && asked.len() == 1, "{asked:?}");
    }
}
