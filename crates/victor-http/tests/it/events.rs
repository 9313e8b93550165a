//! The events of an answer, as they come over a connection.

use std::time::Duration;

use victor_http::header::{CONTENT_TYPE, HeaderMap};
use victor_http::{EventStream, HttpClient, HttpError, TimeLimit};

use crate::server::{CHUNKED, Server, Step, chunk, client, ok, options, send};

async fn events(client: &HttpClient, server: &Server) -> EventStream {
    client
        .post_json(&server.url(), HeaderMap::new(), "{}")
        .await
        .unwrap()
        .events()
}

/// The data of all events, and the error at the end.
pub(crate) async fn read(mut events: EventStream) -> (Vec<String>, Option<HttpError>) {
    let mut all = Vec::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => all.push(event.data.to_owned()),
            Err(error) => {
                assert!(
                    events.next().await.is_none(),
                    "nothing comes after an error"
                );
                return (all, Some(error));
            }
        }
    }
    assert!(events.next().await.is_none(), "the end stays the end");
    (all, None)
}

#[tokio::test]
async fn events_are_the_same_in_any_chunks() {
    let body = "\u{feff}: hi\r\n\r\nevent: a\r\ndata: 漢\r\n\r\ndata: 1\ndata: 2\n\ndata: [DONE]";
    for size in [1, 2, 3, 7, body.len()] {
        let pieces = body.as_bytes().chunks(size).map(|bytes| send(chunk(bytes)));
        let server = Server::new(
            [send(CHUNKED)]
                .into_iter()
                .chain(pieces)
                .chain([send(chunk(""))]),
        )
        .await;
        let (data, error) = read(events(&client(), &server).await).await;
        assert_eq!(
            (data, error),
            (vec!["漢".into(), "1\n2".into(), "[DONE]".into()], None)
        );
    }
}

#[tokio::test]
async fn an_event_comes_as_soon_as_it_is_whole() {
    let server = Server::new([
        send(CHUNKED),
        send(chunk("event: e\ndata: 1\n\ndata: 2\n")),
        Step::Hang,
    ])
    .await;
    let mut events = events(&client(), &server).await;
    let event = events.next().await.unwrap().unwrap();
    assert_eq!((event.event, event.data, event.complete), ("e", "1", true));
}

