//! The section `[credit]`: the words in which an artist is credited, of this server and of an API key.

use serde::{Deserialize, Serialize};

use super::section::section;
use crate::domain::credit::{Markup, Template};

section! {
    /// Templates of one's own; `None`: the next less particular one, in the end the program's.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub struct CreditTemplates {
        plain: Option<Template> = None, text(template);
        markdown: Option<Template> = None, text(template);
        html: Option<Template> = None, text(template);
    }
}

impl CreditTemplates {
    /// Where nothing is marked up.
    pub fn plain(&self) -> Option<&Template> {
        self.of(Markup::Plain)
    }

    pub fn of(&self, markup: Markup) -> Option<&Template> {
        match markup {
            Markup::Plain => self.plain.as_ref(),
            Markup::Markdown => self.markdown.as_ref(),
            Markup::Html => self.html.as_ref(),
        }
    }
}

fn template(text: &str) -> Result<Option<Template>, String> {
    Template::parse(text).map(Some)
}
