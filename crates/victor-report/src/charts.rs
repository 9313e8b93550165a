//! Plots, as SVG that takes its colours from the page.

use std::fmt::Write as _;
use std::time::Duration;

use crate::figures;
use crate::html::Text;

/// The width of all plots, in units of their own; a page shows them as wide as it has room.
pub(crate) const WIDTH: f64 = 400.0;

/// The height of a plot over time, and the room beside and below it for its scale.
const HEIGHT: f64 = 170.0;
const LEFT: f64 = 40.0;
const BELOW: f64 = 20.0;
const ABOVE: f64 = 8.0;

/// One bar of a plot over time.
#[derive(Debug)]
pub(crate) struct Bar {
    pub(crate) label: String,
    /// Parts from the bottom up: the colour, the value, and what is said of it.
    pub(crate) parts: Vec<(usize, f64, String)>,
}

/// Bars over time. `figure` writes the values of the scale, and `name` says what the plot shows.
pub(crate) fn over_time(name: &str, bars: &[Bar], figure: impl Fn(f64) -> String) -> String {
    let sum = |bar: &Bar| bar.parts.iter().map(|(_, value, _)| value).sum::<f64>();
    let most = bars.iter().map(sum).fold(0.0, f64::max);
    let top = round_up(most);
    let mut svg = open(name, HEIGHT + ABOVE + BELOW);
    let y = |value: f64| ABOVE + HEIGHT * (1.0 - value / top);
    for step in 0..=4 {
        let value = top * f64::from(step) / 4.0;
        let at = y(value);
        let label = figure(value);
        let _ = write!(
            svg,
            r#"<line class="grid" x1="{LEFT}" x2="{WIDTH}" y1="{at:.1}" y2="{at:.1}"/><text class="scale" x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
            LEFT - 4.0,
            at + 3.5,
            Text(&label)
        );
    }
    let slot = (WIDTH - LEFT) / count(bars.len().max(1));
    let width = (slot * 0.8).min(60.0);
    for (index, bar) in bars.iter().enumerate() {
        let x = LEFT + slot * (count(index) + 0.5) - width / 2.0;
        let mut base = 0.0;
        for (colour, value, said) in bar.parts.iter().filter(|(_, value, _)| *value > 0.0) {
            let (bottom, top) = (y(base), y(base + value));
            // A bar that is too small to be seen would be a lie.
            let height = (bottom - top).max(0.75);
            let _ = write!(
                svg,
                r#"<rect class="c{colour}" x="{x:.1}" y="{:.1}" width="{width:.1}" height="{height:.1}"><title>{}</title></rect>"#,
                bottom - height,
                Text(said)
            );
            base += value;
        }
    }
    // As many labels as there is room for.
    let every = bars.len().div_ceil(6).max(1);
    for (index, bar) in bars.iter().enumerate().step_by(every) {
        let x = LEFT + slot * (count(index) + 0.5);
        let _ = write!(
            svg,
            r#"<text class="scale" x="{x:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            ABOVE + HEIGHT + 14.0,
            Text(&bar.label)
        );
    }
    svg + "</svg>"
}

/// A row of a plot of percentiles.
#[derive(Debug)]
pub(crate) struct Percentiles {
    pub(crate) label: String,
    pub(crate) colour: usize,
    /// The times at 50, 90, 95 and 99 percent.
    pub(crate) times: [Duration; 4],
}

