//! Instructions and skills of projects, and the trust that they need.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;
use victor_testkit::{ApiRequest, Reply};

use crate::run::{Ran, ran, victor};
use crate::server::{Api, KEY, anthropic, calling};

const SKILL: &str = "---\nname: mow\ndescription: Mows lawns.\n---\nBegin at the edge.\n";

/// A home folder with a project in it, apart from the data folder.
struct Home {
    folder: TempDir,
}

impl Home {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        let home = Self { folder };
        fs::create_dir(home.work()).unwrap();
        for (name, text) in files {
            let path = home.work().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        home
    }

    fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn victor(&self) -> Command {
        let mut command = victor(self.folder.path());
        command.current_dir(self.work());
        command
    }

    /// Runs a command in the project.
    fn run(&self, arguments: &[&str]) -> Ran {
        ran(self.victor().args(arguments), "")
    }

    /// Sends a message to a model, and returns what it was sent and what was shown.
    fn chat(&self, flags: &[&str]) -> (ApiRequest, Ran) {
        self.chat_with(flags, &[], anthropic)
    }

    fn chat_with(
        &self,
        flags: &[&str],
        environment: &[(&str, &str)],
        rule: impl Fn(&ApiRequest) -> Reply + Send + Sync + 'static,
    ) -> (ApiRequest, Ran) {
        let api = Api::start(rule);
        let mut command = self.victor();
        command.env("ANTHROPIC_API_KEY", KEY);
        command.envs(environment.iter().copied());
        command.args(["chat", "--provider", "anthropic", "--model", "m"]);
        command
            .args(["--base-url", api.url()])
            .args(flags)
            .arg("Hello");
        let ran = ran(&mut command, "");
        assert_eq!(ran.code, Some(0), "{ran:?}");
        (api.last(), ran)
    }
}

#[test]
fn files_of_a_project_are_read_where_it_is_trusted() {
    let home = Home::new(&[
        ("AGENTS.md", "Say moin."),
        (".agents/skills/mow/SKILL.md", SKILL),
    ]);
    let is_read = |flags: &[&str], environment: &[(&str, &str)]| {
        let (request, ran) = home.chat_with(flags, environment, anthropic);
        let told = ["Say moin.", "Mows lawns.", "load_skill"];
        let told = told.map(|text| request.body.contains(text));
        assert!(
            told.iter().all(|is_told| *is_told == told[0]),
            "{told:?} {}",
            request.body
        );
        (told[0], ran.stderr)
    };
    let not_read = "not read: `AGENTS.md` and `.agents/skills/mow`: ";
    let (read, stderr) = is_read(&[], &[]);
    assert!(!read && stderr.contains(not_read), "{stderr}");
    assert!(
        stderr.contains("nobody has said that this project is trusted"),
        "{stderr}"
    );
    let (read, stderr) = is_read(&["--trust"], &[]);
    assert!(read && !stderr.contains("not read"), "{stderr}");
    assert!(is_read(&[], &[("VICTOR_TRUST", "1")]).0);
    assert!(!is_read(&[], &[("VICTOR_TRUST", "0")]).0);
    let (read, stderr) = is_read(&["--no-trust"], &[("VICTOR_TRUST", "1")]);
    assert!(!read && !stderr.contains("not read"), "{stderr}");

    let decide = |action: &[&str], expected: &str| {
        let ran = home.run(&[&["trust"], action].concat());
        let folder = home.work().canonicalize().unwrap();
        let expected = format!(
            "{} {expected}\n  AGENTS.md\n  .agents/skills/mow\n",
            folder.display()
        );
        assert_eq!(
            (ran.code, ran.stdout),
            (Some(0), expected),
            "{}",
            ran.stderr
        );
    };
    decide(&[], "was not decided about");
    decide(&["grant"], "is trusted");
    assert!(is_read(&[], &[]).0);
    assert!(!is_read(&["--no-trust"], &[]).0);
    decide(&["refuse"], "is not trusted");
    let (read, stderr) = is_read(&[], &[]);
    assert!(
        !read && stderr.contains("this project is not trusted"),
        "{stderr}"
    );
    decide(&["show"], "is not trusted");
    decide(&["forget"], "was not decided about");
    assert!(!is_read(&[], &[]).0);
}

