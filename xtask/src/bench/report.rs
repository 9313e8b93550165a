//! The report as JSON, to keep and to compare with.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use xshell::{Shell, cmd};

use super::measures::Values;
use super::rows::Row;

/// All that a run has found, and where and when.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The output of `rustc --version`.
    pub(crate) rustc: String,
    pub(crate) date: Timestamp,
    /// The commit, with `-dirty` behind it if files differ from it.
    pub(crate) commit: String,
    pub(crate) quick: bool,
    pub(crate) measures: Values,
    pub(crate) rows: Vec<Row>,
}

impl Report {
    /// A report of now and of the repository that the shell is in.
    pub(crate) fn new(
        shell: &Shell,
        quick: bool,
        measures: Values,
        rows: Vec<Row>,
    ) -> Result<Self> {
        let commit = cmd!(shell, "git -c safe.directory=* describe --always --dirty");
        Ok(Self {
            rustc: cmd!(shell, "rustc --version").quiet().read()?,
            date: Timestamp::from_second(Timestamp::now().as_second())?,
            commit: commit.arg("--exclude=*").quiet().read()?,
            quick,
            measures,
            rows,
        })
    }

    /// Reads a report that was written earlier.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
        serde_json::from_str(&text).with_context(|| format!("cannot understand {shown}"))
    }

    /// Writes the report to a file.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use tempfile::TempDir;

    use super::Report;
    use crate::bench::budget::Limit;
    use crate::bench::measures::Values;
    use crate::bench::rows::{Row, Verdict};

    /// Rows of every kind.
    pub(crate) fn rows() -> Vec<Row> {
        let row = |what: &str, measured, unit: &str| Row {
            what: what.to_owned(),
            measured,
            unit: unit.to_owned(),
            limit: None,
            used: None,
            verdict: None,
            change: None,
        };
        vec![
            Row {
                limit: Some(Limit::Max(10.0)),
                used: Some(0.902),
                verdict: Some(Verdict::Ok),
                change: Some(-0.098),
                ..row("a turn", 9.02, "us")
            },
            row("allocations", 90.0, "allocations"),
            Row {
                limit: Some(Limit::Min(0.9)),
                used: Some(1.125),
                verdict: Some(Verdict::Over),
                ..row("throughput <&>", 0.8, "x")
            },
        ]
    }

    /// A report with something for every plot.
    pub(crate) fn report() -> Report {
        let measures = [
            ("allocations/turn/10", 90.0),
            ("share/context", 3000.0),
            ("share/session & store", 1000.0),
            ("turn/bare/0", 150.0),
            ("turn/bare/1000", 160.0),
            ("turn/victor/0", 8000.0),
            ("turn/victor/10", 9020.0),
            ("turn/victor/1000", 99_000.0),
        ];
        Report {
            rustc: "rustc 1.95.0".to_owned(),
            date: "2026-11-25T04:26:32Z".parse().expect("a date"),
            commit: "dae2181-dirty".to_owned(),
            quick: true,
            measures: Values::from(measures.map(|(name, value)| (name.to_owned(), value))),
            rows: rows(),
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let directory = TempDir::new().expect("a directory");
        let path = directory.path().join("report.json");
        report().write(&path).expect("a file");
        assert_eq!(Report::read(&path).expect("a report"), report());
    }

    #[test]
    fn limits_and_verdicts_have_their_names_in_json() {
        let json = serde_json::to_value(report()).expect("JSON");
        let row = &json["rows"][2];
        assert_eq!(row["min"], 0.9);
        assert_eq!(row["verdict"], "over");
        assert_eq!(json["date"], "2026-11-25T04:26:32Z");
    }
}
