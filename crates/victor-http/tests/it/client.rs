//! Requests, whole answers, and everything that may go wrong with them.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::net::TcpListener;
use victor_http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use victor_http::{HttpClient, HttpError, HttpOptions, HttpProxy, TimeLimit};

use crate::server::{CHUNKED, Server, Step, chunk, client, ok, options, send};

const SHORT: Duration = Duration::from_millis(50);

fn with(change: impl FnOnce(&mut HttpOptions)) -> HttpClient {
    let mut options = options();
    change(&mut options);
    HttpClient::new(&options).unwrap()
}

/// The text that a server answers.
async fn text(client: &HttpClient, server: &Server) -> Result<String, HttpError> {
    client
        .get(&server.url(), HeaderMap::new())
        .await?
        .text()
        .await
}

/// The error of this exchange, which names the server in one line and nothing that is secret.
async fn error(client: &HttpClient, server: &Server) -> HttpError {
    let error = text(client, server).await.unwrap_err();
    let message = error.to_string();
    assert!(message.contains(&server.address.to_string()), "{message}");
    assert!(
        !format!("{error:?} {message}").contains("secret"),
        "{error:?}"
    );
    assert!(!message.contains('\n') && message.len() < 160, "{message}");
    error
}

/// An address of this machine where nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}

fn timeout(server: &Server, limit: TimeLimit) -> HttpError {
    HttpError::Timeout {
        server: server.address.to_string(),
        limit,
        duration: SHORT,
    }
}

