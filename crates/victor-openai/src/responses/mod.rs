//! The dialect of the Responses API.

mod items;
mod request;
mod stream;

pub(crate) use request::Body;
pub(crate) use stream::Decoder;
