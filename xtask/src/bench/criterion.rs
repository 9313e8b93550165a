//! The benchmarks, which criterion times.

use std::fs;
use std::io::{ErrorKind, stderr};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use xshell::Shell;

use super::measures::Values;
use crate::cargo::cargo;
use crate::workspace::Workspace;

/// As much of `benchmark.json` as matters here.
#[derive(Debug, Deserialize)]
struct Benchmark {
    full_id: String,
}

/// As much of `estimates.json` as matters here.
#[derive(Debug, Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Debug, Deserialize)]
struct Estimate {
    point_estimate: f64,
}

/// Returns the folder of criterion's results.
pub(crate) fn folder(workspace: &Workspace) -> Utf8PathBuf {
    workspace.target().join("criterion")
}

/// Runs the benchmarks of the package `benches`, or those that match a filter.
pub(crate) fn run(
    workspace: &Workspace,
    shell: &Shell,
    quick: bool,
    filter: Option<&str>,
) -> Result<()> {
    let members = workspace.members().into_iter();
    let targets = members
        .filter(|package| *package.name == "benches")
        .flat_map(|package| &package.targets);
    for target in targets.filter(|target| target.is_bench()) {
        let name = &target.name;
        let command = cargo(shell)
            .args(["bench", "--package", "benches", "--bench", name, "--"])
            .args(quick.then_some("--quick"))
            .args(filter)
            .env("CRITERION_HOME", folder(workspace));
        // What it prints is progress; the table alone is to stand on stdout.
        let status = Command::from(command).stdout(stderr()).status()?;
        ensure!(status.success(), "benchmark {name} failed");
    }
    Ok(())
}

/// Reads the median time, in nanoseconds, of each benchmark below a folder that was measured since
/// a time.
pub(crate) fn read(folder: &Utf8Path, since: SystemTime) -> Result<Values> {
    let mut values = Values::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let estimates = folder.join("estimates.json");
        let measured = fs::metadata(&estimates).and_then(|metadata| metadata.modified());
        if folder.file_name() == Some("new") && measured.is_ok_and(|time| time >= since) {
            let benchmark: Benchmark = read_json(&folder.join("benchmark.json"))?;
            let estimates: Estimates = read_json(&estimates)?;
            values.insert(benchmark.full_id, estimates.median.point_estimate);
        }
        match folder.read_dir_utf8() {
            Ok(entries) => {
                for entry in entries {
                    let entry = entry?;
                    if entry.file_type()?.is_dir() {
                        folders.push(entry.into_path());
                    }
                }
            }
            // No benchmark has run.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot read {folder}")),
        }
    }
    Ok(values)
}

fn read_json<T: DeserializeOwned>(path: &Utf8Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    serde_json::from_str(&text).with_context(|| format!("cannot understand {path}"))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::time::{Duration, SystemTime};

    use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};
    use tempfile::TempDir;

    use super::read;
    use crate::bench::measures::Values;

    /// Writes what criterion writes of a benchmark, and returns the file with the estimates.
    fn write(folder: &Utf8Path, id: &str, state: &str, median: f64) -> Utf8PathBuf {
        let folder = folder.join(id).join(state);
        fs::create_dir_all(&folder).expect("a folder");
        let benchmark = format!(r#"{{"group_id":"turn","full_id":"{id}","throughput":null}}"#);
        fs::write(folder.join("benchmark.json"), benchmark).expect("a file");
        let estimates = format!(
            r#"{{"mean":{{"point_estimate":1.0}},
                "median":{{"confidence_interval":{{}},"point_estimate":{median},"standard_error":1.5}},
                "slope":null}}"#
        );
        let path = folder.join("estimates.json");
        fs::write(&path, estimates).expect("a file");
        path
    }

    #[test]
    fn the_medians_of_this_run_are_read_by_name() {
        let directory = TempDir::new().expect("a directory");
        let folder = Utf8Path::from_path(directory.path()).expect("a name in UTF-8");
        let hour_ago = SystemTime::now() - Duration::from_secs(3600);
        write(folder, "turn/victor/10", "new", 9021.5);
        write(folder, "turn/victor/10", "base", 8000.0);
        write(folder, "messages", "new", 12.25);
        let old = write(folder, "turn/old/10", "new", 7000.0);
        let old = File::options().append(true).open(old).expect("the file");
        old.set_modified(hour_ago).expect("a time to be set");
        let since = hour_ago + Duration::from_secs(60);
        let expected = [("messages", 12.25), ("turn/victor/10", 9021.5)]
            .map(|(name, value)| (name.to_owned(), value));
        let values = read(folder, since).expect("readable files");
        assert_eq!(values, Values::from(expected));
        let none = read(&folder.join("none"), since).expect("no files");
        assert_eq!(none, Values::new());
    }

    #[test]
    fn a_file_of_another_form_is_named() {
        let directory = TempDir::new().expect("a directory");
        let folder = Utf8Path::from_path(directory.path()).expect("a name in UTF-8");
        let path = write(folder, "turn", "new", 1.0);
        fs::write(&path, "{}").expect("a file");
        let error = read(folder, SystemTime::UNIX_EPOCH).expect_err("no median");
        assert_eq!(error.to_string(), format!("cannot understand {path}"));
    }
}
