//! The report as a page with plots, in one file that needs no other.

use super::display::{COLUMNS, cells, number};
use super::report::Report;
use super::rows::{Row, Verdict};
use super::svg::escape;
use super::{bars, lines, shares};

const STYLE: &str = "
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 1000px; margin: 2em auto; padding: 0 1em }
h2 { margin: 2em 0 .6em }
details { margin-top: 2em }
svg { display: block; width: 100%; font-size: 13px; fill: #222 }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th { color: #666; font-weight: normal }
th, td { padding: .25em .6em; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap }
th:first-child, td:first-child { padding-left: 0; text-align: left; white-space: normal }
.over { color: #b34700; font-weight: bold }
.limit { stroke-width: 1.5; stroke-dasharray: 5 4 }
.series { stroke-width: 2 }
";

/// Renders the page.
pub(crate) fn render(report: &Report) -> String {
    let mut sections = section("Budget", Some(table(&report.rows)));
    sections += &section("Use of the limits", bars::plot(&report.rows));
    sections += &section(
        "A turn, by the length of the conversation",
        lines::plot(&report.measures),
    );
    sections += &section("Parts of a turn", shares::plot(&report.measures));
    let measures = report
        .measures
        .iter()
        .map(|(name, value)| tr("td", "", [escape(name), number(*value)]))
        .collect::<String>();
    let Report { commit, rustc, .. } = report;
    let (commit, rustc) = (escape(commit), escape(rustc));
    let (date, quick) = (report.date, if report.quick { ", quick" } else { "" });
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <title>Measures of Victor</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <h1>Measures of Victor</h1>\n<p>{date}, commit {commit}, {rustc}{quick}</p>\n{sections}\
         <details>\n<summary>All measures (times in ns)</summary>\n\
         <table>\n{measures}</table>\n</details>\n</body>\n</html>\n"
    )
}

fn section(title: &str, content: Option<String>) -> String {
    let content = content.map(|content| format!("<h2>{title}</h2>\n{content}"));
    content.unwrap_or_default()
}

/// The rows as the table of plain text has them; the changes only if there are any.
fn table(rows: &[Row]) -> String {
    let columns = COLUMNS.len() - usize::from(rows.iter().all(|row| row.change.is_none()));
    let mut table = tr(
        "th",
        "",
        COLUMNS.map(str::to_owned).into_iter().take(columns),
    );
    for row in rows {
        let class = match row.verdict {
            Some(Verdict::Over) => " class=\"over\"",
            _ => "",
        };
        let cells = cells(row).into_iter().take(columns);
        table += &tr("td", class, cells.map(|cell| escape(&cell)));
    }
    format!("<table>\n{table}</table>\n")
}

/// A row of a table, from cells that are HTML.
fn tr(tag: &str, class: &str, cells: impl IntoIterator<Item = String>) -> String {
    let cells: String = cells
        .into_iter()
        .map(|cell| format!("<{tag}>{cell}</{tag}>"))
        .collect();
    format!("<tr{class}>{cells}</tr>\n")
}

#[cfg(test)]
mod tests {
    use super::render;
    use crate::bench::measures::Values;
    use crate::bench::report::Report;
    use crate::bench::report::tests::report;
    use crate::bench::svg::tests::assert_well_formed;

    #[test]
    fn the_page_is_well_formed_and_needs_nothing_else() {
        let page = render(&report());
        assert_well_formed(&page);
        assert_eq!(page.matches("<svg").count(), 3);
        for outside in ["http", "src=", "<script", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
        let row = "<tr class=\"over\"><td>throughput &lt;&amp;&gt;</td>";
        assert!(page.contains(row), "{page}");
        assert!(page.contains("commit dae2181-dirty, rustc 1.95.0, quick<"));
    }

    #[test]
    fn what_was_not_measured_has_no_section() {
        let report = Report {
            measures: Values::new(),
            rows: Vec::new(),
            ..report()
        };
        let page = render(&report);
        assert_well_formed(&page);
        assert_eq!(page.matches("<h2>").count(), 1);
    }
}
