//! Small pieces of HTML that hold what strangers wrote: names, addresses, texts of sites. Pure.

use crate::front::http::assets::escape;

/// A stranger's text, apart from the direction of what stands around it. Long names and addresses may break
/// where their parts end, and within a part only where nothing else helps.
pub fn bdi(text: &str) -> String {
    format!("<bdi>{}</bdi>", breakable(text))
}

/// With a place to break before each sign that divides an address or a handle.
fn breakable(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 32);
    let mut part = String::new();
    for (place, c) in text.char_indices() {
        if place > 0 && matches!(c, '/' | '.' | '@' | '_' | '-' | '?' | '&' | '=' | '%' | '#') {
            html += &escape(&part);
            html += "<wbr>";
            part.clear();
        }
        part.push(c);
    }
    html + &escape(&part)
}

/// A link to elsewhere around `html`, in a tab of its own; without the link where the address is not one of
/// the web. `hidden` is said by screen readers only: it makes the link's name one of its own.
pub fn link(address: &str, html: &str, hidden: &str, class: &str) -> String {
    if !is_web(address) {
        return html.to_owned();
    }
    let hidden = match hidden {
        "" => String::new(),
        text => format!("<span class=\"visually-hidden\">{text}</span>"),
    };
    let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
    format!(
        "<a href=\"{}\" rel=\"noreferrer noopener\" target=\"_blank\"{class}>{html}{hidden}</a>",
        escape(address)
    )
}

/// A field of a form that nobody sees.
pub fn hidden_field(name: &str, value: &str) -> String {
    format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value))
}

pub fn is_web(address: &str) -> bool {
    let lower = address.get(..8).unwrap_or(address).to_ascii_lowercase();
    lower.starts_with("https://") || lower.starts_with("http://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_texts_stay_texts() {
        assert_eq!(bdi("@a_b"), "<bdi>@a<wbr>_b</bdi>");
        assert_eq!(bdi("<b>&amp;"), "<bdi>&lt;b&gt;<wbr>&amp;amp;</bdi>");
        assert_eq!(bdi("a&#39;"), "<bdi>a<wbr>&amp;<wbr>#39;</bdi>");
        assert_eq!(link("javascript:alert(1)", "x", "", ""), "x");
        assert_eq!(link("JavaScript://a", "x", "", ""), "x");
        assert_eq!(link("ééééé", "x", "", ""), "x");
        let all = link("HTTPS://a.example/?\"><b>", "<bdi>x</bdi>", " (X)", "button");
        assert_eq!(
            all,
            "<a href=\"HTTPS://a.example/?&quot;&gt;&lt;b&gt;\" rel=\"noreferrer noopener\" target=\"_blank\" \
             class=\"button\"><bdi>x</bdi><span class=\"visually-hidden\"> (X)</span></a>"
        );
    }
}
