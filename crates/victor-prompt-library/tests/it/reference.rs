//! Strict validation, beside that of the reference validator.
//!
//! The environment variable `VICTOR_SKILLS_REF` names a folder into which pip has installed `skills-ref`
//! (`pip install --target FOLDER skills-ref==0.1.1`).

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use victor_prompt_library::validate_skill;

/// The verdict of both validators, or of each where they differ, with the reason.
enum Verdict {
    Valid,
    /// The first problem contains this.
    Invalid(&'static str),
    /// Victor finds this problem, as the specification has it, where the reference finds none.
    Stricter(&'static str),
}

use Verdict::{Invalid, Stricter, Valid};

/// A folder of this name, the text of its `SKILL.md`, and the verdict.
fn cases() -> Vec<(&'static str, String, Verdict)> {
    let fields = |fields: &str| format!("---\n{fields}---\nBody.\n");
    let named = |name: &str| fields(&format!("name: {name}\ndescription: Mows.\n"));
    let described = |text: &str| fields(&format!("name: mow\ndescription: {text}\n"));
    let with = |more: &str| fields(&format!("name: mow\ndescription: Mows.\n{more}"));
    let long = |count: usize| "a".repeat(count);
    vec![
        ("mow", named("mow"), Valid),
        ("a", named("a"), Valid),
        ("7", named("7"), Valid),
        ("mow-2-lawns", named("mow-2-lawns"), Valid),
        ("mow", named("\"mow\""), Valid),
        ("mähen", named("mähen"), Valid),
        ("技能", named("技能"), Valid),
        // The folder is written with a combining accent, the name with one character.
        ("ma\u{308}hen", named("mähen"), Valid),
        (
            "mow",
            named("Mow"),
            Invalid("line 2, column 1: the name `Mow` must be in lower case"),
        ),
        ("Mow", named("Mow"), Invalid("must be in lower case")),
        ("MÄHEN", named("MÄHEN"), Invalid("must be in lower case")),
        (
            "mow",
            named("cut"),
            Invalid("must be that of the folder, `mow`"),
        ),
        (
            "-mow",
            named("-mow"),
            Invalid("must not begin or end with a hyphen"),
        ),
        (
            "mow-",
            named("mow-"),
            Invalid("must not begin or end with a hyphen"),
        ),
        ("mow--it", named("mow--it"), Invalid("two hyphens in a row")),
        (
            "mow_it",
            named("mow_it"),
            Invalid("letters, digits and hyphens only"),
        ),
        (
            "mow it",
            named("mow it"),
            Invalid("letters, digits and hyphens only"),
        ),
        (
            "mow.it",
            named("mow.it"),
            Invalid("letters, digits and hyphens only"),
        ),
        (
            "mow\u{200b}",
            named("mow\u{200b}"),
            Invalid("letters, digits and hyphens only"),
        ),
        ("mow", named("''"), Invalid("the field `name` is missing")),
        (
            "mow",
            fields("description: Mows.\n"),
            Invalid("the field `name` is missing"),
        ),
        (
            "mow",
            fields("name:\n- mow\ndescription: Mows.\n"),
            Invalid("line 3, column 1: name: "),
        ),
        (
            "mow",
            fields("name: mow\n"),
            Invalid("the field `description` is missing"),
        ),
        (
            "mow",
            described("''"),
            Invalid("the field `description` is missing"),
        ),
        (
            "mow",
            described("'  '"),
            Invalid("the field `description` is missing"),
        ),
        ("mow", described("7"), Valid),
        ("mow", described("null"), Valid),
        ("mow", described("\"Use when: it is high.\""), Valid),
        (
            "mow",
            described("Use when: it is high."),
            Invalid("line 3, column 22: mapping values"),
        ),
        ("mow", described(">\n  Mows\n  - [x] lawns."), Valid),
        ("mow", described("Mows\n  [long] lawns."), Valid),
        ("mow", described(&long(1_024)), Valid),
        ("mow", described(&"ä".repeat(1_024)), Valid),
        (
            "mow",
            described(&long(1_025)),
            Invalid("has 1025 characters; at most 1024 are permitted"),
        ),
        ("mow", with("license: MIT\n"), Valid),
        ("mow", with("compatibility: Needs a mower\n"), Valid),
        (
            "mow",
            with(&format!("compatibility: {}\n", long(500))),
            Valid,
        ),
        (
            "mow",
            with(&format!("compatibility: {}\n", long(501))),
            Invalid("`compatibility` has 501"),
        ),
        (
            "mow",
            with("compatibility:\n- a\n"),
            Invalid("compatibility: "),
        ),
        (
            "mow",
            with("metadata:\n  version: 1.0\n  author: me\n"),
            Valid,
        ),
        ("mow", with("allowed-tools: Bash(git:*) Read\n"), Valid),
        (
            "mow",
            with("allowed-tools:\n  - Bash(git:*)\n  - Read\n"),
            Valid,
        ),
        (
            "mow",
            with("version: 1\n"),
            Invalid("line 4, column 1: unknown field `version`"),
        ),
        (
            "mow",
            with("licence: MIT\n"),
            Invalid("unknown field `licence`: did you mean `license`?"),
        ),
        ("mow", with("name: mow\n"), Invalid("`name` is there twice")),
        ("mow", with("# a remark\n"), Valid),
        // YAML that strict readers do not take.
        (
            "mow",
            with("allowed-tools: [Read, Write]\n"),
            Invalid("line 4, column 1: not every reader"),
        ),
        (
            "mow",
            with("metadata: {a: b}\n"),
            Invalid("not every reader"),
        ),
        (
            "mow",
            with("metadata:\n  a: [b]\n"),
            Invalid("line 5, column 6: metadata.a: invalid type"),
        ),
        (
            "mow",
            with("license: &a MIT\n"),
            Invalid("not every reader"),
        ),
        (
            "mow",
            with("license: !!str MIT\n"),
            Invalid("not every reader"),
        ),
        // No front matter, or a broken one.
        (
            "mow",
            "# Mowing\n".into(),
            Invalid("line 1, column 1: the file does not begin"),
        ),
        ("mow", String::new(), Invalid("the file does not begin")),
        (
            "mow",
            "---\nname: mow\n".into(),
            Invalid("the front matter does not end"),
        ),
        (
            "mow",
            "---\n---\n".into(),
            Invalid("the field `name` is missing"),
        ),
        (
            "mow",
            "---\n- a\n---\n".into(),
            Invalid("line 2, column 1: invalid type"),
        ),
        (
            "mow",
            "---\nname: \"mow\n---\n".into(),
            Invalid("line 2 column 7"),
        ),
        (
            "mow",
            format!("\u{feff}{}", named("mow")),
            Invalid("the file does not begin"),
        ),
        ("mow", named("mow").replace('\n', "\r\n"), Valid),
        // The specification says more than the reference checks.
        (
            "mow",
            with("metadata: none\n"),
            Stricter("metadata: invalid type"),
        ),
        (
            "mow",
            with("metadata:\n  a:\n    b: c\n"),
            Stricter("metadata.a: invalid type"),
        ),
        (
            "mow",
            with("license:\n- MIT\n"),
            Stricter("license: invalid type"),
        ),
    ]
}

#[test]
fn strict_validation_agrees_with_the_reference() {
    let folder = TempDir::new().unwrap();
    let cases: Vec<_> = (cases().into_iter().enumerate())
        .map(|(index, (name, text, verdict))| {
            let path = folder.path().join(index.to_string()).join(name);
            std::fs::create_dir_all(&path).unwrap();
            std::fs::write(path.join("SKILL.md"), &text).unwrap();
            (path, text, verdict)
        })
        .collect();
    for (path, text, verdict) in &cases {
        let report = validate_skill(path);
        let first = report.problems.first().map(ToString::to_string);
        match verdict {
            Valid => assert_eq!(first, None, "{}: {text}", path.display()),
            Invalid(problem) | Stricter(problem) => {
                let problems: Vec<_> = report.problems.iter().map(ToString::to_string).collect();
                let is_told = problems.iter().any(|found| found.contains(problem));
                assert!(is_told, "{problem}: {problems:?}: {text}");
            }
        }
    }
    let Some(reference) = reference() else {
        return;
    };
    let paths: Vec<_> = cases.iter().map(|(path, _, _)| path.as_path()).collect();
    let verdicts = reference_verdicts(&reference, &paths);
    for (path, text, verdict) in &cases {
        let expected = !matches!(verdict, Invalid(_));
        let found = verdicts[&path.display().to_string()];
        assert_eq!(
            found,
            expected,
            "the reference on {}: {text}",
            path.display()
        );
    }
}

#[test]
fn the_command_of_the_reference_says_the_same() {
    let Some(reference) = reference() else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("mow");
    std::fs::create_dir(&path).unwrap();
    for (text, expected) in [
        ("---\nname: mow\ndescription: Mows.\n---\n", true),
        ("---\nname: cut\ndescription: Mows.\n---\n", false),
    ] {
        std::fs::write(path.join("SKILL.md"), text).unwrap();
        let status = python(&reference)
            .arg(Path::new(&reference).join("bin/agentskills"))
            .arg("validate")
            .arg(&path)
            .output();
        assert_eq!(status.unwrap().status.success(), expected, "{text}");
        assert_eq!(validate_skill(&path).is_valid(), expected, "{text}");
    }
    assert!(!validate_skill(&folder.path().join("nowhere")).is_valid());
    assert!(!validate_skill(&path.join("SKILL.md")).is_valid());
}

/// The verdicts of the function behind the command, by path.
fn reference_verdicts(reference: &OsString, paths: &[&Path]) -> BTreeMap<String, bool> {
    const PROGRAM: &str = "import json, sys\nfrom skills_ref import validate\n\
                           print(json.dumps({path: not validate(path) for path in sys.argv[1:]}))";
    let output = python(reference)
        .arg("-c")
        .arg(PROGRAM)
        .args(paths)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn python(reference: &OsString) -> Command {
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", reference).env("PYTHONUTF8", "1");
    command
}

/// The folder of the reference validator. Without it the tests pass over it, and say so; where `CI` is set, they fail.
fn reference() -> Option<OsString> {
    let folder = std::env::var_os("VICTOR_SKILLS_REF");
    if folder.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "VICTOR_SKILLS_REF is not set, so validation is not compared with the reference"
        );
        #[expect(clippy::print_stderr, reason = "whoever runs the tests is to see it")]
        {
            eprintln!("SKIPPED: set VICTOR_SKILLS_REF to compare validation with the reference");
        }
    }
    folder
}
