//! What stands below the answer: how it works, what the words mean, what the caller may ask, whose server and
//! whose work this is.

use std::fmt::Write as _;

use super::markup::link;
use super::render::{Help, Page};
use crate::domain::images::MatchClass;
use crate::front::http::assets::escape;
use crate::front::http::userscript;

/// The program that this one continues.
const ORIGINAL: &str = "https://github.com/Sailoriae/Artists_on_Twitter_Finder";

impl Page<'_> {
    pub(super) fn about(&self) -> String {
        let mut html = format!(
            "<section class=\"about\"><h2>{}</h2><ol><li>{}</li><li>{}</li><li>{}</li></ol><h2>{}</h2>",
            self.text("about"),
            self.text("about.1"),
            self.text("about.2"),
            self.text("about.3"),
            self.text("help"),
        );
        let mut entry = |key: &str, content: &str| {
            let _ = write!(
                html,
                "<details id=\"{id}\"><summary>{}</summary>{content}</details>",
                self.text(key),
                id = key.replace('.', "-")
            );
        };
        let classes: String = MatchClass::ALL
            .iter()
            .map(|class| {
                format!(
                    "<dt><span class=\"tag {0}\">{1}</span></dt><dd>{2}</dd>",
                    class.as_str(),
                    self.text(&format!("class.{}", class.as_str())),
                    self.text(&format!("class.{}.about", class.as_str()))
                )
            })
            .collect();
        entry("help.classes", &format!("<dl>{classes}</dl>"));
        let networks = self.language.all_of(&self.network_names());
        entry(
            "help.sites",
            &format!(
                "<p>{}</p><p>{}</p><p>{}</p><p>{}</p>",
                self.text("help.sites.works"),
                self.text("help.sites.links"),
                self.text("help.sites.recognised"),
                self.filled("help.sites.networks", &[("networks", &networks)])
            ),
        );
        for question in ["help.slow", "help.none", "help.link"] {
            entry(question, &format!("<p>{}</p>", self.text(&format!("{question}.answer"))));
        }
        // `#go` is what says that a person is at it; the page takes it out of the address at once.
        let bookmarklet = format!(
            "javascript:open(\"{}/?lang={}&url=\"+encodeURIComponent(location.href)+\"#go\")",
            self.help.origin,
            self.language.code()
        );
        let bookmarklet = escape(&bookmarklet);
        entry(
            "help.bookmarklet",
            &format!(
                "<p>{} <a class=\"button second\" href=\"{bookmarklet}\">{}</a></p>\
                 <p><code>{bookmarklet}</code></p>",
                self.text("help.bookmarklet.answer"),
                self.text("help.bookmarklet.name")
            ),
        );
        let script = format!(
            "<a class=\"button second\" href=\"{}\">{}</a>",
            userscript::PATH,
            self.text("help.userscript.name")
        );
        entry("help.userscript", &format!("<p>{} {script}</p>", self.text("help.userscript.answer")));
        entry("help.limits", &self.limits());
        entry("help.opt_out", &self.opt_out());
        html + "</section>"
    }

    fn limits(&self) -> String {
        let Help { caller, limits, .. } = &self.help;
        let in_progress = caller
            .key
            .as_ref()
            .map_or(limits.max_processing_requests_per_ip, |key| key.max_processing_requests);
        let per_second = caller.rate().1.unwrap_or(limits.requests_per_second);
        let (n, per_second) =
            (self.language.number(in_progress.into()), self.language.number(per_second.into()));
        let ask = match caller.unlimited {
            true => self.text("help.limits.none"),
            false => self.filled("help.limits.some", &[("n", &n), ("per_second", &per_second)]),
        };
        let image = if caller.advanced { "help.limits.image" } else { "help.limits.no_image" };
        format!("<p>{ask} {}</p>", self.text(image))
    }

    fn opt_out(&self) -> String {
        let settings = self.help.page;
        let mut html = format!("<p>{}</p>", self.text("help.opt_out.answer"));
        for (address, key) in
            [(&settings.opt_out_url, "help.opt_out.link"), (&settings.contact_url, "help.contact")]
        {
            if let Some(address) = address {
                let _ = write!(html, "<p>{}</p>", self.own_link(address, key));
            }
        }
        html
    }

    /// A link that the operator has set, a mail address perhaps.
    fn own_link(&self, address: &str, key: &str) -> String {
        format!("<a href=\"{}\" rel=\"noreferrer\">{}</a>", escape(address), self.text(key))
    }

    /// The license asks that whoever uses the program over a network is offered its source.
    pub(super) fn foot(&self) -> String {
        let settings = self.help.page;
        let source = match &settings.source_url {
            Some(address) => self.own_link(address, "source"),
            None => self.text("source.none"),
        };
        let mut links =
            vec![format!("<a href=\"/docs?lang={}\">{}</a>", self.language.code(), self.text("api"))];
        for (address, key) in
            [(&settings.contact_url, "help.contact"), (&settings.opt_out_url, "help.opt_out.link")]
        {
            if let Some(address) = address {
                links.push(self.own_link(address, key));
            }
        }
        format!(
            "<p>{}</p><p>{} {source}</p><p>{} {}</p>",
            links.join(" · "),
            self.text("license"),
            self.text("credits"),
            link(ORIGINAL, &self.text("credits.link"), "", ""),
        )
    }
}
