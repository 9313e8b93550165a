//! The Chat Completions dialect.

mod calls;
mod request;
mod stream;

pub(crate) use request::Body;
pub(crate) use stream::Decoder;
