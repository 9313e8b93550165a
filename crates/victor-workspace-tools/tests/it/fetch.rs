use std::io::Write as _;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use victor_core::Effect;
use victor_tool_protocol::{Tool, ToolError};
use victor_workspace_tools::WorkspaceTools;

use crate::support::{Fixture, block_on, context, said};

/// A server that answers requests in the order of these answers, each on a connection of its own.
struct Server {
    port: u16,
    requests: mpsc::Receiver<String>,
}

impl Server {
    async fn new(answers: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, requests) = mpsc::channel(10);
        let answers: Vec<_> = answers.into_iter().collect();
        tokio::spawn(async move {
            for answer in answers {
                let (mut connection, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 4096];
                let length = connection.read(&mut request).await.unwrap();
                request.truncate(length);
                sender
                    .send(String::from_utf8(request).unwrap())
                    .await
                    .unwrap();
                let _ = connection.write_all(&answer).await; // who reads may have had enough
            }
        });
        Self { port, requests }
    }
}

fn answer(headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!(
        "HTTP/1.1 200 OK\r\n{headers}connection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn fixture() -> Fixture {
    let mut here = Fixture::new(&[]);
    here.tools = here.tools.allow_fetch(true).fetch_hosts(["127.0.0.1"]);
    here
}

/// What the tool says of a server with this answer; `URL` stands for its address.
fn fetched(answer: Vec<u8>, offset: usize) -> String {
    block_on(async {
        let server = Server::new([answer]).await;
        let url = format!("http://127.0.0.1:{}/page", server.port);
        let result = fixture()
            .call("fetch_url", json!({ "url": url, "offset": offset }))
            .await;
        let text = result.unwrap_or_else(|error| said(&error));
        text.replace(&url, "URL")
            .replace(&format!("127.0.0.1:{}", server.port), "SERVER")
    })
}

#[track_caller]
fn check(headers: &str, body: impl AsRef<[u8]>, expected: &str) {
    assert_eq!(fetched(answer(headers, body), 0), expected);
}

#[test]
fn text_is_returned_as_it_is_and_html_so_that_it_can_be_read() {
    check("content-type: text/plain\r\n", "<b> ä", "[URL]\n<b> ä");
    check(
        "content-type: application/json; charset=utf-8\r\n",
        "{}",
        "[URL]\n{}",
    );
    check("content-type: application/ld+json\r\n", "[]", "[URL]\n[]");
    check("", "no type", "[URL]\nno type");
    check("content-type: text/plain\r\n", b"\xef\xbb\xbfx", "[URL]\nx");
    check(
        "content-type: Text/HTML; charset=\"ISO-8859-1\"\r\n",
        b"<h1>caf\xe9</h1>",
        "[URL, written in windows-1252]\n# café",
    );
    check(
        "content-type: text/html\r\n",
        "<title>T</title><script>x</script><p>See <a href=/b>this</a>",
        "[URL]\nT\n\nSee [this](/b)",
    );
}

#[test]
fn what_is_no_text_is_refused() {
    check(
        "content-type: image/png\r\n",
        "x",
        "failed: the document is `image/png`, and only text is returned",
    );
    let binary = "failed: the document is not text but binary, whatever its server says";
    check(
        "content-type: text/plain; charset=shift_jis\r\n",
        b"a\0\xff",
        binary,
    );
    check(
        "content-type: text/plain\r\n",
        b"\x89PNG\r\n\x1a\n\0",
        binary,
    );
}

#[test]
fn text_is_read_in_the_encoding_that_it_has() {
    let html = "content-type: text/html\r\n";
    let japanese = b"<meta charset=shift_jis><p>\x93\xfa\x96\x7b\x8c\xea";
    check(html, japanese, "[URL, written in Shift_JIS]\n日本語");
    check(
        "content-type: text/plain; charset=EUC-JP\r\n",
        b"\xc6\xfc\xcb\xdc",
        "[URL, written in EUC-JP]\n日本",
    );
    check(
        "content-type: text/plain; charset=iso-2022-jp\r\n",
        b"\x1b$BF|K\\\x1b(B",
        "[URL, written in ISO-2022-JP]\n日本",
    );
    check(
        "content-type: text/plain\r\n",
        b"\xff\xfea\0",
        "[URL, written in UTF-16LE]\na",
    );
    // Nobody says which: it is told by what is usual.
    check(
        "content-type: text/plain\r\n",
        b"\xcf\xf0\xe8\xe2\xe5\xf2, \xec\xe8\xf0!",
        "[URL, written in windows-1251]\nПривет, мир!",
    );
    // A wrong declaration does no harm to UTF-8, and a single wrong byte none to the rest.
    check(
        "content-type: text/plain; charset=latin1\r\n",
        "ä",
        "[URL]\nä",
    );
    check(
        "content-type: text/plain; charset=utf-8\r\n",
        b"\xc3\xa4 \xff",
        "[URL]\nä \u{fffd}",
    );
}

#[test]
fn a_document_that_takes_long_to_read_holds_nobody_up() {
    let text = fetched(
        answer("content-type: text/html\r\n", "<".repeat(4 << 20)),
        0,
    );
    assert!(text.starts_with("[URL]\n<<<"));
}

#[test]
fn a_long_text_is_returned_in_parts() {
    let text = format!("a{}", "ä".repeat(50_000));
    let plain = |offset| fetched(answer("", &text), offset);
    let first = format!(
        "[URL]\na{}\n[there is more: continue with offset 40959 of 100001]",
        "ä".repeat(20_479)
    );
    assert_eq!(plain(0), first);
    assert_eq!(plain(99_990), format!("[URL]\n{}", "ä".repeat(6)));
    let behind =
        "invalid arguments: offset 100001 is behind the end of the text, which has 100001 bytes";
    assert_eq!(plain(100_001), behind);
}

#[test]
fn size_is_limited_also_after_decompression() {
    let limit = 4 * 1024 * 1024;
    let too_large = format!("failed: the answer of SERVER is larger than {limit} bytes");
    check("", vec![b'x'; limit + 1], &too_large);
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..64 {
        bomb.write_all(&[b'x'; 1024 * 1024]).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < limit);
    check("content-encoding: gzip\r\n", bomb, &too_large);
}

#[test]
fn other_answers_are_errors_by_their_status() {
    let status = |status: &str| {
        fetched(
            format!("HTTP/1.1 {status}\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n")
                .into_bytes(),
            0,
        )
    };
    let answers = |status: &str| format!("URL answers with status {status}");
    assert_eq!(
        status("404 Not Found"),
        format!("not found: {}", answers("404 Not Found"))
    );
    assert_eq!(
        status("403 Forbidden"),
        format!("not permitted: {}", answers("403 Forbidden"))
    );
    assert_eq!(
        status("429 Too Many Requests"),
        answers("429 Too Many Requests")
    );
    assert_eq!(
        status("500 Internal Server Error"),
        format!("failed: {}", answers("500 Internal Server Error"))
    );
}

#[tokio::test]
async fn redirects_are_followed_and_told() {
    let moved = b"HTTP/1.1 301 Moved\r\nlocation: /new?x=1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let mut server = Server::new([moved.to_vec(), answer("", "here")]).await;
    let url = |path: &str| format!("http://127.0.0.1:{}{path}", server.port);
    let text = fixture()
        .call("fetch_url", json!({ "url": url("/old") }))
        .await;
    assert_eq!(text.unwrap(), format!("[{}]\nhere", url("/new?x=1")));
    for path in ["/old", "/new?x=1"] {
        let request = server.requests.recv().await.unwrap();
        assert!(
            request.starts_with(&format!("GET {path} HTTP/1.1\r\n")),
            "{request}"
        );
    }
}

#[tokio::test]
async fn only_public_servers_are_reached() {
    let here = fixture();
    let mut hidden = Server::new([answer("", "secret")]).await;
    let location = format!("http://localhost:{}/", hidden.port);
    let moved = format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
    let open = Server::new([moved.into_bytes()]).await;
    for url in [
        location,
        format!("http://127.0.0.1:{}/", open.port), // which leads there
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[::1]/".to_owned(),
        "http://[::ffff:10.0.0.1]/".to_owned(),
        "http://2130706434/".to_owned(),
        "http://0/".to_owned(),
    ] {
        let error = here
            .call("fetch_url", json!({ "url": url }))
            .await
            .unwrap_err();
        assert!(
            matches!(error, ToolError::NotPermitted(_)),
            "{url}: {error:?}"
        );
        assert!(
            error.to_string().ends_with("which is not a public address"),
            "{error}"
        );
    }
    for url in [
        "file:///etc/passwd",
        "ftp://example.org",
        "https://me:secret@example.org",
        "example.org",
        "",
    ] {
        let error = here
            .call("fetch_url", json!({ "url": url }))
            .await
            .unwrap_err();
        assert!(
            matches!(error, ToolError::InvalidArguments(_)),
            "{url}: {error:?}"
        );
        assert!(!error.to_string().contains("secret"));
    }
    assert!(hidden.requests.try_recv().is_err());
}

#[test]
fn it_is_offered_only_where_it_is_allowed_and_shows_the_url() {
    let folder = tempfile::tempdir().unwrap();
    let tools = WorkspaceTools::open(folder.path()).unwrap();
    let offered = |tools: &WorkspaceTools| -> Option<std::sync::Arc<dyn Tool>> {
        tools
            .tools()
            .into_iter()
            .find(|tool| tool.spec().name == "fetch_url")
    };
    assert!(offered(&tools).is_none());
    let tool = offered(&tools.allow_fetch(true)).unwrap();
    assert_eq!(tool.spec().effect, Effect::Destructive);
    let preview = |arguments: Value| block_on(tool.preview(&context(), &arguments));
    assert_eq!(
        preview(json!({ "url": "https://a.b/?c" })),
        Some("GET https://a.b/?c".into())
    );
    assert_eq!(preview(json!({})), None);
}

#[tokio::test]
async fn it_is_a_tool_by_the_law() {
    let server = Server::new((0..1000).map(|_| answer("", "here"))).await;
    let url = format!("http://127.0.0.1:{}/", server.port);
    let mut requests = server.requests;
    tokio::spawn(async move { while requests.recv().await.is_some() {} });
    victor_testkit::conformance::tool(&*fixture().tool("fetch_url"), &json!({ "url": url })).await;
}
