//! The body of a request, of which only what is new is written.

use std::borrow::Cow;
use std::ops::Range;

use serde::Serialize;
use victor_core::{Message, Messages, Role};
use victor_http::body_cache::{BodyCache, JSON_TAIL, json_items, open_json, stable_prefix_len};
use victor_http::{HttpBody, ToolCache};
use victor_model_api::{CallIds, NameRule, Side, turns};
use victor_provider_protocol::ChatRequest;

use crate::content::joined;
use crate::{Dialect, Quirks, chat, responses};

/// Encoder of a provider's requests, with its caches.
#[derive(Debug, Default)]
pub(crate) struct Bodies {
    conversations: BodyCache<Option<CallIds>>,
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
            model,
            dialect,
            provider,
            quirks,
            stream,
            thinks,
        } = encoding;
        let messages = request.context.messages();
        match dialect {
            Dialect::ChatCompletions => {
                let leading = leading(messages);
                let body = chat::Body {
                    request,
                    model,
                    provider,
                    quirks,
                    stream,
                    tools: &self.tools,
                    system: instructions(request, leading),
                };
                let list = List {
                    name: "messages",
                    variant: 0,
                    leading,
                    ids: chat::ids(quirks.call_ids),
                };
                self.assemble(request, list, &body, |range, begun, ids| {
                    let turns = turns(messages, range, side);
                    json_items(&body.items(&turns, begun, ids))
                })
            }
            Dialect::Responses => {
                // The caller's own instructions take the place of the system prompt, not of the system's messages.
                let is_given = request.extra.contains_key("instructions");
                let leading = if is_given { 0 } else { leading(messages) };
                let body = responses::Body {
                    request,
                    model,
                    provider,
                    quirks,
                    stream,
                    tools: &self.tools,
                    thinks,
                    system: instructions(request, leading),
                };
                let list = List {
                    name: "input",
                    variant: u64::from(body.is_stored()) + 2 * u64::from(is_given),
                    leading,
                    ids: responses::IDS,
                };
                self.assemble(request, list, &body, |range, begun, ids| {
                    let turns = turns(messages, range, |message| body.side(message));
                    json_items(&body.items(&turns, begun, ids))
                })
            }
        }
    }

    fn assemble(
        &self,
        request: &ChatRequest,
        list: List,
        body: &impl Serialize,
        write: impl Fn(Range<usize>, bool, &mut CallIds) -> serde_json::Result<Vec<u8>>,
    ) -> serde_json::Result<HttpBody> {
        if request.extra.contains_key(list.name) {
            // The caller's own takes the place of the conversation.
            return Ok(serde_json::to_vec(body)?.into());
        }
        let (session, messages) = (request.session.as_ref(), request.context.messages());
        let settled = stable_prefix_len(messages, side);
        let mut written = self
            .conversations
            .take(session, list.variant, messages, settled);
        let from = written.count().max(list.leading);
        let ids = written.state.get_or_insert_with(|| CallIds::new(list.ids));
        let closed = write(from..settled.max(from), from > list.leading, ids)?;
        // What is open is written again with the next request, from the same state.
        let from = settled.max(from);
        ids.mark();
        let open = write(from..messages.len(), from > list.leading, ids)?;
        ids.rewind();
        written.add(closed, settled);
        let body = written.body(open_json(body)?, [&open, JSON_TAIL].concat());
        self.conversations.put(session, written);
        Ok(body)
    }
}

/// The list of a request that holds its conversation.
#[derive(Clone, Copy)]
struct List {
    name: &'static str,
    /// Tells lists apart that are written in different ways.
    variant: u64,
    /// Number of messages at the beginning that stand elsewhere.
    leading: usize,
    ids: NameRule,
}

/// Returns the number of system messages with which a conversation begins. Many servers take instructions in one
/// message alone.
fn leading(messages: &Messages) -> usize {
    let messages = messages.iter();
    let system = messages.take_while(|message| *message.role() == Role::System);
    system.count()
}

