//! As much of XML 1.0 as the documents need: elements in order, with everything from outside escaped.

use std::borrow::Cow;
use std::fmt::Write;

use bytes::Bytes;

/// A document that is being written.
#[derive(Debug)]
pub(super) struct Document {
    text: String,
    open: Vec<&'static str>,
}

impl Document {
    /// Begins with the root element.
    pub(super) fn new(root: &'static str, attributes: &[(&str, &str)]) -> Document {
        let mut document = Document { text: String::with_capacity(512), open: Vec::new() };
        document.text.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        document.open(root, attributes);
        document
    }

    /// Begins an element.
    pub(super) fn open(&mut self, name: &'static str, attributes: &[(&str, &str)]) {
        self.start(name, attributes);
        self.text.push('>');
        self.open.push(name);
    }

    /// Ends the element that was begun last.
    pub(super) fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            let _ = write!(self.text, "</{name}>");
        }
    }

    /// An element without content.
    pub(super) fn empty(&mut self, name: &'static str, attributes: &[(&str, &str)]) {
        self.start(name, attributes);
        self.text.push_str("/>");
    }

    /// An element with a text.
    pub(super) fn text(&mut self, name: &'static str, attributes: &[(&str, &str)], text: &str) {
        self.open(name, attributes);
        self.text.push_str(&escape(text));
        self.close();
    }

    /// Ends every element.
    pub(super) fn finish(mut self) -> Bytes {
        while !self.open.is_empty() {
            self.close();
        }
        self.text.push('\n');
        Bytes::from(self.text)
    }

    fn start(&mut self, name: &str, attributes: &[(&str, &str)]) {
        let _ = write!(self.text, "<{name}");
        for (name, value) in attributes {
            let _ = write!(self.text, " {name}=\"{}\"", escape(value));
        }
    }
}

/// Text as XML can carry it: control characters, which it cannot (XML 1.0 §2.2), are left out.
fn escape(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| !matches!(c, '<' | '>' | '&' | '"' | '\'' | '\u{fffe}' | '\u{ffff}') && !c.is_control();
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            c if is_plain(c) => escaped.push(c),
            _ => {}
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_stands_in_it_a_document_stays_well_formed() {
        let mut document = Document::new("a", &[("b", "\"<&'>\u{0}")]);
        document.open("c", &[]);
        document.text("d", &[], "x < y\r\n\u{7} é & \u{ffff}]]>");
        document.empty("e", &[("f", "1")]);
        let wanted = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a b=\"&quot;&lt;&amp;&apos;&gt;\">\
                      <c><d>x &lt; y é &amp; ]]&gt;</d><e f=\"1\"/></c></a>\n";
        assert_eq!(document.finish(), wanted);
    }
}
