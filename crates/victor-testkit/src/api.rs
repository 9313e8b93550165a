//! A server on this machine that answers as a test says.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use victor_core::Lock;

/// A model API on this machine that answers as a test says: for adapters, which need a server and no network.
///
/// Every request is answered by one rule and remembered. It runs, on 127.0.0.1 and a port of its own, until the
/// runtime of the test ends.
///
/// ```
/// use victor_testkit::{FakeApi, Reply};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let api = FakeApi::start(|request| match request.path.as_str() {
///     "/v1/messages" => Reply::events("data: {}\n\n").cut_at(&[3, 7]),
///     _ => Reply::new(404, "text/plain", "no such thing"),
/// })
/// .await?;
/// assert!(api.url().starts_with("http://127.0.0.1:"));
/// assert!(api.requests().is_empty());
/// # Ok::<(), std::io::Error>(())
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct FakeApi {
    url: String,
    requests: Arc<Lock<Vec<ApiRequest>>>,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct ApiRequest {
    /// The method, in capitals.
    pub method: String,
    /// The path, with the query.
    pub path: String,
    /// The headers, by their names in lower case.
    pub headers: HashMap<String, String>,
    /// The body, as text.
    pub body: String,
    /// The body as it came, for what is no text.
    pub bytes: Vec<u8>,
}

/// An answer. Its body is sent in pieces, with `transfer-encoding: chunked`, on a connection that is closed after it.
#[derive(Debug, Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    pieces: Vec<Vec<u8>>,
    end: End,
}

/// The end of an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    /// As it should be.
    Whole,
    /// The connection is closed before the client is told that the answer is whole.
    Broken,
    /// Nothing comes any more, and the connection stays open until the client leaves it.
    Stalled,
    /// The connection is closed before anything of the answer was sent.
    Unsent,
}

impl FakeApi {
    /// Starts a server that answers every request by this rule.
    ///
    /// # Errors
    ///
    /// There is no free port on 127.0.0.1.
    pub async fn start(
        rule: impl Fn(&ApiRequest) -> Reply + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let requests = Arc::<Lock<Vec<ApiRequest>>>::default();
        let (rule, log) = (Arc::new(rule), requests.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (rule, log) = (rule.clone(), log.clone());
                // Clients go away as they please: that is part of some tests.
                tokio::spawn(async move { serve(stream, &*rule, &log).await.unwrap_or_default() });
            }
        });
        Ok(Self { url, requests })
    }

    /// Starts a server that answers every request alike.
    ///
    /// # Errors
    ///
    /// There is no free port on 127.0.0.1.
    pub async fn answering(reply: Reply) -> io::Result<Self> {
        Self::start(move |_| reply.clone()).await
    }

    /// Returns its address: `http`, the host and the port, and no path.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The requests that have come, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<ApiRequest> {
        self.requests.lock().clone()
    }

    /// The last request that came.
    ///
    /// # Panics
    ///
    /// None has come.
    #[must_use]
    pub fn last(&self) -> ApiRequest {
        self.requests().pop().expect("a request has come")
    }
}

impl ApiRequest {
    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// A header, by its name in lower case; empty if it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

impl Reply {
    /// An answer with a status, a content type and a body.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            pieces: vec![body.into()],
            end: End::Whole,
        }
        .with_header("content-type", content_type)
    }

    /// An answer of JSON, with status 200.
    pub fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, "application/json", body)
    }

    /// An answer of server-sent events, with status 200.
    pub fn events(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, "text/event-stream; charset=utf-8", body)
    }

    /// The same answer with another status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same answer in pieces that end at these offsets of the body.
    #[must_use]
    pub fn cut_at(mut self, offsets: &[usize]) -> Self {
        let body = self.pieces.concat();
        let ends = offsets.iter().map(|offset| *offset.min(&body.len()));
        let mut start = 0;
        self.pieces = ends
            .chain([body.len()])
            .map(|end| {
                let piece = body[start.min(end)..end].to_vec();
                start = end;
                piece
            })
            .collect();
        self
    }

    /// The same answer without the end that tells the client that it is whole.
    #[must_use]
    pub fn broken(mut self) -> Self {
        self.end = End::Broken;
        self
    }

    /// No answer: the connection is closed once the request has been read.
    pub fn unsent() -> Self {
        Self {
            end: End::Unsent,
            ..Self::json("")
        }
    }

    /// The same answer without an end: nothing follows its body, and the connection stays open until the client leaves
    /// it.
    #[must_use]
    pub fn stalled(mut self) -> Self {
        self.end = End::Stalled;
        self
    }
}

async fn serve(
    stream: TcpStream,
    rule: &(dyn Fn(&ApiRequest) -> Reply + Send + Sync),
    log: &Lock<Vec<ApiRequest>>,
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let request = read(&mut stream).await?;
    let reply = rule(&request);
    log.lock().push(request);

    if reply.end == End::Unsent {
        return stream.shutdown().await;
    }
    let mut head = format!("HTTP/1.1 {} Said\r\n", reply.status);
    head.push_str("transfer-encoding: chunked\r\nconnection: close\r\n");
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await?;
    for piece in reply.pieces.iter().filter(|piece| !piece.is_empty()) {
        let size = format!("{:x}\r\n", piece.len());
        stream
            .write_all(&[size.as_bytes(), piece, b"\r\n"].concat())
            .await?;
        stream.flush().await?;
        // The client has the chance to read this piece by itself.
        tokio::task::yield_now().await;
    }
    match reply.end {
        End::Whole => stream.write_all(b"0\r\n\r\n").await?,
        End::Broken | End::Unsent => {}
        // It has asked all that it asks on this connection, so what can be read is its end.
        End::Stalled => drop(stream.read(&mut [0]).await?),
    }
    stream.shutdown().await
}

async fn read(stream: &mut BufReader<TcpStream>) -> io::Result<ApiRequest> {
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let mut headers = HashMap::new();
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers
        .get("content-length")
        .and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await?;
    Ok(ApiRequest {
        method,
        path,
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
        bytes: body,
    })
}
