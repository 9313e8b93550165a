//! What becomes of broken histories.

use proptest::prelude::*;
use victor_context::repair;
use victor_core::{Context, Message, MessageId, Part, Role, ToolCall, ToolOutcome, ToolResult};
use victor_core::{Image, MediaSource, Opaque, Thinking};
use victor_testkit::histories;

use crate::{conversation, short};

#[track_caller]
fn check(broken: &Context, expected: &str) {
    assert!(
        broken.messages().validate().is_err(),
        "{} is valid",
        short(broken.messages())
    );
    let mended = repair(broken);
    assert_eq!(short(mended.messages()), expected);
    assert_eq!(mended.messages().validate(), Ok(()));
    assert_eq!(repair(broken), mended, "the repair is deterministic");
}

#[test]
fn a_call_without_a_result_is_given_one() {
    check(&conversation("u1 c1"), "u1 c1 lost-1");
    check(&conversation("u1 c1 u2 c2 r2"), "u1 c1 lost-1 u2 c2 r2");
    let calls = [ToolCall::new("1", "t", ""), ToolCall::new("2", "t", "")];
    let result = Message::tool_results_of([ToolResult::new(&calls[1], ToolOutcome::Success, "")]);
    let called = Message::new(Role::Assistant, calls.map(Part::ToolCall).to_vec());
    check(
        &Context::from_iter([Message::user("1"), called, result]),
        "u1 c1+c2 r2 lost-1",
    );
}

#[test]
fn a_result_moves_next_to_its_call() {
    check(&conversation("u1 c1 u2 r1 a1"), "u1 c1 r1 u2 a1");
    check(&conversation("u1 c1 c2 r1 r2"), "u1 c1 r1 c2 r2");
}

#[test]
fn a_result_is_given_to_the_last_call_of_its_name() {
    check(&conversation("u1 c1 u2 c1 r1"), "u1 c1 lost-1 u2 c1 r1");
    check(
        &conversation("u1 r1 u2 c1 r1"),
        "u1 uResult of an earlier tool call `tool`: 1 u2 c1 r1",
    );
}

#[test]
fn a_result_without_a_call_becomes_text() {
    check(
        &conversation("u1 r1 a1"),
        "u1 uResult of an earlier tool call `tool`: 1 a1",
    );
    check(&conversation("u1 c1 r1 r1 a1"), "u1 c1 r1 a1");
    check(
        &Context::from_iter([
            Message::user("1"),
            Message::tool_results_of([ToolResult::new(
                &ToolCall::new("1", "", ""),
                ToolOutcome::Success,
                "x",
            )])
            .pinned(),
        ]),
        "u1 uResult of an earlier tool call: x!",
    );
}

#[test]
fn a_result_that_differs_from_the_first_is_kept() {
    let other = ToolResult::new(&ToolCall::new("1", "tool", ""), ToolOutcome::Error, "other");
    let mut context = conversation("u1 c1 r1");
    context.push(Message::tool_results_of([other]));
    check(
        &context,
        "u1 c1 r1 uResult of an earlier tool call `tool`: other",
    );
}

#[test]
fn calls_with_one_identifier_are_told_apart() {
    let call = |id: &str| Part::ToolCall(ToolCall::new(id, "t", ""));
    let result =
        |text: &str| ToolResult::new(&ToolCall::new("1", "t", ""), ToolOutcome::Success, text);
    let called = Message::new(Role::Assistant, vec![call("1"), call("1"), call("1-2")]);
    let context = Context::from_iter([
        Message::user("1"),
        called,
        Message::tool_results_of([result("a"), result("b")]),
    ]);
    check(&context, "u1 c1+c1-3+c1-2 r1+r1-3 lost-1-2");
    let texts: Vec<_> = repair(&context)
        .messages()
        .get(2)
        .unwrap()
        .tool_results()
        .map(|r| r.text().into_owned())
        .collect();
    assert_eq!(texts, ["a", "b"]);
}

