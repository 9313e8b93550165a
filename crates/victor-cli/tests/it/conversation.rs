//! A conversation whose lines come from a pipe.

use crate::run::{ANSWER, QUESTION, chat, folder, victor};

#[test]
fn lines_are_messages_of_one_conversation() {
    let folder = folder();
    let input = format!(
        "/context\n{QUESTION}\n\n/context\n/reset\n/context\n{QUESTION}\n/quit\nnever said\n"
    );
    let ran = chat(folder.path(), &["--interactive"], &input);
    assert_eq!(
        (ran.code, &*ran.stdout),
        (Some(0), &*ANSWER.repeat(2)),
        "{ran:?}"
    );
    let sizes: Vec<&str> = ran
        .stderr
        .lines()
        .filter(|line| line.contains(" messages, "))
        .collect();
    let [before, after, reset] = sizes[..] else {
        panic!("{sizes:#?}")
    };
    assert_eq!(before, "0 messages, 0 tokens");
    assert!(
        after.starts_with("4 messages, ") && after.contains("tool "),
        "{after}"
    );
    assert!(reset.starts_with("0 messages, 0 tokens"), "{reset}");
    assert!(
        ran.stderr.contains("the conversation is forgotten"),
        "{ran:?}"
    );
    assert!(!ran.stderr.contains("never"), "{ran:?}");
}

#[test]
fn commands_that_are_none_are_not_said_to_the_model() {
    let folder = folder();
    let ran = chat(
        folder.path(),
        &["--interactive", "--quiet"],
        "/frobnicate\n/help\n",
    );
    assert_eq!((ran.code, &*ran.stdout), (Some(0), ""), "{ran:?}");
    assert!(
        ran.stderr
            .starts_with("error: there is no command /frobnicate; /help"),
        "{ran:?}"
    );
    for command in ["/help", "/context", "/reset", "/quit"] {
        assert!(
            ran.stderr.lines().any(|line| line.starts_with(command)),
            "{command}: {ran:?}"
        );
    }
}

#[test]
fn the_end_of_the_input_is_the_end_of_the_conversation() {
    let folder = folder();
    let ran = chat(folder.path(), &["--interactive", "--json"], QUESTION);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.stdout
            .lines()
            .last()
            .unwrap()
            .contains(r#""event":"turn_finished""#),
        "{ran:?}"
    );
}

#[test]
fn words_for_the_program_are_not_said_to_the_model() {
    let folder = folder();
    let input = "exit\nhelp\n/mod plan\n/reset now\n/checkpont\n/exit\nnever said\n";
    let ran = chat(folder.path(), &["--interactive", "--quiet"], input);
    assert_eq!((ran.code, &*ran.stdout), (Some(0), ""), "{ran:?}");
    let expected = "\
/quit leaves; with a space before it, the line goes to the model
/help shows the commands; with a space before it, the line goes to the model
error: there is no command /mod; did you mean /mode?
error: /reset takes no argument; type it alone
error: there is no command /checkpont; did you mean /checkpoint?
";
    assert_eq!(ran.stderr, expected);
}

#[test]
fn a_line_that_is_no_text_costs_that_line() {
    let folder = folder();
    let mut input = b"\xff\xfe\n".to_vec();
    input.extend(format!("{QUESTION}\n").bytes());
    let mut command = assert_cmd::Command::from_std(victor(folder.path()));
    let output = command
        .args(["chat", "-iq"])
        .write_stdin(input)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), ANSWER);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr, "error: the line is not UTF-8, and was ignored\n");
    assert_eq!(output.status.code(), Some(1));
}