#[tokio::test]
async fn a_request_is_sent_as_it_was_given() {
    let mut server = Server::answering(ok("{}")).await;
    let key = [(AUTHORIZATION, HeaderValue::from_static("Bearer secret"))];
    let response = client()
        .post_json(&server.url(), key.into_iter().collect(), r#"{"a": 1}"#)
        .await;
    assert_eq!(response.unwrap().text().await.unwrap(), "{}");
    let request = server.request().await;
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, r#"{"a": 1}"#);
    assert!(
        head.starts_with("POST /v1?key=secret HTTP/1.1\r\n"),
        "{head}"
    );
    for line in [
        "authorization: Bearer secret",
        "content-type: application/json",
        "accept-encoding: gzip",
        concat!("user-agent: victor/", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(head.lines().any(|found| found == line), "{line} in {head}");
    }
}

#[tokio::test]
async fn the_content_type_may_be_another() {
    let mut server = Server::answering(ok("")).await;
    let headers = [(
        CONTENT_TYPE,
        HeaderValue::from_static("application/x-ndjson"),
    )];
    client()
        .post_json(&server.url(), headers.into_iter().collect(), "")
        .await
        .unwrap();
    let request = server.request().await;
    assert!(
        request.contains("content-type: application/x-ndjson\r\n"),
        "{request}"
    );
    assert!(!request.contains("application/json"), "{request}");
}

#[tokio::test]
async fn an_error_of_the_server_is_an_answer() {
    let server =
        Server::answering("HTTP/1.1 529 \r\nretry-after: 3\r\ncontent-length: 4\r\n\r\nbusy").await;
    let response = client().get(&server.url(), HeaderMap::new()).await.unwrap();
    assert_eq!(response.status().as_u16(), 529);
    assert_eq!(
        victor_http::retry_after(response.headers()),
        Some(Duration::from_secs(3))
    );
    assert_eq!(response.bytes().await.unwrap(), "busy");
}

#[tokio::test]
async fn secrets_are_in_no_debug_form() {
    let server = Server::answering("HTTP/1.1 200 OK\r\nset-cookie: secret\r\n\r\n").await;
    let client =
        with(|options| options.proxy = HttpProxy::Url("http://user:secret@127.0.0.1:1".into()));
    assert!(
        format!("{client:?}").contains("http://127.0.0.1:1"),
        "{client:?}"
    );
    assert!(!format!("{client:?}").contains("secret"), "{client:?}");
    let response = crate::server::client()
        .get(&server.url(), HeaderMap::new())
        .await
        .unwrap();
    assert_eq!(
        format!("{response:?}"),
        format!(
            "HttpResponse {{ server: \"{}\", status: 200, .. }}",
            server.address
        )
    );
    assert!(!format!("{:?}", response.events()).contains("secret"));
}

#[tokio::test]
async fn a_url_must_be_one_of_an_http_server() {
    for (url, shown) in [
        ("api.openai.com/v1?key=secret", "api.openai.com/v1"),
        ("ftp://user:secret@example.org", "ftp://example.org"),
        ("http://", "http://"),
        ("", ""),
    ] {
        match client().get(url, HeaderMap::new()).await.unwrap_err() {
            HttpError::InvalidUrl { url, .. } => assert_eq!(url, shown),
            error => panic!("{error}"),
        }
    }
}

#[test]
fn options_must_make_sense() {
    let proxy = HttpProxy::Url("http://user:secret@[".into());
    let user_agent = "a\nb".to_owned();
    for options in [
        options().with_proxy(proxy),
        options().with_user_agent(user_agent),
    ] {
        let error = HttpClient::new(&options).unwrap_err();
        assert!(matches!(error, HttpError::InvalidOptions { .. }), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn a_connection_may_be_refused() {
    let address = nobody().await;
    let error = client()
        .get(&format!("http://{address}/?key=secret"), HeaderMap::new())
        .await;
    let message = format!("cannot connect to {address}: Connection refused (os error 111)");
    #[cfg(target_os = "linux")]
    assert_eq!(error.as_ref().unwrap_err().to_string(), message);
    assert!(matches!(error, Err(HttpError::Connect { .. })), "{message}");
}

#[tokio::test]
async fn a_name_may_be_unknown() {
    let error = client()
        .get("http://does-not-exist.invalid", HeaderMap::new())
        .await
        .unwrap_err();
    assert!(matches!(error, HttpError::Connect { .. }), "{error:?}");
    let message = error.to_string();
    assert!(
        message.starts_with("cannot connect to does-not-exist.invalid:80: "),
        "{message}"
    );
}

#[tokio::test]
async fn a_proxy_may_refuse_the_connection() {
    let address = nobody().await;
    let client =
        with(|options| options.proxy = HttpProxy::Url(format!("http://u:secret@{address}")));
    for scheme in ["http", "https"] {
        let error = client
            .get(&format!("{scheme}://example.org:7"), HeaderMap::new())
            .await
            .unwrap_err();
        let beginning =
            format!("cannot connect to example.org:7 through the proxy http://{address}: ");
        assert!(error.to_string().starts_with(&beginning), "{error}");
    }
}

#[tokio::test]
async fn a_proxy_is_asked_for_everything() {
    let mut proxy = Server::answering(ok("from the proxy")).await;
    let client =
        with(|options| options.proxy = HttpProxy::Url(format!("http://{}", proxy.address)));
    let response = client
        .get("http://example.invalid/a", HeaderMap::new())
        .await
        .unwrap();
    assert_eq!(response.text().await.unwrap(), "from the proxy");
    let request = proxy.request().await;
    assert!(
        request.starts_with("GET http://example.invalid/a HTTP/1.1\r\n"),
        "{request}"
    );
}

#[tokio::test]
async fn a_proxy_may_refuse_the_tunnel() {
    let proxy = Server::answering("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
    let client =
        with(|options| options.proxy = HttpProxy::Url(format!("http://{}", proxy.address)));
    let error = client
        .get("https://example.invalid/a", HeaderMap::new())
        .await
        .unwrap_err();
    assert!(matches!(error, HttpError::Connect { .. }), "{error:?}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let answer = format!(
            "HTTP/1.1 {status} \r\nlocation: https://u:secret@elsewhere.org/v2?key=secret\r\n\r\n"
        );
        let mut server = Server::answering(answer).await;
        let expected = HttpError::Redirect {
            server: server.address.to_string(),
            status,
            location: "https://elsewhere.org/v2".to_owned(),
        };
        assert_eq!(error(&client(), &server).await, expected);
        server.request().await;
        let posted = client()
            .post_json(&server.url(), HeaderMap::new(), "{}")
            .await;
        assert_eq!(posted.unwrap_err(), expected);
    }
}

#[tokio::test]
async fn a_connection_may_take_too_long() {
    // A TLS handshake that the server does not answer is part of connecting.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap().to_string();
    let client = with(|options| options.connect_timeout = SHORT);
    let error = client
        .get(&format!("https://{server}"), HeaderMap::new())
        .await
        .unwrap_err();
    let (limit, duration) = (TimeLimit::Connect, SHORT);
    assert_eq!(
        error,
        HttpError::Timeout {
            server,
            limit,
            duration
        }
    );
}

#[tokio::test]
async fn an_answer_may_not_begin() {
    let server = Server::new([Step::Hang]).await;
    let client = with(|options| options.response_timeout = SHORT);
    assert_eq!(
        error(&client, &server).await,
        timeout(&server, TimeLimit::Response)
    );
}

#[tokio::test]
async fn an_answer_may_stop() {
    let server = Server::new([
        send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"),
        Step::Hang,
    ])
    .await;
    let client = with(|options| options.idle_timeout = SHORT);
    assert_eq!(
        error(&client, &server).await,
        timeout(&server, TimeLimit::Idle)
    );
}

#[tokio::test]
async fn an_answer_may_not_end() {
    let client = with(|options| options.total_timeout = Some(SHORT));
    let never = Server::new([Step::Hang]).await;
    assert_eq!(
        error(&client, &never).await,
        timeout(&never, TimeLimit::Total)
    );
    let slow = Server::new([send("HTTP/1.1 200 OK\r\n\r\nabc"), Step::Hang]).await;
    assert_eq!(
        error(&client, &slow).await,
        timeout(&slow, TimeLimit::Total)
    );
}

#[tokio::test]
async fn a_request_that_is_dropped_closes_its_connection() {
    let mut server = Server::new([Step::Hang]).await;
    let (client, url) = (client(), server.url());
    let request = tokio::spawn(async move { client.get(&url, HeaderMap::new()).await });
    server.request().await;
    request.abort();
    server.closed().await;
}

#[tokio::test]
async fn an_answer_may_be_cut_off() {
    for answer in [
        String::new(),
        "HTTP/1.1 200 OK\r\ncontent-le".to_owned(),
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc".to_owned(),
        CHUNKED.to_owned() + "3\r\nabc\r\n",
        CHUNKED.to_owned() + "9\r\nabc",
    ] {
        let server = Server::answering(&answer).await;
        let error = error(&client(), &server).await;
        assert!(
            matches!(error, HttpError::Truncated { .. }),
            "{answer:?}: {error:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_may_be_malformed() {
    for answer in [
        "SSH-2.0-OpenSSH_9.2\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n".to_owned(),
        CHUNKED.to_owned() + "what?\r\n",
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 12\r\n\r\nnot gzipped."
            .to_owned(),
    ] {
        let server = Server::answering(&answer).await;
        let error = error(&client(), &server).await;
        assert!(
            matches!(error, HttpError::Malformed { .. }),
            "{answer:?}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_text_must_be_utf_8_and_bytes_need_not() {
    let server = Server::answering(ok(b"caf\xE9")).await;
    let name = server.address.to_string();
    assert_eq!(
        error(&client(), &server).await,
        HttpError::InvalidUtf8 { server: name }
    );
    let response = client().get(&server.url(), HeaderMap::new()).await.unwrap();
    assert_eq!(response.bytes().await.unwrap(), &b"caf\xE9"[..]);
}

#[tokio::test]
async fn a_body_may_be_read_by_the_piece_whatever_its_size() {
    let client = with(|options| options.max_body_bytes = 1);
    let server = Server::answering(ok("a".repeat(100_000))).await;
    let mut response = client.get(&server.url(), HeaderMap::new()).await.unwrap();
    let mut sum = 0;
    while let Some(piece) = response.chunk().await.unwrap() {
        sum += piece.len();
    }
    assert_eq!(sum, 100_000);
}

#[tokio::test]
async fn something_may_be_deleted() {
    let mut server = Server::answering(ok("")).await;
    let key = [(AUTHORIZATION, HeaderValue::from_static("Bearer secret"))];
    let headers = key.into_iter().collect();
    let response = client().delete(&server.url(), headers).await.unwrap();
    assert_eq!(response.status(), 200);
    let request = server.request().await;
    assert!(
        request.starts_with("DELETE /v1?key=secret HTTP/1.1\r\n"),
        "{request}"
    );
    assert!(
        request.contains("authorization: Bearer secret\r\n"),
        "{request}"
    );
}

#[tokio::test]
async fn a_body_may_be_as_large_as_the_limit() {
    let limit = 100_000;
    let client = with(|options| options.max_body_bytes = limit);
    let fits = Server::answering(ok("a".repeat(limit))).await;
    assert_eq!(text(&client, &fits).await.unwrap().len(), limit);

    let large = Server::answering(ok("a".repeat(limit + 1))).await;
    let endless = Server::new([
        send("HTTP/1.1 200 OK\r\n\r\n"),
        Step::Repeat(vec![b'a'; 1000]),
    ])
    .await;
    for server in [large, endless] {
        let name = server.address.to_string();
        assert_eq!(
            error(&client, &server).await,
            HttpError::BodyTooLarge {
                server: name,
                limit
            }
        );
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_compressed_answer_is_read_in_any_chunks() {
    let head = CHUNKED.replace("\r\n\r\n", "\r\ncontent-encoding: gzip\r\n\r\n");
    let body = gzip("hello, 世界".as_bytes());
    for size in [1, 5, 100] {
        let pieces = body.chunks(size).map(|bytes| send(chunk(bytes)));
        let server = Server::new(
            [send(&head)]
                .into_iter()
                .chain(pieces)
                .chain([send(chunk(""))]),
        )
        .await;
        assert_eq!(text(&client(), &server).await.unwrap(), "hello, 世界");
    }
}

#[tokio::test]
async fn a_body_is_limited_by_its_size_after_decompression() {
    let bomb = gzip(&vec![0; 10_000_000]);
    assert!(bomb.len() < 20_000);
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        bomb.len()
    );
    let server = Server::answering([head.as_bytes(), &bomb].concat()).await;
    let limit = 100_000;
    let client = with(|options| options.max_body_bytes = limit);
    let name = server.address.to_string();
    assert_eq!(
        error(&client, &server).await,
        HttpError::BodyTooLarge {
            server: name,
            limit
        }
    );
}

#[tokio::test]
async fn a_connection_is_used_again() {
    for (pool_idle_timeout, second) in [
        (Duration::from_secs(30), "again"),
        (Duration::ZERO, "hello"),
    ] {
        let server = Server::new([send(ok("hello")), Step::Read, send(ok("again"))]).await;
        let client = with(|options| options.pool_idle_timeout = pool_idle_timeout);
        assert_eq!(text(&client, &server).await.unwrap(), "hello");
        assert_eq!(text(&client.clone(), &server).await.unwrap(), second);
    }
}

#[test]
fn clients_and_streams_may_be_sent_to_other_threads() {
    fn check<T: Send + Sync + 'static>() {}
    check::<HttpClient>();
    check::<victor_http::EventStream>();
    check::<HttpError>();
}
