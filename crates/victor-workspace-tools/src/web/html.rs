//! HTML as text that a model reads: its words, headings, lists and links, without what a browser needs.

use super::references::unescape;

/// The text of a page. It is found without building a tree, so broken pages give a text as well.
pub(crate) fn to_text(html: &str) -> String {
    let mut page = Page::default();
    let mut rest = html;
    while let Some(start) = markup(rest) {
        page.text(&rest[..start]);
        rest = &rest[start..];
        rest = if let Some(comment) = rest.strip_prefix("<!--") {
            comment.split_once("-->").map_or("", |(_, after)| after)
        } else if rest.starts_with("<!") || rest.starts_with("<?") {
            rest.split_once('>').map_or("", |(_, after)| after)
        } else if let Some((tag, after)) = Tag::read(rest) {
            if tag.opens && HIDDEN.contains(&&*tag.name) {
                after_end(after, &tag.name)
            } else {
                page.tag(&tag);
                after
            }
        } else {
            break; // there is no other markup
        };
    }
    page.text(rest);
    page.end_link();
    page.out.trim().to_owned()
}

/// Finds the next tag or comment. A `<` before anything else is text.
fn markup(html: &str) -> Option<usize> {
    let next = |at: usize| html.as_bytes().get(at).copied().unwrap_or_default();
    let mut signs = html.match_indices('<').map(|(at, _)| at);
    signs.find(|at| match next(at + 1) {
        b'!' | b'?' => true,
        b'/' => next(at + 2).is_ascii_alphabetic(),
        byte => byte.is_ascii_alphabetic(),
    })
}

/// Elements whose content is not for reading.
const HIDDEN: [&str; 8] = [
    "script", "style", "template", "noscript", "svg", "iframe", "textarea", "select",
];

/// The greatest depth to which lists within lists are indented.
const MAX_INDENT: usize = 10;

/// Returns the text after the end of an element in which tags do not count.
fn after_end<'a>(html: &'a str, name: &str) -> &'a str {
    let mut rest = html;
    while let Some(start) = rest.find("</") {
        rest = &rest[start + 2..];
        if rest
            .get(..name.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(name))
        {
            return rest.split_once('>').map_or("", |(_, after)| after);
        }
    }
    ""
}

struct Tag<'a> {
    name: String,
    opens: bool,
    attributes: &'a str,
}

impl<'a> Tag<'a> {
    /// The tag at the beginning of this text, and what follows it.
    fn read(html: &'a str) -> Option<(Self, &'a str)> {
        let inner = &html[1..];
        let opens = !inner.starts_with('/');
        let inner = inner.strip_prefix('/').unwrap_or(inner);
        let end = inner
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            .unwrap_or(inner.len());
        if !inner.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return None;
        }
        let (name, inner) = inner.split_at(end);
        // A `>` in a quoted value does not end the tag.
        let mut quote = None;
        let end = inner.bytes().position(|byte| {
            match (quote, byte) {
                (None, b'"' | b'\'') => quote = Some(byte),
                (Some(open), _) if open == byte => quote = None,
                _ => {}
            }
            byte == b'>' && quote.is_none()
        });
        let (attributes, after) = end.map_or((inner, ""), |end| (&inner[..end], &inner[end + 1..]));
        let tag = Self {
            name: name.to_ascii_lowercase(),
            opens,
            attributes,
        };
        Some((tag, after))
    }

    fn attribute(&self, wanted: &str) -> Option<String> {
        let mut rest = self
            .attributes
            .trim_start_matches(['/', ' ', '\t', '\n', '\r']);
        while !rest.is_empty() {
            let end = rest
                .find(|c: char| c == '=' || c.is_whitespace())
                .unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            let after = after.trim_start();
            let (value, after) = match after.strip_prefix('=').map(str::trim_start) {
                None => ("", after),
                Some(value) => match value.chars().next() {
                    Some(quote @ ('"' | '\'')) => {
                        value[1..].split_once(quote).unwrap_or((&value[1..], ""))
                    }
                    _ => value.split_at(value.find(char::is_whitespace).unwrap_or(value.len())),
                },
            };
            if name.eq_ignore_ascii_case(wanted) {
                return Some(unescape(value));
            }
            rest = after.trim_start();
        }
        None
    }
}

