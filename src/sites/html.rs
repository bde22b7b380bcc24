//! Reads pages as a stream of tags: linear time and bounded memory, whatever the page holds.
//!
//! No tree is built of a stranger's page: ten megabytes of `<b>` would become hundreds of megabytes of nodes,
//! and deep nesting costs the square of its depth. A page is read up to the limits below; what lies beyond
//! them is not read, so that a page that is too large to be true looks like one that lacks its end.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use lol_html::html_content::{Element as Tag, TextChunk, TextType};
use lol_html::{EndTagHandler, HtmlRewriter, MemorySettings, Settings, doc_text, element, text};
use url::Url;

use super::error::Missing;

/// Elements of one page that are looked at. The largest real pages have some tens of thousands.
const MAX_ELEMENTS: u32 = 200_000;
/// Elements that one selector finds.
const MAX_FOUND: usize = 2_000;
/// Text and attributes that one reading collects, in bytes: the state of a page that is made by scripts takes
/// one or two million.
const MAX_TEXT_BYTES: usize = 4 << 20;
/// Attributes that are kept of one element, and what each takes beside its text.
const MAX_ATTRIBUTES: usize = 64;
const ATTRIBUTE_BYTES: usize = 112;
/// What the parser may take for open elements and unfinished tags, in bytes. A tag of this length may have an
/// attribute in every four bytes, each of which takes fifty times as much.
const MAX_PARSER_BYTES: usize = 512 << 10;
/// Pages are handed over in pieces, so that a limit is noticed soon.
const PIECE_BYTES: usize = 16 << 10;

/// Elements that begin a new line, so that the words on both sides are not read as one.
const LINES: &[&str] = &[
    "p",
    "br",
    "div",
    "li",
    "ul",
    "ol",
    "tr",
    "dt",
    "dd",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "section",
    "article",
    "blockquote",
    "header",
    "footer",
    "hr",
];
/// Elements within a word or an address: `x.com/<b>name</b>`.
const WITHIN_WORDS: &[&str] = &["b", "i", "em", "strong", "span", "u", "s", "small", "font", "wbr", "code"];

/// What a selector found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// Its place among all elements of the page; an element that began later has a greater one.
    pub order: u32,
    attributes: Vec<(String, String)>,
    /// The text within it, entities decoded, with a new line where one begins on the page. Scripts are text
    /// only where the element is the script.
    pub text: String,
}

