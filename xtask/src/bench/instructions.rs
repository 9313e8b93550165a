//! The instructions of a job, counted by valgrind, which are the same on a busy machine.

use anyhow::{Context, Result, ensure};
use cargo_metadata::camino::Utf8Path;
use xshell::{Shell, cmd};

use super::measures::Values;

/// The group of these measures.
pub(crate) const GROUP: &str = "instructions";

/// The numbers of repetitions of a job in the shorter and in the longer of two runs. Everything else, such as starting
/// up and warming up, drops out of their difference.
const RUNS: [u32; 2] = [20, 120];

/// Whether valgrind is there.
pub(crate) fn can_count(shell: &Shell) -> bool {
    let version = cmd!(shell, "valgrind --version").quiet().ignore_stderr();
    version.read().is_ok()
}

/// Counts the instructions of each job that the program `counts` knows, for one run of it.
pub(crate) fn count(shell: &Shell, program: &Utf8Path) -> Result<Values> {
    let jobs = cmd!(shell, "{program} jobs").quiet().read()?;
    let mut values = Values::new();
    for job in jobs.lines() {
        eprintln!("counting the instructions of {job}");
        let [few, many] = RUNS.map(|runs| total(shell, program, job, runs));
        let each = (many? - few?) / f64::from(RUNS[1] - RUNS[0]);
        values.insert(format!("{GROUP}/{job}"), each);
    }
    Ok(values)
}

/// The instructions of a whole run of the program.
fn total(shell: &Shell, program: &Utf8Path, job: &str, runs: u32) -> Result<f64> {
    let runs = runs.to_string();
    let command = cmd!(
        shell,
        "valgrind --tool=callgrind --callgrind-out-file=/dev/null {program} run {job} {runs}"
    );
    let output = command.quiet().ignore_status().output()?;
    let log = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "callgrind failed on {job}:\n{log}");
    collected(&log).with_context(|| format!("callgrind has not counted {job}:\n{log}"))
}

/// The count in what callgrind writes: `==123== Collected : 456`.
fn collected(log: &str) -> Option<f64> {
    let mut lines = log.lines().filter(|line| line.starts_with("=="));
    lines.find_map(|line| line.split_once(" Collected : ")?.1.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::collected;

    #[test]
    fn the_count_is_found_in_the_log() {
        let log = "a program that says Collected : 1\n==27== Callgrind\n==27== \n\
                   ==27== Events    : Ir\n==27== Collected : 1834512\n==27== \n";
        assert_eq!(collected(log), Some(1_834_512.0));
        assert_eq!(collected("==27== Callgrind\n"), None);
    }
}
