//! Our logs and scores beside inspect-ai, which reads the one and computes the other.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use victor_evaluation::evaluators::{Contains, Similarity};
use victor_evaluation::report::inspect_log;
use victor_evaluation::{EvaluatorSummary, Summary};
use victor_evaluation_protocol::{EvaluationRunner, RunOptions};
use victor_lexical::LexicalEmbedder;

use crate::puppet::Puppet;

/// The folder into which pip has installed `inspect-ai`.
#[expect(clippy::print_stderr, reason = "whoever runs the tests is to see it")]
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("VICTOR_INSPECT").map(PathBuf::from);
    if folder.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "CI compares scores: set VICTOR_INSPECT"
        );
        eprintln!("SKIPPED: comparing scores needs VICTOR_INSPECT, see docs/CONTRIBUTING.md");
    }
    folder
}

/// Reads a log as inspect does, and prints for each scorer the numbers that inspect computes from its samples.
const SCRIPT: &str = "
import json, sys, tempfile, os
from inspect_ai.log import read_eval_log
from inspect_ai.scorer import SampleScore, ci, mean, stderr
path = os.path.join(tempfile.mkdtemp(), 'run.json')
open(path, 'w').write(sys.stdin.read())
log = read_eval_log(path)
assert log.status == 'success' and log.version == 2, log.status
found = {'samples': len(log.samples), 'errors': sum(1 for s in log.samples if s.error), 'scores': {}}
for score in log.results.scores:
    samples = [SampleScore(score=s.scores[score.name], sample_id=s.id) for s in log.samples if score.name in s.scores]
    interval = ci()(samples)
    found['scores'][score.name] = [mean()(samples), float(stderr()(samples)), float(interval['lower']), float(interval['upper'])]
print(json.dumps(found))
";

#[tokio::test]
async fn inspect_reads_our_log_and_computes_our_scores() {
    let Some(folder) = folder() else { return };
    let cases = [
        "the train leaves at noon -> the train leaves at noon",
        "the bus leaves -> the train leaves",
        "red -> blue",
        "a cat sat -> a cat",
        "fail",
    ];
    let similar = Similarity::new(LexicalEmbedder::default(), 0.5);
    let plan = Puppet::default()
        .plan(&cases)
        .evaluator(Contains)
        .evaluator(similar);
    let dataset = plan.dataset.clone();
    let coordinator = victor_evaluation::EvaluationCoordinator::new();
    let run = coordinator
        .run(plan.options(RunOptions::default()))
        .await
        .unwrap();
    let log = inspect_log(&run, &dataset, "puppet", 0.95).to_string();
    let mut python = Command::new("python3")
        .args(["-c", SCRIPT])
        .env("PYTHONPATH", folder)
        .env("INSPECT_LOG_LEVEL", "error")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python
        .stdin
        .take()
        .unwrap()
        .write_all(log.as_bytes())
        .unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "inspect does not read the log");
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&found["samples"], &found["errors"]),
        (&5.into(), &1.into())
    );
    for EvaluatorSummary {
        name,
        mean,
        standard_error,
        interval,
        ..
    } in Summary::of(&run, 0.95).evaluators
    {
        let interval = interval.unwrap();
        let ours = [
            mean.unwrap(),
            standard_error.unwrap(),
            interval.lower,
            interval.upper,
        ];
        for (place, ours) in ours.into_iter().enumerate() {
            let theirs = found["scores"][&name][place].as_f64().unwrap();
            assert!(
                (ours - theirs).abs() <= 1e-9,
                "{name}: {ours} in place of {theirs}"
            );
        }
    }
}
