//! A server that answers as a test says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use victor_anthropic::{AnthropicBuilder, AnthropicProvider};
use victor_http::{HttpOptions, HttpProxy};

pub(crate) const KEY: &str = "sk-ant-secret-0123456789";

/// An answer: its chunks are sent one by one, and the last is followed by the end unless it is cut off.
#[derive(Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) chunks: Vec<Vec<u8>>,
    pub(crate) cut_off: bool,
}

impl Answer {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self {
            status,
            headers,
            chunks: vec![body.into()],
            cut_off: false,
        }
    }

    pub(crate) fn json(body: &Value) -> Self {
        Self::new(200, "application/json", body.to_string())
    }

    pub(crate) fn events(body: &str) -> Self {
        Self::new(200, "text/event-stream; charset=utf-8", body)
    }

    /// The same answer in pieces that end at these offsets.
    pub(crate) fn split_at(mut self, offsets: &[usize]) -> Self {
        let whole = self.chunks.concat();
        let mut start = 0;
        self.chunks = Vec::new();
        for end in offsets.iter().copied().chain([whole.len()]) {
            self.chunks.push(whole[start..end].to_vec());
            start = end;
        }
        self
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Value,
}

pub(crate) struct Server {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    pub(crate) async fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (asked.clone(), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, answer) = (log.clone(), answer.clone());
                // Clients hang up as they please, so nothing here need succeed.
                tokio::spawn(
                    async move { serve(stream, &log, &*answer).await.unwrap_or_default() },
                );
            }
        });
        Self { url, asked }
    }

    pub(crate) async fn answering(answer: Answer) -> Self {
        Self::start(move |_| answer.clone()).await
    }

    pub(crate) fn settings(&self) -> AnthropicBuilder {
        let options = HttpOptions {
            proxy: HttpProxy::None,
            ..HttpOptions::default()
        };
        AnthropicProvider::builder()
            .base_url(&self.url)
            .api_key(KEY)
            .http_options(options)
    }

    pub(crate) fn provider(&self) -> AnthropicProvider {
        self.settings().build().unwrap()
    }

    /// The last request that came.
    pub(crate) fn last(&self) -> Asked {
        self.asked.lock().unwrap().last().cloned().unwrap()
    }
}

async fn serve(
    stream: TcpStream,
    log: &Mutex<Vec<Asked>>,
    answer: &(dyn Fn(&Asked) -> Answer + Send + Sync),
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
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
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let asked = Asked {
        path,
        headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let answer = answer(&asked);
    log.lock().unwrap().push(asked);

    let mut head = format!(
        "HTTP/1.1 {} Said\r\ntransfer-encoding: chunked\r\nconnection: close\r\n",
        answer.status
    );
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await?;
    for chunk in answer.chunks.iter().filter(|chunk| !chunk.is_empty()) {
        stream
            .write_all(format!("{:x}\r\n", chunk.len()).as_bytes())
            .await?;
        stream.write_all(chunk).await?;
        stream.write_all(b"\r\n").await?;
        stream.flush().await?;
        tokio::task::yield_now().await;
    }
    if !answer.cut_off {
        stream.write_all(b"0\r\n\r\n").await?;
    }
    stream.shutdown().await
}
