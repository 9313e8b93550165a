use victor_core::{Part, Usage};
use victor_provider_protocol::{
    Completion, CompletionEvent, CompletionStream, ProviderError, ProviderErrorKind,
};
use victor_testkit::drive;

type Event = Result<CompletionEvent, ProviderError>;

fn text(text: &str) -> Event {
    Ok(CompletionEvent::TextDelta(text.into()))
}

fn finished() -> Event {
    let completion = Completion::new("m".into(), vec![Part::text("ab")], Usage::new(1, 1));
    Ok(CompletionEvent::finished(completion))
}

fn failed() -> Event {
    Err(ProviderError::new(ProviderErrorKind::Server, "p", "no"))
}

#[track_caller]
fn check(events: Vec<Event>, expected: &[&str]) {
    let describe = |event: Event| match event {
        Ok(CompletionEvent::TextDelta(text)) => text,
        Ok(CompletionEvent::Finished(_)) => "finished".to_owned(),
        Ok(other) => format!("{other:?}"),
        Err(error) => error.kind.to_string(),
    };
    let mut stream = CompletionStream::from_events(events);
    let found: Vec<String> = drive(async {
        let mut found = Vec::new();
        while let Some(event) = stream.next().await {
            found.push(describe(event));
        }
        assert!(stream.next().await.is_none(), "the end is the end");
        found
    })
    .expect("nothing is waited for");
    assert_eq!(found, expected);
}

#[test]
fn a_stream_ends_once_and_in_one_of_two_ways() {
    check(vec![text("a"), finished()], &["a", "finished"]);
    check(vec![text("a"), failed()], &["a", "server"]);
    check(vec![text("a")], &["a", "truncated"]);
    check(vec![], &["truncated"]);
    check(vec![finished(), text("late")], &["finished"]);
    check(vec![failed(), finished()], &["server"]);
}

#[test]
fn the_completion_is_what_the_stream_ends_with() {
    let of = |events: Vec<Event>| {
        drive(CompletionStream::from_events(events).completion()).expect("nothing is waited for")
    };
    assert_eq!(
        of(vec![text("ab"), finished()]).unwrap().parts,
        [Part::text("ab")]
    );
    assert_eq!(
        of(vec![failed()]).unwrap_err().kind,
        ProviderErrorKind::Server
    );
    assert_eq!(
        of(vec![text("a")]).unwrap_err().kind,
        ProviderErrorKind::Truncated
    );
}