/// The system prompt, and the messages of the system that a conversation begins with.
fn instructions(request: &ChatRequest, leading: usize) -> Option<Cow<'_, str>> {
    let messages = request.context.messages().iter().take(leading);
    let texts = messages
        .map(|message| message.text())
        .filter(|text| !text.trim().is_empty());
    let prompt = request.system.as_deref().map(Cow::Borrowed);
    joined(prompt.into_iter().chain(texts).collect())
}

/// The side of a message. What the system says later is said in place.
fn side(message: &Message) -> Option<Side> {
    match message.role() {
        Role::System => Some(Side::User),
        _ => Side::of(message),
    }
}

/// The form in which a request is encoded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoding<'a> {
    /// The model that is to answer.
    pub(crate) model: &'a str,
    pub(crate) dialect: Dialect,
    pub(crate) provider: &'a str,
    pub(crate) quirks: Quirks,
    pub(crate) stream: bool,
    /// Whether the model thinks.
    pub(crate) thinks: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use victor_core::Context;
    use victor_testkit::{histories_with_mistakes, strict};

    use super::*;
    use crate::{CallIdForm, Server};

    const DIALECTS: [Dialect; 2] = [Dialect::ChatCompletions, Dialect::Responses];

    fn encoding(server: Server, dialect: Dialect) -> Encoding<'static> {
        Encoding {
            model: "m",
            dialect,
            provider: server.name,
            quirks: server.quirks,
            stream: true,
            thinks: true,
        }
    }

    /// Histories and their beginnings, of each `step` messages less, each with the number of its history.
    fn beginnings(seed: u64, count: usize, step: usize) -> impl Iterator<Item = (usize, Messages)> {
        let histories = histories_with_mistakes(seed, count).into_iter().enumerate();
        histories.flat_map(move |(number, history)| {
            let lengths: Vec<_> = (1..=history.len()).rev().step_by(step).collect();
            let beginnings = lengths.into_iter().rev().map(move |length| {
                let messages: Messages = history.iter().take(length).cloned().collect();
                (number, messages)
            });
            beginnings.filter(|(_, messages)| messages.validate().is_ok())
        })
    }

    fn request(messages: Messages) -> ChatRequest {
        let mut request = ChatRequest::new("m", Context::new(messages));
        request.system = Some("You look.".into());
        request
    }

    #[test]
    fn what_is_kept_changes_no_byte() {
        for server in [Server::OPENAI, Server::COMPATIBLE, Server::DEEPSEEK] {
            let kept = Bodies {
                conversations: BodyCache::new(0, usize::MAX),
                ..Bodies::default()
            };
            for dialect in DIALECTS {
                for (number, messages) in beginnings(7, 30, 1) {
                    let encoding = encoding(server, dialect);
                    let mut request = request(messages);
                    request.session = Some(format!("{dialect:?} {number}").into());
                    let written = kept.encode(&request, encoding).unwrap();
                    let anew = Bodies::default().encode(&request, encoding).unwrap();
                    assert_eq!(written.to_bytes(), anew.to_bytes());
                }
            }
        }
    }

    /// Whatever a model got wrong, no server refuses the history for it.
    #[test]
    fn every_history_becomes_a_request_that_the_strictest_servers_accept() {
        let mut openai = Server::OPENAI;
        openai.quirks.strict_roles = true;
        let mut mistral = Server::COMPATIBLE;
        mistral.quirks.call_ids = CallIdForm::Nine;
        for server in [
            Server::COMPATIBLE,
            Server::DEEPSEEK,
            Server::OPENROUTER,
            openai,
            mistral,
        ] {
            for dialect in DIALECTS {
                for (number, messages) in beginnings(11, 80, 7) {
                    if messages
                        .iter()
                        .all(|message| *message.role() == Role::System)
                    {
                        continue; // nobody asks anything
                    }
                    let request = request(messages);
                    let body = Bodies::default().encode(&request, encoding(server, dialect));
                    let body: Value = serde_json::from_slice(&body.unwrap().to_bytes()).unwrap();
                    let verdict = match dialect {
                        Dialect::ChatCompletions => strict::chat_completions(&body),
                        Dialect::Responses => strict::responses(&body),
                    };
                    let name = server.name;
                    assert_eq!(verdict, Ok(()), "{name}, history {number}: {body:#}");
                }
            }
        }
    }
}
