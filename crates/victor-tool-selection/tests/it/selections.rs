//! What is shown, and why.

use std::sync::Arc;
use std::task::{Context, Waker};

use victor_core::{Coordinator, SessionId};
use victor_tool_selection::{All, SelectionOptions, ToolSelectionCoordinator};
use victor_tool_selection_protocol::{SelectionReason, SelectionRequest, ToolSelector};

use super::{names, numbered, request, told};

/// Selects by each request, one after the other in one session, and says what is shown and why: `name` by rank, `name=`
/// because it was before, `name!` because it must be, `name*` because nothing else is known.
async fn story(
    coordinator: &ToolSelectionCoordinator,
    tools: usize,
    texts: &[&str],
) -> Vec<String> {
    let tools = numbered(tools);
    let mut shown = Vec::new();
    for text in texts {
        let used = text
            .split_whitespace()
            .filter_map(|word| word.strip_prefix("used="));
        let request = request(text).with_used(used);
        let selection = coordinator.select_tools(&request, &tools).await;
        assert_eq!(
            coordinator.last_selection(&request.session).as_deref(),
            Some(&selection)
        );
        let decisions = selection.decisions.iter().filter(|decision| decision.shown);
        let words = decisions.map(|decision| {
            let mark = match decision.reason {
                SelectionReason::Ranked => "",
                SelectionReason::Kept => "=",
                SelectionReason::Everything => "*",
                _ => "!",
            };
            format!("{}{mark}", decision.tool)
        });
        shown.push(words.collect::<Vec<_>>().join(" "));
    }
    shown
}

#[tokio::test]
async fn the_best_are_shown_in_the_order_that_was_given() {
    let check = async |limit, text, expected| {
        assert_eq!(story(&told(limit), 6, &[text]).await, [expected], "{text}");
    };
    check(2, "t5:3 t0:1 t3:2", "t3 t5").await;
    check(4, "t5:3 t0:1 t3:2", "t0 t3 t5").await;
    check(1, "t2:1 t4:1", "t2").await;
    check(3, "t2:1 t4:1 t0:1 t1:1", "t0 t1 t2").await;
    check(0, "t2:1", "").await;
    // If nothing is known, the first are as good as any.
    check(3, "", "t0* t1* t2*").await;
    check(6, "t5:1", "t0* t1* t2* t3* t4* t5*").await;
}

#[tokio::test]
async fn what_must_be_shown_is_so_even_beyond_the_limit() {
    let coordinator = told(2);
    coordinator.pin("t4", true);
    let texts = [
        "t0:2 t1:1",
        "t0:2 t1:1 used=t5",
        "t0:2 t1:1 used=t5 used=t3",
    ];
    let shown = story(&coordinator, 6, &texts).await;
    assert_eq!(shown, ["t0 t4!", "t4! t5!", "t3! t4! t5!"]);
    coordinator.pin("t4", false);
    assert_eq!(story(&coordinator, 6, &["t0:1"]).await, ["t0 t3="]);
    // A name that no tool has is no harm.
    coordinator.pin("nobody", true);
    assert_eq!(
        story(&coordinator, 6, &["t0:1 used=nothing"]).await,
        ["t0 t3="]
    );
}

#[tokio::test]
async fn a_list_changes_only_where_something_else_is_among_the_best_half() {
    let check = async |texts: &[&str], expected: &[&str]| {
        assert_eq!(story(&told(4), 9, texts).await, expected, "{texts:?}");
    };
    let first = "t1:9 t3:8 t5:7 t7:6";
    let all = "t1 t3 t5 t7";
    check(&[first, first], &[all, "t1 t3 t5= t7="]).await;
    // In another order, and with something new in the other half.
    check(&[first, "t1:6 t3:7 t5:8 t7:9"], &[all, "t1= t3= t5 t7"]).await;
    check(&[first, "t1:9 t3:8 t0:7 t5:6"], &[all, "t1 t3 t5= t7="]).await;
    // A new one among the best takes the place of the one that fits least.
    check(
        &[first, "t0:9 t1:8 t3:2 t5:3 t7:1"],
        &[all, "t0 t1 t3= t5="],
    )
    .await;
    check(&[first, "t0:9 t2:8"], &[all, "t0 t1= t2 t3="]).await;
    // A request that says nothing takes nothing away.
    check(
        &[first, "", "yes"],
        &[all, "t1= t3= t5= t7=", "t1= t3= t5= t7="],
    )
    .await;
    // The others fill the room that is left.
    check(&["t1:1", "t2:3 t3:2 t4:1"], &["t1", "t1= t2 t3 t4"]).await;
}

#[tokio::test]
async fn decisions_say_why() {
    let tools = numbered(5);
    let request = request("t0:3 t1:2 t2:1").with_used(["t4"]);
    let selection = told(2).select_tools(&request, &tools).await;
    let why: Vec<_> = selection
        .decisions
        .iter()
        .map(|one| (one.shown, one.reason.as_str(), one.score))
        .collect();
    assert_eq!(
        why,
        [
            (true, "ranked", Some(3.0)),
            (false, "over_limit", Some(2.0)),
            (false, "over_limit", Some(1.0)),
            (false, "irrelevant", Some(0.0)),
            (true, "used", Some(0.0)),
        ]
    );
    assert_eq!((&*selection.strategy, selection.problem), ("told", None));
}

