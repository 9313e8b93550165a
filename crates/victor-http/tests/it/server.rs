//! A server that sends exactly the bytes that it is told to, with the pauses that it is told to make.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use victor_http::{HttpClient, HttpOptions, HttpProxy};

/// What the server does after it has read a request.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Sends these bytes at once.
    Send(Vec<u8>),
    /// Sends these bytes without end.
    Repeat(Vec<u8>),
    /// Sends nothing until the client is gone.
    Hang,
    /// Reads another request on the same connection.
    Read,
}

/// A server that answers every request on every connection alike, and then closes the connection.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    requests: mpsc::Receiver<String>,
    closed: mpsc::Receiver<()>,
}

impl Server {
    pub(crate) async fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self::start(steps, None).await
    }

    pub(crate) async fn tls(steps: impl IntoIterator<Item = Step>, tls: TlsAcceptor) -> Self {
        Self::start(steps, Some(tls)).await
    }

    pub(crate) async fn answering(bytes: impl AsRef<[u8]>) -> Self {
        Self::new([send(bytes)]).await
    }

    async fn start(steps: impl IntoIterator<Item = Step>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let steps: Arc<[Step]> = steps.into_iter().collect();
        let (request, requests) = mpsc::channel(100);
        let (close, closed) = mpsc::channel(100);
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                connection.set_nodelay(true).unwrap();
                let (steps, tls) = (steps.clone(), tls.clone());
                let (request, close) = (request.clone(), close.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(connection, &steps, &request).await,
                        // A client that does not trust the certificate breaks off.
                        Some(tls) => match tls.accept(connection).await {
                            Ok(connection) => serve(connection, &steps, &request).await,
                            Err(_) => None,
                        },
                    };
                    let _ = close.send(()).await;
                });
            }
        });
        Self {
            address,
            requests,
            closed,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1?key=secret", self.address)
    }

    /// The next request, with its body.
    pub(crate) async fn request(&mut self) -> String {
        self.requests.recv().await.unwrap()
    }

    /// Whether no more requests have come.
    pub(crate) fn untouched(&mut self) -> bool {
        self.requests.try_recv().is_err()
    }

    /// Waits until a connection is closed.
    pub(crate) async fn closed(&mut self) {
        self.closed.recv().await.unwrap();
    }
}

/// None as soon as the client is gone.
async fn serve(
    mut connection: impl AsyncRead + AsyncWrite + Unpin,
    steps: &[Step],
    requests: &mpsc::Sender<String>,
) -> Option<()> {
    for step in [Step::Read].iter().chain(steps) {
        match step {
            Step::Read => {
                let request = read_request(&mut connection).await?;
                let _ = requests.send(request).await;
            }
            Step::Send(bytes) => connection.write_all(bytes).await.ok()?,
            Step::Repeat(bytes) => loop {
                connection.write_all(bytes).await.ok()?;
            },
            Step::Hang => {
                let mut bytes = [0; 1024];
                while connection.read(&mut bytes).await.ok()? > 0 {}
            }
        }
        // Lets the client see each piece apart.
        connection.flush().await.ok()?;
        tokio::task::yield_now().await;
    }
    connection.shutdown().await.ok()
}

async fn read_request(connection: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut request = String::new();
    loop {
        let mut bytes = [0; 1024];
        let count = connection
            .read(&mut bytes)
            .await
            .ok()
            .filter(|count| *count > 0)?;
        request.push_str(str::from_utf8(&bytes[..count]).ok()?);
        if let Some((head, body)) = request.split_once("\r\n\r\n") {
            let lengths = head
                .lines()
                .filter_map(|line| line.strip_prefix("content-length: "));
            let length: usize = lengths.map(|length| length.parse::<usize>().unwrap()).sum();
            if body.len() == length {
                return Some(request);
            }
        }
    }
}

pub(crate) fn send(bytes: impl AsRef<[u8]>) -> Step {
    Step::Send(bytes.as_ref().to_vec())
}

/// An answer with this body, whole.
pub(crate) fn ok(body: impl AsRef<[u8]>) -> Vec<u8> {
    let length = body.as_ref().len();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
    [head.as_bytes(), body.as_ref()].concat()
}

/// The beginning of an answer that comes in chunks.
pub(crate) const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

/// A chunk of such an answer; one without bytes is its end.
pub(crate) fn chunk(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// Options that do not depend on the environment.
pub(crate) fn options() -> HttpOptions {
    HttpOptions::default().with_proxy(HttpProxy::None)
}

pub(crate) fn client() -> HttpClient {
    HttpClient::new(&options()).unwrap()
}
