//! A conversation whose lines come from a pipe.

use crate::run::{ANSWER, QUESTION, chat, folder};

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
            .starts_with("error: there is no command /frobnicate: /help"),
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