#[tokio::test]
async fn the_last_event_counts_without_its_blank_line() {
    let server = Server::answering(ok("data: 1\n\ndata: 2")).await;
    let mut events = events(&client(), &server).await;
    assert!(events.next().await.unwrap().unwrap().complete);
    let last = events.next().await.unwrap().unwrap();
    assert_eq!((last.data, last.complete), ("2", false));
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn a_connection_that_breaks_is_an_error_after_the_events_that_came() {
    for end in ["", "data: 2"] {
        let piece = chunk(format!("data: 1\n\n{end}"));
        let server = Server::new([send(CHUNKED), send(piece)]).await;
        let (data, error) = read(events(&client(), &server).await).await;
        assert_eq!(data, ["1"]);
        assert!(
            matches!(error, Some(HttpError::Truncated { .. })),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_stops_sending_is_given_up() {
    let server = Server::new([send(CHUNKED), send(chunk("data: 1\n\ndata")), Step::Hang]).await;
    let duration = Duration::from_millis(200);
    let client = HttpClient::new(&options().with_idle_timeout(duration)).unwrap();
    let (data, error) = read(events(&client, &server).await).await;
    assert_eq!(data, ["1"]);
    let server = server.address.to_string();
    let limit = TimeLimit::Idle;
    assert_eq!(
        error,
        Some(HttpError::Timeout {
            server,
            limit,
            duration
        })
    );
}

#[tokio::test]
async fn signs_of_life_alone_are_no_answer() {
    let limit = TimeLimit::Content;
    let duration = Duration::from_millis(200);
    let client = HttpClient::new(&options().with_content_timeout(duration)).unwrap();
    // Comments never become events, and the reader says of the others that they have no content.
    for signs in [": ping\n\n", "data: ping\n\n"] {
        let steps = [
            send("HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n"),
            Step::Repeat(signs.into()),
        ];
        let server = Server::new(steps).await;
        let mut events = events(&client, &server).await;
        let error = loop {
            match events.next().await.unwrap() {
                Ok(event) if event.data == "ping" => events.no_content(),
                Ok(event) => assert_eq!(event.data, "1"),
                Err(error) => break error,
            }
        };
        let server = server.address.to_string();
        assert_eq!(
            error,
            HttpError::Timeout {
                server,
                limit,
                duration
            }
        );
        assert!(events.next().await.is_none());
    }
}

#[tokio::test]
async fn a_document_that_comes_instead_of_events_is_the_only_event() {
    let check = async |body: &str, expected: &str| {
        for cut in 0..body.len() {
            let pieces = [&body[..cut], &body[cut..]];
            let pieces = pieces.iter().filter(|piece| !piece.is_empty());
            let steps = pieces.chain([&""]).map(|piece| send(chunk(piece)));
            let server = Server::new([send(CHUNKED)].into_iter().chain(steps)).await;
            let (data, error) = read(events(&client(), &server).await).await;
            assert_eq!((data, error), (vec![expected.to_owned()], None), "{cut}");
        }
    };
    check("{\"a\":\n\n1}", "{\"a\":\n\n1}").await;
    check("\n [1]\n", "[1]").await;
    check("\ndata: {}\n\n", "{}").await;
    // Cut off, it is none.
    let server = Server::new([send(CHUNKED), send(chunk("{\"a\":"))]).await;
    let (data, error) = read(events(&client(), &server).await).await;
    assert!(data.is_empty() && matches!(error, Some(HttpError::Truncated { .. })));
    // And no longer than a body may be.
    let options = options().with_max_body_bytes(100);
    let server = Server::new([send("HTTP/1.1 200 OK\r\n\r\n["), Step::Repeat(b"1,".into())]).await;
    let (_, error) = read(events(&HttpClient::new(&options).unwrap(), &server).await).await;
    assert!(
        matches!(error, Some(HttpError::BodyTooLarge { limit: 100, .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_event_without_end_is_given_up_at_the_limit() {
    for bytes in ["data: more", ": never a line end", "data: a\n"] {
        let server = Server::new([
            send("HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n"),
            Step::Repeat(bytes.into()),
        ])
        .await;
        let limit = 100_000;
        let client = HttpClient::new(&options().with_max_event_bytes(limit));
        let (data, error) = read(events(&client.unwrap(), &server).await).await;
        assert_eq!(data, ["1"]);
        let server = server.address.to_string();
        assert_eq!(error, Some(HttpError::EventTooLarge { server, limit }));
    }
}

#[tokio::test]
async fn an_endless_stream_of_small_events_is_no_error() {
    let server = Server::new([
        send("HTTP/1.1 200 OK\r\n\r\n"),
        Step::Repeat(b"data: 1\n\n: ping\n\n".to_vec()),
    ])
    .await;
    let client = HttpClient::new(&options().with_max_event_bytes(100).with_max_body_bytes(100));
    let mut events = events(&client.unwrap(), &server).await;
    for _ in 0..10_000 {
        assert_eq!(events.next().await.unwrap().unwrap().data, "1");
    }
}

#[tokio::test]
async fn an_event_that_is_not_utf_8_is_an_error() {
    let server = Server::answering(ok(b"data: 1\n\ndata: \xFF\n\ndata: 3\n\n")).await;
    let (data, error) = read(events(&client(), &server).await).await;
    assert_eq!(data, ["1"]);
    let server = server.address.to_string();
    assert_eq!(error, Some(HttpError::InvalidUtf8 { server }));
}

#[tokio::test]
async fn a_wrong_content_type_is_passed_through() {
    let server =
        Server::answering("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n\r\n<html>\ndata: 1\n\n")
            .await;
    let response = client().get(&server.url(), HeaderMap::new()).await.unwrap();
    assert_eq!(response.headers()[CONTENT_TYPE], "text/html");
    assert_eq!(read(response.events()).await, (vec!["1".to_owned()], None));
}

#[tokio::test]
async fn a_stream_that_is_dropped_closes_its_connection() {
    let mut server = Server::new([send(CHUNKED), send(chunk("data: 1\n\n")), Step::Hang]).await;
    let mut events = events(&client(), &server).await;
    assert_eq!(events.next().await.unwrap().unwrap().data, "1");
    drop(events);
    server.closed().await;
}

#[tokio::test]
async fn a_call_of_next_that_is_dropped_has_lost_nothing() {
    let body = "data: 1\n\ndata: 2\ndata: 3\n\ndata: 4";
    let pieces = body.as_bytes().chunks(1).map(|bytes| send(chunk(bytes)));
    let server = Server::new(
        [send(CHUNKED)]
            .into_iter()
            .chain(pieces)
            .chain([send(chunk(""))]),
    )
    .await;
    let mut events = events(&client(), &server).await;
    let mut data = Vec::new();
    loop {
        tokio::select! {
            biased;
            event = events.next() => match event {
                Some(event) => data.push(event.unwrap().data.to_owned()),
                None => break,
            },
            () = tokio::task::yield_now() => {}
        }
    }
    assert_eq!(data, ["1", "2\n3", "4"]);
}