/// Percentiles of times, one row each, on a logarithmic scale.
pub(crate) fn percentiles(name: &str, rows: &[Percentiles]) -> String {
    const ROW: f64 = 38.0;
    let seconds = |time: Duration| time.as_secs_f64().max(0.001);
    let all = rows.iter().flat_map(|row| row.times).map(seconds);
    let lowest = all.clone().fold(f64::INFINITY, f64::min).log10().floor();
    let highest = all.fold(0.0, f64::max).log10().ceil().max(lowest + 1.0);
    let x = |seconds: f64| 8.0 + (WIDTH - 24.0) * (seconds.log10() - lowest) / (highest - lowest);
    let height = ROW * count(rows.len());
    let mut svg = open(name, height + BELOW);
    let mut power = lowest;
    while power <= highest + 0.5 {
        let (value, at) = (10_f64.powf(power), x(10_f64.powf(power)));
        let anchor = if power == lowest {
            "start"
        } else if power >= highest - 0.5 {
            "end"
        } else {
            "middle"
        };
        let _ = write!(
            svg,
            r#"<line class="grid" x1="{at:.1}" x2="{at:.1}" y1="0" y2="{height:.1}"/><text class="scale" x="{at:.1}" y="{:.1}" text-anchor="{anchor}">{}</text>"#,
            height + 14.0,
            figures::time(Duration::from_secs_f64(value))
        );
        power += 1.0;
    }
    for (index, row) in rows.iter().enumerate() {
        let y = ROW * count(index);
        let [half, most, nearly, all] = row.times.map(|time| x(seconds(time)));
        let [p50, p90, p95, p99] = row.times.map(figures::time);
        let said = format!("{}: p50 {p50}, p90 {p90}, p95 {p95}, p99 {p99}", row.label);
        let colour = row.colour;
        let middle = y + 24.0;
        let _ = write!(
            svg,
            r#"<text class="label" x="8" y="{:.1}">{}</text><g class="c{colour}"><title>{}</title><rect x="{half:.1}" y="{:.1}" width="{:.1}" height="4" rx="2" opacity=".45"/><circle cx="{half:.1}" cy="{middle:.1}" r="6"/><circle cx="{most:.1}" cy="{middle:.1}" r="4.5"/><circle cx="{nearly:.1}" cy="{middle:.1}" r="3.5"/><circle cx="{all:.1}" cy="{middle:.1}" r="2.5"/></g>"#,
            y + 13.0,
            Text(&format!(
                "{} · p50 {p50}, p95 {p95}",
                victor_text::excerpt(&row.label, 34)
            )),
            Text(&said),
            middle - 2.0,
            (all - half).max(1.0)
        );
    }
    svg + "</svg>"
}

/// A row of a plot of what happened when.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) label: String,
    pub(crate) said: String,
    pub(crate) class: &'static str,
    pub(crate) begin: Duration,
    pub(crate) time: Duration,
}

/// Steps one below the other, each where it is in time.
pub(crate) fn waterfall(name: &str, steps: &[Step], whole: Duration) -> String {
    const ROW: f64 = 30.0;
    let height = ROW * count(steps.len());
    let whole = whole.as_secs_f64().max(1e-6);
    let x = |time: f64| (WIDTH - 16.0) * (time / whole).clamp(0.0, 1.0) + 8.0;
    let mut svg = open(name, height + BELOW);
    for step in 0..=4 {
        let time = whole * f64::from(step) / 4.0;
        let at = x(time);
        let anchor = ["start", "middle", "middle", "middle", "end"][step as usize];
        let _ = write!(
            svg,
            r#"<line class="grid" x1="{at:.1}" x2="{at:.1}" y1="0" y2="{height:.1}"/><text class="scale" x="{at:.1}" y="{:.1}" text-anchor="{anchor}">{}</text>"#,
            height + 14.0,
            figures::time(Duration::from_secs_f64(time))
        );
    }
    for (index, step) in steps.iter().enumerate() {
        let y = ROW * count(index);
        let begin = x(step.begin.as_secs_f64());
        let width = x((step.begin + step.time).as_secs_f64()) - begin;
        let Step {
            label,
            said,
            class,
            time,
            ..
        } = step;
        let _ = write!(
            svg,
            r#"<text class="label" x="8" y="{:.1}">{} · {}</text><rect class="{class}" x="{begin:.1}" y="{:.1}" width="{:.1}" height="10" rx="2"><title>{}</title></rect>"#,
            y + 12.0,
            Text(&victor_text::excerpt(label, 44)),
            figures::time(*time),
            y + 16.0,
            width.max(1.5),
            Text(said)
        );
    }
    svg + "</svg>"
}

fn open(name: &str, height: f64) -> String {
    format!(
        r#"<svg viewBox="0 0 {WIDTH} {height:.0}" role="img" aria-label="{}">"#,
        Text(name)
    )
}

#[expect(clippy::cast_precision_loss, reason = "rows are few")]
fn count(number: usize) -> f64 {
    number as f64
}

/// The next number of one digit that is easily divided by four: the top of a scale.
fn round_up(value: f64) -> f64 {
    if !(value > 0.0 && value.is_finite()) {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 1.2, 1.6, 2.0, 2.4, 3.2, 4.0, 5.0, 6.0, 8.0, 10.0];
    let step = steps
        .into_iter()
        .find(|step| value <= step * power * 1.000_001);
    step.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::round_up;

    #[test]
    fn scales_end_above_all_values() {
        for (value, top) in [
            (0.0, 1.0),
            (f64::NAN, 1.0),
            (1.0, 1.0),
            (1.1, 1.2),
            (4.2, 5.0),
            (99.0, 100.0),
            (0.03, 0.032),
        ] {
            let found = round_up(value);
            assert!((found - top).abs() < 1e-9, "{value}: {found}");
        }
    }
}
