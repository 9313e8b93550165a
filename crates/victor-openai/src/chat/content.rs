//! The parts of a content in Chat Completions.

use std::borrow::Cow;

use serde::Serialize;
use victor_core::{Document, Image, MediaSource, Part};

use crate::content::ContentForm;
use crate::fields::DataUrl;

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ContentPart<'a> {
    Text {
        text: Cow<'a, str>,
    },
    /// As Mistral writes it.
    Thinking {
        thinking: [Box<Self>; 1],
    },
    ImageUrl {
        image_url: Url<'a>,
    },
    File {
        file: File<'a>,
    },
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Url<'a> {
    Data { url: DataUrl<'a> },
    Address { url: &'a str },
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum File<'a> {
    Data {
        filename: &'a str,
        file_data: DataUrl<'a>,
    },
    Stored {
        file_id: &'a str,
    },
}

impl ContentPart<'_> {
    /// Thoughts that stand among the parts.
    pub(super) fn thinking(thoughts: String) -> Self {
        let text = Self::text(thoughts.into());
        Self::Thinking {
            thinking: [Box::new(text)],
        }
    }
}

impl<'a> ContentForm<'a> for ContentPart<'a> {
    fn text(text: Cow<'a, str>) -> Self {
        Self::Text { text }
    }

    fn media(part: &'a Part) -> Option<Self> {
        match part {
            Part::Image(image) => Some(picture(image)),
            Part::Document(document) => Some(file(document)),
            _ => None,
        }
    }
}

/// Pictures and documents that this dialect has no place for are named, so that the model knows that it lacks them.
fn picture(image: &Image) -> ContentPart<'_> {
    match &image.source {
        MediaSource::Base64 { media_type, data } => ContentPart::ImageUrl {
            image_url: Url::Data {
                url: DataUrl { media_type, data },
            },
        },
        MediaSource::Url(url) => ContentPart::ImageUrl {
            image_url: Url::Address { url },
        },
        _ => ContentPart::Text {
            text: "[a picture that cannot be shown here]".into(),
        },
    }
}

fn file(document: &Document) -> ContentPart<'_> {
    let filename = document.title.as_deref().unwrap_or("document");
    match &document.source {
        MediaSource::Base64 { media_type, data } => ContentPart::File {
            file: File::Data {
                filename,
                file_data: DataUrl { media_type, data },
            },
        },
        MediaSource::File(file_id) => ContentPart::File {
            file: File::Stored { file_id },
        },
        MediaSource::Url(url) => ContentPart::Text {
            text: url.as_str().into(),
        },
        _ => ContentPart::Text {
            text: "[a document that cannot be shown here]".into(),
        },
    }
}