impl Element {
    pub fn attr(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// The elements that each of the selectors finds, in the page's order. Where an element lies within another
/// one of the same selector, the text behind its start is the inner one's.
///
/// All selectors share one pass over the page, which is what a page costs: name together what is needed
/// together.
pub fn select<const N: usize>(html: &str, selectors: [&str; N]) -> [Vec<Element>; N] {
    let page = Page::default();
    let found: [RefCell<Found>; N] = std::array::from_fn(|_| RefCell::default());
    run(html, find(page.settings(), &page, selectors, &found));
    found.map(|found| found.into_inner().elements)
}

/// What is written into a text around each of its anchors.
pub struct AnchorMarks<F> {
    /// Gives what stands before an anchor's text, by its `href`; `None` leaves the anchor as it is.
    pub before: F,
    /// What stands behind an anchor's text, if the page closes the anchor.
    pub behind: char,
}

/// As [`select`], and in the same pass the texts of the elements that `texts` finds, in which anchors are
/// marked.
/// `None` is the whole page.
pub fn select_and_mark<const N: usize>(
    html: &str,
    selectors: [&str; N],
    texts: Option<&str>,
    marks: &AnchorMarks<impl Fn(&str) -> Option<String>>,
) -> ([Vec<Element>; N], Vec<String>) {
    let page = Rc::new(Page::default());
    let found: [RefCell<Found>; N] = std::array::from_fn(|_| RefCell::default());
    let marked = Rc::new(RefCell::new(Found::default()));
    let anchors = texts.map_or("a[href]".to_owned(), |texts| format!("{texts} a[href]"));
    let mut settings = find(page.settings(), &page, selectors, &found);
    settings = match texts {
        Some(texts) => settings
            .append_element_content_handler(element!(texts, |tag| marked.borrow_mut().start(tag, &page)))
            .append_element_content_handler(text!(texts, |chunk| marked.borrow_mut().add(chunk, &page))),
        None => {
            marked.borrow_mut().elements.push(Element::default());
            settings.append_document_content_handler(doc_text!(|chunk| marked.borrow_mut().add(chunk, &page)))
        }
    };
    settings = settings.append_element_content_handler(element!(anchors, |tag| {
        let href = tag.get_attribute("href").unwrap_or_default();
        let Some(before) = (marks.before)(&htmlize::unescape_attribute(href)) else { return Ok(()) };
        marked.borrow_mut().write(&before, &page)?;
        if let Some(ends) = tag.end_tag_handlers() {
            let (page, marked, behind) = (Rc::clone(&page), Rc::clone(&marked), marks.behind);
            let end: EndTagHandler<'static> =
                Box::new(move |_| marked.borrow_mut().write(behind.encode_utf8(&mut [0; 4]), &page));
            ends.push(end);
        }
        Ok(())
    }));
    run(html, settings);
    let elements = std::mem::take(&mut marked.borrow_mut().elements);
    (
        found.map(|found| found.into_inner().elements),
        elements.into_iter().map(|element| element.text).collect(),
    )
}

/// The first element that the selector finds.
pub fn first(html: &str, selector: &str) -> Option<Element> {
    let [found] = select(html, [selector]);
    found.into_iter().next()
}

/// Where the first of the anchors leads that `selector` has found.
pub fn need_link(found: &[Element], selector: &str, base: &Url) -> Result<String, Missing> {
    let anchor = found.first().ok_or_else(|| Missing::new(selector))?;
    let href = anchor.attr("href").and_then(|href| absolute(href, base));
    href.ok_or_else(|| Missing::new(format!("a web address at {selector}")))
}

/// The attribute of the first of the elements that has it.
pub fn first_attr<'a>(found: &'a [Element], name: &str) -> Option<&'a str> {
    found.iter().find_map(|element| element.attr(name))
}

/// The attribute of the first element that has it among those that the selector finds.
pub fn attribute(html: &str, selector: &str, name: &str) -> Option<String> {
    let [found] = select(html, [selector]);
    first_attr(&found, name).map(str::to_owned)
}

/// The text of a page or fragment without its markup, its scripts and its styles.
pub fn plain_text(html: &str) -> String {
    let page = Page::default();
    let whole = RefCell::new(Found { elements: vec![Element::default()], ..Found::default() });
    let settings = page
        .settings()
        .append_document_content_handler(doc_text!(|chunk| whole.borrow_mut().add(chunk, &page)));
    run(html, settings);
    whole.into_inner().elements.into_iter().map(|element| element.text).collect()
}

/// Every `a[href]` of the page that leads somewhere else: absolute, in the page's order.
/// `within` restricts it to what lies in the elements of a selector.
pub fn anchors(html: &str, base: &Url, within: Option<&str>) -> Vec<String> {
    let [anchors] = select(html, [&anchors_in(within)]);
    anchors.iter().filter_map(|anchor| absolute(anchor.attr("href")?, base)).collect()
}

/// The selector of the anchors that [`anchors`] reads.
pub fn anchors_in(within: Option<&str>) -> String {
    within.map_or("a[href]".to_owned(), |scope| format!("{scope} a[href], {scope}[href]"))
}

/// The web address that a page at `base` names in an attribute.
pub fn absolute(attribute: &str, base: &Url) -> Option<String> {
    let url = base.join(attribute.trim()).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| url.into())
}

type Handled = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Adds handlers that gather what each selector finds.
fn find<'h, const N: usize>(
    mut settings: Settings<'h, 'h>,
    page: &'h Page,
    selectors: [&str; N],
    found: &'h [RefCell<Found>; N],
) -> Settings<'h, 'h> {
    for (selector, found) in selectors.iter().zip(found) {
        settings = settings
            .append_element_content_handler(element!(*selector, move |tag| {
                found.borrow_mut().start(tag, page)
            }))
            .append_element_content_handler(text!(*selector, move |chunk| found
                .borrow_mut()
                .add(chunk, page)));
    }
    settings
}

