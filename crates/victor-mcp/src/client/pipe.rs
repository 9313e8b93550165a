//! The standard streams of a server.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use rmcp::RoleClient;
use rmcp::model::{ClientJsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::Mutex;

use super::answer::Answers;
use super::limits::{MAX_MESSAGE, Rate};
use super::stdio::Notes;

/// The standard streams of a server, with a message on each line. What it writes is limited in length and number; where
/// that is exceeded, the connection is broken off.
#[derive(Debug)]
pub(super) struct Pipe {
    input: Arc<Mutex<Option<Input>>>,
    output: BufReader<ChildStdout>,
    /// What has come of the line.
    line: Vec<u8>,
    answers: Answers,
    messages: Rate,
    notes: Arc<Notes>,
}

/// The input of a server.
#[derive(Debug)]
struct Input {
    stdin: ChildStdin,
    /// What is still to be written: who sends may be dropped, and a line must not be torn.
    waiting: Vec<u8>,
}

impl Pipe {
    pub(super) fn new(stdin: ChildStdin, stdout: ChildStdout, notes: Arc<Notes>) -> Self {
        let waiting = Vec::new();
        Self {
            input: Arc::new(Mutex::new(Some(Input { stdin, waiting }))),
            output: BufReader::with_capacity(64 * 1024, stdout),
            line: Vec::new(),
            answers: Answers::default(),
            messages: Rate::default(),
            notes,
        }
    }

    /// Reads up to the end of a line. Whether there is a whole one; if not, the output has ended.
    ///
    /// # Cancel safety
    ///
    /// What has come of the line stays.
    async fn read_line(&mut self) -> io::Result<bool> {
        loop {
            let bytes = self.output.fill_buf().await?;
            if bytes.is_empty() {
                return Ok(false);
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let count = end.map_or(bytes.len(), |end| end + 1);
            self.line.extend_from_slice(&bytes[..count]);
            self.output.consume(count);
            if self.line.len() > MAX_MESSAGE {
                let fault = format!("it sent a message of more than {} MiB", MAX_MESSAGE >> 20);
                return Err(io::Error::other(fault));
            }
            if end.is_some() {
                self.messages
                    .count(Instant::now())
                    .map_err(io::Error::other)?;
                return Ok(true);
            }
        }
    }
}

impl Transport<RoleClient> for Pipe {
    type Error = io::Error;

    fn send(
        &mut self,
        message: ClientJsonRpcMessage,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        self.answers.expect(&message);
        let input = Arc::clone(&self.input);
        async move {
            let mut line = serde_json::to_vec(&message)?;
            line.push(b'\n');
            let mut input = input.lock().await;
            let Some(Input { stdin, waiting }) = &mut *input else {
                return Err(io::ErrorKind::NotConnected.into());
            };
            waiting.extend(line);
            while !waiting.is_empty() {
                let written = stdin.write(waiting).await?;
                waiting.drain(..written);
            }
            stdin.flush().await
        }
    }

    async fn receive(&mut self) -> Option<ServerJsonRpcMessage> {
        loop {
            match self.read_line().await {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.notes.broken_off(error.to_string());
                    return None;
                }
            }
            let text = String::from_utf8_lossy(&self.line);
            let message = self.answers.read(&text);
            if message.is_none() {
                self.notes.rubbish(&text);
            }
            self.line.clear();
            if message.is_some() {
                return message;
            }
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        self.input.lock().await.take();
        Ok(())
    }
}
