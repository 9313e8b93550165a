//! Text that is safe within HTML and SVG.

use std::fmt::{self, Display};

use victor_text::escaped;

/// A text within an element or a quoted attribute. Hidden characters are made visible first, since they could turn the
/// text around them.
pub(crate) struct Text<'a>(pub(crate) &'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in escaped(self.0).chars() {
            match char {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // Neither is a character of HTML.
                '\0' | '\u{b}' | '\u{c}' => f.write_str("\u{fffd}")?,
                char => write!(f, "{char}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn nothing_of_a_text_is_read_as_html() {
        let text = Text("<b title=\"a\">'&\u{202e}");
        let text = text.to_string();
        assert!(!text.contains(['<', '>', '"', '\'', '\u{202e}']), "{text}");
        assert!(
            text.starts_with("&lt;b title=&quot;a&quot;&gt;&#39;&amp;"),
            "{text}"
        );
    }
}
