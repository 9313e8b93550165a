//! The report as a table of plain text.

use super::display::{COLUMNS, cells};
use super::rows::Row;

/// Lays the rows out in columns as wide as their widest cell: texts to the left, numbers to the
/// right.
pub(crate) fn render(rows: &[Row], with_change: bool) -> String {
    let columns = COLUMNS.len() - usize::from(!with_change);
    let mut lines = vec![COLUMNS.map(str::to_owned)];
    lines.extend(rows.iter().map(cells));
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: Vec<_> = (0..columns)
        .map(|column| width(column).unwrap_or(0))
        .collect();
    let mut table = String::new();
    for line in &lines {
        let cells =
            line.iter()
                .zip(&widths)
                .zip(COLUMNS)
                .map(|((cell, &width), title)| match title {
                    "what" | "verdict" => format!("{cell:<width$}"),
                    _ => format!("{cell:>width$}"),
                });
        table += cells.collect::<Vec<_>>().join("  ").trim_end();
        table.push('\n');
    }
    table
}

#[cfg(test)]
mod tests {
    use super::render;
    use crate::bench::report::tests::rows;

    #[test]
    fn columns_are_aligned_and_judged_rows_say_how() {
        let expected = "\
what                  measured     budget  ratio  verdict
a turn                 9.02 µs    ≤ 10 µs   90 %  ok
allocations     90 allocations
throughput <&>         0.800 x  ≥ 0.900 x  112 %  over
";
        assert_eq!(render(&rows(), false), expected);
    }

    #[test]
    fn a_baseline_adds_a_column() {
        let expected = "\
what                  measured     budget  ratio  verdict  change
a turn                 9.02 µs    ≤ 10 µs   90 %  ok       -9.8 %
allocations     90 allocations
throughput <&>         0.800 x  ≥ 0.900 x  112 %  over
";
        assert_eq!(render(&rows(), true), expected);
    }
}
