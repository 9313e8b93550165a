use victor_core::{Context, Message, Messages};

#[test]
fn a_clone_is_a_snapshot() {
    let mut context = Context::from_iter([Message::user("a")]);
    context.set_metadata("task", "one");
    let before = context.clone();
    context.push(Message::assistant("b"));
    context.set_metadata("task", "two");
    assert_eq!(
        (before.messages().len(), &before.metadata()["task"]),
        (1, &"one".into())
    );
    assert_eq!(
        (context.messages().len(), &context.metadata()["task"]),
        (2, &"two".into())
    );
    assert_ne!(before, context);
}

#[test]
fn other_messages_leave_everything_else() {
    let mut stored = serde_json::json!({ "messages": [], "metadata": { "task": "t" }, "later": 1 });
    let context: Context = serde_json::from_value(stored.clone()).unwrap();
    let compacted = context.with_messages([Message::user("a")].into_iter().collect());
    assert_eq!(
        (compacted.messages().len(), context.messages().len()),
        (1, 0)
    );
    let emptied = serde_json::to_value(compacted.with_messages(Messages::new())).unwrap();
    stored["version"] = 1.into();
    assert_eq!(emptied, stored);
}

#[test]
fn an_empty_context_says_nothing_of_metadata() {
    let stored = serde_json::to_value(Context::default()).unwrap();
    assert_eq!(stored, serde_json::json!({ "version": 1, "messages": [] }));
}
