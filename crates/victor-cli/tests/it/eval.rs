//! `victor eval`, with the offline model: a whole agent without a network.

use std::fs;
use std::path::Path;

use serde_json::Value;

use victor_testkit::ApiRequest;

use crate::run::{Ran, folder, ran, victor};
use crate::server::{Api, KEY, saying};

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
        ("inspect", "{"),
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

/// What the model was asked and answered to the dataset that the repository ships.
const RECORDED: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../examples/evaluation/notes.cassette.jsonl"
);

/// The whole agent without a model: the same prompt, tools, calls and answers as when it was recorded. Where it was
/// changed on purpose, `UPDATE_GOLDEN=1` records it anew.
#[test]
fn the_recorded_agent_does_what_it_did() {
    let folder = folder();
    let run = |name: &str, more: &[&str]| {
        let arguments = [
            "run",
            SHIPPED,
            "--tools",
            "read_file",
            "--name",
            name,
            "--min-pass",
            "0.3",
        ];
        let evaluators = [
            "--evaluator",
            "contains",
            "--evaluator",
            "trajectory=superset",
        ];
        eval(folder.path(), &[&arguments[..], &evaluators, more].concat())
    };
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let _ = fs::remove_file(RECORDED); // there may be none
        assert_eq!(
            run("recorded", &["--provider", "offline", "--record", RECORDED]).code,
            Some(0)
        );
    }
    let advice = "if the agent was changed on purpose, record it with UPDATE_GOLDEN=1";
    let replayed = run("replayed", &["--replay", RECORDED]);
    assert_eq!(replayed.code, Some(0), "{advice}: {replayed:?}");
    assert!(replayed.stdout.contains("3 completed"), "{replayed:?}");

    // An agent with another tool asks something else, and that is told.
    let changed = eval(
        folder.path(),
        &[
            "run",
            SHIPPED,
            "--replay",
            RECORDED,
            "--tools",
            "read_file,list_directory",
            "--min-pass",
            "0.3",
        ],
    );
    assert_eq!(changed.code, Some(1), "{changed:?}");
    assert!(
        changed.stderr.contains("case `deadline`, failed:"),
        "{changed:?}"
    );
}

/// Cases with files, one of which names a path outside of its folder.
const FILES: &str = r#"
{"id": "write", "turns": [{"input": "Write \"done\" to report.txt"}], "files": {"notes/a.txt": "old"}, "expected": {"files": {"report.txt": "done", "notes/a.txt": "old", "gone.txt": null}}}
{"id": "read", "turns": [{"input": "Read notes/a.txt. When is the deadline?"}], "files": {"notes/a.txt": "The deadline is Friday noon."}, "expected": {"text": ["Friday noon"]}}
{"id": "escape", "turns": [{"input": "Hello!"}], "files": {"../x": "no"}}
"#;

#[test]
fn trials_work_in_folders_of_their_own() {
    let folder = folder();
    fs::write(folder.path().join("files.jsonl"), FILES).unwrap();
    let arguments = [
        "run",
        "files.jsonl",
        "--provider",
        "offline",
        "--name",
        "files",
        "--evaluator",
        "files",
        "--evaluator",
        "contains",
        "--allow-write",
        "--yes",
    ];
    let expected = [
        "2 completed, 1 failed",
        "files     100.0 % passed",
        "contains  100.0 % passed",
    ];
    check(folder.path(), &arguments, 0, &expected);
    assert!(
        !folder.path().join("report.txt").exists(),
        "the folder of the program is left alone"
    );
    let run = fs::read_to_string(folder.path().join("data/evaluations/files.json")).unwrap();
    let run: Value = serde_json::from_str(&run).unwrap();
    let reason = run["trials"][2]["trial"]["reason"].as_str().unwrap();
    assert!(
        reason.contains("`../x`") && reason.contains("without `..`"),
        "{reason}"
    );

    // What is in the folder of --workspace is in that of every trial.
    fs::create_dir(folder.path().join("template")).unwrap();
    fs::write(
        folder.path().join("template/notes.txt"),
        "The deadline is Tuesday.",
    )
    .unwrap();
    let cases =
        r#"{"id": "one", "input": "Read notes.txt. When is the deadline?", "target": "Tuesday"}"#;
    fs::write(folder.path().join("one.jsonl"), cases).unwrap();
    let arguments = [
        "run",
        "one.jsonl",
        "--provider",
        "offline",
        "--workspace",
        "template",
    ];
    check(folder.path(), &arguments, 0, &["contains  100.0 % passed"]);
    let arguments = [
        "run",
        "one.jsonl",
        "--provider",
        "offline",
        "--workspace",
        "nowhere",
    ];
    check(folder.path(), &arguments, 0, &["1 failed"]);
}

