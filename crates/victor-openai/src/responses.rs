//! The dialect of the Responses API.

mod content;
mod input;
mod items;
mod request;
mod stream;

pub(crate) use input::IDS;
pub(crate) use request::Body;
pub(crate) use stream::Decoder;
