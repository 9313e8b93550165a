//! A plot of how much of its limit each row of the budget uses.

use super::display::{cells, percent};
use super::rows::{Row, Verdict};
use super::svg::{WIDTH, line, picture, rectangle, text};

/// The height of a row: its text and its bar.
const ROW: f64 = 40.0;
/// Room on the right for the number of a bar.
const NUMBER: f64 = 60.0;
/// A bar that is longer is cut, so that one very bad row does not hide the others.
const MAX_SHARE: f64 = 2.0;

/// Draws the rows that have a limit, or nothing if none has.
pub(crate) fn plot(rows: &[Row]) -> Option<String> {
    let judged: Vec<_> = rows
        .iter()
        .filter_map(|row| Some((row, row.used?)))
        .collect();
    let longest = judged.iter().map(|(_, used)| *used).reduce(f64::max)?;
    let scale = (WIDTH - NUMBER) / longest.clamp(1.0, MAX_SHARE);
    let height = ROW * judged.len() as f64;
    let mut content = String::new();
    for ((row, used), index) in judged.iter().zip(0u32..) {
        let top = ROW * f64::from(index);
        let [what, measured, limit, ..] = cells(row);
        let over = row.verdict == Some(Verdict::Over);
        let length = used.clamp(0.0, MAX_SHARE) * scale;
        let colour = if over { "#d55e00" } else { "#009e73" };
        content += &text(0.0, top + 15.0, "start", &what);
        content += &text(
            scale - 8.0,
            top + 15.0,
            "end",
            &format!("{measured}, {limit}"),
        );
        content += &rectangle(0.0, top + 21.0, length, 11.0, colour);
        // The number of a bar that ends shortly before the limit steps over its line.
        let near = (scale - NUMBER..scale).contains(&length);
        let end = if near { scale } else { length };
        content += &text(end + 6.0, top + 31.0, "start", &percent(*used));
    }
    content += &line(&[(scale, 0.0), (scale, height)], "limit", "#333333");
    Some(picture(
        height,
        "Share of its limit that each row uses",
        &content,
    ))
}

#[cfg(test)]
mod tests {
    use super::plot;
    use crate::bench::report::tests::rows;
    use crate::bench::rows::Row;
    use crate::bench::svg::tests::assert_well_formed;

    #[test]
    fn a_bar_is_as_long_as_its_share_and_rows_without_limit_have_none() {
        let plot = plot(&rows()).expect("rows with limits");
        assert_well_formed(&plot);
        assert_eq!(plot.matches("<rect").count(), 2);
        // 940 is left for the longest, which is 1.125 of its limit.
        assert!(plot.contains("width=\"753.7\""), "{plot}");
        assert!(plot.contains("width=\"940.0\""), "{plot}");
        assert!(plot.contains("points=\"835.6,0.0 835.6,80.0\""), "{plot}");
        assert!(plot.contains("0.800 x, ≥ 0.900 x"), "{plot}");
    }

    #[test]
    fn a_very_long_bar_is_cut_and_says_how_long_it_is() {
        let mut rows = rows();
        rows[2].used = Some(10.0);
        let plot = plot(&rows).expect("rows with limits");
        assert!(
            plot.contains("width=\"940.0\"") && plot.contains("1000 %"),
            "{plot}"
        );
    }

    #[test]
    fn without_limits_there_is_no_plot() {
        let rows = rows().into_iter().map(|row| Row { used: None, ..row });
        assert_eq!(plot(&rows.collect::<Vec<_>>()), None);
    }
}
