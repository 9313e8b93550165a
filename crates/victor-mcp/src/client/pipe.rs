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
use super::diagnostics::Diagnostics;
use super::limits::{MAX_MESSAGE, Rate};

/// The standard streams of a server, one message a line. Too long or too many messages break off the connection.
#[derive(Debug)]
pub(super) struct Pipe {
    input: Arc<Mutex<Option<Input>>>,
    output: BufReader<ChildStdout>,
    /// The part of the current line that has arrived.
    line: Vec<u8>,
    answers: Answers,
    messages: Rate,
    diagnostics: Arc<Diagnostics>,
}

/// The input of a server.
#[derive(Debug)]
struct Input {
    stdin: ChildStdin,
    /// Bytes still to be written: a send may be dropped, and must not leave half a line.
    waiting: Vec<u8>,
}

impl Pipe {
    pub(super) fn new(
        stdin: ChildStdin,
        stdout: ChildStdout,
        diagnostics: Arc<Diagnostics>,
    ) -> Self {
        let waiting = Vec::new();
        Self {
            input: Arc::new(Mutex::new(Some(Input { stdin, waiting }))),
            output: BufReader::with_capacity(64 * 1024, stdout),
            line: Vec::new(),
            answers: Answers::default(),
            messages: Rate::default(),
            diagnostics,
        }
    }

    /// Reads up to the end of a line. Returns `false` when the output has ended.
    ///
    /// # Cancel safety
    ///
    /// The part that has arrived is kept for the next call.
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
                    self.diagnostics.break_off(error.to_string());
                    return None;
                }
            }
            let text = String::from_utf8_lossy(&self.line);
            let message = self.answers.read(&text);
            if message.is_none() {
                self.diagnostics.stray_line(&text);
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
