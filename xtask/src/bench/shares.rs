//! A plot of what each coordinator takes of a turn.

use super::display::{percent, time};
use super::measures::Values;
use super::svg::{WIDTH, colour, picture, rectangle, text};

const BAR: f64 = 44.0;
const LINE: f64 = 22.0;

/// Draws the measures `share/ROLE` side by side, the longest first, or nothing if there is none.
pub(crate) fn plot(measures: &Values) -> Option<String> {
    let mut shares: Vec<_> = measures
        .iter()
        .filter_map(|(name, time)| Some((name.strip_prefix("share/")?, *time)))
        .filter(|(_, time)| *time > 0.0)
        .collect();
    shares.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let total: f64 = shares.iter().map(|(_, time)| time).sum();
    let mut content = String::new();
    let mut x = 0.0;
    let mut y = BAR + 10.0;
    for (index, &(role, nanoseconds)) in shares.iter().enumerate() {
        let share = nanoseconds / total;
        content += &rectangle(x, 0.0, WIDTH * share, BAR, colour(index));
        content += &rectangle(0.0, y, 12.0, 12.0, colour(index));
        content += &text(22.0, y + 11.0, "start", role);
        content += &text(330.0, y + 11.0, "end", &time(nanoseconds));
        content += &text(400.0, y + 11.0, "end", &percent(share));
        x += WIDTH * share;
        y += LINE;
    }
    let description = "What each coordinator takes of a turn";
    (!shares.is_empty()).then(|| picture(y, description, &content))
}

#[cfg(test)]
mod tests {
    use super::plot;
    use crate::bench::measures::Values;
    use crate::bench::report::tests::report;
    use crate::bench::svg::tests::assert_well_formed;

    #[test]
    fn the_parts_fill_the_bar_the_longest_first() {
        let plot = plot(&report().measures).expect("two roles");
        assert_well_formed(&plot);
        let parts = [
            "<rect x=\"0.0\" y=\"0.0\" width=\"750.0\"",
            "<rect x=\"750.0\" y=\"0.0\" width=\"250.0\"",
        ];
        assert!(parts.iter().all(|part| plot.contains(part)), "{plot}");
        assert!(
            plot.contains(">session &amp; store<") && plot.contains(">75 %<"),
            "{plot}"
        );
    }

    #[test]
    fn without_roles_there_is_no_plot() {
        assert_eq!(plot(&Values::new()), None);
    }
}