/// How far the reading has come. The counters tell a piece of text what began before it.
#[derive(Default)]
struct Page {
    elements: Cell<u32>,
    lines: Cell<u32>,
    spaces: Cell<u32>,
    text_bytes: Cell<usize>,
}

impl Page {
    /// The parser's limits, and a handler that counts elements and ends the reading where there are too many.
    fn settings(&self) -> Settings<'_, '_> {
        Settings::new()
            .with_memory_settings(MemorySettings::new().with_max_allowed_memory_usage(MAX_PARSER_BYTES))
            .append_element_content_handler(element!("*", |tag| self.start(tag)))
    }

    fn start(&self, tag: &Tag<'_, '_>) -> Handled {
        let next = |counter: &Cell<u32>| counter.set(counter.get() + 1);
        next(&self.elements);
        match tag.tag_name().as_str() {
            name if LINES.contains(&name) => next(&self.lines),
            name if WITHIN_WORDS.contains(&name) => {}
            _ => next(&self.spaces),
        }
        match self.elements.get() > MAX_ELEMENTS {
            true => Err("the page has too many elements".into()),
            false => Ok(()),
        }
    }

    /// So many bytes are kept.
    fn keep(&self, bytes: usize) -> Handled {
        self.text_bytes.set(self.text_bytes.get() + bytes);
        match self.text_bytes.get() > MAX_TEXT_BYTES {
            true => Err("the page has too much text".into()),
            false => Ok(()),
        }
    }
}

/// What one selector has found so far.
#[derive(Default)]
struct Found {
    elements: Vec<Element>,
    /// The last one is a script or a style, whose text is no prose.
    is_script: bool,
    /// Where the present piece of the page's text begins in the last element's.
    node_start: usize,
    /// The page's counters when text was last added.
    lines: u32,
    spaces: u32,
}

impl Found {
    fn start(&mut self, tag: &Tag<'_, '_>, page: &Page) -> Handled {
        if self.elements.len() == MAX_FOUND {
            return Ok(());
        }
        let mut attributes = Vec::new();
        for attribute in tag.attributes().iter().take(MAX_ATTRIBUTES) {
            let (name, value) = (attribute.name(), attribute.value());
            page.keep(ATTRIBUTE_BYTES + name.len() + value.len())?;
            attributes.push((name, htmlize::unescape_attribute(value).into_owned()));
        }
        self.elements.push(Element { order: page.elements.get(), attributes, text: String::new() });
        self.is_script = matches!(tag.tag_name().as_str(), "script" | "style" | "noscript");
        self.node_start = 0;
        Ok(())
    }

    fn add(&mut self, chunk: &TextChunk<'_>, page: &Page) -> Handled {
        let is_prose = !matches!(chunk.text_type(), TextType::ScriptData | TextType::RawText);
        if !is_prose && !self.is_script {
            return Ok(());
        }
        self.push(chunk.as_str(), page)?;
        let Some(element) = self.elements.last_mut() else { return Ok(()) };
        // An entity may be cut between two pieces, so it is decoded at the end.
        if chunk.last_in_text_node() {
            if chunk.text_type().allows_html_entities() && element.text[self.node_start..].contains('&') {
                let decoded = htmlize::unescape(&element.text[self.node_start..]).into_owned();
                element.text.truncate(self.node_start);
                element.text.push_str(&decoded);
            }
            self.node_start = element.text.len();
        }
        Ok(())
    }

    /// Adds to the last element's text what the page does not say itself, and where no entity is decoded.
    fn write(&mut self, piece: &str, page: &Page) -> Handled {
        self.push(piece, page)?;
        self.node_start = self.elements.last().map_or(0, |element| element.text.len());
        Ok(())
    }

