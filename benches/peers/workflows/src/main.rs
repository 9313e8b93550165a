//! Victor's workflows beside those of durare and duroxide, on SQLite.
//!
//! ```sh
//! cd benches/peers/workflows
//! cargo run --release              # about two minutes; `-- 3` makes three rounds and not seven
//! ```
//!
//! Every engine does the same jobs through the API that its documentation shows:
//!
//! - *in a row*: a run of 100 steps, each of which needs the result of the one before;
//! - *side by side*: a run of 100 steps that depend on nothing;
//! - *small*: 1,000 runs of two steps, all begun at once;
//! - *recovery*: the process is ended in the last of 100 steps; the time is that of the next one, from the opening of the
//!   database to the end of the run.
//!
//! How it is kept fair:
//!
//! - Each job runs in a process of its own over an empty database, after one small run that is not timed. What comes of
//!   it is checked.
//! - The rounds are interleaved, and the best of each engine counts: on a machine that does other things too, compare
//!   the ratios of one run and nothing else.
//! - The durability is the same: a write-ahead log with `synchronous = NORMAL`, which is the default of both peers.
//! - The steps compute next to nothing. Victor's are calls of a handler, which are journaled before they are made and
//!   after they have ended; durare journals a step after it has ended, and duroxide both.
//!
//! Victor and the two peers cannot be linked into one program, because their libraries of SQLite have the same symbols:
//! those of the peers are in `rivals`, which is built by this one.

mod jobs;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The jobs and what they are called; the steps that each has.
const JOBS: [(&str, &str, u32); 4] = [
    ("sequence", "100 in a row", 100),
    ("fan-out", "100 side by side", 100),
    ("small", "1,000 small runs", 2_000),
    ("recover", "recovery of 99 steps", 0),
];

const ENGINES: [&str; 3] = ["victor", "durare", "duroxide"];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [engine, job, folder] = &arguments[..]
        && engine == "victor"
    {
        println!("{}", jobs::run(job, Path::new(folder)).as_micros());
        return;
    }
    let rounds = arguments.first().map_or(7, |rounds| rounds.parse().expect("a number of rounds"));
    build_rivals();
    let mut best = [[Duration::MAX; ENGINES.len()]; JOBS.len()];
    for round in 0..rounds {
        for (row, (job, _, _)) in JOBS.iter().enumerate() {
            for turn in 0..ENGINES.len() {
                // Nobody is always the first one.
                let engine = (turn + round) % ENGINES.len();
                let time = time(ENGINES[engine], job);
                best[row][engine] = best[row][engine].min(time);
            }
        }
        eprintln!("round {} of {rounds}", round + 1);
    }
    println!("Milliseconds, and how many times Victor's; steps a second.\n");
    println!("| | {} |\n|---|{}", ENGINES.join(" | "), "---:|".repeat(ENGINES.len()));
    for ((_, name, steps), times) in JOBS.iter().zip(best) {
        let cells = times.iter().map(|time| {
            let (ms, ratio) = (time.as_secs_f64() * 1e3, time.as_secs_f64() / times[0].as_secs_f64());
            match steps {
                0 => format!("{ms:.1} ({ratio:.2}×)"),
                steps => format!("{ms:.1} ({ratio:.2}×), {:.0}/s", f64::from(*steps) / time.as_secs_f64()),
            }
        });
        println!("| {name} | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
}

/// The place of the program with the peers.
const RIVALS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/rivals");

fn build_rivals() {
    let status = Command::new("cargo")
        .args(["build", "--release", "--quiet"])
        .env_remove("CARGO_TARGET_DIR")
        .current_dir(RIVALS)
        .status();
    assert!(status.is_ok_and(|status| status.success()), "the peers cannot be built");
}

/// Does a job in a process of its own.
fn time(engine: &str, job: &str) -> Duration {
    let folder = tempfile::tempdir().expect("a folder");
    if job == "recover" {
        let (code, _) = run(engine, "crash", folder.path());
        assert_ne!(code, Some(0), "{engine} was to end in its last step");
    }
    let (code, output) = run(engine, job, folder.path());
    assert_eq!(code, Some(0), "{engine} failed in {job}");
    // An engine may print what it does.
    let micros = output.lines().last().and_then(|line| line.trim().parse().ok());
    Duration::from_micros(micros.unwrap_or_else(|| panic!("{engine} has said {output}")))
}

fn run(engine: &str, job: &str, folder: &Path) -> (Option<i32>, String) {
    let mut command = match engine {
        "victor" => Command::new(std::env::current_exe().expect("this program")),
        _ => Command::new(format!("{RIVALS}/target/release/rivals")),
    };
    let output = command
        .args([engine, job])
        .arg(folder)
        .stderr(if job == "crash" { Stdio::null() } else { Stdio::inherit() })
        .output()
        .expect("a process");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}
