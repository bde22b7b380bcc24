//! Where a mirror is: an address as people write it, and the operator that reaches it.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, bail};
use opendal::Operator;
use rustls::ProtocolVersion;
use url::Url;

/// A folder elsewhere.
pub struct Target {
    pub operator: Operator,
    /// The address as it may be shown.
    pub place: String,
}

impl Target {
    pub fn open(text: &str) -> anyhow::Result<Target> {
        opendal::init_default_registry();
        opendal_http_transport_reqwest::install_default();
        let mut provider = rustls::crypto::ring::default_provider();
        if text.starts_with("ftps://") {
            // A server with TLS 1.3 sends tickets for later sessions, which the library leaves unread when a
            // file is sent: the connection is then reset, and what had not arrived of the file is lost. With
            // 1.2 tickets come before the file does.
            provider.cipher_suites.retain(|suite| suite.version().version == ProtocolVersion::TLSv1_2);
        }
        // Whoever installed another one before is welcome.
        let _ = provider.install_default();
        let (scheme, options, place) = options(text)?;
        let operator =
            Operator::via_iter(scheme, options).with_context(|| format!("{place} cannot be used"))?;
        Ok(Target { operator, place })
    }
}

/// The kind of service, its options, and the address without secrets.
fn options(text: &str) -> anyhow::Result<(&'static str, HashMap<String, String>, String)> {
    let mut options = HashMap::new();
    let mut set = |key: &str, value: &str| {
        if !value.is_empty() {
            options.insert(key.to_owned(), value.to_owned());
        }
    };
    if !text.contains("://") {
        let path = std::path::absolute(Path::new(text)).context("the target's folder")?;
        set("root", &path.to_string_lossy());
        return Ok(("fs", options, path.display().to_string()));
    }
    // Not in the error: the text may hold a password.
    let url = Url::parse(text).map_err(|error| anyhow::anyhow!("the target is no address: {error}"))?;
    let mut shown = url.clone();
    let hidden = shown.set_password(None).and_then(|()| shown.set_username(""));
    shown.set_query(None);
    let place = if hidden.is_ok() { shown.to_string() } else { url.scheme().to_owned() };
    let host = url.host_str().unwrap_or_default();
    let authority = match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let (user, password) = (decoded(url.username()), decoded(url.password().unwrap_or_default()));
    set("root", &decoded(url.path()));
    let scheme = match url.scheme() {
        scheme @ ("ftp" | "ftps") => {
            set("endpoint", &format!("{scheme}://{authority}"));
            set("user", if user.is_empty() { "anonymous" } else { &user });
            set("password", &password);
            "ftp"
        }
        "sftp" => {
            if !password.is_empty() {
                bail!("{place}: SFTP goes through ssh, with its keys; a password cannot be given");
            }
            set("endpoint", &format!("ssh://{authority}"));
            set("user", &user);
            "sftp"
        }
        scheme @ ("webdav" | "webdavs") => {
            let http = if scheme == "webdavs" { "https" } else { "http" };
            set("endpoint", &format!("{http}://{authority}"));
            set("username", &user);
            set("password", &password);
            "webdav"
        }
        "s3" => {
            set("bucket", host);
            set("access_key_id", &user);
            set("secret_access_key", &password);
            "s3"
        }
        other => {
            bail!("no mirror is kept at {other}://; one of ftp, ftps, sftp, webdav, webdavs, s3, or a folder")
        }
    };
    // What a service needs beyond that: `?region=...&endpoint=...` of S3, `?key=...` of SFTP.
    for (key, value) in url.query_pairs() {
        set(&key, &value);
    }
    Ok((scheme, options, place))
}

/// Percent-encoded text as it is meant.
fn decoded(text: &str) -> String {
    let query = format!("x={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(query.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, scheme: &str, expect: &[(&str, &str)]) {
        let (found, options, place) = options(text).unwrap();
        assert_eq!(found, scheme, "{text}");
        for (key, value) in expect {
            assert_eq!(options.get(*key).map(String::as_str), Some(*value), "{text}: {key}");
        }
        assert!(!place.contains("sesame"), "{place}");
    }

    #[test]
    fn addresses() {
        check(
            "ftp://me:se%40same@host:2121/a/b",
            "ftp",
            &[("endpoint", "ftp://host:2121"), ("user", "me"), ("password", "se@same"), ("root", "/a/b")],
        );
        check("sftp://me@host/a?key=/id", "sftp", &[("endpoint", "ssh://host"), ("key", "/id")]);
        check("webdavs://me:sesame@host/dav", "webdav", &[("endpoint", "https://host"), ("root", "/dav")]);
        let s3 = "s3://ID:sesame@bucket/aotf?region=eu&endpoint=https://host";
        check(
            s3,
            "s3",
            &[("bucket", "bucket"), ("endpoint", "https://host"), ("secret_access_key", "sesame")],
        );
        check("/var/mirror", "fs", &[("root", "/var/mirror")]);
        for wrong in ["http://host/a", "ftp://", "sftp://me:sesame@host/a"] {
            let error = options(wrong).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(!error.is_empty() && !error.contains("sesame"), "{wrong}: {error}");
        }
    }
}