    /// Adds to the last element's text, behind the space or the line that the page has begun since.
    fn push(&mut self, piece: &str, page: &Page) -> Handled {
        let Some(element) = self.elements.last_mut().filter(|_| !piece.is_empty()) else { return Ok(()) };
        let (line, space) = (page.lines.get() > self.lines, page.spaces.get() > self.spaces);
        (self.lines, self.spaces) = (page.lines.get(), page.spaces.get());
        if (line || space) && !element.text.is_empty() {
            element.text.push(if line { '\n' } else { ' ' });
            self.node_start = element.text.len();
        }
        page.keep(piece.len())?;
        element.text.push_str(piece);
        Ok(())
    }
}

fn run(html: &str, settings: Settings<'_, '_>) {
    let mut parser = HtmlRewriter::new(settings, |_: &[u8]| {});
    for piece in html.as_bytes().chunks(PIECE_BYTES) {
        // A limit was reached: what was found until there is the answer.
        if parser.write(piece).is_err() {
            return;
        }
    }
    // Only content handlers can fail here, and what they found stays.
    let _ = parser.end();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_absolute_and_outbound() {
        let base = Url::parse("https://a.example/x/").unwrap();
        let html = r##"<p><a href="b">1</a><a href="mailto:x@y">2</a><div class=c><a href=" //t.co/z ">3</a></div>"##;
        assert_eq!(anchors(html, &base, None), ["https://a.example/x/b", "https://t.co/z"]);
        assert_eq!(anchors(html, &base, Some(".c")), ["https://t.co/z"]);
    }

    #[test]
    fn text_keeps_words_and_lines_apart() {
        let check = |html: &str, text: &str| assert_eq!(plain_text(html), text, "{html}");
        check("Twitter: @ann<br>Pixiv: 5", "Twitter: @ann\nPixiv: 5");
        check("<p>a</p><p>b &amp; c</p>", "a\nb & c");
        check("x.com/<b>ann</b><a>me</a>", "x.com/ann me");
        check("a<script>var x = '<p>';</script>b<style>p{}</style>c<!-- d -->", "a b c");
        check("no markup &lt;at&gt; all &#x3042;", "no markup <at> all あ");
    }

    #[test]
    fn elements_have_attributes_text_and_order() {
        let html = "<div class=item><b>Twitter</b><a href='https://x.com/a&amp;b'>@ann &amp; me</a></div>\
                    <div class=item><b>Pixiv</b>5</div><script id=s>if (a && b) {\"&amp;\"}</script>";
        let [items, labels, links, script] =
            select(html, [".item", ".item b", ".item a[href]", "script[id=s]"]);
        let texts = |found: &[Element]| found.iter().map(|element| element.text.clone()).collect::<Vec<_>>();
        assert_eq!(texts(&items), ["Twitter @ann & me", "Pixiv5"]);
        assert_eq!(texts(&labels), ["Twitter", "Pixiv"]);
        assert_eq!(links[0].attr("href"), Some("https://x.com/a&b"));
        assert_eq!(script[0].text, "if (a && b) {\"&amp;\"}");
        assert!(
            items[0].order < labels[0].order
                && labels[0].order < links[0].order
                && links[0].order < items[1].order
        );
        assert_eq!(first(html, ".none"), None);
    }

    /// None of these may cost more than its length; time is shown by `aotf bench pages`.
    #[test]
    fn hostile_pages_are_read_up_to_the_limits() {
        let base = Url::parse("https://a.example/").unwrap();
        for piece in [
            "<b>",
            "<div>",
            "<a href=/x>",
            "<p a=1 b=2>",
            "<",
            "<a href=\"",
            "<!-- ",
            "<script>",
            "<p class=c>",
            "&amp;",
            "\0",
        ] {
            let html = format!("<a href=/first>1</a>{}", piece.repeat((10 << 20) / piece.len()));
            let links = anchors(&html, &base, None);
            assert_eq!(links.first().map(String::as_str), Some("https://a.example/first"), "{piece}");
            assert!(links.len() <= MAX_FOUND);
            assert!(plain_text(&html).len() <= MAX_TEXT_BYTES + PIECE_BYTES);
        }
    }
}