#[derive(Default)]
struct Page {
    out: String,
    /// White space has been read that may have to be written before the next word.
    space: bool,
    /// The line breaks that are due before the next word.
    breaks: usize,
    /// The depth within `pre`, where white space stays.
    preformatted: usize,
    lists: usize,
    /// The beginning of the text of a link, and its target.
    link: Option<(usize, String)>,
}

impl Page {
    fn text(&mut self, html: &str) {
        let text = unescape(html);
        if self.preformatted > 0 {
            if !text.is_empty() {
                self.begin();
                self.out.push_str(&text);
            }
            return;
        }
        for (index, word) in text.split(char::is_whitespace).enumerate() {
            self.space |= index > 0;
            if !word.is_empty() {
                self.begin();
                self.out.push_str(word);
            }
        }
    }

    /// Writes the white space that is due.
    fn begin(&mut self) {
        let ends = self.out.bytes().rev().take(self.breaks.max(1));
        let there = ends.take_while(|byte| *byte == b'\n').count();
        if self.out.is_empty() {
        } else if self.breaks > there {
            self.out.push_str(&"\n".repeat(self.breaks - there));
        } else if self.space && there == 0 && !self.out.ends_with(' ') {
            self.out.push(' ');
        }
        (self.breaks, self.space) = (0, false);
    }

    /// Writes a sign that belongs to what follows.
    fn sign(&mut self, sign: &str) {
        self.begin();
        self.out.push_str(sign);
    }

    fn tag(&mut self, tag: &Tag<'_>) {
        let name = &*tag.name;
        let breaks = match name {
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "pre" | "table" | "blockquote"
            | "title" | "hr" => 2,
            "ul" | "ol" if self.lists <= usize::from(!tag.opens) => 2,
            "article" | "aside" | "br" | "caption" | "dd" | "details" | "div" | "dl" | "dt"
            | "fieldset" | "figcaption" | "figure" | "footer" | "form" | "header" | "li"
            | "main" | "nav" | "ol" | "section" | "summary" | "tr" | "ul" => 1,
            _ => 0,
        };
        self.breaks = self.breaks.max(breaks);
        match (name, tag.opens) {
            ("a", _) => {
                self.end_link();
                let leads = |to: &String| {
                    !to.is_empty() && !to.starts_with('#') && !to.starts_with("javascript:")
                };
                if let Some(to) = tag.attribute("href").filter(leads).filter(|_| tag.opens) {
                    self.begin();
                    self.link = Some((self.out.len(), to));
                }
            }
            ("h1" | "h2" | "h3" | "h4" | "h5" | "h6", true) => {
                self.sign(&format!(
                    "{} ",
                    "#".repeat(usize::from(name.as_bytes()[1] - b'0'))
                ));
            }
            ("ul" | "ol", true) => self.lists += 1,
            ("ul" | "ol", false) => self.lists = self.lists.saturating_sub(1),
            ("li", true) => self.sign(&format!(
                "{}- ",
                "  ".repeat(self.lists.clamp(1, MAX_INDENT) - 1)
            )),
            ("td" | "th", true) if !self.out.ends_with('\n') && self.breaks == 0 => {
                self.sign(" | ");
            }
            ("pre", true) => {
                self.sign("```\n");
                self.preformatted += 1;
            }
            ("pre", false) if self.preformatted > 0 => {
                self.preformatted -= 1;
                let ended = self.out.ends_with('\n');
                self.out.push_str(if ended { "```" } else { "\n```" });
            }
            ("img", true) => {
                if let Some(alt) = tag.attribute("alt").filter(|alt| !alt.trim().is_empty()) {
                    self.text(&format!("[image: {}]", alt.trim()));
                }
            }
            _ => {}
        }
    }

