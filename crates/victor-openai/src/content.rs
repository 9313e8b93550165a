//! The content of one message.

use std::borrow::Cow;
use std::mem;

use serde::Serialize;
use victor_core::{MediaSource, Part};
use victor_model_api::EMPTY;

/// Separator of two texts that become one.
pub(crate) const PARAGRAPH: &str = "\n\n";

/// The content of a message: text as one string, which every server reads; anything else in parts.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Content<'a, P> {
    Null,
    Text(Cow<'a, str>),
    Parts(Vec<P>),
}

/// A part of a content in one of the dialects.
pub(crate) trait ContentForm<'a>: Sized {
    fn text(text: Cow<'a, str>) -> Self;
    /// A picture from this source, if the dialect has a form for it.
    fn picture(source: &'a MediaSource) -> Option<Self>;
    /// A document from this source, if the dialect has a form for it.
    fn document(name: &'a str, source: &'a MediaSource) -> Option<Self>;

    /// A picture or a document; none for anything else. One that has no form is named, so that the model knows that it
    /// lacks it.
    fn media(part: &'a Part) -> Option<Self> {
        let (part, lacking) = match part {
            Part::Image(image) => (
                Self::picture(&image.source),
                "[a picture that cannot be shown here]",
            ),
            Part::Document(document) => {
                let name = document.title.as_deref().unwrap_or("document");
                let document = Self::document(name, &document.source);
                (document, "[a document that cannot be shown here]")
            }
            _ => return None,
        };
        Some(part.unwrap_or_else(|| Self::text(lacking.into())))
    }
}

/// The content of a message, as it is put together out of several.
pub(crate) struct Said<'a, P> {
    parts: Vec<P>,
    /// The texts behind the parts.
    texts: Vec<Cow<'a, str>>,
}

impl<'a, P: ContentForm<'a>> Said<'a, P> {
    pub(crate) fn new() -> Self {
        Self {
            parts: Vec::new(),
            texts: Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.texts.is_empty()
    }

    /// Adds a text.
    pub(crate) fn say(&mut self, text: Cow<'a, str>) {
        self.texts.push(text);
    }

    /// Adds a message, or a result. Where nothing in it can be sent, that is said.
    pub(crate) fn add(&mut self, parts: &'a [Part]) {
        let is_sent = |part: &&Part| match part {
            Part::Text(text) => !text.text.trim().is_empty(),
            part => is_media(part),
        };
        let mut sent = parts.iter().filter(is_sent);
        match (sent.next(), sent.next()) {
            (None, _) => self.say(EMPTY.into()),
            (Some(Part::Text(text)), None) => self.say((&*text.text).into()),
            _ => {
                self.close();
                let sent = parts.iter().filter(is_sent);
                self.parts.extend(sent.filter_map(|part| match part {
                    Part::Text(text) => Some(P::text((&*text.text).into())),
                    part => P::media(part),
                }));
            }
        }
    }

    /// Adds the pictures and documents among the parts.
    pub(crate) fn show(&mut self, parts: &'a [Part]) {
        if parts.iter().any(is_media) {
            self.close();
            self.parts.extend(parts.iter().filter_map(P::media));
        }
    }

    /// Takes what was said; none if that is nothing.
    pub(crate) fn take(&mut self) -> Option<Content<'a, P>> {
        if self.parts.is_empty() {
            return joined(mem::take(&mut self.texts)).map(Content::Text);
        }
        self.close();
        Some(Content::Parts(mem::take(&mut self.parts)))
    }

    fn close(&mut self) {
        self.parts.extend(self.texts.drain(..).map(P::text));
    }
}

pub(crate) fn is_media(part: &Part) -> bool {
    matches!(part, Part::Image(_) | Part::Document(_))
}

/// Texts as one; none if there are none.
pub(crate) fn joined(texts: Vec<Cow<'_, str>>) -> Option<Cow<'_, str>> {
    match <[_; 1]>::try_from(texts) {
        Ok([text]) => Some(text),
        Err(texts) if texts.is_empty() => None,
        Err(texts) => Some(texts.join(PARAGRAPH).into()),
    }
}