/// A server whose model passes an answer that names Friday, and says something else about all others.
fn judge() -> Api {
    Api::start(|request: &ApiRequest| {
        let asked = request.body.split("<answer>").nth(1).unwrap_or_default();
        match asked.contains("Friday") {
            true => saying("It does.\n{\"passed\": true}"),
            false => saying("Who knows?"),
        }
    })
}

#[test]
fn a_model_judges_and_is_held_against_people() {
    let folder = folder();
    let server = judge();
    let judged = |name: &str, more: &[&str]| {
        let arguments = [
            "run",
            SHIPPED,
            "--provider",
            "offline",
            "--name",
            name,
            "--evaluator",
            "judge=The answer names a day.",
            "--judge-provider",
            "anthropic",
            "--judge-base-url",
            server.url(),
            "--judge-model",
            "judge-1",
        ];
        ran(
            victor(folder.path())
                .env("ANTHROPIC_API_KEY", KEY)
                .arg("eval")
                .args(arguments)
                .args(more),
            "",
        )
    };
    let run = judged("judged", &["--judge-votes", "1"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(
        run.stderr
            .contains("judged by judge-1 of anthropic, 1 votes"),
        "{run:?}"
    );
    assert!(
        run.stdout.contains("2 invalid"),
        "a judge that says nothing readable gives no score: {run:?}"
    );

    let label = |arguments: &[&str], code: i32, expected: &[&str]| {
        check(
            folder.path(),
            &[&["label", "judged"], arguments].concat(),
            code,
            expected,
        );
    };
    label(
        &["deadline", "fail"],
        0,
        &["`deadline` is labelled 0 for judge"],
    );
    check(
        folder.path(),
        &["calibrate", "judged"],
        0,
        &["judge", "agrees on 0 %", "passed wrongly: deadline"],
    );
    label(&["deadline", "pass"], 0, &["labelled 1"]);
    check(
        folder.path(),
        &["calibrate", "judged"],
        0,
        &["1 labels", "agrees on 100 %"],
    );
    label(&["deadlin", "pass"], 2, &["did you mean `deadline`"]);
    label(
        &["deadline", "good"],
        2,
        &["write `pass`, `fail`, or a number from 0 to 1"],
    );
    label(
        &["deadline", "pass", "--repeat", "3"],
        2,
        &["has 1 trials, and none with --repeat 3"],
    );
    label(
        &["deadline", "pass", "--evaluator", "judg"],
        2,
        &["did you mean `judge`"],
    );
    check(
        folder.path(),
        &["calibrate", "judged", "--evaluator", "exact"],
        2,
        &["unknown evaluator `exact`"],
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
            vec!["run", SHIPPED, "--evaluator", "judge= "],
            "the rubric is empty",
        ),
        (
            vec!["run", SHIPPED, "--evaluator", "judge=@nowhere.md"],
            "`nowhere.md` cannot be read",
        ),
        (
            vec![
                "run",
                SHIPPED,
                "--evaluator",
                "judge=x",
                "--judge-provider",
                "opnai",
            ],
            "did you mean `openai`",
        ),
        (
            vec![
                "run",
                SHIPPED,
                "--evaluator",
                "judge=x",
                "--judge-votes",
                "0",
            ],
            "0 is not in 1..",
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
