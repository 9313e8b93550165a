//! Capacity of several processes on a PostgreSQL server: what a turn costs is measured, and what so many sessions need is
//! simulated from that.
//!
//! ```sh
//! cargo run --release -p benches --bin capacity -- measure   # writes benches/capacity.json
//! cargo run --release -p benches --bin capacity -- write     # writes the table into docs/scaling.md
//! ```
//!
//! Processor time is measured and not how long a turn takes, so that what else runs on the machine matters little.

#[path = "capacity/measure.rs"]
mod measure;
#[path = "../crates/victor-sql/tests/it/server.rs"]
#[expect(dead_code, reason = "tests stop and start it")]
mod server;
#[path = "capacity/simulate.rs"]
mod simulate;

use std::fmt::Write as _;
use std::fs;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

use self::simulate::{Load, plan};

const MEASURED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/capacity.json");
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/scaling.md");
const MARKS: (&str, &str) = ("<!-- capacity:begin -->\n", "<!-- capacity:end -->\n");

/// The costs of a turn, as measured.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Costs {
    /// Number of turns that were measured.
    turns: u32,
    /// Processor time of the process in microseconds.
    process_us: f64,
    /// Processor time of the server in microseconds.
    server_us: f64,
    /// Number of transactions.
    transactions: f64,
    /// Bytes of the write-ahead log.
    wal_bytes: f64,
    /// Bytes that the database grows by.
    stored_bytes: f64,
}

fn main() -> ExitCode {
    let command = std::env::args().nth(1).unwrap_or_default();
    let done = match command.as_str() {
        "measure" => measure::measure().map(|costs| {
            let text = serde_json::to_string_pretty(&costs).expect("numbers have a form");
            fs::write(MEASURED, text + "\n").map_err(|error| error.to_string())
        }),
        "write" => fs::read_to_string(DOCUMENT)
            .map_err(|error| error.to_string())
            .and_then(|text| with_table(&text, &table(&costs())))
            .map(|text| fs::write(DOCUMENT, text).map_err(|error| error.to_string())),
        _ => Err("write `measure` or `write` behind it".to_owned()),
    };
    match done.flatten() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "a command talks through it")]
            {
                eprintln!("error: {error}");
            }
            ExitCode::FAILURE
        }
    }
}

fn costs() -> Costs {
    let text = fs::read_to_string(MEASURED).expect("`capacity measure` has written it");
    serde_json::from_str(&text).expect("`capacity measure` has written it")
}

/// The needs of so many sessions, as a table.
fn table(costs: &Costs) -> String {
    let mut text = format!(
        "Measured over {} turns with a tool call: {:.1} ms of processor time in the process and\n{:.1} ms on the server, in \
         {:.0} transactions; {:.0} KiB of write-ahead log, and {:.1} KiB kept.\n\n\
         | sessions | messages per second | processes of one core | cores of the server | added by both, median | 99 % | \
         write-ahead log | kept per day |\n|---|---|---|---|---|---|---|---|\n",
        costs.turns,
        costs.process_us / 1e3,
        costs.server_us / 1e3,
        costs.transactions,
        costs.wal_bytes / 1024.0,
        costs.stored_bytes / 1024.0,
    );
    for sessions in [1_000, 10_000, 100_000, 1_000_000] {
        let plan = plan(&Load::of(sessions), costs);
        let rate = plan.rate;
        let _ = writeln!(
            text,
            "| {} | {:.1} | {} | {} | {:.0} ms | {:.0} ms | {:.1} MiB/s | {:.1} GiB |",
            thousands(sessions),
            rate,
            plan.processes,
            plan.cores,
            plan.median_us / 1e3,
            plan.most_us / 1e3,
            rate * costs.wal_bytes / 1_048_576.0,
            rate * 86_400.0 * costs.stored_bytes / 1_073_741_824.0,
        );
    }
    text
}

fn thousands(number: u32) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().collect();
    let groups = groups.iter().map(|group| String::from_utf8_lossy(group));
    groups.collect::<Vec<_>>().join(",")
}

/// The document with another table between the marks.
fn with_table(document: &str, table: &str) -> Result<String, String> {
    let (before, rest) = document
        .split_once(MARKS.0)
        .ok_or("the document has no mark")?;
    let (_, after) = rest
        .split_once(MARKS.1)
        .ok_or("the document has no second mark")?;
    Ok(format!("{before}{}\n{table}\n{}{after}", MARKS.0, MARKS.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_document_is_the_one_of_the_measurement() {
        let document = fs::read_to_string(DOCUMENT).unwrap();
        let expected = with_table(&document, &table(&costs())).unwrap();
        assert_eq!(
            document, expected,
            "run `cargo run -p benches --bin capacity -- write`"
        );
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(thousands(1_000_000), "1,000,000");
        assert_eq!(thousands(999), "999");
    }
}
