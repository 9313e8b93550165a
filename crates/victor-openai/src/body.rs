//! The body of a request, of which only what is new is written.

use serde::Serialize;
use victor_core::Message;
use victor_http::{BodyCache, END, HttpBody, ToolCache, head, items, settled};
use victor_provider_protocol::ChatRequest;

use crate::{Dialect, Quirks, chat, responses};

/// What a provider writes requests with.
#[derive(Debug, Default)]
pub(crate) struct Bodies {
    conversations: BodyCache<()>,
    tools: ToolCache,
}

impl Bodies {
    /// The body of a request.
    ///
    /// # Errors
    ///
    /// None that a request can cause.
    pub(crate) fn encode(
        &self,
        request: &ChatRequest,
        encoding: Encoding<'_>,
    ) -> serde_json::Result<HttpBody> {
        let Encoding {
            dialect,
            provider,
            quirks,
            stream,
            thinks,
        } = encoding;
        match dialect {
            Dialect::ChatCompletions => {
                let body = chat::Body {
                    request,
                    provider,
                    quirks,
                    stream,
                    tools: &self.tools,
                };
                self.assemble(request, "messages", 0, &body, |new| {
                    items(&body.messages(new))
                })
            }
            Dialect::Responses => {
                let body = responses::Body {
                    request,
                    provider,
                    quirks,
                    stream,
                    tools: &self.tools,
                    thinks,
                };
                let variant = u64::from(body.is_stored());
                self.assemble(request, "input", variant, &body, |new| {
                    items(&body.input(new))
                })
            }
        }
    }

    fn assemble(
        &self,
        request: &ChatRequest,
        list: &str,
        variant: u64,
        body: &impl Serialize,
        write: impl Fn(&[&Message]) -> serde_json::Result<Vec<u8>>,
    ) -> serde_json::Result<HttpBody> {
        if request.extra.contains_key(list) {
            // The caller's own takes the place of the conversation.
            return Ok(serde_json::to_vec(body)?.into());
        }
        let (session, messages) = (request.session.as_ref(), request.context.messages());
        let write = |from: usize, to: usize| {
            let new = messages.iter().skip(from).take(to - from);
            write(&new.map(|message| &**message).collect::<Vec<_>>())
        };
        let settled = settled(messages, |message| Some(message.role()));
        let mut written = self.conversations.take(session, variant, messages, settled);
        written.add(write(written.count(), settled)?, settled);
        let tail = [&write(settled, messages.len())?, END].concat();
        let body = written.body(head(body)?, tail);
        self.conversations.put(session, written);
        Ok(body)
    }
}

/// How a request is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoding<'a> {
    pub(crate) dialect: Dialect,
    pub(crate) provider: &'a str,
    pub(crate) quirks: Quirks,
    pub(crate) stream: bool,
    /// Whether the model thinks.
    pub(crate) thinks: bool,
}

#[cfg(test)]
mod tests {
    use victor_core::{Context, Messages};
    use victor_testkit::histories;

    use super::*;
    use crate::Server;

    #[test]
    fn what_is_kept_changes_no_byte() {
        let kept = Bodies {
            conversations: BodyCache::new(0, usize::MAX),
            ..Bodies::default()
        };
        for dialect in [Dialect::ChatCompletions, Dialect::Responses] {
            let encoding = Encoding {
                dialect,
                provider: "openai",
                quirks: Server::OPENAI.quirks,
                stream: true,
                thinks: true,
            };
            for (number, history) in histories(7, 60).into_iter().enumerate() {
                for length in 1..=history.len() {
                    let messages: Messages = history.iter().take(length).cloned().collect();
                    let mut request = ChatRequest::new("m", Context::new(messages));
                    request.session = Some(format!("{dialect:?} {number}").into());
                    let written = kept.encode(&request, encoding).unwrap();
                    let anew = Bodies::default().encode(&request, encoding).unwrap();
                    assert_eq!(written.to_bytes(), anew.to_bytes());
                    assert!(serde_json::from_slice::<serde_json::Value>(&anew.to_bytes()).is_ok());
                }
            }
        }
    }
}