#[test]
fn what_stands_in_the_wrong_message_stays_as_text_or_moves_behind() {
    let image = || Part::Image(Image::new(MediaSource::Url("u".into())));
    let thought = |text: &str| Part::Thinking(Thinking::new(text));
    let opaque = || Opaque::new("p", "k", "d");
    let call = ToolCall::new("1", "t", "{}");
    let result = ToolResult::new(&call, ToolOutcome::Success, "x");
    let of = |role: Role, parts: Vec<Part>| Context::from_iter([Message::new(role, parts)]);
    check(
        &of(Role::User, vec![Part::ToolCall(call.clone())]),
        "uTool call `t`: {}",
    );
    check(
        &of(
            Role::User,
            vec![thought("hm"), thought(""), Part::text("1")],
        ),
        "uhm+u1",
    );
    check(
        &of(Role::System, vec![Part::text("1"), image()]),
        "s1 image",
    );
    check(&of(Role::Tool, vec![Part::text("1"), image()]), "u1+image");
    let context = [
        Message::user("1"),
        Message::new(Role::Assistant, vec![Part::ToolCall(call)]),
        Message::new(
            Role::Tool,
            vec![
                Part::Opaque(opaque()),
                Part::ToolResult(result.clone()),
                Part::text("2"),
            ],
        ),
        Message::new(Role::User, vec![Part::ToolResult(result), Part::text("3")]),
    ];
    check(&Context::from_iter(context), "u1 c1 opaque+r1 u2 u3");
}

#[test]
fn the_empty_is_left_out_and_a_beginning_is_made() {
    check(
        &Context::from_iter([
            Message::user("1"),
            Message::assistant(""),
            Message::user("2"),
        ]),
        "u1 u2",
    );
    check(&Context::from_iter([Message::user("")]), "");
    check(
        &conversation("s1 a1 u1"),
        "s1 u(Earlier messages were left out.) a1 u1",
    );
    check(
        &conversation("s1 c1 r1"),
        "s1 u(Earlier messages were left out.) c1 r1",
    );
}

#[test]
fn metadata_and_identifiers_stay() {
    let mut broken = conversation("u1 c1");
    broken.set_metadata("current_task", "t");
    let mended = repair(&broken);
    assert_eq!(mended.metadata()["current_task"], "t");
    let ids: Vec<MessageId> = mended
        .messages()
        .iter()
        .map(|message| message.id())
        .collect();
    assert!(
        broken
            .messages()
            .iter()
            .all(|message| ids.contains(&message.id()))
    );
}

/// A history that was broken by leaving out, repeating and moving messages, and by taking them apart.
fn broken(seed: u64, edits: &[(usize, u8)]) -> Context {
    let mut list: Vec<_> = histories(seed, 4).iter().flatten().cloned().collect();
    for (place, edit) in edits {
        if list.is_empty() {
            break;
        }
        let place = place % list.len();
        match edit {
            0 => drop(list.remove(place)),
            1 => list.insert(place, list[(place * 7) % list.len()].clone()),
            2 => {
                let other = (place * 5 + 1) % list.len();
                list.swap(place, other);
            }
            _ => {
                let role = [
                    Role::User,
                    Role::Tool,
                    Role::System,
                    Role::Assistant,
                    "critic".into(),
                ][place % 5]
                    .clone();
                list[place] =
                    Message::with_id(list[place].id(), role, list[place].parts().to_vec()).into();
            }
        }
    }
    list.into_iter().collect()
}

/// The texts of a history, those in results and thoughts among them.
fn texts(context: &Context) -> Vec<String> {
    let mut texts = Vec::new();
    for part in context
        .messages()
        .iter()
        .flat_map(|message| message.parts())
    {
        match part {
            Part::Text(text) => texts.push(text.text.clone()),
            Part::Thinking(thinking) => texts.push(thinking.text.clone()),
            Part::ToolResult(result) => texts.push(result.text().into_owned()),
            Part::ToolCall(call) => texts.push(call.arguments.clone()),
            _ => {}
        }
    }
    texts
}

proptest! {
    #[test]
    fn any_history_can_be_repaired(seed: u64, edits in proptest::collection::vec((any::<usize>(), 0..4_u8), 0..12)) {
        let broken = broken(seed, &edits);
        let mended = repair(&broken);
        prop_assert_eq!(mended.messages().validate(), Ok(()));
        prop_assert_eq!(&repair(&mended), &mended);
        prop_assert_eq!(&repair(&broken), &mended);
        let after = texts(&mended).join("\0");
        for text in texts(&broken) {
            prop_assert!(after.contains(&text), "lost: {text}");
        }
    }

    #[test]
    fn a_valid_history_is_left_alone(seed: u64) {
        for messages in histories(seed, 4) {
            let context = Context::new(messages);
            let same = repair(&context);
            prop_assert!(same.messages().iter().zip(context.messages()).all(|(a, b)| std::sync::Arc::ptr_eq(a, b)));
            prop_assert_eq!(same.messages().len(), context.messages().len());
        }
    }
}
