use std::sync::Arc;

use victor_chat_protocol::{ChatInput, ChatResponse, TurnOutcome};
use victor_core::{Message, Part, Role, SessionId, Thinking, TurnId};

#[test]
fn an_input_becomes_a_message_of_the_user() {
    let parts = vec![
        Part::text("a"),
        Part::Thinking(Thinking::default()),
        Part::text("b"),
        Part::text("c"),
    ];
    let input = ChatInput::new(parts.clone())
        .with("task", "t")
        .with("task", "u");
    assert_eq!((&*input.text(), input.metadata().len()), ("abc", 1));
    assert_eq!(input.metadata()["task"], "u");
    let message = input.into_message();
    assert_eq!((message.role(), message.parts()), (&Role::User, &*parts));
    assert!(message.extra().is_empty());
}

#[test]
fn every_text_is_an_input() {
    let text = String::from("Hello");
    for input in [
        ChatInput::from("Hello"),
        ChatInput::from(&text),
        ChatInput::from(text.clone()),
    ] {
        assert_eq!(input, ChatInput::new(vec![Part::text("Hello")]));
        assert_eq!(input.text(), "Hello");
    }
    assert_eq!(ChatInput::default().text(), "");
}

#[test]
fn the_content_of_a_response_is_the_models_last_word() {
    #[track_caller]
    fn check(messages: Vec<Message>, expected: &str) {
        let mut response = ChatResponse::ended(
            SessionId::default(),
            TurnId::from_u128(1),
            TurnOutcome::Completed,
        );
        response.messages = messages.into_iter().map(Arc::new).collect();
        assert_eq!(response.content(), expected);
    }
    check(vec![], "");
    check(vec![Message::user("u")], "");
    check(vec![Message::user("u"), Message::assistant("a")], "a");
    check(
        vec![Message::assistant("a"), Message::tool_results_of([])],
        "",
    );
    check(vec![Message::assistant("a"), Message::assistant("b")], "b");
}
