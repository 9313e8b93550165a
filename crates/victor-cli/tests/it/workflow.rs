//! `victor workflow`, with the offline model and real tools: no network, and no server.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::run::{Ran, ran, victor};

/// The definitions that the repository ships.
const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/workflows");

/// A definition that asks, with a step on each side of the question.
pub(crate) const ASKING: &str = "\
name: asking
steps:
  - id: before
    transform: 'about {{ input.what }}'
  - id: ok
    approval: { prompt: 'Go on {{ steps.before }}?', show: { what: '{{ input.what }}' } }
  - id: after
    transform: \"{{ 'done' if steps.ok.approved else 'left: ' ~ steps.ok.reason | default('-') }}\"
";

pub(crate) fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

pub(crate) fn workflow(folder: &Path, arguments: &[&str]) -> Ran {
    ran(victor(folder).arg("workflow").args(arguments), "")
}

#[track_caller]
pub(crate) fn check(folder: &Path, arguments: &[&str], code: i32, expected: &[&str]) -> Ran {
    let ran = workflow(folder, arguments);
    assert_eq!(ran.code, Some(code), "{arguments:?}: {ran:?}");
    let said = format!("{}{}", ran.stdout, ran.stderr);
    for words in expected {
        assert!(said.contains(words), "`{words}` is missing: {said}");
    }
    ran
}

fn shipped(name: &str) -> String {
    format!("{SHIPPED}/{name}.yaml")
}

/// The identifier of the only run that is listed.
pub(crate) fn only_run(folder: &Path) -> String {
    let list = check(folder, &["list", "--all", "--json"], 0, &[]);
    let run: Value = serde_json::from_str(list.stdout.trim()).unwrap();
    run["run"].as_str().unwrap().to_owned()
}

#[test]
fn shipped_definitions_have_no_fault_and_the_schema_is_theirs() {
    let folder = folder(&[]);
    let files = ["code-review", "map-reduce", "plan-execute-verify"].map(shipped);
    let files: Vec<_> = files.iter().map(String::as_str).collect();
    check(
        folder.path(),
        &[&["check"], &files[..]].concat(),
        0,
        &["no fault"],
    );
    let schema = check(folder.path(), &["schema"], 0, &[]).stdout;
    let path = format!("{SHIPPED}/workflow.schema.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &schema).unwrap();
    }
    assert_eq!(
        fs::read_to_string(path).unwrap(),
        schema,
        "UPDATE_GOLDEN=1 writes it anew"
    );
}

#[test]
fn a_change_is_reviewed_and_the_review_is_written_when_a_person_approves() {
    let diff =
        "-    items.iter().sum()\n+    items.iter().take(10).sum() // a sum of at most ten names\n";
    let files = folder(&[("change.diff", diff)]);
    let flags = ["--provider", "offline", "--allow-write", "--yes"];
    let definition = shipped("code-review");
    let run = [
        &[
            "run",
            &definition,
            "--input",
            "change=change.diff",
            "--id",
            "pr-7",
        ],
        &flags[..],
    ]
    .concat();
    check(
        files.path(),
        &run,
        3,
        &[
            "reviews has 3 items",
            "`ok` asks: Write this review to REVIEW.md?",
        ],
    );
    assert!(!files.path().join("REVIEW.md").exists());
    // The same start again is the same run, and asks the same question.
    check(
        files.path(),
        &run,
        3,
        &["has begun before", "asks: Write this review"],
    );
    check(
        files.path(),
        &["answer", "pr-7", "yes", "--by", "Ada"],
        0,
        &["`ok` is answered"],
    );
    check(
        files.path(),
        &["answer", "pr-7", "no"],
        2,
        &["asks nothing now"],
    );
    let resume = [&["resume", "pr-7"], &flags[..]].concat();
    check(
        files.path(),
        &resume,
        0,
        &["ok: {\"approved\":true}", "+ publish"],
    );
    let review = fs::read_to_string(files.path().join("REVIEW.md")).unwrap();
    assert!(review.starts_with("# Review of change.diff\n"), "{review}");
    assert!(review.contains("ten names"), "{review}");
    // A run that has ended tells its outcome again.
    check(files.path(), &run, 0, &["REVIEW.md"]);
    check(files.path(), &resume, 0, &["has ended"]);
}

