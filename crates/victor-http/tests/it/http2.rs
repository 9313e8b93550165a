//! The same over HTTP/2, which secure connections choose where the server speaks it.

use std::future::poll_fn;

use h2::server::SendResponse;
use h2::{Reason, SendStream};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use victor_http::header::HeaderMap;
use victor_http::{Bytes, EventStream, HttpError};

use crate::events::read;
use crate::tls::{acceptor, trusting_client};

/// The events of a server that answers as it is told, and by what name errors call it.
async fn events<F>(
    answer: impl FnOnce(SendStream<Bytes>) -> F + Send + 'static,
) -> (EventStream, String)
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (connection, _) = listener.accept().await.unwrap();
        let connection = acceptor("h2").accept(connection).await.unwrap();
        let mut connection = h2::server::handshake(connection).await.unwrap();
        let (_, mut respond): (_, SendResponse<Bytes>) =
            connection.accept().await.unwrap().unwrap();
        let body = respond
            .send_response(hyper::Response::new(()), false)
            .unwrap();
        tokio::spawn(answer(body));
        // Carries what is sent, until the client is gone.
        while connection.accept().await.is_some() {}
    });
    let url = format!("https://{server}/v1");
    let response = trusting_client()
        .post_json(&url, HeaderMap::new(), "{}")
        .await
        .unwrap();
    (response.events(), server)
}

#[tokio::test]
async fn events_come_in_any_frames() {
    let (events, _) = events(async |mut body| {
        for byte in b"data: 1\n\ndata: 2\n\n" {
            body.send_data(Bytes::copy_from_slice(&[*byte]), false)
                .unwrap();
        }
        body.send_data(Bytes::new(), true).unwrap();
    })
    .await;
    assert_eq!(
        read(events).await,
        (vec!["1".to_owned(), "2".to_owned()], None)
    );
}

#[tokio::test]
async fn a_stream_that_is_reset_is_an_error_after_the_events_that_came() {
    let (received, reset) = oneshot::channel();
    let (mut events, server) = events(async |mut body| {
        body.send_data("data: 1\n\ndata: 2".into(), false).unwrap();
        reset.await.unwrap();
        body.send_reset(Reason::INTERNAL_ERROR);
    })
    .await;
    assert_eq!(events.next().await.unwrap().unwrap().data, "1");
    received.send(()).unwrap();
    let error = events.next().await.unwrap().unwrap_err();
    assert!(
        matches!(&error, HttpError::Truncated { server: name, .. } if *name == server),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_stream_that_is_dropped_is_cancelled() {
    let (cancelled, reason) = oneshot::channel();
    let (mut events, _) = events(async |mut body| {
        body.send_data("data: 1\n\n".into(), false).unwrap();
        cancelled
            .send(poll_fn(|context| body.poll_reset(context)).await)
            .unwrap();
    })
    .await;
    assert_eq!(events.next().await.unwrap().unwrap().data, "1");
    drop(events);
    assert_eq!(reason.await.unwrap().unwrap(), Reason::CANCEL);
}
