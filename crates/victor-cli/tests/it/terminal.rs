//! A person at a terminal, which `script` of util-linux plays.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use crate::run::{QUESTION, folder, victor};

const SOON: Duration = Duration::from_secs(20);
const CTRL_C: &str = "\u{3}";
const CTRL_D: &str = "\u{4}";
const UP: &str = "\u{1b}[A";

/// A terminal with `victor` in it.
pub(crate) struct Terminal {
    script: Child,
    shown: Receiver<Vec<u8>>,
    screen: String,
}

impl Terminal {
    pub(crate) fn open(folder: &Path, arguments: &str) -> Self {
        Self::run(folder, &format!("chat {arguments}"))
    }

    /// A terminal with `victor` and these arguments, as a shell reads them.
    pub(crate) fn run(folder: &Path, arguments: &str) -> Self {
        let program = env!("CARGO_BIN_EXE_victor");
        let line = format!("stty cols 120 rows 40; exec '{program}' {arguments}");
        let mut script = Command::new("script");
        // The environment that `victor` would be run with.
        for (name, value) in victor(folder).get_envs() {
            match value {
                Some(value) => script.env(name, value),
                None => script.env_remove(name),
            };
        }
        script
            .args(["--quiet", "--return", "--command", &line, "/dev/null"])
            .env("TERM", "xterm")
            .current_dir(folder);
        let mut script = script
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (sender, shown) = mpsc::channel();
        let mut stdout = script.stdout.take().unwrap();
        thread::spawn(move || {
            let mut bytes = [0; 4_096];
            while let Ok(count @ 1..) = stdout.read(&mut bytes)
                && sender.send(bytes[..count].to_vec()).is_ok()
            {}
        });
        Self {
            script,
            shown,
            screen: String::new(),
        }
    }

    pub(crate) fn type_in(&mut self, keys: &str) {
        self.script
            .stdin
            .as_mut()
            .unwrap()
            .write_all(keys.as_bytes())
            .unwrap();
    }

    /// Waits until a text is shown, and returns what was shown up to its end since the last time.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let until = Instant::now() + SOON;
        loop {
            if let Some(at) = self.screen.find(text) {
                return self.screen.drain(..at + text.len()).collect();
            }
            match self
                .shown
                .recv_timeout(until.saturating_duration_since(Instant::now()))
            {
                Ok(bytes) => self.screen += &String::from_utf8_lossy(&bytes),
                Err(error) => panic!("{text:?} is not shown ({error}): {}", self.screen),
            }
        }
    }

    /// Waits until the program has ended, and returns its exit code.
    pub(crate) fn exit_code(mut self) -> Option<i32> {
        while let Ok(bytes) = self.shown.recv_timeout(SOON) {
            self.screen += &String::from_utf8_lossy(&bytes);
        }
        self.script.wait().unwrap().code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // After a test that has failed; otherwise it is gone already.
        let _ = self.script.kill();
    }
}

#[test]
fn a_conversation_has_a_prompt_and_a_history_that_lasts() {
    let folder = folder();
    let mut terminal = Terminal::open(folder.path(), "");
    terminal.wait_for("> ");
    terminal.type_in(&format!("{QUESTION}\r"));
    terminal.wait_for("The deadline is Friday noon. (from notes.txt)");
    terminal.wait_for(" tokens (");
    terminal.wait_for("> ");
    terminal.type_in(CTRL_D);
    assert_eq!(terminal.exit_code(), Some(0));

    let mut terminal = Terminal::open(folder.path(), "");
    terminal.wait_for("> ");
    terminal.type_in(UP);
    terminal.wait_for(QUESTION);
    terminal.type_in("\r");
    terminal.wait_for("The deadline is Friday noon.");
    terminal.wait_for("> ");
    terminal.type_in("/quit\r");
    assert_eq!(terminal.exit_code(), Some(0));
}