#[test]
fn files_are_answered_for_one_by_one_and_together() {
    let files = folder(&[
        (
            "docs/journal.md",
            "The journal must stay append-only. It was begun in May.\n",
        ),
        (
            "docs/names.md",
            "Names must stay true to the field. There was cake.\n",
        ),
    ]);
    let input = [
        "--input",
        "pattern=docs/*.md",
        "--input",
        "question=What must stay true?",
    ];
    let definition = shipped("map-reduce");
    let run = [
        &["run", &definition, "--provider", "offline", "--quiet"],
        &input[..],
    ]
    .concat();
    let output: Value = serde_json::from_str(&check(files.path(), &run, 0, &[]).stdout).unwrap();
    assert_eq!(
        output["files"],
        serde_json::json!(["docs/journal.md", "docs/names.md"])
    );
    assert_eq!(output["unanswered"], serde_json::json!([]));
    assert!(
        output["answer"].as_str().unwrap().contains("stay true"),
        "{output}"
    );
}

#[test]
fn a_plan_is_worked_on_until_its_check_passes() {
    let tasks = "# Tasks\n\n- Run `printf ready > status.txt`\n- Run `printf 42 > answer.txt`\n";
    let files = folder(&[("TASKS.md", tasks)]);
    let definition = shipped("plan-execute-verify");
    let run = |check: &str| {
        let input = [
            "--input",
            "goal=What does TASKS.md say about run?",
            "--input",
            check,
        ];
        let flags = ["--provider", "offline", "--allow-commands", "--yes"];
        workflow(
            files.path(),
            &[&["run", &definition], &flags[..], &input[..]].concat(),
        )
    };
    let passed = run("check=cat status.txt answer.txt");
    assert_eq!(passed.code, Some(0), "{passed:?}");
    assert!(
        passed.stdout.contains("\"reached\": true") && passed.stdout.contains("ready42"),
        "{passed:?}"
    );
    let failed = run("check=cat nothing.txt");
    assert_eq!(failed.code, Some(0), "{failed:?}");
    assert!(failed.stdout.contains("\"reached\": false"), "{failed:?}");
    assert!(
        failed.stderr.contains("work/2/check") && !failed.stderr.contains("work/3/check"),
        "{failed:?}"
    );
}

#[test]
fn faults_are_told_with_their_places_and_nothing_runs() {
    let bad = "name: bad\nsteps:\n  - { id: a, tranform: 1 }\n  - { id: b, call: { handler: own }, after: c }\n";
    let files = folder(&[("bad.yaml", bad), ("good.yaml", ASKING)]);
    let faults = [
        "bad.yaml:3:14: steps[0]: unknown key `tranform`, did you mean `transform`?",
        "bad.yaml:4:31: steps[1].call.handler: unknown handler `own`; known are `agent` and `tool`",
        "bad.yaml:4:45: steps[1].after[0]: unknown step `c`",
    ];
    check(
        files.path(),
        &["check", "good.yaml", "bad.yaml"],
        2,
        &[&faults[..], &["no fault", "3 faults"]].concat(),
    );
    check(
        files.path(),
        &["run", "bad.yaml"],
        2,
        &[&faults[..], &["nothing has run"]].concat(),
    );
    check(files.path(), &["graph", "bad.yaml"], 2, &faults);
    check(
        files.path(),
        &["run", "none.yaml"],
        2,
        &["the definition `none.yaml` cannot be read"],
    );
    check(
        files.path(),
        &["run", "good.yaml", "--input", "what"],
        2,
        &["the input is no JSON"],
    );
    check(files.path(), &["list"], 0, &["there are no such runs"]);
    let tool = "{ name: t, steps: [{ id: a, tool: { name: raed_file } }] }";
    fs::write(files.path().join("tool.yaml"), tool).unwrap();
    check(
        files.path(),
        &["run", "tool.yaml"],
        2,
        &["unknown tool `raed_file`, did you mean `read_file`?"],
    );
    check(
        files.path(),
        &["list", "--all"],
        0,
        &["there are no such runs"],
    );
    check(
        files.path(),
        &["show", "nobody"],
        2,
        &["there is no run `nobody`"],
    );
}

