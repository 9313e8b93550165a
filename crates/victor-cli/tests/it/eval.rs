//! `victor eval`, with the offline model: a whole agent without a network.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::run::{Ran, folder, ran, victor};

/// The dataset that the repository ships.
const SHIPPED: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../examples/evaluation/notes.jsonl"
);

fn eval(folder: &Path, arguments: &[&str]) -> Ran {
    ran(victor(folder).arg("eval").args(arguments), "")
}

#[track_caller]
fn check(folder: &Path, arguments: &[&str], code: i32, expected: &[&str]) -> Ran {
    let ran = eval(folder, arguments);
    assert_eq!(ran.code, Some(code), "{arguments:?}: {ran:?}");
    let said = format!("{}{}", ran.stdout, ran.stderr);
    for line in expected {
        assert!(said.contains(line), "`{line}` is missing: {said}");
    }
    ran
}

#[test]
fn the_shipped_dataset_passes_and_is_compared() {
    let folder = folder();
    let evaluators = [
        "--evaluator",
        "contains",
        "--evaluator",
        "trajectory=superset",
    ];
    let run = |name: &str, more: &[&str], code: i32, expected: &[&str]| {
        let arguments = [
            "run",
            SHIPPED,
            "--provider",
            "offline",
            "--name",
            name,
            "--repeats",
            "2",
        ];
        check(
            folder.path(),
            &[&arguments[..], &evaluators, more].concat(),
            code,
            expected,
        )
    };
    run(
        "first",
        &["--min-pass", "0.3"],
        0,
        &[
            "contains",
            "100.0 % passed",
            "at least 0.3 pass by contains: passed",
        ],
    );
    // Three cases are too few to say so much.
    run(
        "second",
        &["--min-pass", "0.99"],
        1,
        &["at least 0.99 pass by contains: undecided"],
    );
    run(
        "third",
        &["--no-worse-than", "first"],
        0,
        &["no worse than first by contains: passed"],
    );
    check(
        folder.path(),
        &["compare", "first", "third"],
        0,
        &["contains beside first: +0.000 over 3 cases"],
    );
    check(
        folder.path(),
        &["list"],
        0,
        &["first", "third", "notes", "6 trials"],
    );
    let report = check(
        folder.path(),
        &["report", "first", "--format", "json"],
        0,
        &[],
    );
    let report: Value = serde_json::from_str(&report.stdout).unwrap();
    assert_eq!(report["summary"]["states"]["completed"], 6);
    for (format, begins) in [
        ("junit", "<?xml"),
        ("html", "<!doctype html>"),
        ("markdown", "# first"),
    ] {
        let path = folder.path().join(format);
        check(
            folder.path(),
            &[
                "report",
                "first",
                "--format",
                format,
                "--output",
                path.to_str().unwrap(),
            ],
            0,
            &[],
        );
        assert!(fs::read_to_string(path).unwrap().starts_with(begins));
    }
}

#[test]
fn a_run_goes_on_by_its_name_and_makes_no_trial_twice() {
    let folder = folder();
    let run = || {
        eval(
            folder.path(),
            &["run", SHIPPED, "--provider", "offline", "--name", "kept"],
        )
    };
    assert_eq!(run().code, Some(0));
    let log = folder.path().join("data/evaluations/kept.jsonl");
    let whole = fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    // As after a kill in the middle of the second trial's line.
    fs::write(&log, format!("{}{}", lines[0], &lines[1][..40])).unwrap();
    assert_eq!(run().code, Some(0));
    let after = fs::read_to_string(&log).unwrap();
    assert!(
        after.starts_with(lines[0]) && after.lines().count() == 3,
        "{after}"
    );
}

#[test]
fn wrong_use_says_what_to_do() {
    let folder = folder();
    fs::write(folder.path().join("bad.jsonl"), "{}\n{\"input\": 7}\n").unwrap();
    fs::write(folder.path().join("empty.jsonl"), "").unwrap();
    for (arguments, expected) in [
        (vec!["run", "none.jsonl"], "`none.jsonl` cannot be read"),
        (
            vec!["run", "bad.jsonl"],
            "line 1: it has neither `input` nor `turns`; line 2:",
        ),
        (vec!["run", "empty.jsonl"], "has no case to run"),
        (vec!["run", "notes.txt"], "name it .jsonl"),
        (
            vec!["run", SHIPPED, "--tag", "nobody"],
            "has no case to run",
        ),
        (
            vec!["run", SHIPPED, "--evaluator", "contain"],
            "did you mean `contains`",
        ),
        (
            vec!["run", SHIPPED, "--evaluator", "regex"],
            "needs a value: write regex=...",
        ),
        (
            vec!["run", SHIPPED, "--evaluator", "regex=("],
            "has no valid pattern",
        ),
        (
            vec!["run", SHIPPED, "--evaluator", "trajectory=strikt"],
            "did you mean `strict`",
        ),
        (
            vec!["run", SHIPPED, "--evaluator", "exact=7"],
            "takes no value",
        ),
        (
            vec!["run", SHIPPED, "--min-pass", "90"],
            "write a share from 0 to 1",
        ),
        (vec!["run", SHIPPED, "--name", "../run"], "letters, digits"),
        (
            vec!["run", SHIPPED, "--no-worse-than", "nobody"],
            "unknown run `nobody`",
        ),
        (vec!["report", "nobody"], "unknown run `nobody`"),
        (vec!["compare", "nobody", "none"], "unknown run `nobody`"),
    ] {
        let arguments = match arguments[0] {
            "run" => [&arguments[..], &["--provider", "offline"]].concat(),
            _ => arguments,
        };
        let ran = eval(folder.path(), &arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        assert!(
            ran.stderr.to_lowercase().contains(&expected.to_lowercase()),
            "{arguments:?}: {}",
            ran.stderr
        );
    }
    check(folder.path(), &["list"], 0, &["there are no runs"]);
}
