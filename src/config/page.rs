//! The section `[page]`: what the web page says of this server, and shows.

use serde::{Deserialize, Serialize};

use super::section::section;

section! {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Page {
        /// Where the source code of this server can be had; the license asks for it where strangers use it.
        source_url: Option<String> = None, text(address);
        /// How the operator is reached: a page, or `mailto:`.
        contact_url: Option<String> = None, text(address);
        /// Where artists are told how their accounts are left out.
        opt_out_url: Option<String> = None, text(address);
        /// Pictures of answers are fetched and made small by this server, and shown at once.
        pictures: bool = false, switch();
    }
}

/// An address that a page may link to.
fn address(text: &str) -> Result<Option<String>, String> {
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "https" | "http" | "mailto") => Ok(Some(url.into())),
        Ok(_) | Err(_) => {
            Err(format!("{text:?} must be an address, https://example.com/ or mailto:me@example.com"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_page_may_link_to() {
        for good in ["https://a.example/x", "http://a.example/", "mailto:me@a.example"] {
            assert_eq!(address(good), Ok(Some(good.to_owned())));
        }
        for bad in ["", "a.example", "javascript:alert(1)", "ftp://a.example/"] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
