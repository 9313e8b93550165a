//! A plot of the time of a turn by the length of the conversation before it, on axes of logarithms.

use std::collections::{BTreeMap, BTreeSet};

use super::display::time;
use super::measures::Values;
use super::svg::{WIDTH, colour, line, picture, text};

const HEIGHT: f64 = 420.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = WIDTH - 150.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = HEIGHT - 46.0;
/// The names of two series are not closer to each other.
const LINE_HEIGHT: f64 = 16.0;

/// Draws a line for each series of the measures `turn/SERIES/NUMBER`, or nothing if there is none.
pub(crate) fn plot(measures: &Values) -> Option<String> {
    let series = series(measures);
    let points = || series.values().flatten();
    let lengths: BTreeSet<u32> = points().map(|(length, _)| *length).collect();
    let longest = x_scale(*lengths.last()?).max(1.0);
    let decades = points().map(|(_, nanoseconds)| nanoseconds.log10());
    let low = decades.clone().reduce(f64::min)?.floor();
    let high = decades.reduce(f64::max)?.ceil().max(low + 1.0);

    let x = |length: u32| LEFT + (RIGHT - LEFT) * x_scale(length) / longest;
    let y = |decade: f64| BOTTOM - (BOTTOM - TOP) * (decade - low) / (high - low);
    let mut content = String::new();
    for decade in (low as i32..=high as i32).map(f64::from) {
        let y = y(decade);
        content += &line(&[(LEFT, y), (RIGHT, y)], "grid", "#dddddd");
        content += &text(LEFT - 8.0, y + 4.0, "end", &time(10f64.powf(decade)));
    }
    for length in lengths {
        let x = x(length);
        content += &line(&[(x, TOP), (x, BOTTOM)], "grid", "#eeeeee");
        content += &text(x, BOTTOM + 18.0, "middle", &length.to_string());
    }
    let middle = f64::midpoint(LEFT, RIGHT);
    content += &text(middle, HEIGHT - 6.0, "middle", "messages before the turn");

    let mut names = Vec::new();
    for (index, (name, points)) in series.iter().enumerate() {
        let place = |(length, nanoseconds): &(u32, f64)| (x(*length), y(nanoseconds.log10()));
        let places: Vec<_> = points.iter().map(place).collect();
        content += &line(&places, "series", colour(index));
        for (x, y) in &places {
            let colour = colour(index);
            content +=
                &format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>\n");
        }
        names.push((places[places.len() - 1].1, index, *name));
    }
    // From the lowest upwards, so that a name gives way to the one below it.
    names.sort_by(|(a, ..), (b, ..)| b.total_cmp(a));
    let mut free = HEIGHT;
    for (y, index, name) in names {
        free = y.min(free - LINE_HEIGHT);
        let colour = colour(index);
        let name = text(RIGHT + 12.0, free + 4.0, "start", name);
        content += &format!("<g fill=\"{colour}\">{name}</g>\n");
    }
    let description = "Time of a turn by the messages before it";
    Some(picture(HEIGHT, description, &content))
}

/// The points of each series, by length. What takes no time has no logarithm and is no point.
fn series(measures: &Values) -> BTreeMap<&str, Vec<(u32, f64)>> {
    let mut series = BTreeMap::<_, Vec<_>>::new();
    for (name, &nanoseconds) in measures {
        let Some((name, length)) = name
            .strip_prefix("turn/")
            .and_then(|id| id.rsplit_once('/'))
        else {
            continue;
        };
        if let (Ok(length), true) = (length.parse(), nanoseconds > 0.0) {
            series.entry(name).or_default().push((length, nanoseconds));
        }
    }
    for points in series.values_mut() {
        points.sort_by_key(|(length, _)| *length);
    }
    series
}

/// One more than the length, since an empty conversation has a place on the axis too.
fn x_scale(length: u32) -> f64 {
    (f64::from(length) + 1.0).log10()
}

#[cfg(test)]
mod tests {
    use super::{plot, series};
    use crate::bench::measures::Values;
    use crate::bench::report::tests::report;
    use crate::bench::svg::tests::assert_well_formed;

    #[test]
    fn series_are_sorted_by_length_and_nothing_else_is_one() {
        let ids = [
            "turn/a/10",
            "turn/a/9",
            "turn/a/9x",
            "turn/a",
            "share/a/1",
            "turn/b c/d/0",
        ];
        let values = ids.map(|id| (id.to_owned(), 2.0)).into_iter();
        let zero = ("turn/z/1".to_owned(), 0.0);
        let values = values.chain([zero]).collect();
        let series: Vec<_> = series(&values).into_iter().collect();
        let expected = [("a", vec![(9, 2.0), (10, 2.0)]), ("b c/d", vec![(0, 2.0)])];
        assert_eq!(series, expected);
    }

    #[test]
    fn each_series_is_a_line_through_its_points() {
        let plot = plot(&report().measures).expect("two series");
        assert_well_formed(&plot);
        assert_eq!(plot.matches("class=\"series\"").count(), 2);
        assert_eq!(plot.matches("<circle").count(), 5);
        // From 100 ns at the bottom to 100 µs at the top; an empty conversation at the left.
        assert!(plot.contains("text-anchor=\"end\">100 ns<"), "{plot}");
        assert!(plot.contains("text-anchor=\"end\">100 µs<"), "{plot}");
        assert!(plot.contains("points=\"70.0,352.9 850.0,349.5\""), "{plot}");
    }

    #[test]
    fn names_that_would_overlap_are_moved_apart() {
        let ids = ["turn/a/1", "turn/b/1"].map(|id| (id.to_owned(), 100.0));
        let plot = plot(&Values::from(ids)).expect("two series");
        let names = [
            "y=\"378.0\" text-anchor=\"start\">a<",
            "y=\"362.0\" text-anchor=\"start\">b<",
        ];
        assert!(names.iter().all(|name| plot.contains(name)), "{plot}");
    }

    #[test]
    fn without_turns_there_is_no_plot() {
        assert_eq!(plot(&Values::new()), None);
    }
}