    /// Turns the text since the beginning of a link into a link.
    fn end_link(&mut self) {
        let Some((start, to)) = self.link.take() else {
            return;
        };
        let text = self.out[start..].trim().to_owned();
        if !text.is_empty() && text != to {
            self.out.truncate(start);
            self.out.push_str(&format!("[{text}]({to})"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(html: &str, expected: &str) {
        assert_eq!(to_text(html), expected);
    }

    #[test]
    fn words_stay_and_markup_goes() {
        check("plain", "plain");
        check("", "");
        check("a <b>bold</b>\n  <i>word</i>.", "a bold word.");
        check("<p>one</p><p>two</p>", "one\n\ntwo");
        check(
            "<div>one</div><div><div>two</div></div>three<br>four",
            "one\ntwo\nthree\nfour",
        );
        check(
            "<!DOCTYPE html><html><head><title>T</title></head><body>x</body></html>",
            "T\n\nx",
        );
        check("a<!-- <p>hidden</p> -->b<?php hidden ?>c", "abc");
        check(
            "<script>if (a < b) { x = '</p>' }</script>x<STYLE>p {}</style >y",
            "xy",
        );
        check("1 < 2 <3 a<b", "1 < 2 <3 a");
    }

    #[test]
    fn structure_is_kept() {
        check(
            "<h1>One</h1>text<h3> Three </h3>",
            "# One\n\ntext\n\n### Three",
        );
        check(
            "<ul><li>a<li>b<ul><li>c</li></ul></li></ul>after",
            "- a\n- b\n  - c\n\nafter",
        );
        check(
            "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>",
            "a | b\n1 | 2",
        );
        check(
            "x<pre>\n  a\n    <b>b</b>\n</pre>y",
            "x\n\n```\n\n  a\n    b\n```\n\ny",
        );
    }

    #[test]
    fn links_are_shown_with_where_they_lead() {
        check(
            "see <a href=\"/docs?a=1&amp;b\">the  docs</a>.",
            "see [the docs](/docs?a=1&b).",
        );
        check(
            "<a class=x href='https://a.b'>https://a.b</a>",
            "https://a.b",
        );
        check(
            "<a href=#top>up</a> <a href='javascript:x()'>do</a> <a>none</a>",
            "up do none",
        );
        check("<a href=x><img src=y></a>z", "z");
        check("<a href=x><img alt='A &gt; B'></a>", "[[image: A > B]](x)");
        check("<a href=x>one<a href=y>two", "[one](x)[two](y)");
    }

    #[test]
    fn attributes_may_hold_anything() {
        check("<p title=\"a > b\">x</p>", "x");
        check("<a title='\"' disabled HREF = \"x y\" >z</a>", "[z](x y)");
        check("<p title=\"never closed>x", "");
        check("<a href=x/>y</a>", "[y](x/)");
    }

    #[test]
    fn character_references_are_resolved() {
        check(
            "a &amp; b &lt;p&gt; &#65;&#x42; &mdash; &auml;",
            "a & b <p> AB — ä",
        );
        check(
            "&unknown; & &; &#xffffffff; &#0; AT&T",
            "&unknown; & &; &#xffffffff; &#0; AT&T",
        );
        check("a&nbsp;b", "a b");
    }

    #[test]
    fn long_and_broken_pages_are_read_in_time() {
        let deep = "<div><ul><li><a href=x>".repeat(50_000);
        assert!(!to_text(&deep).is_empty());
        for piece in [
            "<",
            "<!--",
            "&",
            "<a href=\"",
            "<script>",
            "</",
            "<p ' \"",
            "\n<b>",
        ] {
            to_text(&format!("<pre>{}", piece.repeat(500_000)));
        }
    }
}
