//! `--json`: one event a line.

use victor_orchestrator::chat::{TurnEvent, TurnEventKind, TurnOutcome};

use crate::run::{ANSWER, QUESTION, chat, folder};

#[test]
fn each_line_is_an_event_and_the_last_one_is_the_end() {
    let folder = folder();
    let ran = chat(
        folder.path(),
        &["--json", "--session", "mine", QUESTION],
        "",
    );
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let events: Vec<TurnEvent> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(
        events
            .iter()
            .map(|event| event.sequence)
            .eq(0..events.len() as u64)
    );
    assert!(events.iter().all(|event| event.session.as_str() == "mine"));
    assert!(matches!(events[0].kind, TurnEventKind::TurnStarted(_)));
    let Some(TurnEventKind::TurnFinished(finished)) = events.last().map(|event| &event.kind) else {
        panic!("{events:#?}")
    };
    assert_eq!(finished.response.outcome, TurnOutcome::Completed);
    assert_eq!(finished.response.content(), ANSWER.trim_end());
    let streamed: String = events.iter().map(TurnEvent::content).collect();
    assert!(streamed.ends_with(ANSWER.trim_end()), "{streamed}");
}
