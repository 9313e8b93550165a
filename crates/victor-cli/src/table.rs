//! Tables with aligned columns, and the times in them.

use std::time::SystemTime;

use jiff::tz::TimeZone;
use unicode_width::UnicodeWidthStr as _;
use victor_orchestrator::core::Timestamp;

use crate::terminal;

/// Returns rows as lines, each cell as wide as the widest of its column. In the columns of `numbers`, cells end below
/// each other.
pub(crate) fn table<const N: usize>(rows: &[[String; N]], numbers: &[usize]) -> String {
    let rows: Vec<[String; N]> = rows
        .iter()
        .map(|row| row.each_ref().map(|cell| terminal::one_line(cell)))
        .collect();
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].width())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, width))| {
                let blanks = " ".repeat(width - cell.width());
                match numbers.contains(&column) {
                    true => blanks + cell,
                    false => cell.clone() + &blanks,
                }
            });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Returns a time as the clock on the wall shows it, with its zone.
pub(crate) fn local(time: Timestamp) -> String {
    at(time, TimeZone::system(), "%Y-%m-%d %H:%M:%S %Z")
}

/// Returns the hour, minute and second of a time, as the clock on the wall shows them.
pub(crate) fn local_time(time: Timestamp) -> String {
    at(time, TimeZone::system(), "%H:%M:%S")
}

/// Returns the day of a time, as the calendar on the wall shows it.
pub(crate) fn day(time: Timestamp) -> String {
    at(time, TimeZone::system(), "%Y-%m-%d")
}

fn at(time: Timestamp, zone: TimeZone, format: &str) -> String {
    match jiff::Timestamp::try_from(SystemTime::from(time)) {
        Ok(time) => time.to_zoned(zone).strftime(format).to_string(),
        Err(_) => time.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_keep_their_places() {
        let row = |name: &str, count: u32, title: &str| {
            [
                name.to_owned(),
                format!("{count} messages"),
                title.to_owned(),
            ]
        };
        let text = table(
            &[
                row("a", 4, "One\nline"),
                row("\u{4f1a}\u{8bae}-session", 1234, "Two"),
                row("b", 5, ""),
            ],
            &[1],
        );
        let expected = "\
a                4 messages  One line
\u{4f1a}\u{8bae}-session  1234 messages  Two
b                5 messages";
        assert_eq!(text, expected);
        assert_eq!(table::<1>(&[], &[]), "");
    }

    #[test]
    fn times_are_those_of_the_place_and_name_their_zone() {
        let time: Timestamp = "2026-11-30T15:55:08Z".parse().unwrap();
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let format = "%Y-%m-%d %H:%M:%S %Z";
        assert_eq!(at(time, zone, format), "2026-11-30 16:55:08 CET");
        assert_eq!(at(time, TimeZone::UTC, format), "2026-11-30 15:55:08 UTC");
    }
}