#[tokio::test]
async fn where_there_is_room_for_all_nothing_is_copied() {
    let coordinator = told(3);
    let tools = numbered(3);
    let first = coordinator.select_tools(&request("t1:1"), &tools).await;
    let again = coordinator.select_tools(&request("t2:1"), &tools).await;
    let mut elsewhere = request("");
    elsewhere.session = SessionId::new("other");
    let other = coordinator.select_tools(&elsewhere, &tools).await;
    for selection in [&first, &again, &other] {
        assert!(Arc::ptr_eq(&selection.tools, &tools));
        assert!(Arc::ptr_eq(&selection.decisions, &first.decisions));
    }
    assert_eq!(first.decision("t0").unwrap().score, None);
}

#[test]
fn where_there_is_room_for_all_next_to_nothing_is_allocated() {
    let coordinator = told(20);
    let (tools, request) = (numbered(20), request("t1:1"));
    let select = || {
        let mut selecting = coordinator.select_tools(&request, &tools);
        let polled = selecting
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_ready());
    };
    select();
    // The future itself, since the role is a trait object.
    assert_eq!(allocation_counter::measure(select).count_total, 1);
}

#[tokio::test]
async fn a_list_that_comes_out_as_before_is_the_same_allocation() {
    let coordinator = told(3);
    let tools = numbered(5);
    let first = coordinator
        .select_tools(&request("t1:1 t2:2"), &tools)
        .await;
    let again = coordinator
        .select_tools(&request("t1:2 t2:1"), &numbered(5))
        .await;
    assert!(Arc::ptr_eq(&first.tools, &again.tools));
}

#[tokio::test]
async fn a_list_that_changes_is_selected_from_anew() {
    let coordinator = told(2);
    let five = numbered(5);
    coordinator.select_tools(&request("t3:1 t4:2"), &five).await;
    let three = numbered(3);
    let selection = coordinator
        .select_tools(&request("t3:1 t1:2"), &three)
        .await;
    assert_eq!(names(&selection), ["t1"]);
    let changed: Arc<[_]> = three
        .iter()
        .cloned()
        .map(|mut tool| {
            tool.description = "changed".into();
            tool
        })
        .collect();
    let selection = coordinator.select_tools(&request("t1:2"), &changed).await;
    assert_eq!(selection.tools[0].description, "changed");
}

#[tokio::test]
async fn all_shows_all_unless_the_request_has_a_limit() {
    let coordinator = told(2);
    coordinator.use_strategy(All::NAME).unwrap();
    let tools = numbered(50);
    let selection = coordinator.select_tools(&request("t1:1"), &tools).await;
    assert!(Arc::ptr_eq(&selection.tools, &tools));
    let limited = coordinator
        .select_tools(&request("t1:1").with_limit(3), &tools)
        .await;
    assert_eq!(names(&limited), ["t0", "t1", "t2"]);
    let unlimited =
        ToolSelectionCoordinator::builder().options(SelectionOptions::default().with_limit(None));
    let selection = unlimited
        .build()
        .unwrap()
        .select_tools(&request("t1"), &tools)
        .await;
    assert!(Arc::ptr_eq(&selection.tools, &tools));
}

#[tokio::test]
async fn a_session_may_have_a_strategy_of_its_own() {
    let coordinator = told(2);
    let tools = numbered(5);
    let named = |session: &str, strategy: &str| {
        let mut request = request("t3:9").with_strategy(strategy);
        request.session = SessionId::new(session);
        request
    };
    let strategy = async |request: &SelectionRequest| {
        let selection = coordinator.select_tools(request, &tools).await;
        (selection.strategy.to_string(), selection.problem)
    };
    assert_eq!(
        strategy(&named("a", "keyword")).await,
        ("keyword".into(), None)
    );
    assert_eq!(strategy(&request("t3:9")).await, ("told".into(), None));
    // The last selection of the session says by what its model searches.
    let is_told = async |session: &str| {
        let session = SessionId::new(session);
        let found = coordinator.search_tools(&session, "t3:9", 1, &tools);
        found.await.unwrap()[0].score == Some(9.0)
    };
    strategy(&named("b", "told")).await;
    assert_eq!((is_told("a").await, is_told("b").await), (false, true));
    // `all` has no limit, and whose strategy is unknown has that of the others and is told.
    let all = coordinator
        .select_tools(&named("c", All::NAME), &tools)
        .await;
    assert!(Arc::ptr_eq(&all.tools, &tools));
    let (used, problem) = strategy(&named("d", "tld")).await;
    assert_eq!(used, "told");
    assert!(
        problem
            .unwrap()
            .starts_with("unknown tool selection strategy `tld`, did you mean `told`?")
    );
    assert!(coordinator.health().is_healthy());
}

#[tokio::test]
async fn sessions_are_forgotten_when_they_are_reset_or_too_many() {
    let coordinator = ToolSelectionCoordinator::builder()
        .options(SelectionOptions::default().with_max_sessions(10))
        .build()
        .unwrap();
    let tools = numbered(3);
    let id = |number: usize| SessionId::new(number.to_string());
    for number in 0..100 {
        let mut request = request("");
        request.session = id(number);
        coordinator.select_tools(&request, &tools).await;
    }
    let known = (0..100).filter(|number| coordinator.last_selection(&id(*number)).is_some());
    assert!((5..=10).contains(&known.count()));
    assert!(coordinator.last_selection(&id(99)).is_some());
    coordinator.reset(&id(99));
    assert!(coordinator.last_selection(&id(99)).is_none());
}
