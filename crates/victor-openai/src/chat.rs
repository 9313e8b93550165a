//! The Chat Completions dialect.

mod calls;
mod content;
mod messages;
mod request;
mod stream;

pub(crate) use messages::ids;
pub(crate) use request::Body;
pub(crate) use stream::Decoder;
