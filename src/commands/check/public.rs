//! What a server for strangers owes to those whose posts it keeps. What it must not do is refused with the
//! configuration.

use super::finding::Finding;
use crate::config::Settings;

/// Nothing where the server is not for strangers.
pub fn duties(settings: &Settings) -> Option<Finding> {
    const SUBJECT: &str = "public server";
    if !settings.http.public {
        return None;
    }
    Some(match &settings.page.opt_out_url {
        Some(_) => Finding::ok(SUBJECT, "hands on ids, says how it is reached and how artists are left out"),
        None => Finding::warning(
            SUBJECT,
            "hands on ids and says how it is reached, but has no page that tells artists how they are left out",
            "set opt_out_url under [page]; docs/compliance.md has a text for it",
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn a_page_for_artists_is_asked_for_where_strangers_ask() {
        let mut settings = Settings::default();
        assert_eq!(duties(&settings), None);
        settings.http.public = true;
        assert_eq!(duties(&settings).map(|finding| finding.verdict), Some(Verdict::Warning));
        settings.page.opt_out_url = Some("https://a.example/opt-out".to_owned());
        assert_eq!(duties(&settings).map(|finding| finding.verdict), Some(Verdict::Ok));
    }
}
