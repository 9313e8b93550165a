//! The elements of plots.

use std::fmt::Display;

/// The width of every plot.
pub(crate) const WIDTH: f64 = 1000.0;

/// Colours that people with any kind of sight can tell apart, after Okabe and Ito.
const COLOURS: [&str; 8] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6a3d9a", "#777777",
];

/// The colour of the series with this number.
pub(crate) fn colour(index: usize) -> &'static str {
    COLOURS[index % COLOURS.len()]
}

/// A picture of this height, described for those who do not see it.
pub(crate) fn picture(height: f64, description: &str, content: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">\n{content}</svg>\n",
        escape(description)
    )
}

/// A line of text at a place, which `anchor` (`start`, `middle` or `end`) says the part of.
pub(crate) fn text(x: f64, y: f64, anchor: &str, text: &str) -> String {
    let text = escape(text);
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>\n")
}

/// A filled rectangle.
pub(crate) fn rectangle(x: f64, y: f64, width: f64, height: f64, colour: &str) -> String {
    format!(
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
         fill=\"{colour}\"/>\n"
    )
}

/// A line through points, of a class that the page gives a style.
pub(crate) fn line(points: &[(f64, f64)], class: &str, colour: &str) -> String {
    let points = points
        .iter()
        .map(|(x, y)| format!("{x:.1},{y:.1}"))
        .collect::<Vec<_>>()
        .join(" ");
    format!("<polyline points=\"{points}\" class=\"{class}\" fill=\"none\" stroke=\"{colour}\"/>\n")
}

/// Text that HTML shows as it is.
pub(crate) fn escape(text: &(impl Display + ?Sized)) -> String {
    let text = text.to_string().replace('&', "&amp;");
    let text = text.replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{escape, picture};

    /// Asserts that tags and quotes close in the order in which they open, so that nothing that was
    /// put into a page has broken it.
    pub(crate) fn assert_well_formed(page: &str) {
        let mut open = Vec::new();
        for piece in page.split('<').skip(1) {
            let (tag, text) = piece.split_once('>').unwrap_or_else(|| panic!("<{piece}"));
            assert!(!text.contains('>'), "a bare > in {text}");
            assert_eq!(tag.matches('"').count() % 2, 0, "an open quote in {tag}");
            let name = tag.split([' ', '\n']).next();
            if let Some(closed) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(closed));
            } else if !tag.ends_with('/') && !tag.starts_with('!') {
                open.extend(name);
            }
        }
        assert!(open.is_empty(), "never closed: {open:?}");
    }

    #[test]
    fn texts_cannot_break_out() {
        let text = "a<b> & \"c\"";
        assert_eq!(escape(text), "a&lt;b&gt; &amp; &quot;c&quot;");
        assert_well_formed(&picture(1.0, text, &super::text(0.0, 0.0, "end", text)));
    }

    #[test]
    #[should_panic(expected = "Some(\"svg\")")]
    fn a_page_that_is_not_well_formed_is_noticed() {
        assert_well_formed("<svg><text></svg></text>");
    }
}
