//! The jobs of durare and duroxide: `rivals ENGINE JOB FOLDER` does one and prints the microseconds that it took.
//!
//! Each engine is used as its own README shows, over SQLite in its default settings, which are the same for both: a
//! write-ahead log with `synchronous = NORMAL`.

mod durare_jobs;
mod duroxide_jobs;

use std::time::Instant;

/// Steps of a run in a row or side by side.
const STEPS: u64 = 100;
/// Small runs.
const RUNS: u64 = 1_000;

/// A job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Job {
    /// Steps in a row.
    Sequence,
    /// Steps side by side.
    FanOut,
    /// Runs of two steps at once.
    Small,
    /// Steps in a row, and the end of the process in the last one.
    Crash,
    /// The rest of that run.
    Recover,
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [engine, job, folder] = &arguments[..] else { panic!("rivals ENGINE JOB FOLDER") };
    let job = match job.as_str() {
        "sequence" => Job::Sequence,
        "fan-out" => Job::FanOut,
        "small" => Job::Small,
        "crash" => Job::Crash,
        "recover" => Job::Recover,
        other => panic!("unknown job {other}"),
    };
    let began = match engine.as_str() {
        "durare" => durare_jobs::run(job, folder).await,
        "duroxide" => duroxide_jobs::run(job, folder).await,
        other => panic!("unknown engine {other}"),
    };
    println!("{}", began.elapsed().as_micros());
    // Nothing of an engine that is being dropped counts.
    std::process::exit(0);
}

/// The work of a step: none, but that of the last one ends the process when it is to.
fn step(n: u64, crashes: bool) -> u64 {
    if crashes && n + 1 == STEPS {
        std::process::abort();
    }
    n + 1
}

/// The beginning of the time that counts.
fn begin() -> Instant {
    Instant::now()
}