#[test]
fn a_project_cannot_trust_itself() {
    let home = Home::new(&[
        ("AGENTS.md", "Say moin."),
        ("victor.toml", "[extra]\ntrust = true\n"),
    ]);
    let (request, _) = home.chat(&[]);
    assert!(!request.body.contains("Say moin."));
    // A decision that the project's own files could make is not stored.
    let ran = home.run(&["trust", "grant", "--data-dir", "data"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(
        ran.stderr
            .contains("cannot be stored in the project itself"),
        "{ran:?}"
    );
}

#[test]
fn the_model_loads_a_skill() {
    let home = Home::new(&[(".agents/skills/mow/SKILL.md", SKILL)]);
    let rule = |request: &ApiRequest| match request.body.contains("tool_result") {
        true => anthropic(request),
        false => calling("load_skill", &json!({ "skill": "mow" })),
    };
    let (request, _) = home.chat_with(&["--trust"], &[], rule);
    assert!(
        request.body.contains("Begin at the edge."),
        "{}",
        request.body
    );
    // Where the tool is not offered, the model hears of no skill.
    let (request, _) = home.chat(&["--trust", "--tools", "read_file"]);
    assert!(!request.body.contains("Mows lawns."), "{}", request.body);
}

#[test]
fn flags_choose_sections() {
    let home = Home::new(&[]);
    let has = |flags: &[&str], environment: &[(&str, &str)], text: &str| {
        home.chat_with(flags, environment, anthropic)
            .0
            .body
            .contains(text)
    };
    assert!(has(&[], &[], "## Environment"));
    let hint = "Look for what breaks first";
    assert!(!has(&[], &[], hint));
    assert!(has(&["--task", "code_review"], &[], hint));
    let off = [("VICTOR_ENABLE_TASK_HINTS", "false")];
    assert!(!has(&["--task", "code_review"], &off, hint));
    assert!(has(
        &["--language", "fr"],
        &[],
        "Answer in French (français)"
    ));
    let ran = home.run(&["chat", "--task", "gardening", "Hello"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("code_review"), "{ran:?}");
}

#[test]
fn recordings_hold_nothing_of_the_place_and_the_day() {
    let home = Home::new(&[]);
    let skill = home.folder.path().join(".agents/skills/mow/SKILL.md");
    fs::create_dir_all(skill.parent().unwrap()).unwrap();
    fs::write(skill, SKILL).unwrap();
    let (request, _) = home.chat(&[]);
    assert!(
        request.body.contains("- mow: Mows lawns."),
        "{}",
        request.body
    );
    let (request, _) = home.chat(&["--record", "tape.jsonl"]);
    for text in ["## Environment", "Mows lawns."] {
        assert!(!request.body.contains(text), "{}", request.body);
    }
}

#[test]
fn skills_are_listed_and_checked() {
    let home = Home::new(&[
        (".agents/skills/mow/SKILL.md", SKILL),
        (
            ".agents/skills/cut/SKILL.md",
            "---\nname: Cut\ndescription: Cuts.\nlicence: MIT\n---\nx\n",
        ),
    ]);
    let ran = home.run(&["skills", "list"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(
        ran.stdout,
        "Cut  project  Cuts.\nmow  project  Mows lawns.\n"
    );
    assert!(
        ran.stderr
            .contains("unknown field `licence`: did you mean `license`?"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("unless it is trusted"), "{ran:?}");
    let ran = home.run(&["skills", "list", "--json"]);
    let first: serde_json::Value =
        serde_json::from_str(ran.stdout.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["name"], &first["scope"]),
        (&json!("Cut"), &json!("project"))
    );

    let ran = home.run(&["skills", "validate", ".agents/skills/mow"]);
    let expected = ".agents/skills/mow: valid\n";
    assert_eq!((ran.code, &*ran.stdout), (Some(0), expected), "{ran:?}");
    let cut = Path::new(".agents/skills/cut");
    let ran = home.run(&[
        "skills",
        "validate",
        ".agents/skills/mow",
        ".agents/skills/cut",
    ]);
    assert_eq!(ran.code, Some(1));
    let expected = format!(
        "{expected}{0}: line 4, column 1: unknown field `licence`: did you mean `license`?\n\
         {0}: line 2, column 1: the name `Cut` must be in lower case\n\
         {0}: line 2, column 1: the name `Cut` must be that of the folder, `cut`\n",
        cut.display()
    );
    assert_eq!(ran.stdout, expected);
    let ran = home.run(&["skills", "validate", "nowhere"]);
    assert!(
        ran.stdout.starts_with("nowhere: there is no `SKILL.md`"),
        "{ran:?}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_person_is_asked_once() {
    use crate::terminal::Terminal;

    let home = Home::new(&[("AGENTS.md", "Say moin."), ("a\u{1b}[2J.txt", "")]);
    let data = home.folder.path().join("data");
    let arguments = format!("--provider offline --data-dir '{}' Hello", data.display());
    let question = "trust this project? [y/N]";
    let mut terminal = Terminal::open(&home.work(), &arguments);
    terminal.wait_for("has files that tell an agent how to work in it: `AGENTS.md`.");
    terminal.wait_for(question);
    terminal.type_in("perhaps\r");
    terminal.wait_for("n or Enter: no");
    terminal.wait_for(question);
    terminal.type_in("y\r");
    assert_eq!(terminal.exit_code(), Some(0));
    // The second time it goes on at once; it would wait for an answer otherwise.
    let terminal = Terminal::open(&home.work(), &arguments);
    assert_eq!(terminal.exit_code(), Some(0));
    let shown = |home: &Home| {
        let mut command = home.victor();
        let ran = ran(command.args(["trust"]).arg("--data-dir").arg(&data), "");
        ran.stdout.lines().next().unwrap().to_owned()
    };
    assert!(shown(&home).ends_with(" is trusted"));

    let mut command = home.victor();
    ran(
        command
            .args(["trust", "forget"])
            .arg("--data-dir")
            .arg(&data),
        "",
    );
    let mut terminal = Terminal::open(&home.work(), &arguments);
    terminal.wait_for(question);
    terminal.type_in("\r");
    terminal.wait_for("not read: `AGENTS.md`: this project is not trusted");
    assert_eq!(terminal.exit_code(), Some(0));
    assert!(shown(&home).ends_with(" is not trusted"));
}