#[test]
fn a_definition_is_drawn() {
    let files = folder(&[("asking.yaml", ASKING)]);
    check(
        files.path(),
        &["graph", "asking.yaml"],
        0,
        &["flowchart TD", "n1{{\"ok", "n0 --> n1"],
    );
    check(
        files.path(),
        &["graph", "asking.yaml", "--output", "asking.svg"],
        0,
        &[],
    );
    assert!(
        fs::read_to_string(files.path().join("asking.svg"))
            .unwrap()
            .starts_with("<svg")
    );
}

#[test]
fn runs_are_shown_followed_and_sent_to() {
    let files = folder(&[("asking.yaml", ASKING)]);
    let ran = check(
        files.path(),
        &["run", "asking.yaml", "--input", "what=it", "--json"],
        3,
        &[],
    );
    let lines: Vec<Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [records @ .., outcome] = &lines[..] else {
        panic!("{ran:?}")
    };
    assert!(
        records
            .iter()
            .enumerate()
            .all(|(number, record)| record["number"] == number),
        "{ran:?}"
    );
    assert_eq!(outcome["outcome"], "waiting");
    assert_eq!(
        outcome["pending"][0]["wait"]["answer"]["show"]["what"],
        "it"
    );
    let run = only_run(files.path());
    check(
        files.path(),
        &["list"],
        0,
        &["asking", "waits", "asks: Go on about it?"],
    );
    check(
        files.path(),
        &["show", &run],
        3,
        &[
            "   0 ",
            "workflow asking begins",
            "answer with `victor workflow answer",
        ],
    );
    let later = check(files.path(), &["show", &run, "--from", "2"], 3, &[]);
    assert!(
        !later.stderr.contains("workflow asking begins"),
        "{later:?}"
    );
    check(
        files.path(),
        &["answer", &run, "maybe"],
        2,
        &["`maybe` is no answer"],
    );
    check(
        files.path(),
        &["answer", &run, "yes", "--step", "after"],
        2,
        &["asks nothing now; those that do are `ok`"],
    );
    check(
        files.path(),
        &["answer", &run[..20], "no too late"],
        0,
        &["is answered"],
    );
    check(files.path(), &["resume", &run], 0, &["left: too late"]);
    check(files.path(), &["show", &run], 0, &["left: too late"]);
    check(
        files.path(),
        &["answer", &run, "yes"],
        2,
        &["asks nothing now"],
    );
}

#[test]
fn events_and_requests_to_end_reach_a_run() {
    let waiting = "{ name: waiting, steps: [{ id: go, wait: { event: go } }, { id: end, transform: '{{ steps.go.n }}' }] }";
    let files = folder(&[("waiting.yaml", waiting)]);
    check(
        files.path(),
        &["run", "waiting.yaml", "--id", "one"],
        3,
        &["waits for event go"],
    );
    check(
        files.path(),
        &["event", "one", "go", "{\"n\": 7}", "--key", "k"],
        0,
        &["event `go` is sent"],
    );
    check(
        files.path(),
        &["event", "one", "go", "{\"n\": 8}", "--key", "k"],
        0,
        &["nothing was sent"],
    );
    let output = check(files.path(), &["resume", "one", "--quiet"], 0, &[]).stdout;
    assert_eq!(output, "7\n");
    check(
        files.path(),
        &["run", "waiting.yaml", "--id", "two"],
        3,
        &[],
    );
    check(
        files.path(),
        &["cancel", "two", "no need"],
        0,
        &["asked to end"],
    );
    check(
        files.path(),
        &["resume", "two"],
        1,
        &["was cancelled: no need"],
    );
    check(files.path(), &["event", "two", "go"], 1, &["has ended"]);
}