#[test]
fn a_folder_for_data_is_not_needed() {
    let folder = folder();
    let mut terminal = Terminal::open(folder.path(), "--data-dir notes.txt");
    terminal
        .wait_for("the history of lines is not stored: the folder `notes.txt` cannot be created: ");
    terminal.wait_for("> ");
    terminal.type_in(&format!("{QUESTION}\r"));
    terminal.wait_for("The deadline is Friday noon.");
    terminal.wait_for("> ");
    terminal.type_in("/quit\r");
    assert_eq!(terminal.exit_code(), Some(0));
}

#[test]
fn ctrl_c_empties_the_line_and_a_second_one_leaves() {
    let folder = folder();
    let mut terminal = Terminal::open(folder.path(), "");
    terminal.wait_for("> ");
    terminal.type_in(&format!("never sai{CTRL_C}"));
    terminal.wait_for("Ctrl-C again leaves");
    terminal.wait_for("> ");
    terminal.type_in("/context\r");
    terminal.wait_for("0 messages");
    terminal.wait_for("> ");
    terminal.type_in(CTRL_C);
    terminal.wait_for("Ctrl-C again leaves");
    terminal.wait_for("> ");
    terminal.type_in(CTRL_C);
    assert_eq!(terminal.exit_code(), Some(130));
}

#[test]
fn ctrl_c_stops_the_turn_and_the_conversation_goes_on() {
    let folder = folder();
    let mut terminal = Terminal::open(folder.path(), "--allow-commands --yes");
    terminal.wait_for("> ");
    terminal.type_in("Run `sleep 40`\r");
    terminal.wait_for("→ run_command");
    let began = Instant::now();
    terminal.type_in(CTRL_C);
    terminal.wait_for("stopped; Ctrl-C again leaves");
    assert!(began.elapsed() < SOON);
    terminal.wait_for("> ");
    terminal.type_in(&format!("{QUESTION}\r"));
    terminal.wait_for("The deadline is Friday noon.");
    terminal.wait_for("> ");
    terminal.type_in("/quit\r");
    assert_eq!(terminal.exit_code(), Some(0));
}

#[test]
fn a_person_decides_about_commands() {
    let folder = folder();
    let mut terminal = Terminal::open(folder.path(), "--allow-commands");
    for (answers, runs) in [
        (&["n"][..], false),
        (&[""], false),
        (&["perhaps", "?", "y"], true),
        (&["YES"], true),
    ] {
        terminal.wait_for("> ");
        terminal.type_in("/reset\r");
        terminal.wait_for("> ");
        terminal.type_in("Run `echo hello > made.txt`\r");
        terminal.wait_for("| echo hello > made.txt");
        for answer in answers {
            terminal.wait_for("allow `run_command`? [y/N/?]");
            assert!(!folder.path().join("made.txt").exists());
            terminal.type_in(&format!("{answer}\r"));
        }
        terminal.wait_for(" tokens (");
        assert_eq!(
            std::fs::remove_file(folder.path().join("made.txt")).is_ok(),
            runs,
            "{answers:?}"
        );
    }
    terminal.wait_for("> ");
    terminal.type_in("Run `echo hello > made.txt`\r");
    terminal.wait_for("allow `run_command`? [y/N/?]");
    terminal.type_in(CTRL_C);
    terminal.wait_for("stopped; Ctrl-C again leaves");
    assert!(!folder.path().join("made.txt").exists());
    terminal.wait_for("> ");
    terminal.type_in(CTRL_C);
    assert_eq!(terminal.exit_code(), Some(130));
}

#[test]
fn one_message_at_a_terminal_is_asked_about_too() {
    let folder = folder();
    let mut terminal = Terminal::open(
        folder.path(),
        "--allow-commands 'Run `echo hello > made.txt`' > answer.txt",
    );
    terminal.wait_for("allow `run_command`? [y/N/?]");
    terminal.type_in("y\r");
    assert_eq!(terminal.exit_code(), Some(0));
    assert!(folder.path().join("made.txt").exists());
    let answer = std::fs::read_to_string(folder.path().join("answer.txt")).unwrap();
    assert!(
        !answer.is_empty() && !answer.contains("allow `") && !answer.contains('\u{1b}'),
        "{answer}"
    );
}