#[test]
fn edited_definitions_are_verified_and_runs_of_older_ones_listed() {
    let files = folder(&[("asking.yaml", ASKING)]);
    check(
        files.path(),
        &["run", "asking.yaml", "--input", "what=it", "--id", "old"],
        3,
        &[],
    );
    let longer = ASKING.replace("'Go on", "'Really go on");
    fs::write(files.path().join("asking.yaml"), longer).unwrap();
    check(
        files.path(),
        &["verify", "asking.yaml"],
        0,
        &["fits", "1 run could go on under this definition"],
    );
    check(
        files.path(),
        &["list", "--definition", "asking.yaml"],
        0,
        &["named old; older definition"],
    );
    let renamed = ASKING
        .replace("id: ok", "id: question")
        .replace("steps.ok", "steps.question");
    fs::write(files.path().join("renamed.yaml"), renamed).unwrap();
    check(
        files.path(),
        &["verify", "renamed.yaml"],
        1,
        &["does not fit at record", "0 runs could go on"],
    );
    check(
        files.path(),
        &["resume", "old", "--migrate", "renamed.yaml"],
        1,
        &["does not lead to record"],
    );
    let migrate = [
        "resume",
        "old",
        "--migrate",
        "renamed.yaml",
        "--rename",
        "ok=question",
    ];
    check(
        files.path(),
        &migrate,
        3,
        &["goes on under another definition", "step `question` asks"],
    );
    check(files.path(), &["answer", "old", "yes"], 0, &[]);
    check(files.path(), &["resume", "old"], 0, &["done"]);
}

#[test]
#[cfg(unix)]
fn the_guide_can_be_followed_to_the_letter() {
    let guide = include_str!("../../../../docs/workflows.md");
    let (_, first) = guide.split_once("## A first run").unwrap();
    let (first, _) = first.split_once("\n## ").unwrap();
    let blocks = |language: &str| -> Vec<String> {
        let fence = format!("```{language}\n");
        let blocks = first.split(&fence).skip(1);
        blocks
            .map(|block| block.split("```").next().unwrap().to_owned())
            .collect()
    };
    let files = folder(&[("answer.yaml", &blocks("yaml")[0])]);
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_victor"));
    let mut path = std::ffi::OsString::from(program.parent().unwrap());
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    let mut said = Vec::new();
    for block in blocks("sh") {
        let mut shell = std::process::Command::new("sh");
        for (name, value) in victor(files.path()).get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        shell
            .args(["-c", &block])
            .env("PATH", &path)
            .current_dir(files.path());
        let ran = ran(&mut shell, "");
        said.push((ran.code, ran.stdout + &ran.stderr));
    }
    let [(first, waits), (second, done)] = &said[..] else {
        panic!("{said:?}")
    };
    assert_eq!((*first, *second), (Some(3), Some(0)), "{said:?}");
    assert!(
        waits.contains("answer.yaml: workflow `answer`, 3 steps, no fault"),
        "{waits}"
    );
    for line in blocks("text")[0].lines() {
        assert!(waits.contains(line), "`{line}` is missing: {waits}");
    }
    assert!(
        done.contains("named first; asks: Send this answer?"),
        "{done}"
    );
    let answer = fs::read_to_string(files.path().join("answer.txt")).unwrap();
    assert_eq!(answer, "The deadline is Friday noon. (from notes.txt)");
}
